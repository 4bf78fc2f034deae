# A copy of mote_demo/model/experts.py, written by `mote refresh`. Licence: Apache-2.0.
"""Task experts in place of a dense MLP, and the dense view of one of them."""

import copy
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from .errors_mote import UserError
from .configuration_mote import check_name


class TaskExperts(nn.Module):
    """Hold one copy of a linear layer per task expert.

    It never runs itself: the route is known before the forward pass, so ``MoteModel.dense`` puts
    the chosen copy into an ordinary dense encoder. There is no gate and no routing per token.
    """

    def __init__(self, copies: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for expert, module in copies.items():
            check_name("expert", expert)
            self.add_module(expert, module)

    def __getitem__(self, expert: str) -> nn.Module:
        return self.get_submodule(expert)

    def forward(self, hidden: Tensor) -> Tensor:
        """Refuse to run: a text needs a route first."""
        raise UserError(f"Task experts need a route; there are experts {', '.join(self._modules)}.")


def expert_paths(blocks: str, mlp: Iterable[str], layers: Iterable[int]) -> list[str]:
    """List the dotted paths of every linear layer that has task experts."""
    return [f"{blocks}.{layer}.{part}" for layer in layers for part in mlp]


def replace_modules(root: nn.Module, replacements: Mapping[str, nn.Module]) -> nn.Module:
    """Return ``root`` with some submodules replaced, sharing every other tensor.

    The modules are shells of their own, so training mode set on one tree does not reach the other.

    Args:
        root: stays as it is.
        replacements: dotted paths in ``root`` to what stands there instead.
    """
    twin = copy.copy(root)
    twin._modules = dict(root._modules)
    for name, module in root.named_children():
        inside = {path[len(name) + 1 :]: new for path, new in replacements.items() if path.startswith(f"{name}.")}
        twin._modules[name] = replacements[name] if name in replacements else replace_modules(module, inside)
    return twin

from .backbones_mote import __name__ as _
from .tasks_mote import __name__ as _
