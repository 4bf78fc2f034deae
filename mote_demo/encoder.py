"""Texts and a route in, vectors out, with a receipt of what was done."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tokenizers import Tokenizer

from mote_demo.errors import UserError
from mote_demo.model import MoteConfig
from mote_demo.model.checkpoint import load_tokenizer, local_folder
from mote_demo.model.network import Network
from mote_demo.model.tensor_model import TensorModel
from mote_demo.runtime.forward_pass import ForwardPass, build_forward_pass, check_supported
from mote_demo.runtime.linear import state_of
from mote_demo.runtime.loading import load_network
from mote_demo.runtime.memory import release_freed
from mote_demo.runtime.precision import EXACT, MARKS
from mote_demo.tasks import Route

if TYPE_CHECKING:
    from mote_demo.model.modeling import MoteModel

Progress = Callable[[int, int], None]
"""Called with (texts done, texts in all)."""

_TOKENIZED_AT_ONCE = 4096
_MANY_BATCHES = 4
_NOT_OF_VECTORS = {
    *("_name_or_path", "architectures", "dtype", "transformers_version"),  # where it came from and how it is stored
    *("gradient_checkpointing", "return_dict", "use_cache"),
}
"""What a backbone's config says that decides no vector."""


class Stopped(Exception):  # noqa: N818 - a request that was met, not an error
    """Tell that a long computation ended early because it was asked to."""


@dataclass(frozen=True)
class Receipt:
    """Say what one model did with one text: which expert ran on which exact text.

    ``expert`` is None where the route runs no expert of its own (a dense model). ``tokens`` counts
    those the model saw, special tokens included; ``tokens_before`` counts them before truncation, and ``unknown``
    those that stand for words the model cannot read.
    """

    model: str
    route: str
    expert: str | None
    text_sent: str
    tokens: int
    tokens_before: int
    unknown: int = 0

    @property
    def truncated(self) -> bool:
        """Tell whether the end of the text was cut off."""
        return self.tokens < self.tokens_before


