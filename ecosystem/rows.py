"""One line of what was tried."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """Say of one thing that was tried whether it worked.

    Attributes:
        name: what was tried, in plain words.
        version: of the tool, "name version" of each part that matters.
        ok: whether it did what it should.
        detail: what was measured, or what went wrong.
    """

    name: str
    version: str
    ok: bool
    detail: str

    def to_dict(self, check: str) -> dict[str, Any]:
        """Return the row as plain data; the name begins with the check that found it."""
        return asdict(self) | {"name": f"{check}: {self.name}"}
