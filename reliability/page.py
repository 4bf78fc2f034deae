"""What docs/reliability.md shows of the counts.

Usage: python -m reliability.page
"""

import json
import sys
from pathlib import Path

from mote_demo.evaluation.markdown import table
from mote_demo.files import replacing

PAGE, COUNTS = Path("docs/reliability.md"), Path("results/reliability.json")
_BEGIN, _END = "<!-- begin:counts -->", "<!-- end:counts -->"


def counts_table(counts: Path = COUNTS) -> str:
    """Return the rows of a file of counts as a table of Markdown, and what is known of each below it."""
    rows = json.loads(counts.read_text("utf-8"))["rows"]
    cells = [[row["name"], f"{row['tried']:,}", f"{row['failed']:,}", _plain(row["target"])] for row in rows]
    notes = [f"- **{row['name']}**: {_plain(row['note'])}" for row in rows if row["note"]]
    return "\n".join([table(["promise", "tried", "failed", "aim"], cells), "", *notes])


def with_counts(text: str, counts: Path = COUNTS) -> str:
    """Return the page with the counts of a file between its two comments."""
    before, rest = text.split(_BEGIN)
    return f"{before}{_BEGIN}\n{counts_table(counts)}\n{_END}{rest.split(_END)[1]}"


def main() -> int:
    """Write the counts into the page."""
    text = with_counts(PAGE.read_text("utf-8"))
    with replacing(PAGE) as temporary:
        temporary.write_text(text, "utf-8")
    return 0


def _plain(words: str) -> str:
    """Return words that Markdown shows as they are: notes may quote a file's name or a payload."""
    return words.replace("\\", "\\\\").replace("<", "&lt;").replace("`", "'").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
