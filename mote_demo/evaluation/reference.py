"""Load any encoder folder, a plain sentence-transformers one included."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.model import MoteConfig, upcycle
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
    folder = _local(str(path))
    if not (folder / "tokenizer.json").is_file():
        raise UserError(f"{folder} has no tokenizer.json. Please point at a complete encoder folder.")
    pooling = "cls" if _json(folder / "1_Pooling" / "config.json").get("pooling_mode_cls_token") else "mean"
    max_tokens = _json(folder / "sentence_bert_config.json").get("max_seq_length") or _MAX_TOKENS
    routes = {route: Route(route, "") for route in ROUTES}
    model = upcycle(str(folder), routes, expert_layers=[], pooling=pooling, max_tokens=max_tokens)
    return Encoder(model, Tokenizer.from_file(str(folder / "tokenizer.json")), name or folder.name)


def _local(path: str) -> Path:
    """Return the folder itself, or where the Hub's files of that name were downloaded to."""
    if Path(path).is_dir():
        return Path(path)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(path, allow_patterns=["*.json", "*.safetensors"]))
    # Below are an HTTP client and a cache, each with errors of many types.
    except Exception as error:
        raise UserError(f"{path} is no folder, and cannot be read from the Hub ({type(error).__name__}).") from error


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
