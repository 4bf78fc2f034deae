"""Texts and a route in, vectors out, with a receipt of what was done."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from mote_demo.errors import UserError
from mote_demo.model import MoteModel
from mote_demo.model.checkpoint import load_model
from mote_demo.runtime.precision import EXACT
from mote_demo.runtime.program import Program, check_suits, compile_view
from mote_demo.tasks import Route

Progress = Callable[[int, int], None]
"""Called with (texts done, texts in all)."""

_TOKENIZED_AT_ONCE = 4096


class Stopped(Exception):  # noqa: N818 - a request that was met, not an error
    """Tell that a long computation ended early because it was asked to."""


@dataclass(frozen=True)
class Receipt:
    """Say what one model did with one text: which expert ran on which exact text.

    ``expert`` is None where the route runs no expert of its own (a dense model). ``tokens`` counts
    those the model saw, special tokens included; ``tokens_before`` counts them before truncation.
    """

    model: str
    route: str
    expert: str | None
    text_sent: str
    tokens: int
    tokens_before: int

    @property
    def truncated(self) -> bool:
        """Tell whether the end of the text was cut off."""
        return self.tokens < self.tokens_before


class Encoder:
    """Turn texts into vectors with one checkpoint, fast, without sentence-transformers.

    Thread-safe: the weights are only read, and a route is chosen by the call. It computes where the model lies.
    Whoever trains the model makes a new encoder of it afterwards.
    """

    def __init__(self, model: MoteModel, tokenizer: Tokenizer, name: str, precision: str = EXACT) -> None:
        """Encode with a loaded model.

        Args:
            model: it is read, never changed.
            tokenizer: of its backbone.
            name: what the screen calls the model.
            precision: one of ``PRECISIONS``; one that the model cannot be computed in is a ``UserError``.
        """
        self.model = model.eval().float()
        check_suits(self.model.backbone, precision)
        self.name = name
        self.precision = precision
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._fingerprints: dict[str, str] = {}
        self._programs: dict[str, Program] = {}

    @classmethod
    def from_pretrained(cls, path: str | Path, name: str | None = None) -> "Encoder":
        """Load a checkpoint folder, or a Hub name where a network exists.

        Args:
            path: folder with ``config.json``, safetensors and ``tokenizer.json``, or a Hub name.
            name: what the screen calls the model; None takes the last part of the path.
        """
        return cls(load_model(path), _load_tokenizer(str(path)), name or Path(path).name)

    @property
    def routes(self) -> tuple[str, ...]:
        """Return the names of the routes."""
        return tuple(self.model.config.routes)

    @property
    def dimension(self) -> int:
        """Return the width of the vectors."""
        return self.model.config.hidden_size

    def encode(
        self,
        texts: Sequence[str],
        *,
        route: str | None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> np.ndarray:
        """Encode ``texts`` with one route's instruction and expert.

        Args:
            texts: the texts, without instruction.
            route: name of the route; a missing or unknown one is a ``UserError``.
            progress: called after each batch.
            stop: set it from another thread to end early with ``Stopped``.

        Returns:
            float32 [len(texts), dimension], rows of unit length, in the order of ``texts``.
        """
        if isinstance(texts, str):
            raise UserError("Texts come as a list. Please put the one text into a list.")
        program = self._program(self.model.config.resolve(route))
        instruction = self.model.config.route(route).instruction
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for rows, ids in self._batches(texts, instruction, program.tokens_at_once):
            if stop is not None and stop.is_set():
                raise Stopped(f"Stopped after {done} of {len(texts)} texts.")
            vectors[rows] = program(ids)
            done += len(rows)
            if progress is not None:
                progress(done, len(texts))
        return vectors

    def encode_mixed(self, texts: Sequence[str], routes: Sequence[str | None]) -> np.ndarray:
        """Encode texts of several tasks, each with a route of its own.

        Args:
            texts: the texts, without instruction.
            routes: one a text; a missing or unknown one is a ``UserError``, before anything is computed.

        Returns:
            float32 [len(texts), dimension], rows of unit length, in the order of ``texts``.
        """
        if len(texts) != len(routes):
            raise UserError(f"{len(texts)} texts need as many routes, not {len(routes)}.")
        members: dict[str, list[int]] = {}
        for row, route in enumerate(routes):
            members.setdefault(self.model.config.resolve(route), []).append(row)
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for name, rows in members.items():
            vectors[rows] = self.encode([texts[row] for row in rows], route=name)
        return vectors

    def receipt(self, text: str, *, route: str | None) -> Receipt:
        """Say what ``encode`` does with ``text`` on ``route``, without running the model."""
        name = self.model.config.resolve(route)
        chosen = self.model.config.route(name)
        before = len(self._tokenizer.encode(chosen.instruction + text).ids)
        return Receipt(
            model=self.name,
            route=name,
            expert=chosen.expert if self.model.config.expert_layers else None,
            text_sent=chosen.instruction + text,
            tokens=min(before, self.model.config.max_tokens),
            tokens_before=before,
        )

    def fingerprint(self, route: str | None) -> str:
        """Return a hash of what decides the vectors of ``route``: see ``weights_fingerprint``, and the precision."""
        weights = self.weights_fingerprint(route)
        return weights if self.precision == EXACT else f"{weights}-{self.precision}"

    def weights_fingerprint(self, route: str | None) -> str:
        """Return a hash of the weights, instruction, pooling and limit of ``route``."""
        name = self.model.config.resolve(route)
        if name not in self._fingerprints:
            config = self.model.config
            digest = hashlib.sha256(
                json.dumps([config.route(name).instruction, config.pooling, config.max_tokens]).encode()
            )
            for key, tensor in sorted(self.model.dense(name).state_dict().items()):
                digest.update(key.encode())
                digest.update(tensor.cpu().contiguous().numpy().data)
            self._fingerprints[name] = digest.hexdigest()[:16]
        return self._fingerprints[name]

    def with_route(self, name: str, route: Route, experts: dict[str, torch.nn.Module]) -> "Encoder":
        """Return an encoder with one more route; every other tensor is shared (see ``MoteModel.with_route``)."""
        return self.with_model(self.model.with_route(name, route, experts))

    def with_model(self, model: MoteModel) -> "Encoder":
        """Return an encoder of another model that reads the same tokens."""
        return Encoder(model, self._tokenizer, self.name, self.precision)

    def with_precision(self, precision: str) -> "Encoder":
        """Return an encoder of the same model that computes in another precision (see ``PRECISIONS``)."""
        return Encoder(self.model, self._tokenizer, self.name, precision)

    def tokenize(self, texts: Sequence[str], route: str | None) -> list[list[int]]:
        """Return the token ids of each text with the route's instruction, truncated to the model's limit."""
        return self._token_ids(texts, self.model.config.route(route).instruction)

    def _token_ids(self, texts: Sequence[str], instruction: str) -> list[list[int]]:
        limit = self.model.config.max_tokens
        encodings = self._tokenizer.encode_batch_fast([instruction + text for text in texts])
        return [
            encoding.ids if len(encoding.ids) <= limit else [*encoding.ids[: limit - 1], encoding.ids[-1]]
            for encoding in encodings
        ]

    def _batches(
        self, texts: Sequence[str], instruction: str, tokens_at_once: int
    ) -> Iterator[tuple[list[int], list[list[int]]]]:
        """Yield (rows, token ids) of like length: sorting by tokens, not characters, avoids padding."""
        for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
            ids = self._token_ids(texts[start : start + _TOKENIZED_AT_ONCE], instruction)
            order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
            for rows in _fill(order, [len(one) for one in ids], tokens_at_once):
                yield [start + row for row in rows], [ids[row] for row in rows]

    def _program(self, route: str) -> Program:
        program = self._programs.get(route)
        if program is None or not program.is_current():
            view, pooling = self.model.dense(route), self.model.config.pooling
            program = self._programs[route] = compile_view(view, pooling, self.precision)
        return program


def _fill(order: Sequence[int], lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Cut ``order`` into parts of at most ``most`` tokens, or of one text that is longer."""
    part: list[int] = []
    tokens = 0
    for row in order:
        if part and tokens + lengths[row] > most:
            yield part
            part, tokens = [], 0
        part.append(row)
        tokens += lengths[row]
    if part:
        yield part


def _load_tokenizer(path: str) -> Tokenizer:
    if Path(path).is_dir():
        file = Path(path) / "tokenizer.json"
        if not file.is_file():
            raise UserError(f"{path} has no tokenizer.json. Please point at a complete MoTE checkpoint.")
        return Tokenizer.from_file(str(file))
    from huggingface_hub import hf_hub_download

    return Tokenizer.from_file(hf_hub_download(path, "tokenizer.json"))
