"""Token ids in, vectors out: what every runtime offers, and which one computes a route of a network."""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np

from mote_demo.errors import UserError
from mote_demo.model.network import Network
from mote_demo.runtime.bert import PackedBert
from mote_demo.runtime.int8 import int8_kind
from mote_demo.runtime.linear import PACKS, linear_kind
from mote_demo.runtime.precision import BFLOAT16, EXACT, INT8, check_precision


class ForwardPass(Protocol):
    """Compute the vectors of one route.

    ``tokens_at_once`` is how many tokens one call handles best. A forward pass belongs to its weights.
    """

    tokens_at_once: int

    def __call__(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Return float32 [len(ids), d], rows of unit length, of texts given as token ids."""
        ...


def build_forward_pass(network: Network, route: str, precision: str = EXACT) -> ForwardPass:
    """Prepare the dense encoder of a route for where its weights lie.

    Args:
        network: the model.
        route: name of the route.
        precision: one of ``PRECISIONS``; int8 is for BERT on the CPU, another network is a ``UserError``.
    """
    check_supported(network, precision)
    config = network.config
    if precision == BFLOAT16 or not _is_bert_on_cpu(network):
        from mote_demo.runtime.padded import PaddedView

        return PaddedView(network.as_module().dense(route), config.pooling, bfloat16=precision == BFLOAT16)
    make = int8_kind() if precision == INT8 else linear_kind()
    layers = partial(PACKS.layer, make=make)
    return PackedBert(config.backbone_config, network.dense_tensors(route), config.pooling, layers)


def check_supported(network: Network, precision: str) -> None:
    """Refuse a precision that is unknown, or that ``network`` cannot be computed in."""
    if check_precision(precision) == INT8 and not _is_bert_on_cpu(network):
        config, device = network.config.backbone_config, _device_of(network)
        odd = PackedBert.unsupported(config) or f"it lies on {device!r}, not on the CPU"
        raise UserError(f"This model cannot be computed in int8: {odd}. Please choose the precision {EXACT!r}.")


def _is_bert_on_cpu(network: Network) -> bool:
    return PackedBert.supports(network.config.backbone_config) and _device_of(network) == "cpu"


def _device_of(network: Network) -> str:
    tensors = network.dense_tensors(next(iter(network.config.routes)))
    return next(iter(tensors.values())).device.type
