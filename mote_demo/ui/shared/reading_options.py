"""How an upload is read, where a guess is wrong: encoding, header, and a workbook's sheet."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.data.encodings import ENCODINGS
from mote_demo.data.options import ReadOptions

_GUESSED = ""
_HEADERS = {"yes": True, "no": False}


@dataclass(frozen=True)
class ReadingOptions:
    """Hold the components; their values are the arguments of ``to_options``."""

    encoding: gr.Dropdown
    header: gr.Radio
    sheet: gr.Textbox

    @property
    def components(self) -> list[Any]:
        """Return them in the order of the arguments."""
        return [self.encoding, self.header, self.sheet]


def build_reading_options() -> ReadingOptions:
    """Build the choices, folded away; they hold for the next upload."""
    with gr.Accordion("If a file is read wrongly", open=False), gr.Row():
        encodings = [("told by the content", _GUESSED), *((title, code) for code, title in ENCODINGS.items())]
        encoding = gr.Dropdown(encodings, value=_GUESSED, label="Encoding", min_width=160)
        headers = [("told by the content", _GUESSED), ("yes", "yes"), ("no", "no")]
        header = gr.Radio(
            headers, value=_GUESSED, label="The first row names the columns", info="Then upload the file again."
        )
        sheet = gr.Textbox(label="Sheet of a workbook", placeholder="the first that is not empty", min_width=160)
    return ReadingOptions(encoding, header, sheet)


def to_options(encoding: str | None, header: str | None, sheet: str | None) -> ReadOptions:
    """Return the options that were chosen."""
    return ReadOptions(encoding or None, _HEADERS.get(header or ""), sheet=(sheet or "").strip() or None)
