"""Which names a package offers, and where they are defined, is read from its sources."""

from mote_demo.data.public_names import PackageSources

SOURCES = {
    "__init__.py": """
from typing import TYPE_CHECKING
from pack._core import *
from ._inner import read as read_table
from .tools import Tool
if TYPE_CHECKING:
    from .types import *
raise RuntimeError("imported")
""",
    "_core/__init__.py": "from .first import *\nfrom .second import *\n",
    "_core/first.py": "def mean(): 'Old mean.'\ndef only_first(): 'Of the first.'\n",
    "_core/second.py": "__all__ = ['mean']\ndef mean(): 'New mean.'\ndef hidden(): 'Not listed.'\n",
    "_inner.py": "def read(a: int): ...\ndef read(a):\n    'Read it.'\n",
    "tools/__init__.py": "from ._impl import Tool, broken\n__all__ = [name for name in dir()]\n",
    "tools/_impl.py": """
from .x import broken
class Tool:
    'A tool.'
    def use(self): 'Use it.'
    def _own(self): 'No.'
""",
    "types.py": "class Kind: 'A kind.'\n",
    "unreadable.py": "def (:\n",
    "tests/__init__.py": "def check(): 'Check.'\n",
}


def test_names_are_found_where_users_find_them_first_and_the_last_definition_counts(tmp_path):
    for path, source in SOURCES.items():
        file = tmp_path / "pack" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    found = dict(PackageSources("pack", tmp_path / "pack", frozenset({"tests"})).definitions())
    assert found == {
        "pack.read_table": (("", "Read it."),),
        "pack.Tool": (("", "A tool."), (".use", "Use it.")),
        "pack.only_first": (("", "Of the first."),),
        "pack.mean": (("", "New mean."),),
        "pack.types.Kind": (("", "A kind."),),
    }
    assert list(found)[-1] == "pack.types.Kind"
