"""Linear layers in 8-bit integers: a scale for each output of the weight, and one for each token on the fly."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

_MOST = 127
_TINY = 1e-8


class Int8Linear:
    """Multiply 8-bit integers, symmetric, per output and per token (as in LLM.int8, without its outliers).

    Processors with VNNI have instructions for such products. Others compute the same numbers in float32, where the
    integers and their sums are exact up to rounding of the largest; that is more work than the exact layer does.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        scales = weight.abs().amax(1).div(_MOST).clamp(min=_TINY)
        integers = weight.div(scales[:, None]).round_().to(torch.int8)
        self._multiply = (_vnni_product if has_vnni() else _float_product)(integers, scales)
        self._bias = bias

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product plus the bias: [n, outputs]."""
        scales = rows.abs().amax(1, keepdim=True).div_(_MOST).clamp_(min=_TINY)
        return torch.addcmul(self._bias, self._multiply(rows.div(scales).round_()), scales)

    def gelu(self, rows: Tensor) -> Tensor:
        """Return the exact GELU of the product plus the bias."""
        return functional.gelu(self(rows))

    def add(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return the product plus the bias plus ``residual``, [n, outputs]."""
        return self(rows).add_(residual)


@cache
def has_vnni() -> bool:
    """Tell whether this processor has integer dot products, and torch the operator that uses them."""
    if not getattr(torch.cpu, "_is_vnni_supported", lambda: False)():
        return False
    rows, weight = torch.full((2, 64), 127.0), torch.full((4, 64), 127, dtype=torch.int8)
    try:
        # The operator serves inductor and may change with torch.
        product = _vnni_product(weight, torch.ones(4))(rows)
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return bool((product == 64 * 127 * 127).all())


def _float_product(weight: Tensor, scales: Tensor) -> Callable[[Tensor], Tensor]:
    wide = weight.float()
    return lambda rows: functional.linear(rows, wide).mul_(scales)


def _vnni_product(weight: Tensor, scales: Tensor) -> Callable[[Tensor], Tensor]:
    packed = torch.ops.onednn.qlinear_prepack(weight, None)
    zeros = torch.zeros(len(scales), dtype=torch.int32)

    def multiply(rows: Tensor) -> Tensor:
        return torch.ops.onednn.qlinear_pointwise(
            rows.to(torch.int8), 1.0, 0, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )

    return multiply
