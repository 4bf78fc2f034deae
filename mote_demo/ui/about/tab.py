"""The About tab: what MoTE is, what is loaded, what was measured."""

import gradio as gr

from mote_demo.evaluation.report import Report
from mote_demo.serving.shelf import Shelf
from mote_demo.study.results import Results
from mote_demo.ui.about import html as about_html


def build_about_tab(shelf: Shelf, report: Report | None, results: Results, report_problem: str = "") -> None:
    """Build the tab inside the current ``gr.Tab``; it has no events."""
    gr.HTML(about_html.page(shelf, report, results.summary, report_problem=report_problem))
