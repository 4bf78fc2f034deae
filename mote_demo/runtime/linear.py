"""Linear layers of inference: weights reordered once for the machine, sums fused into the product."""

import threading
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.weak import TensorWeakRef, WeakTensorKeyDictionary


class Linear(Protocol):
    """Multiply float32 rows [n, inputs] by a fixed weight."""

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product plus the bias: [n, outputs]."""
        ...

    def gelu(self, rows: Tensor) -> Tensor:
        """Return the exact GELU of the product plus the bias."""
        ...

    def add(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return the product plus the bias plus ``residual``, [n, outputs].

        ``residual`` stays as it is; ``rows`` may be overwritten, because touching fresh memory takes its time.
        """
        ...


class PlainLinear:
    """Compute with what torch has everywhere."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product plus the bias: [n, outputs]."""
        return functional.linear(rows, self._weight, self._bias)

    def gelu(self, rows: Tensor) -> Tensor:
        """Return the exact GELU of the product plus the bias."""
        return functional.gelu(self(rows))

    def add(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return the product plus the bias plus ``residual``, [n, outputs]."""
        return (residual + self._bias).addmm_(rows, self._weight.T)


class PrepackedLinear:
    """Compute with oneDNN, which lays the weight out for this processor and adds inside of the product."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = torch.ops.mkldnn._reorder_linear_weight(weight, None), bias

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product plus the bias: [n, outputs]."""
        return torch.ops.mkldnn._linear_pointwise(rows, self._weight, self._bias, "none", [], "")

    def gelu(self, rows: Tensor) -> Tensor:
        """Return the exact GELU of the product plus the bias."""
        # A pass of torch's over the product takes less time than oneDNN's GELU inside of it, and in place it touches
        # no fresh pages.
        return torch.ops.aten.gelu_(self(rows))

    def add(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return the product plus the bias plus ``residual``, [n, outputs]."""
        return torch.ops.mkldnn._linear_pointwise.binary(rows, residual, self._weight, self._bias, "add")


Make = Callable[[Tensor, Tensor], Linear]
"""Makes a linear layer of its weight [outputs, inputs] and bias [outputs]."""

Layers = Callable[[Sequence[Tensor], Sequence[Tensor]], Linear]
"""Makes one linear layer of the weights and biases of several of equal input, their outputs one after the other."""


def live_layer(weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Linear:
    """Return a layer that a single weight and bias get gradients from; several are copied."""
    if len(weights) == 1:
        return PlainLinear(weights[0], biases[0])
    return PlainLinear(_together(weights), _together(biases))


@cache
def linear_kind() -> Make:
    """Return what makes the fastest linear layers of float32 that this build of torch has."""
    weight, bias, rows = torch.linspace(-1, 1, 12).view(4, 3), torch.ones(4), torch.linspace(-2, 2, 6).view(2, 3)
    plain = PlainLinear(weight, bias)
    try:
        # These operators serve inductor and may change with torch; the plain layer does not.
        packed = PrepackedLinear(weight, bias)
        found = packed.add(rows, packed.gelu(rows)) + packed(rows)
    except (AttributeError, RuntimeError, NotImplementedError):
        return PlainLinear
    same = torch.allclose(found, plain.add(rows, plain.gelu(rows)) + plain(rows), atol=1e-5)
    return _fastest if same else PlainLinear


def _fastest(weight: Tensor, bias: Tensor) -> Linear:
    # Layers that do not widen add to a residual, and may have many inputs: BLAS takes less time for both.
    widens = len(weight) > weight.shape[1]
    return PrepackedLinear(weight, bias) if widens else PlainLinear(weight, bias)


@dataclass(frozen=True)
class _Pack:
    others: tuple[TensorWeakRef, ...]
    state: tuple[object, ...]
    layer: Linear


class Packs:
    """Keep a packed layer for as long as the parameters live that it was packed from.

    The views of all routes, and both models where they share tensors, then share one packed copy.
    """

    def __init__(self) -> None:
        self._packs = WeakTensorKeyDictionary()
        self._lock = threading.Lock()

    def layer(self, weights: Sequence[Tensor], biases: Sequence[Tensor], make: Make) -> Linear:
        """Return one layer of several, packed (see ``Layers``).

        Args:
            weights: parameters, each [outputs, inputs], of any floating type.
            biases: parameters, each [outputs].
            make: what to pack them into.
        """
        parameters = (*weights, *biases)
        with self._lock:
            packs = self._packs.setdefault(weights[0], {})
            pack = packs.get(make)
            state = (state_of(parameters), _contents_of(parameters))
            if pack is None or pack.state != state or not _is_of(pack, parameters):
                layer = make(_together(weights), _together(biases))
                others = tuple(TensorWeakRef(parameter) for parameter in parameters[1:])
                pack = packs[make] = _Pack(others, state, layer)
            return pack.layer


def state_of(parameters: Iterable[Tensor]) -> tuple[tuple[int, int], ...]:
    """Return where each tensor lies and how often it was written to, as far as autograd saw it."""
    return tuple((parameter.data_ptr(), parameter._version) for parameter in parameters)


def _contents_of(parameters: Sequence[Tensor]) -> tuple[int, ...]:
    # Fused optimisers and writes to .data leave no trace but the values.
    contiguous = (parameter.detach().contiguous() for parameter in parameters)
    return tuple(zlib.crc32(parameter.view(torch.uint8).numpy().data) for parameter in contiguous)


def _is_of(pack: _Pack, parameters: Sequence[Tensor]) -> bool:
    return len(pack.others) == len(parameters) - 1 and all(
        other() is parameter for other, parameter in zip(pack.others, parameters[1:], strict=True)
    )


def _together(parts: Sequence[Tensor]) -> Tensor:
    return (parts[0] if len(parts) == 1 else torch.cat([*parts])).detach().float()


PACKS = Packs()
"""Packed weights are read-only, like the parameters of the models that visitors share."""
