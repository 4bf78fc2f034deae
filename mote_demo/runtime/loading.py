"""Load checkpoints for inference."""

from pathlib import Path

from tokenizers import Tokenizer

from mote_demo.errors import UserError
from mote_demo.model.checkpoint import load_model, read_config
from mote_demo.model.network import Network
from mote_demo.model.tensor_model import TensorModel
from mote_demo.runtime.bert import PackedBert


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
    return model


def load_tokenizer(folder: Path) -> Tokenizer:
    """Load the tokenizer of a checkpoint folder; one that is missing or damaged is a ``UserError``."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise UserError(f"{folder} has no tokenizer.json. Please point at a complete folder of an encoder.")
    try:
        return Tokenizer.from_file(str(file))
    # The tokenizers package raises nothing more precise.
    except Exception as error:
        raise UserError(
            f"Cannot read {file}: {error}. Please get the checkpoint again, with its large files."
        ) from error


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
