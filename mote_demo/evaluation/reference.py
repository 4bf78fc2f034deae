"""Load any encoder folder, a plain sentence-transformers one included."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.model import MoteConfig, upcycle
from mote_demo.model.checkpoint import local_folder
from mote_demo.tasks import ROUTES, Route

_MAX_TOKENS = 256


def load_encoder(path: str | Path, name: str | None = None) -> Encoder:
    """Load a MoTE or baseline checkpoint, or a plain backbone folder as ``untouched`` does."""
    if _json(Path(path) / "config.json").get("model_type", MoteConfig.model_type) == MoteConfig.model_type:
        return Encoder.from_pretrained(path, name)
    return untouched(path, name)


def untouched(path: str | Path, name: str | None = None) -> Encoder:
    """Load a plain backbone folder: every route is the same model, without an instruction.

    Pooling and length are those of the sentence-transformers files beside it; without them, the
    mean over at most 256 tokens.

    Args:
        path: folder with ``config.json``, safetensors and ``tokenizer.json``, or a Hub name where a network exists.
        name: what the model is called; None takes the last part of the path.
    """
    folder = local_folder(path)
    if not (folder / "tokenizer.json").is_file():
        raise UserError(f"{folder} has no tokenizer.json. Please point at a complete encoder folder.")
    pooling = "cls" if _json(folder / "1_Pooling" / "config.json").get("pooling_mode_cls_token") else "mean"
    max_tokens = _json(folder / "sentence_bert_config.json").get("max_seq_length") or _MAX_TOKENS
    routes = {route: Route(route, "") for route in ROUTES}
    model = upcycle(str(folder), routes, expert_layers=[], pooling=pooling, max_tokens=max_tokens)
    return Encoder(model, Tokenizer.from_file(str(folder / "tokenizer.json")), name or folder.name)


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
