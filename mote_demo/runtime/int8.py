"""Linear layers in 8-bit integers: a scale for each output of the weight, and one for each token on the fly."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from mote_demo.runtime.linear import Make, linear_kind

_MOST = 127
_TINY = 1e-8


class VnniLinear:
    """Multiply 8-bit integers, symmetric, per output and per token (as in LLM.int8, without its outliers)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        integers, scales = _integers(weight)
        self._weight = torch.ops.onednn.qlinear_prepack(integers, None)
        self._scales, self._bias = scales.flatten(), bias
        self._zeros = torch.zeros(len(bias), dtype=torch.int32)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product plus the bias: [n, outputs]."""
        integers, scales = _integers(rows)
        product = torch.ops.onednn.qlinear_pointwise(
            *(integers, 1.0, 0, self._weight, self._scales, self._zeros, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        return torch.addcmul(self._bias, product, scales)

    def gelu(self, rows: Tensor) -> Tensor:
        """Return the exact GELU of the product plus the bias."""
        return functional.gelu(self(rows))

    def add(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return the product plus the bias plus ``residual``, [n, outputs]."""
        return self(rows).add_(residual)


class RoundedLinear:
    """Compute in float32 what ``VnniLinear`` does, up to rounding: on what its integers stand for.

    Processors without integer dot products then give the same vectors, at a little more than the time of exact ones.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._layer = linear_kind()(_rounded(weight), bias)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product plus the bias: [n, outputs]."""
        return self._layer(_rounded(rows))

    def gelu(self, rows: Tensor) -> Tensor:
        """Return the exact GELU of the product plus the bias."""
        return self._layer.gelu(_rounded(rows))

    def add(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return the product plus the bias plus ``residual``, [n, outputs]."""
        return self._layer.add(_rounded(rows), residual)


def int8_kind() -> Make:
    """Return the linear layer of 8-bit integers that suits this processor."""
    return VnniLinear if has_vnni() else RoundedLinear


@cache
def has_vnni() -> bool:
    """Tell whether this processor has integer dot products, and torch the operator that uses them."""
    if not getattr(torch.cpu, "_is_vnni_supported", lambda: False)():
        return False
    rows, weight = torch.full((2, 64), 127.0), torch.full((4, 64), 127.0)
    try:
        # The operator serves inductor and may change with torch.
        found = VnniLinear(weight, torch.ones(4))(rows)
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return torch.allclose(found, torch.full((2, 4), 64 * 127.0 * 127 + 1))


def _integers(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row as int8 of at most 127, and its scale: [rows, 1]."""
    scales = _scales(matrix)
    return matrix.div(scales).round_().to(torch.int8), scales


def _rounded(matrix: Tensor) -> Tensor:
    scales = _scales(matrix)
    return matrix.div(scales).round_().mul_(scales)


def _scales(matrix: Tensor) -> Tensor:
    return matrix.abs().amax(1, keepdim=True).div_(_MOST).clamp_(min=_TINY)
