"""The map of the folders in CONTRIBUTING.md is the tree, in the order of the layers that `make lint` checks."""

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mote_demo"


def table() -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    cells = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    return [path for cell in cells for path in re.findall(r"`([^`]+)`", cell)]


def test_every_path_of_the_table_exists():
    assert not [path for path in table() if not (ROOT / path).exists()]
    assert not [path for path in table() if (ROOT / path).is_dir() != path.endswith("/")]


def test_every_package_and_every_module_on_top_is_in_the_table():
    packages = {f"{file.parent.relative_to(ROOT).as_posix()}/" for file in PACKAGE.rglob("*/__init__.py")}
    modules = {file.relative_to(ROOT).as_posix() for file in PACKAGE.glob("*.py")}
    paths = table()
    assert len(paths) == len(set(paths))
    assert {path for path in paths if path.startswith("mote_demo/")} == packages | modules


def test_the_table_has_the_order_of_the_layers():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    on_top = [re.fullmatch(r"mote_demo/(\w+)(?:\.py|/)", path) for path in table()]
    names = [match[1] for match in on_top if match and match[1] != "__init__"]
    assert names == layers[::-1]
