"""Options of the commands that read a file of one's own."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mote_demo.data.options import ReadOptions


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options for what is else told by the file's content."""
    group = parser.add_argument_group("reading a file", "what is not given is told by the content")
    group.add_argument("--encoding", help="such as utf-8, cp1252 or gb18030")
    group.add_argument(
        "--header", action=argparse.BooleanOptionalAction, help="whether the first row names the columns"
    )
    group.add_argument("--delimiter", metavar="CHARACTER", help="between cells")
    group.add_argument("--sheet", metavar="NAME", help="of a workbook (default: the first that is not empty)")
    group.add_argument("--sample-seed", type=int, default=0, metavar="N", help="of the rows kept of a large file")


def reading_options(options: argparse.Namespace) -> "ReadOptions":
    """Return the reader's options among those of a command."""
    from mote_demo.data.options import ReadOptions

    return ReadOptions(options.encoding, options.header, options.delimiter, options.sheet, options.sample_seed)
