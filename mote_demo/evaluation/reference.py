"""Load any encoder folder, a plain sentence-transformers one included."""

from pathlib import Path

from mote_demo.encoder import Encoder
from mote_demo.model import MoteConfig
from mote_demo.model.checkpoint import load_tokenizer, local_folder
from mote_demo.model.sentence_files import read_json
from mote_demo.runtime.loading import load_plain_network
from mote_demo.tasks import ROUTES, Route


def load_encoder(path: str | Path, name: str | None = None) -> Encoder:
    """Load a MoTE or baseline checkpoint, or a plain backbone as ``untouched`` does; a folder or a Hub name."""
    folder = local_folder(path)
    name = name or Path(path).name
    if read_json(folder / "config.json").get("model_type", MoteConfig.model_type) == MoteConfig.model_type:
        return Encoder.from_pretrained(folder, name)
    return untouched(folder, name)


def untouched(path: str | Path, name: str | None = None) -> Encoder:
    """Load a plain backbone folder: every route is the same model, without an instruction.

    Pooling and length are those of the sentence-transformers files beside it (see ``SentenceFiles``).

    Args:
        path: folder with ``config.json``, safetensors and ``tokenizer.json``, or a Hub name where a network exists.
        name: what the model is called; None takes the last part of the path.
    """
    folder = local_folder(path)
    tokenizer = load_tokenizer(folder)
    routes = {route: Route(route, "") for route in ROUTES}
    return Encoder(load_plain_network(folder, routes), tokenizer, name or Path(path).name)
