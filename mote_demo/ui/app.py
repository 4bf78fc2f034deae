"""The app: seven tabs over one shelf."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

import mote_demo
from mote_demo.evaluation.report import Report
from mote_demo.event_log import begin_log, note
from mote_demo.http.routes import openai_routes
from mote_demo.limits import EXPORT_SECONDS, MAX_BYTES, MAX_SESSIONS, QUEUED
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.serving.shelf import Shelf
from mote_demo.serving.warm_up import warm_up
from mote_demo.settings import (
    cache_folder,
    checkpoints_folder,
    indexed_folders,
    log_style,
    more_models,
    precision,
    report_file,
    shipped_experts_file,
    spaces_file,
    summary_file,
)
from mote_demo.study.results import Results, ShippedExperts, load_results, read_report, read_shipped
from mote_demo.ui.about.tab import build_about_tab
from mote_demo.ui.api import add_endpoints
from mote_demo.ui.classes.tab import build_classes_tab
from mote_demo.ui.compare.tab import build_compare_tab
from mote_demo.ui.experts.tab import build_experts_tab
from mote_demo.ui.map.tab import build_map_tab
from mote_demo.ui.routes import add_routes
from mote_demo.ui.server import server_options
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.downloads import keep_files_private
from mote_demo.ui.shared.events import QUICK
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.theme import css, theme
from mote_demo.ui.shared.threads import start
from mote_demo.ui.shared.uploads import own_uploads
from mote_demo.ui.shared.visitor import visitor_of
from mote_demo.ui.start.tab import build_start_tab
from mote_demo.ui.train.tab import build_train_tab

TITLE = "MoTE Explorer"
_BANNER = (
    '<header class="mote-banner"><h1><b>MoTE</b> Explorer</h1>'
    "<p>One text, several tasks: an expert for each, beside one model for all.</p>"
    '<button type="button" class="mote-theme" aria-pressed="false">Dark</button></header>'
)
_STATIC = Path(__file__).parent / "static"
_SCRIPTS = ("radios.js", "leaving.js", "theme.js")
# Seconds: how often Gradio looks for files of visitors, and how old they get.
_DELETE_FILES = (600, EXPORT_SECONDS)


def open_app() -> gr.Blocks:
    """Load the checkpoints of the settings and build the app; the built-in texts are encoded in the background.

    From then on this process writes a log, and files that only its own user can read.
    """
    begin_log(log_style())
    keep_files_private()
    shelf = Shelf.open(checkpoints_folder(), cache_folder(), precision(), more_models(), indexed_folders())
    report, problem = read_report(report_file())
    stop = threading.Event()
    start(partial(warm_up, shelf, stop), stop)
    results, shipped = load_results(spaces_file(), summary_file()), read_shipped(shipped_experts_file())
    return build_app(shelf, report, results, shipped, report_problem=problem)


def build_app(
    shelf: Shelf,
    report: Report | None = None,
    results: Results | None = None,
    shipped: ShippedExperts | None = None,
    *,
    report_problem: str = "",
) -> gr.Blocks:
    """Build the app over loaded models.

    Args:
        shelf: models, texts and store, shared by all visitors.
        report: measured results to show, if there are any.
        results: what the study of the experts wrote, if it ran.
        shipped: what was measured of the experts that ship, if anything was.
        report_problem: why there is no report although there is a file of one, or "".
    """
    results = results or Results()
    sessions = Sessions(lambda: Session(shelf, lambda: sum(each.count_letters() for each in sessions)))
    with Page(title=TITLE, delete_cache=_DELETE_FILES, analytics_enabled=False) as demo:
        demo.models = tuple(name for _, name in shelf.choices())
        gr.HTML(_BANNER)
        with gr.Tabs() as tabs:
            with gr.Tab("Start", id="start"):
                begin = build_start_tab(sessions, shipped)
            with gr.Tab("Compare", id="compare") as compare_tab:
                compare = build_compare_tab(sessions)
            with gr.Tab("Map", id="map") as map_tab:
                maps = build_map_tab(sessions)
            with gr.Tab("Classes", id="classes") as classes_tab:
                classes = build_classes_tab(sessions)
            with gr.Tab("Train", id="train"):
                train = build_train_tab(sessions)
            with gr.Tab("Experts", id="experts") as experts_tab:
                build_experts_tab(results, shelf)(experts_tab)
            with gr.Tab("About", id="about"):
                build_about_tab(shelf, report, results, report_problem)
        opening = Opening(demo, sessions, tabs)
        compare.bind(compare_tab, opening)
        maps.bind(map_tab, opening)
        classes.bind(classes_tab, opening)
        begin.bind(demo)
        to_top = "() => { window.scrollTo(0, 0); }"
        opened = begin.grow.click(lambda: gr.Tabs(selected="train"), None, [tabs], js=to_top, **QUICK)
        train.use_samples_on(opened.success)
        add_endpoints(Session(shelf))

        def forget(request: gr.Request) -> None:
            sessions.close(visitor_of(request))

        demo.unload(forget)
    own_uploads(demo)
    # Without the queue, whoever posts to an endpoint would pass by those who wait.
    demo.queue(default_concurrency_limit=8, max_size=QUEUED, api_open=False)
    note("ready", version=mote_demo.__version__, models=", ".join(demo.models))
    add_routes(demo, openai_routes(Session(shelf)))
    return demo


def launch_options() -> dict[str, Any]:
    """Return the arguments of ``launch``: own look and keys, no telemetry, no inputs kept in the browser."""
    scripts = "".join(f'<script type="module">{(_STATIC / name).read_text("utf-8")}</script>' for name in _SCRIPTS)
    return {
        "theme": theme(),
        "css": css(),
        "footer_links": ["api"],
        "enable_monitoring": False,
        "run_history": False,
        "max_file_size": MAX_BYTES,
        # Of each page that was ever opened Gradio keeps a copy of the config, which is most of a megabyte.
        "state_session_capacity": MAX_SESSIONS,
        "app_kwargs": server_options(scripts),
        # A server of Gradio's own before this one would answer without its headers.
        "ssr_mode": False,
        "favicon_path": str(_STATIC / "favicon.svg"),
    }
