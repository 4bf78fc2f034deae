"""What the sentence-transformers files beside an encoder say about how its vectors are made."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mote_demo.errors import UserError

_MAX_TOKENS = 256
_POOLING = {
    **{"mean": "mean", "mean_tokens": "mean", "cls": "cls", "cls_token": "cls"},
    **{"lasttoken": "last", "last_token": "last"},
}
_KEY = "pooling_mode"


@dataclass(frozen=True)
class SentenceFiles:
    """Hold the pooling, one of ``POOLINGS``, and the most tokens of a text."""

    pooling: str = "mean"
    max_tokens: int = _MAX_TOKENS

    @classmethod
    def read(cls, folder: Path) -> "SentenceFiles":
        """Read the files of a folder; without them it is the mean over at most 256 tokens.

        A pooling that is none of ``POOLINGS`` is a ``UserError``, because the vectors would be others.
        """
        config = read_json(folder / "1_Pooling" / "config.json")
        # One key names the mode since sentence-transformers 5; before, each mode had a key that was true or false.
        flags = [key.removeprefix(f"{_KEY}_") for key in config if key.startswith(_KEY) and config[key] is True]
        modes = [config[_KEY]] if _KEY in config else flags or ["mean"]
        if len(modes) > 1 or modes[0] not in _POOLING:
            raise UserError(
                f"{folder} pools its tokens by {' and '.join(map(str, modes))}; "
                "this package knows the mean, the first token (cls) and the last one."
            )
        limit = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
        return cls(_POOLING[modes[0]], limit or _MAX_TOKENS)


def read_json(file: Path) -> dict[str, Any]:
    """Return what a JSON file holds, nothing where there is none."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
