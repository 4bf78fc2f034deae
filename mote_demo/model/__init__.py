"""What MoTE is. The module and upcycling bring transformers' modeling code along, so they are loaded on first use."""

from typing import TYPE_CHECKING, Any

from mote_demo.model.configuration import MoteConfig

if TYPE_CHECKING:
    from mote_demo.model.modeling import MoteModel
    from mote_demo.model.upcycling import upcycle

__all__ = ["MoteConfig", "MoteModel", "upcycle"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class or a function
    if name == "MoteModel":
        from mote_demo.model.modeling import MoteModel

        return MoteModel
    if name == "upcycle":
        from mote_demo.model.upcycling import upcycle

        return upcycle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
