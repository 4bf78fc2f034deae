# A copy of mote_demo/errors.py, written by `mote refresh`. Licence: Apache-2.0.
"""The one error whose message is written for the person who uses the software."""

from collections.abc import Iterable


class UserError(ValueError):
    """Report an expected failure: what was wrong, where, and what to do."""


def unknown_choice(kind: str, given: object, choices: Iterable[str]) -> UserError:
    """Build the error for a missing or unknown choice; it lists the choices."""
    listed = ", ".join(repr(choice) for choice in choices) or "none"
    problem = f"No {kind} was given" if given in (None, "") else f"Unknown {kind} {given!r}"
    return UserError(f"{problem}. Choose one of: {listed}.")
