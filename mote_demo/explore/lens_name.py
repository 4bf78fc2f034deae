"""The string that names a lens wherever one is asked for: URL, command line, API, exports and receipts."""

from collections.abc import Callable
from dataclasses import dataclass

from mote_demo.errors import UserError

_SWITCH = {"on": True, "off": False}
_OPTIONS = "?instruction=off, ?expert=NAME, or both with & between them"


@dataclass(frozen=True)
class LensName:
    """Say which model looks, with which task or route, which expert runs, and whether the instruction is given.

    Written ``MODEL``, ``MODEL/LOOK`` or either with options: ``mote/retrieval``, ``untouched``,
    ``mote/sts?instruction=off``, ``mote/retrieval?expert=clustering``, ``mote/sts?expert=average&instruction=off``.

    Attributes:
        model: name of a model, which may hold slashes.
        look: a task, a route, or ``QUERY+DOCUMENT`` for two routes; "" where the model has one way to look only.
        instruction: False leaves the instruction out.
        expert: the expert that runs instead of the routes' own, "average" for the mean of all; "" is their own.
    """

    model: str
    look: str = ""
    instruction: bool = True
    expert: str = ""

    @classmethod
    def parse(cls, name: str, is_model: Callable[[str], bool]) -> "LensName":
        """Take a name apart.

        Args:
            name: the string.
            is_model: tells whether a whole name, such as that of a folder, is one of a model.

        Raises:
            UserError: it is empty or has an unknown option.
        """
        path, asked, options = name.strip().partition("?")
        if not path:
            raise UserError(f"{name!r} names no lens. Write MODEL/TASK, such as 'mote/retrieval'.")
        chosen = _read_options(name, options) if asked else {}
        model, _, look = (path, "", "") if is_model(path) or "/" not in path else path.rpartition("/")
        return cls(model, look, _SWITCH[chosen.get("instruction", "on")], chosen.get("expert", ""))

    def __str__(self) -> str:
        """Return the string that ``parse`` reads."""
        path = f"{self.model}/{self.look}" if self.look else self.model
        options = [f"expert={self.expert}"] * bool(self.expert) + ["instruction=off"] * (not self.instruction)
        return f"{path}?{'&'.join(options)}" if options else path


def _read_options(name: str, options: str) -> dict[str, str]:
    chosen = {}
    for option in options.split("&"):
        key, _, value = option.partition("=")
        if not (key == "instruction" and value in _SWITCH or key == "expert" and value):
            raise UserError(f"The lens {name!r} has the unknown option {option!r}. Use {_OPTIONS}, or leave it out.")
        chosen[key] = value
    return chosen
