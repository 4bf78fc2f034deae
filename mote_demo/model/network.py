"""What inference needs of a MoTE model, whether it is held as a module or as tensors alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from torch import Tensor, nn

from mote_demo.model.configuration import MoteConfig
from mote_demo.tasks import Route

if TYPE_CHECKING:
    from mote_demo.model.modeling import MoteModel


class Network(Protocol):
    """Give a route's dense encoder as tensors: ``TensorModel`` does, and ``MoteModel`` itself."""

    config: MoteConfig

    def dense_tensors(self, route: str | None) -> Mapping[str, Tensor]:
        """Return the tensors of the route's dense encoder, by their names in it: those held, not copies."""
        ...

    def count_parameters(self) -> dict[str, int]:
        """Count the parameters stored, and those active for a text of any one route."""
        ...

    def with_route(self, name: str, route: Route, experts: dict[str, nn.Module]) -> "Network":
        """Return a network with one more route and its expert; every other tensor is shared."""
        ...

    def with_experts(self, experts: Mapping[str, str]) -> "Network":
        """Return a network whose routes run other experts, by route, or their mean; every other tensor is shared."""
        ...

    def for_inference(self) -> "Network":
        """Return the network without dropout and in float32, or stored as it is."""
        ...

    def as_module(self) -> "MoteModel":
        """Return the network as a module that can train."""
        ...
