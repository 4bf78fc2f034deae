"""Several processes that train one model together, as ``torchrun`` or ``accelerate launch`` starts them.

Every process takes its share of each batch, sees the vectors of all shares, and computes the loss of the whole batch.
So the batch, its task, its negatives and its rate are those of one process, and so is the sum of the gradients. A
wrapper that averages gradients would not do: which parameters take part changes with the task, and within a batch.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn


def is_main() -> bool:
    """Tell whether this process is the one that writes files and says lines."""
    return int(os.environ.get("RANK", "0")) == 0


def count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def number() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if count() > 1 else 0


@contextmanager
def in_turn() -> Iterator[None]:
    """Let the main process run the block first: the others then find the files that it wrote."""
    if "RANK" not in os.environ:
        yield
        return
    from accelerate import PartialState

    with PartialState(cpu=not torch.cuda.is_available()).main_process_first():
        yield


def own_share(rows: list[int]) -> list[int]:
    """Return the rows of a batch that this process computes; all shares are of one size."""
    size = len(rows) // count()
    return rows[number() * size : (number() + 1) * size]


def of_all(share: Tensor) -> Tensor:
    """Return the shares [n, ...] of all processes one after the other; gradients reach the own one alone."""
    return share if count() == 1 else _OfAll.apply(share)


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Put the sum over all processes in place of each gradient; which parameters have one is the same in all."""
    if count() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


class _OfAll(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, share: Tensor) -> Tensor:  # noqa: ANN401 - of torch
        shares = [torch.empty_like(share) for _ in range(count())]
        distributed.all_gather(shares, share.contiguous())
        context.rows = len(share)
        return torch.cat(shares)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401 - of torch
        # The other processes compute the same loss, each for the sake of its own share.
        return gradients[0][number() * context.rows : (number() + 1) * context.rows]
