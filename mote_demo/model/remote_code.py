"""The code that travels beside the weights, so that a checkpoint loads where this package is not installed."""

import re
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
_MODULES = (
    *("errors", "tasks", "model/backbones", "model/pooling", "model/configuration"),
    *("model/experts", "model/integrity", "model/modeling", "model/sentence"),
)
SENTENCE_MODULE = "sentence_mote.MoteTransformer"
"""What ``modules.json`` names; like the names in ``configuration.CODE`` it never changes."""

_HEAD = "# A copy of mote_demo/{}.py, written by `mote refresh`. Licence: Apache-2.0.\n"
_OWN_IMPORT = re.compile(r"^from mote_demo(?:\.\w+)*\.(\w+) import ", re.MULTILINE)
# In the package these tell transformers which class to take; beside the weights config.json does.
_REGISTRATION = re.compile(r"^Auto\w+\.register\(.*\)\n", re.MULTILINE)


def write_code(folder: str | Path) -> None:
    """Write the modules that a checkpoint needs into its folder: flat, importing only each other and libraries."""
    for module in _MODULES:
        source = (_PACKAGE / f"{module}.py").read_text(encoding="utf-8")
        copied = _OWN_IMPORT.sub(r"from .\1_mote import ", _REGISTRATION.sub("", source)).rstrip()
        name = module.rpartition("/")[2]
        (Path(folder) / f"{name}_mote.py").write_text(f"{_HEAD.format(module)}{copied}\n", encoding="utf-8")
