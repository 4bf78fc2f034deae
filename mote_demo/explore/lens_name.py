"""The string that names a lens wherever one is asked for: URL, command line, API, exports and receipts."""

from collections.abc import Callable
from dataclasses import dataclass

from mote_demo.errors import UserError

_SWITCH = {"on": True, "off": False}


@dataclass(frozen=True)
class LensName:
    """Say which model looks, with which task or route, and whether the instruction is put before the text.

    Written ``MODEL``, ``MODEL/LOOK`` or either with ``?instruction=off``: ``mote/retrieval``, ``untouched``,
    ``mote/sts?instruction=off``.

    Attributes:
        model: name of a model, which may hold slashes.
        look: a task, a route, or ``QUERY+DOCUMENT`` for two routes; "" where the model has one way to look only.
        instruction: False leaves the instruction out.
    """

    model: str
    look: str = ""
    instruction: bool = True

    @classmethod
    def parse(cls, name: str, is_model: Callable[[str], bool]) -> "LensName":
        """Take a name apart.

        Args:
            name: the string.
            is_model: tells whether a whole name, such as that of a folder, is one of a model.

        Raises:
            UserError: it is empty or has an option that is not ``instruction=on`` or ``instruction=off``.
        """
        path, asked, options = name.strip().partition("?")
        if not path:
            raise UserError(f"{name!r} names no lens. Write MODEL/TASK, such as 'mote/retrieval'.")
        instruction = _read_options(name, options) if asked else True
        model, _, look = (path, "", "") if is_model(path) or "/" not in path else path.rpartition("/")
        return cls(model, look, instruction)

    def __str__(self) -> str:
        """Return the string that ``parse`` reads."""
        path = f"{self.model}/{self.look}" if self.look else self.model
        return path if self.instruction else f"{path}?instruction=off"


def _read_options(name: str, options: str) -> bool:
    key, _, value = options.partition("=")
    if key != "instruction" or value not in _SWITCH:
        raise UserError(f"The lens {name!r} has the unknown option {options!r}. Use ?instruction=off, or leave it out.")
    return _SWITCH[value]
