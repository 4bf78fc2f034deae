"""Show that routes did not change: hashes of all their tensors, and of the vectors they give."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mote_demo.encoder import Encoder

_PROBES = (
    "Where is my parcel?",
    "The app crashes whenever I open a second window.",
    "Thank you, this made my day!",
    "A cake that is mostly eggs and air, baked slowly.",
)


@dataclass(frozen=True)
class RouteHash:
    """Hold SHA-256 hashes, in hexadecimal: of all tensors of a route by name, and of its vectors of a few texts."""

    tensors: str
    vectors: str


@dataclass(frozen=True)
class Proof:
    """Hold the hashes of every route but the new one, before the training and after it."""

    before: Mapping[str, RouteHash]
    after: Mapping[str, RouteHash]

    @property
    def identical(self) -> bool:
        """Tell whether every route kept every bit."""
        return self.before == self.after


def hash_routes(encoder: Encoder, routes: Sequence[str] | None = None) -> dict[str, RouteHash]:
    """Hash routes as they are now, nothing remembered from earlier; None is all of them."""
    known: dict[int, bytes] = {}
    return {name: _hash_route(encoder, name, known) for name in routes or encoder.routes}


def _hash_route(encoder: Encoder, route: str, known: dict[int, bytes]) -> RouteHash:
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.network.dense_tensors(route).items()):
        # Most tensors are shared by all routes: each is read once.
        if id(tensor) not in known:
            known[id(tensor)] = _digest(tensor)
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode() + known[id(tensor)])
    vectors = encoder.encode(_PROBES, route=route)
    return RouteHash(digest.hexdigest(), hashlib.sha256(vectors.tobytes()).hexdigest())


def _digest(tensor: Tensor) -> bytes:
    stored = tensor.detach().cpu().contiguous().view(-1)
    return hashlib.sha256(stored.view(torch.uint8).numpy().data).digest()
