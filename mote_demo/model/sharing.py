"""Two models that hold equal tensors, such as a frozen trunk, hold them once."""

import torch

from mote_demo.model.modeling import MoteModel


def share_equal_tensors(model: MoteModel, other: MoteModel) -> int:
    """Let ``other`` use the parameters of ``model`` that have the same name and values.

    Args:
        model: keeps its parameters.
        other: takes them over; neither may train afterwards.

    Returns:
        How many bytes that frees.
    """
    known, freed = dict(model.named_parameters()), {}
    for path, module in other.named_modules():
        for name, parameter in list(module.named_parameters(path, recurse=False)):
            twin = known.get(name)
            if twin is not None and twin is not parameter and _are_equal(twin, parameter):
                setattr(module, name.rpartition(".")[2], twin)
                freed[parameter.data_ptr()] = parameter.nbytes
    return sum(freed.values())


def _are_equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)
