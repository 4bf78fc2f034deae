"""Any sentence-transformers model as one more encoder; its own prompts are its instructions."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mote_demo.encoder import Progress, Receipt, Stopped
from mote_demo.errors import UserError, unknown_choice
from mote_demo.tasks import ROUTES, Route

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PLAIN = "text"
"""Name of the only route of a model without prompts."""

_AT_ONCE = 256


class SentenceEncoder:
    """Turn texts into vectors with a sentence-transformers model, through that library.

    Each of its prompts is a route. One without prompts has the route ``PLAIN`` alone.
    """

    def __init__(self, model: "SentenceTransformer", name: str) -> None:
        """Encode with a loaded model; ``name`` is what the screen calls it."""
        self.name = name
        self._model = model.eval()
        prompts = {name: prompt for name, prompt in model.prompts.items() if prompt}
        if any(name in ("query", "document") for name in prompts):
            # Documents often get nothing before them, and are still to be told from queries.
            prompts = {"query": "", "document": "", **prompts}
        known = {name: prompts[name] for name in ROUTES if name in prompts}
        self.all_routes = {name: Route(name, prompt) for name, prompt in {**known, **prompts}.items()} or {
            PLAIN: Route(PLAIN, "")
        }
        self._weights = ""

    @classmethod
    def from_pretrained(cls, path: str | Path, name: str, *, trust_remote_code: bool = False) -> "SentenceEncoder":
        """Load a folder, or a Hub name where a network exists.

        Raises:
            UserError: it cannot be loaded, or asks to run code of its own that nobody allowed.
        """
        from sentence_transformers import SentenceTransformer

        try:
            model = SentenceTransformer(str(path), trust_remote_code=trust_remote_code)
        # Whatever the files of a stranger's model lead to.
        except Exception as error:
            if "trust_remote_code" in str(error):
                raise UserError(
                    f"The model {path} wants to run code of its own. Whoever runs the app may allow it: "
                    "MOTE_TRUST_REMOTE_CODE=1."
                ) from error
            reason = " ".join(str(error).split())[:300]
            raise UserError(
                f"Cannot load {path} with sentence-transformers ({type(error).__name__}): {reason}"
            ) from error
        return cls(model, name)

    @property
    def dimension(self) -> int:
        """Return the width of the vectors."""
        return self._model.get_embedding_dimension() or 0

    def __repr__(self) -> str:
        return f"SentenceEncoder({self.name!r}, routes {', '.join(self.all_routes)}, {self.dimension} dimensions)"

    def encode(
        self,
        texts: str | Sequence[str],
        *,
        route: str | None,
        instruction: bool = True,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> np.ndarray:
        """Encode ``texts`` with one of the model's prompts (see ``Encoder.encode``)."""
        if isinstance(texts, str):
            return self.encode([texts], route=route, instruction=instruction, progress=progress, stop=stop)[0]
        prompt, parts = self._prompt(route, instruction), []
        for start in range(0, len(texts), _AT_ONCE):
            if stop is not None and stop.is_set():
                raise Stopped(f"Stopped after {start} of {len(texts)} texts.")
            block = list(texts[start : start + _AT_ONCE])
            parts.append(
                self._model.encode(block, prompt=prompt or None, normalize_embeddings=True, show_progress_bar=False)
            )
            if progress is not None:
                progress(start + len(block), len(texts))
        return np.concatenate(parts).astype(np.float32) if parts else np.empty((0, self.dimension), np.float32)

    def on(self, device: str) -> "SentenceEncoder":
        """Move the model to a device, such as "cuda", and return it."""
        self._model.to(device)
        return self

    def receipt(self, text: str, *, route: str | None, instruction: bool = True) -> Receipt:
        """Say what ``encode`` does with ``text``, without running the model."""
        sent = self._prompt(route, instruction) + text
        before = len(self._model.tokenizer(sent, truncation=False, verbose=False)["input_ids"])
        most = self._model.max_seq_length or before
        return Receipt(self.name, str(route), None, sent, min(before, most), before)

    def fingerprint(self, route: str | None, *, instruction: bool = True) -> str:
        """Return a hash of the weights and of the prompt of ``route``."""
        if not self._weights:
            digest = hashlib.sha256()
            for key, tensor in sorted(self._model.state_dict().items()):
                digest.update(key.encode())
                digest.update(tensor.detach().float().cpu().contiguous().numpy().data)
            self._weights = digest.hexdigest()
        return hashlib.sha256((self._weights + self._prompt(route, instruction)).encode()).hexdigest()[:16]

    def _prompt(self, route: str | None, instruction: bool) -> str:
        if route not in self.all_routes:
            raise unknown_choice("route", route, self.all_routes)
        return self.all_routes[route].instruction if instruction else ""
