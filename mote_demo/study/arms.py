"""Names of the models of a study, and what tables call them."""

from collections.abc import Mapping
from types import MappingProxyType

UNTOUCHED, WITHOUT, BASELINE, MOTE = "untouched", "no_instruction", "baseline", "mote"
MAIN = (UNTOUCHED, WITHOUT, BASELINE, MOTE)
"""What the claim compares; all but the first are arms of the recipe."""

SHIPPED = (BASELINE, MOTE)
"""The arms whose checkpoints the app loads."""

INSTRUCTED, WAVE, WRONG_EXPERT = "instructed", "wave", "wrong_expert"
HALF_WAY, ROUNDED = "half_way", "int8"
SOUP, BASELINE_SOUP = "soup", "baseline_soup"
DERIVED: Mapping[str, str] = MappingProxyType(
    {
        INSTRUCTED: MOTE,
        WAVE: MOTE,
        WRONG_EXPERT: MOTE,
        HALF_WAY: MOTE,
        BASELINE_SOUP: BASELINE,
        SOUP: MOTE,
        ROUNDED: MOTE,
    }
)
"""What comes out of trained models without further training, and the arm that it is made of."""

SOUPS: Mapping[str, str] = MappingProxyType({BASELINE: BASELINE_SOUP, MOTE: SOUP})
"""The mean of all seeds of each shipped arm."""

ALL = "all"
"""The mean over all sets, beside the families."""

TITLES: Mapping[str, str] = MappingProxyType(
    {
        UNTOUCHED: "untouched backbone",
        WITHOUT: "no instruction",
        BASELINE: "baseline",
        MOTE: "MoTE",
        INSTRUCTED: "untouched backbone, given the instructions",
        WAVE: "WAVE: the experts' average",
        WRONG_EXPERT: "the wrong expert on purpose",
        HALF_WAY: "MoTE, its experts half way from their start",
        BASELINE_SOUP: "baseline, the mean of all seeds",
        SOUP: "MoTE, the mean of all seeds",
        ROUNDED: "MoTE in int8",
    }
)
