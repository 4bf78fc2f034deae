"""Linear layers in 8-bit integers: a scale for each output of the weight, and a range for each token on the fly."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from mote_demo.runtime.linear import Make, linear_kind

_MOST, _STEPS = 127, 255
_TINY = 1e-8


class IntegerLinear:
    """Multiply 8-bit integers: symmetric ones of an output, and of a token those from its lowest to its highest number.

    Processors without VNNI add the products of two neighbours in 16 bits, where 255 * (127 + 127) has no room: the
    scale of an output is such that no two neighbours of its integers add up to more than 128.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        scales = _weight_scales(weight)  # [outputs, 1]
        integers = weight.div(scales).round_()  # [outputs, inputs], from -127 to 127
        self._weight = torch.ops.onednn.qlinear_prepack(integers.to(torch.int8), None)
        self._scales, self._bias = scales.flatten(), bias
        self._sums = integers.sum(1).mul_(self._scales)  # [outputs]: the product of a row of ones
        self._zeros = torch.zeros(len(bias), dtype=torch.int32)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product plus the bias: [n, outputs]."""
        lowest, steps = _range(rows)
        return self._multiply(rows.sub(lowest), lowest, steps)

    def gelu(self, rows: Tensor) -> Tensor:
        """Return the exact GELU of the product plus the bias."""
        return torch.ops.aten.gelu_(self(rows))

    def add(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return the product plus the bias plus ``residual``, [n, outputs]; ``rows`` are overwritten."""
        lowest, steps = _range(rows)
        return self._multiply(rows.sub_(lowest), lowest, steps).add_(residual)

    def _multiply(self, above: Tensor, lowest: Tensor, steps: Tensor) -> Tensor:
        """Return the product plus the bias for ``lowest + above``; ``above`` is overwritten.

        A row is lowest + steps * integers, so its product is steps * (integers @ weight) + lowest * sums.
        """
        # Unsigned, because oneDNN would sum up the weights anew in every call to make signed ones so. By way of 16
        # bits, because torch converts floats to unsigned 8 bits one by one.
        integers = above.mul_(steps.reciprocal()).add_(0.5).to(torch.int16).to(torch.uint8)  # [n, inputs], 0 to 255
        product = torch.ops.onednn.qlinear_pointwise(
            *(integers, 1.0, 0, self._weight, self._scales, self._zeros, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        # [n, outputs]: bias + product * steps [n, 1] + lowest [n, 1] * sums [outputs].
        return torch.addcmul(self._bias, product, steps, out=product).addcmul_(lowest, self._sums)


class RoundedLinear:
    """Compute in float32 what ``IntegerLinear`` does, up to rounding: on what its integers stand for.

    Processors that torch has no products of integers for then give such vectors too, in the time of exact ones.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        scales = _weight_scales(weight)
        self._layer = linear_kind()(weight.div(scales).round_().mul_(scales), bias)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product plus the bias: [n, outputs]."""
        return self._layer(_rounded(rows))

    def gelu(self, rows: Tensor) -> Tensor:
        """Return the exact GELU of the product plus the bias."""
        return self._layer.gelu(_rounded(rows))

    def add(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return the product plus the bias plus ``residual``, [n, outputs]."""
        return self._layer.add(_rounded(rows), residual)


@cache
def int8_kind() -> Make:
    """Return the linear layer of 8-bit integers that suits this processor and this build of torch."""
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return RoundedLinear
    # The largest sums that an output may have, of either sign.
    weight = torch.tensor([[127.0, 0.0], [64.0, 63.0], [-127.0, 0.0], [-64.0, -63.0]]).repeat(1, 32)
    bias, rows = torch.ones(4), torch.tensor([[0.0] + [255.0] * 63, [255.0] * 63 + [0.0]])
    try:
        # The operator serves inductor and may change with torch.
        found = IntegerLinear(weight, bias)(rows)
    except (AttributeError, RuntimeError, NotImplementedError):
        return RoundedLinear
    return IntegerLinear if torch.allclose(found, rows @ weight.T + bias) else RoundedLinear


def _weight_scales(weight: Tensor) -> Tensor:
    """Return what one step of each output stands for: [outputs, 1]."""
    # At most 127 before rounding, which may take each of two neighbours up by half a step.
    even = functional.pad(weight, (0, weight.shape[1] % 2))
    neighbours = even.unflatten(1, (-1, 2)).sum(2)  # [outputs, inputs / 2]
    most = torch.maximum(weight.abs().amax(1), neighbours.abs().amax(1))  # [outputs]
    return most.div_(_MOST).clamp_(min=_TINY).unsqueeze(1)


def _range(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest number of each token, and what one step from there stands for: [n, 1] each."""
    lowest = rows.amin(1, keepdim=True)
    return lowest, rows.amax(1, keepdim=True).sub_(lowest).div_(_STEPS).clamp_(min=_TINY)


def _rounded(rows: Tensor) -> Tensor:
    lowest, steps = _range(rows)
    return rows.sub(lowest).mul_(steps.reciprocal()).add_(0.5).floor_().mul_(steps).add_(lowest)
