"""The code on a page of ``docs/``: what each section needs, runs and prints.

Usage: python -m ecosystem.snippets docs/notebook.md   (writes what is printed now below each block)
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mote_demo.files import replacing

ROOT = Path(__file__).parent.parent
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INSTALL = re.compile(r"^ {4}pip install (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """Hold one section of a page.

    Attributes:
        name: its heading.
        packages: what its ``pip install`` line names; empty where it has none.
        code: its Python blocks, one after the other.
        output: what they print, by its text blocks.
    """

    name: str
    packages: tuple[str, ...]
    code: str
    output: str


def sections(page: Path) -> Iterator[Section]:
    """Yield the sections of a Markdown page that have code."""
    parts = _SECTION.split(page.read_text("utf-8"))[1:]
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        blocks = _BLOCK.findall(text)
        code, output = ("".join(block for kind, block in blocks if kind == wanted) for wanted in ("python", "text"))
        if code:
            packages = [package for line in _INSTALL.findall(text) for package in line.replace('"', "").split()]
            yield Section(name, tuple(packages), code, output)


def run(
    section: Section,
    replaced: Mapping[str, str] | None = None,
    *,
    folder: Path = ROOT,
    known: dict[str, Any] | None = None,
) -> str:
    """Run the code of a section, and return what it prints.

    Args:
        section: what to run.
        replaced: words of the code, such as an address, and what stands there instead.
        folder: where it runs; by default that of the repository.
        known: what sections before it made, for a page that is one program; it takes what this one makes.
    """
    code = section.code
    for word, other in (replaced or {}).items():
        code = code.replace(word, other)
    before, printed = Path.cwd(), io.StringIO()
    os.chdir(folder)
    try:
        program, names = compile(code, section.name, "exec"), {"__name__": "__snippet__"} if known is None else known
        # A thread of its own: one that drives a browser has a loop that runs already.
        with contextlib.redirect_stdout(printed), ThreadPoolExecutor(1) as thread:
            thread.submit(exec, program, names).result()
    finally:
        os.chdir(before)
    return printed.getvalue()


def main(page: Path) -> None:
    """Write what the sections of a page print now, one after the other in one program."""
    text, known = page.read_text("utf-8"), {"__name__": "__snippet__"}
    for section in sections(page):
        block = f"```python\n{section.code}```\n```text\n"
        text = text.replace(f"{block}{section.output}```", f"{block}{run(section, known=known)}```")
    with replacing(page) as temporary:
        temporary.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
