"""Names of the models of a study, and what tables call them."""

from collections.abc import Mapping
from types import MappingProxyType

UNTOUCHED, WITHOUT, BASELINE, MOTE = "untouched", "no_instruction", "baseline", "mote"
MAIN = (UNTOUCHED, WITHOUT, BASELINE, MOTE)
"""What the claim compares; all but the first are arms of the recipe."""

SHIPPED = (BASELINE, MOTE)
"""The arms whose checkpoints the app loads."""

WAVE, WRONG_EXPERT, ROUNDED = "wave", "wrong_expert", "int8"
DERIVED = (WAVE, WRONG_EXPERT, ROUNDED)
"""What comes out of a trained MoTE model without further training."""

ALL = "all"
"""The mean over all sets, beside the families."""

TITLES: Mapping[str, str] = MappingProxyType(
    {
        UNTOUCHED: "untouched backbone",
        WITHOUT: "no instruction",
        BASELINE: "baseline",
        MOTE: "MoTE",
        WAVE: "WAVE: the experts' average",
        WRONG_EXPERT: "the wrong expert on purpose",
        ROUNDED: "MoTE in int8",
    }
)
