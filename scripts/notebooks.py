"""Execute the example notebooks from top to bottom and keep what their cells show.

Usage: python scripts/notebooks.py [NOTEBOOK ...]
"""

import ast
import io
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mote_demo.files import replacing
from mote_demo.settings import ROOT

EXAMPLES = ROOT / "examples"


def main():
    for path in [Path(name).resolve() for name in sys.argv[1:]] or sorted(EXAMPLES.glob("*.ipynb")):
        notebook = json.loads(path.read_text("utf-8"))
        # What the cells write is nobody's to keep.
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            execute(notebook)
            os.chdir(ROOT)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", "utf-8")


def execute(notebook: dict) -> None:
    """Execute the code cells in order, as one program, and put what each shows into the notebook."""
    names = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(cells, start=1):
        cell["execution_count"] = count
        cell["outputs"] = run("".join(cell["source"]), names, count)


def run(code: str, names: dict, count: int) -> list[dict]:
    """Run one cell; return what it printed, and its last expression as text and, where it can, as HTML."""
    tree = ast.parse(code, f"cell {count}")
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(tree, f"cell {count}", "exec"), names)
        if last is not None:
            value = eval(compile(last, f"cell {count}", "eval"), names)
    outputs = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": lines(printed.getvalue())})
    if value is not None:
        data = {"text/plain": lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = lines(value._repr_html_())
        outputs.append({"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}})
    return outputs


def lines(text: str) -> list[str]:
    """Return the lines of a text with their ends, as notebooks store them."""
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    main()