class Encoder:
    """Turn texts into vectors with one checkpoint, fast, without sentence-transformers.

    Thread-safe: the weights are only read, and a route is chosen by the call. It computes where the model lies.
    Whoever trains the model makes a new encoder of it afterwards.
    """

    def __init__(self, network: Network, tokenizer: Tokenizer, name: str, precision: str = EXACT) -> None:
        """Encode with a loaded model.

        Args:
            network: the model; a module is switched to evaluation and float32.
            tokenizer: of its backbone.
            name: what the screen calls the model.
            precision: one of ``PRECISIONS``; one that the model cannot be computed in is a ``UserError``.
        """
        self.network = network.for_inference()
        check_supported(self.network, precision)
        self.name = name
        self.precision = precision
        self._tokenizer = _whole(tokenizer)
        self._weights: dict[str, tuple[object, str]] = {}
        self._forward_passes: dict[str, tuple[object, ForwardPass]] = {}

    @classmethod
    def from_pretrained(cls, path: str | Path, name: str | None = None) -> "Encoder":
        """Load a checkpoint folder, or a Hub name where a network exists.

        Args:
            path: folder with ``config.json``, safetensors and ``tokenizer.json``, or a Hub name.
            name: what the screen calls the model; None takes the last part of the path.
        """
        folder = local_folder(path)
        return cls(load_network(folder), load_tokenizer(folder), name or Path(path).name)

    @property
    def config(self) -> MoteConfig:
        """Return the model's config."""
        return self.network.config

    @property
    def model(self) -> "MoteModel":
        """Return the model as a module, for training; a stored model builds it on first use."""
        return self.network.as_module()

    @property
    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer, which neither pads nor truncates; it is not to be changed."""
        return self._tokenizer

    @property
    def routes(self) -> tuple[str, ...]:
        """Return the names of the routes."""
        return tuple(self.config.routes)

    @property
    def all_routes(self) -> dict[str, Route]:
        """Return the routes by name."""
        return {name: self.config.route(name) for name in self.config.routes}

    @property
    def dimension(self) -> int:
        """Return the width of the vectors."""
        return self.config.hidden_size

    def __repr__(self) -> str:
        return f"Encoder({self.name!r}, routes {', '.join(self.routes)}, {self.dimension} dimensions)"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(route.expert) if self.config.expert_layers else 'dense'}</td>"
            f"<td>{escape(route.instruction)}</td></tr>"
            for name, route in self.all_routes.items()
        )
        head = "<tr><th>route</th><th>expert</th><th>instruction</th></tr>"
        return f"<p>{escape(self.name)}, {self.dimension} dimensions</p><table>{head}{rows}</table>"

    def encode(
        self,
        texts: str | Sequence[str],
        *,
        route: str | None,
        instruction: bool = True,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> np.ndarray:
        """Encode ``texts`` with one route's instruction and expert.

        Args:
            texts: the texts, or one text, without instruction.
            route: name of the route; a missing or unknown one is a ``UserError``.
            instruction: whether the route's instruction is put before the texts.
            progress: called after each batch.
            stop: set it from another thread to end early with ``Stopped``.

        Returns:
            float32 [len(texts), dimension], rows of unit length, in the order of ``texts``; [dimension] of one text.
        """
        if isinstance(texts, str):
            return self.encode([texts], route=route, instruction=instruction, progress=progress, stop=stop)[0]
        name = self.config.resolve(route)
        forward_pass = self._forward_pass(name)
        words, limit = self._instruction(name, instruction), self.config.most_tokens(name)
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        done = batches = 0
        for rows, ids in self._batches(texts, words, limit, forward_pass.tokens_at_once):
            if stop is not None and stop.is_set():
                raise Stopped(f"Stopped after {done} of {len(texts)} texts.")
            vectors[rows] = forward_pass(ids)
            done, batches = done + len(rows), batches + 1
            if progress is not None:
                progress(done, len(texts))
        if batches > _MANY_BATCHES:
            release_freed()
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
            members.setdefault(self.config.resolve(route), []).append(row)
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for name, rows in members.items():
            vectors[rows] = self.encode([texts[row] for row in rows], route=name)
        return vectors

    def _instruction(self, route: str | None, instruction: bool) -> str:
        return self.config.route(route).instruction if instruction else ""

    def receipt(self, text: str, *, route: str | None, instruction: bool = True) -> Receipt:
        """Say what ``encode`` does with ``text`` on ``route``, without running the model."""
        name = self.config.resolve(route)
        sent = self._instruction(name, instruction) + text
        ids = self._tokenizer.encode(sent).ids
        return Receipt(
            model=self.name,
            route=name,
            expert=self.config.route(name).expert if self.config.expert_layers else None,
            text_sent=sent,
            tokens=min(len(ids), self.config.most_tokens(name)),
            tokens_before=len(ids),
            unknown=ids.count(self._unknown),
        )

    @cached_property
    def _unknown(self) -> int:
        """Return the token that stands for what the vocabulary cannot spell, -1 where it spells everything."""
        token = self._tokenizer.token_to_id(getattr(self._tokenizer.model, "unk_token", None) or "<unk>")
        return -1 if token is None else token

    def fingerprint(self, route: str | None, *, instruction: bool = True) -> str:
        """Return a hash of all that decides the vectors of ``route``, with its instruction or without.

        That is what ``weights_fingerprint`` covers, the tokenizer, the backbone's config and the precision.
        """
        bare = "" if instruction or not self.config.route(route).instruction else "without instruction"
        digest = hashlib.sha256((self.weights_fingerprint(route) + self._reading + bare).encode()).hexdigest()[:16]
        return digest + MARKS[self.precision]

    @cached_property
    def _reading(self) -> str:
        """Return a hash of how texts become tokens, and of how the weights are computed with."""
        config = self.config.backbone_config.to_diff_dict()
        # What is absent, None or False is the same, and versions of transformers differ in which they write.
        silent = (key for key, value in config.items() if value is None or value is False)
        for key in {*silent, *_NOT_OF_VECTORS}:
            config.pop(key, None)
        text = self._tokenizer.to_str() + json.dumps(config, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def weights_fingerprint(self, route: str | None) -> str:
        """Return a hash of the weights, instruction, pooling and limit of ``route``."""
        name = self.config.resolve(route)
        tensors = self.network.dense_tensors(name)
        state = _marks_of(tensors)
        known = self._weights.get(name)
        if known is None or known[0] != state:
            config = self.config
            digest = hashlib.sha256(
                json.dumps([config.route(name).instruction, config.pooling, config.most_tokens(name)]).encode()
            )
            for key, tensor in sorted(tensors.items()):
                digest.update(key.encode())
                digest.update(tensor.detach().float().cpu().contiguous().numpy().data)
            known = self._weights[name] = state, digest.hexdigest()[:16]
        return known[1]

    def with_route(self, name: str, route: Route, experts: dict[str, torch.nn.Module]) -> "Encoder":
        """Return an encoder with one more route; every other tensor is shared (see ``MoteModel.with_route``)."""
        twin = self.with_network(self.network.with_route(name, route, experts))
        twin._weights = dict(self._weights)  # hashes of the other routes, whose tensors are the same
        return twin

    def with_experts(self, experts: Mapping[str, str]) -> "Encoder":
        """Return an encoder whose routes keep their instructions and run other experts, by route.

        Args:
            experts: name of a route to that of an expert, or to ``AVERAGE`` for the mean of all.

        Raises:
            UserError: a name is unknown, or the model is dense.
        """
        twin = self.with_network(self.network.with_experts(experts))
        twin._weights = dict(self._weights)  # a hash whose tensors are others by now is made again
        return twin

    def with_network(self, network: Network) -> "Encoder":
        """Return an encoder of another model that reads the same tokens."""
        return Encoder(network, self._tokenizer, self.name, self.precision)

    def sharing(self, other: "Encoder") -> "Encoder":
        """Return an encoder of the same model that holds what both models store alike, such as a trunk, only once."""
        own, others = self.network, other.network
        if isinstance(own, TensorModel) and isinstance(others, TensorModel):
            return self.with_network(own.sharing(others))
        return self

    def with_precision(self, precision: str) -> "Encoder":
        """Return an encoder of the same model that computes in another precision (see ``PRECISIONS``)."""
        return Encoder(self.network, self._tokenizer, self.name, precision)

    def on(self, device: str) -> "Encoder":
        """Return an encoder of the same model that computes on a device, such as "cuda"; there it is a module."""
        if device == "cpu":
            return self
        return Encoder(self.network.as_module().to(torch.device(device)), self._tokenizer, self.name, self.precision)

    def tokenize(self, texts: Sequence[str], route: str | None) -> list[list[int]]:
        """Return the token ids of each text with the route's instruction, truncated to the model's limit."""
        name = self.config.resolve(route)
        return self._token_ids(texts, self.config.route(name).instruction, self.config.most_tokens(name))

    def count_tokens(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        """Count the tokens of each text, and those among them that stand for what the tokenizer does not know."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [(len(each.ids), each.ids.count(self._unknown)) for each in encodings]

    def _token_ids(self, texts: Sequence[str], instruction: str, limit: int) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch_fast([instruction + text for text in texts])
        end = self._special_at_end
        return [
            ids if len(ids) <= limit else [*ids[: limit - end], *ids[len(ids) - end :]]
            for ids in (encoding.ids for encoding in encodings)
        ]

    @cached_property
    def _special_at_end(self) -> int:
        """Return how many special tokens stand after a text: none for some decoders."""
        special = self._tokenizer.encode("a").special_tokens_mask
        return next((number for number, one in enumerate(reversed(special)) if not one), 1)

    def _batches(
        self, texts: Sequence[str], instruction: str, limit: int, tokens_at_once: int
    ) -> Iterator[tuple[list[int], list[list[int]]]]:
        """Yield (rows, token ids) of like length: sorting by tokens, not characters, avoids padding."""
        for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
            ids = self._token_ids(texts[start : start + _TOKENIZED_AT_ONCE], instruction, limit)
            order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
            for rows in _fill(order, [len(one) for one in ids], tokens_at_once):
                yield [start + row for row in rows], [ids[row] for row in rows]

    def _forward_pass(self, route: str) -> ForwardPass:
        state = _marks_of(self.network.dense_tensors(route))
        known = self._forward_passes.get(route)
        if known is None or known[0] != state:
            known = self._forward_passes[route] = state, build_forward_pass(self.network, route, self.precision)
            release_freed()
        return known[1]


def as_mote(model: Any) -> Encoder:  # noqa: ANN401 - a model of any package
    """Return a model that experts plug into; one of another package is a ``UserError``."""
    if not isinstance(model, Encoder):
        raise UserError(f"{model.name} takes no experts. Use a MoTE checkpoint.")
    return model


def _whole(tokenizer: Tokenizer) -> Tokenizer:
    """Switch off what pads or cuts texts, where it is on: a tokenizer must not change while other threads use it."""
    if tokenizer.padding is not None:
        tokenizer.no_padding()
    if tokenizer.truncation is not None:
        tokenizer.no_truncation()
    return tokenizer


def _marks_of(tensors: Mapping[str, torch.Tensor]) -> tuple[object, ...]:
    """Tell tensors from what they were: whoever holds a module may write to it, or put other parameters in place."""
    return tuple(map(id, tensors.values())), state_of(tensors.values())


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
