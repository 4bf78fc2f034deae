"""The code that travels beside the weights, so that a checkpoint loads where this package is not installed."""

import re
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
# Each after those that it imports.
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
    sources = {
        module.rpartition("/")[2]: (module, (_PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
        for module in _MODULES
    }
    needed: dict[str, list[str]] = {}
    for name, (module, source) in sources.items():
        direct = list(dict.fromkeys(_OWN_IMPORT.findall(source)))
        needed[name] = list(dict.fromkeys([*direct, *(one for each in direct for one in needed[each])]))
        # Some versions of transformers fetch only what a file names itself.
        further = [f"from .{one}_mote import __name__ as _\n" for one in needed[name] if one not in direct]
        copied = _OWN_IMPORT.sub(r"from .\1_mote import ", _REGISTRATION.sub("", source)).rstrip()
        text = "".join([_HEAD.format(module), copied, "\n", *(["\n", *further] if further else [])])
        (Path(folder) / f"{name}_mote.py").write_text(text, encoding="utf-8")
