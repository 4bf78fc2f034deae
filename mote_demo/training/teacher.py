"""What a model that knows more says of the training texts."""

import hashlib
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mote_demo.model.backbones import backbone_path
from mote_demo.model.checkpoint import local_folder
from mote_demo.runtime.bfloat16 import bfloat16_pays
from mote_demo.store import VectorStore
from mote_demo.training.parts import assemble
from mote_demo.training.sources import Say

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEACHER = "teacher"
"""Name of the folder, in that of a work, where vectors of the teacher are kept."""

_TEXTS_AT_ONCE = 4096
_BATCH = 32
_MOST_BYTES = 20_000_000_000
_PARTS = "parts:"


class Teacher:
    """Encode texts with a model that does not train, without an instruction.

    Its vectors are kept on disk, so that arms, seeds and resumed runs share them.
    """

    def __init__(self, model: str, *, max_tokens: int, folder: str | Path) -> None:
        """Take a sentence-transformers model, which is loaded when the first text is new.

        Args:
            model: a folder, a Hub name, or installed packages (see ``Recipe.teacher``).
            max_tokens: a text is cut to this many tokens, or to as many as the model takes.
            folder: where vectors are kept, and a model that comes in parts.
        """
        folder = Path(folder)
        self._path = (
            assemble(model.removeprefix(_PARTS), folder)
            if model.startswith(_PARTS)
            else local_folder(backbone_path(model))
        )
        self._max_tokens = max_tokens
        self._store = VectorStore(folder, max_bytes=_MOST_BYTES, max_memory_bytes=0)

    def vectors(self, texts: Sequence[str], say: Say) -> np.ndarray:
        """Look up or compute the vectors of texts; equal lists are found again.

        Args:
            texts: what to encode.
            say: called with a line after every few thousand texts that were computed.

        Returns:
            float16 [texts, d], rows of unit length.
        """
        blocks = [texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE)]
        return np.concatenate(
            [self._store.array(self._key(block), partial(self._encode, block, say)) for block in blocks]
        )

    @cached_property
    def _model(self) -> "SentenceTransformer":
        from sentence_transformers import SentenceTransformer

        kind = torch.bfloat16 if bfloat16_pays() else torch.float32
        model = SentenceTransformer(str(self._path), model_kwargs={"dtype": kind})
        model.max_seq_length = min(self._max_tokens, model.max_seq_length or self._max_tokens)
        return model

    def _encode(self, texts: Sequence[str], say: Say) -> np.ndarray:
        vectors = self._model.encode(list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        say(f"the teacher read {len(texts)} texts")
        return np.asarray(vectors, dtype=np.float16)

    def _key(self, texts: Sequence[str]) -> str:
        digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
        return f"teacher/{self._weights}/{self._max_tokens}/{digest}"

    @cached_property
    def _weights(self) -> str:
        digest = hashlib.sha256()
        for file in sorted(self._path.glob("*.safetensors")):
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]
