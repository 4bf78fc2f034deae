"""How numbers are computed; light, because settings and commands read it."""

from collections.abc import Mapping
from types import MappingProxyType

from mote_demo.errors import unknown_choice

EXACT, BFLOAT16, INT8 = "exact", "bfloat16", "int8"
PRECISIONS: Mapping[str, str] = MappingProxyType(
    {EXACT: "32-bit floats", BFLOAT16: "16-bit floats", INT8: "8-bit integers"}
)
"""Name to what the screen says.

int8 is for the linear layers alone (see ``runtime.int8``); bfloat16 is for processors with AMX, and slow on others.
"""

MARKS: Mapping[str, str] = MappingProxyType({EXACT: "", BFLOAT16: "-bfloat16", INT8: "-int8-2"})
"""Name to what ends the fingerprints of its vectors: other rounding, another mark, so that kept ones are not mixed."""


def check_precision(name: str) -> str:
    """Return ``name``, or refuse it with the list of ``PRECISIONS``."""
    if name not in PRECISIONS:
        raise unknown_choice("precision", name, PRECISIONS)
    return name
