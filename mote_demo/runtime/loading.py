"""Load checkpoints for inference."""

from collections.abc import Mapping
from pathlib import Path

from mote_demo.errors import UserError
from mote_demo.model.checkpoint import load_model, read_config
from mote_demo.model.configuration import MoteConfig
from mote_demo.model.integrity import check_hashes
from mote_demo.model.network import Network
from mote_demo.model.sentence_files import SentenceFiles, read_json
from mote_demo.model.tensor_model import WHOLE, TensorModel
from mote_demo.runtime.bert import PackedBert
from mote_demo.tasks import Route


def load_network(folder: Path) -> Network:
    """Load the model of a checkpoint folder: as tensors where these will do.

    Whatever is missing or of another shape is a ``UserError`` that names it.
    """
    config = read_config(folder)
    if not PackedBert.supports(config.backbone_config):
        return load_model(folder)
    model = TensorModel.read(folder, config)
    for route in config.routes:
        _check_complete(model, route, folder)
    check_hashes(folder)
    return model


def load_plain_network(folder: Path, routes: Mapping[str, Route]) -> Network:
    """Load a plain encoder folder as a dense model with these routes: as tensors where these will do.

    Pooling and length are those of the sentence-transformers files beside it (see ``SentenceFiles``).
    """
    files, backbone = SentenceFiles.read(folder), read_json(folder / "config.json")
    if backbone.get("model_type") == "bert" and (folder / WHOLE).is_file():
        most = min(files.max_tokens, backbone.get("max_position_embeddings", files.max_tokens))
        config = MoteConfig(backbone | {"dtype": "float32"}, [], routes, files.pooling, most)
        model = TensorModel.read_plain(folder, config)
        if PackedBert.supports(config.backbone_config) and _complete(model):
            return model
    from mote_demo.model.upcycling import upcycle

    return upcycle(str(folder), routes, expert_layers=[], pooling=files.pooling, max_tokens=files.max_tokens)


def _check_complete(model: TensorModel, route: str, folder: Path) -> None:
    tensors, shapes = model.dense_tensors(route), PackedBert.shapes(model.config.backbone_config)
    missing = sorted(set(shapes) - set(tensors))
    if missing:
        raise UserError(
            f"{folder} lacks {len(missing)} tensors of the route {route!r}, such as {missing[0]}. Please get it again."
        )
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise UserError(
                f"In {folder}, {name} of the route {route!r} has the shape {list(tensors[name].shape)}, "
                f"but its config says {list(shape)}. Please get it again."
            )


def _complete(plain: TensorModel) -> bool:
    """Tell whether all tensors are there under their own names; a model with a head, say, calls them otherwise."""
    shapes, tensors = PackedBert.shapes(plain.config.backbone_config), plain.tensors
    names = {f"backbone.{name}": shape for name, shape in shapes.items()}
    return all(name in tensors and tuple(tensors[name].shape) == shape for name, shape in names.items())
