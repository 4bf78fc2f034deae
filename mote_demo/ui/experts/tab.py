"""The Experts tab: how far the experts' spaces differ, and what the ablation study measured."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from mote_demo.serving.shelf import Shelf
from mote_demo.study.arms import SHIPPED
from mote_demo.study.cost import measure_cost
from mote_demo.study.results import Results
from mote_demo.ui.experts import html as experts_html
from mote_demo.ui.shared.downloads import fetch_after, new_file
from mote_demo.ui.shared.events import MODEL, QUICK

_TIMED_TEXTS, _TIMED_ROUTES, _TURNS = 24, ("clustering",), 5


def build_experts_tab(results: Results, shelf: Shelf) -> Callable[[gr.Tab], None]:
    """Build the tab inside the current ``gr.Tab``.

    Returns:
        what takes the ``gr.Tab``, whose first opening times both models; the other events save the files it shows.
    """
    dense, experts = shelf.shipped
    parameters = {name: each.network.count_parameters() for name, each in zip(SHIPPED, (dense, experts), strict=True)}

    @cache
    def time_both() -> Markup:
        texts = shelf.texts("samples").passages[:_TIMED_TEXTS]
        return experts_html.cost_part(parameters, measure_cost(dense, experts, texts, _TIMED_ROUTES, _TURNS))

    gr.HTML(experts_html.page(results))
    cost = gr.HTML(experts_html.cost_part(parameters), elem_id="mote-experts-cost")
    gr.HTML(experts_html.scores(results))
    with gr.Row():
        for name, values in (("spaces", results.spaces), ("summary", results.summary)):
            if values is not None:
                _build_download(name, values)

    def bind(tab: gr.Tab) -> None:
        tab.select(lambda: time_both(), None, [cost], **QUICK, **MODEL)

    return bind


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
