"""The Experts tab: how far the experts' spaces differ, and what the ablation study measured."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from mote_demo.study.results import Results
from mote_demo.ui.experts import html as experts_html
from mote_demo.ui.shared.downloads import fetch_after, new_file
from mote_demo.ui.shared.events import QUICK


def build_experts_tab(results: Results) -> None:
    """Build the tab inside the current ``gr.Tab``; its only events save the files it shows."""
    gr.HTML(experts_html.page(results))
    with gr.Row():
        for name, values in (("spaces", results.spaces), ("summary", results.summary)):
            if values is not None:
                _build_download(name, values)


def _build_download(name: str, values: Mapping[str, Any]) -> None:
    save = gr.Button(f"Download {name}.json", size="sm", scale=0, min_width=200)
    file = gr.DownloadButton("Download", visible="hidden", elem_id=f"mote-experts-{name}")
    fetch_after(save.click(_saving(name, values), None, [file], **QUICK), file)


def _saving(name: str, values: Mapping[str, Any]) -> Callable[[], Path]:
    def save() -> Path:
        path = new_file(f"{name}.json")
        path.write_text(json.dumps(values, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    return save
