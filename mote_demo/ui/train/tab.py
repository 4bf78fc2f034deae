"""The Train tab: grow an expert on one's own examples, and see what it brought."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.data.tables import MAX_BYTES, MAX_ROWS
from mote_demo.growing.run import MOST_ROWS
from mote_demo.serving.sessions import Sessions
from mote_demo.tasks import TASKS
from mote_demo.ui.map.scatter import scatter_map
from mote_demo.ui.train import html as train_html
from mote_demo.ui.train.components import Benches, DataParts, TrainParts
from mote_demo.ui.train.data_handlers import PREVIEW_ROWS, DataDesk
from mote_demo.ui.train.handlers import TrainDesk

_QUICK: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_TRAINING: dict[str, Any] = {"concurrency_id": "training", "concurrency_limit": 1}
_MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 2}
_DOWNLOAD_SCRIPT = "() => setTimeout(() => document.querySelector('#mote-train-file').click(), 100)"


@dataclass(frozen=True)
class TrainTab:
    """Offer the picker of the visitor's own experts; it changes when one comes or goes."""

    expert: gr.Dropdown


def build_train_tab(sessions: Sessions) -> TrainTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    with gr.Column(elem_classes="mote-train"):
        data = _build_data()
        parts = _build_training()
    benches = Benches(sessions)
    _wire_data(DataDesk(benches, data), data)
    desk = TrainDesk(benches, data, parts)
    _wire_training(desk, data, parts)
    _wire_experts(desk, data, parts)
    return TrainTab(parts.expert)


def _build_data() -> DataParts:
    limits = f"up to {MAX_BYTES // 1_000_000} MB and {MAX_ROWS:,} rows"
    hint = f"The sample set to try it out, or your own rows: CSV, TSV, JSONL or Parquet, {limits}."
    gr.HTML(train_html.section(1, "Data", hint))
    with gr.Row():
        with gr.Column(scale=2, min_width=260):
            file = gr.File(
                label="Your file",
                file_types=[".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet"],
                height=150,
                elem_id="mote-train-upload",
            )
            with gr.Row():
                samples = gr.Button("Use the sample set", size="sm", min_width=130, elem_id="mote-train-samples")
                texts = gr.Button(
                    "Add as texts", size="sm", min_width=130, interactive=False, elem_id="mote-train-texts"
                )
        with gr.Column(scale=3, min_width=260):
            note = gr.HTML("", apply_default_css=False, elem_id="mote-train-data")
            preview = gr.Dataframe(
                label=f"First {PREVIEW_ROWS} rows",
                datatype="str",
                interactive=False,
                wrap=True,
                max_height=260,
                elem_id="mote-train-preview",
            )
    given: dict[str, Any] = {"file": file, "samples": samples, "add_texts": texts}
    return DataParts(**given, note=note, preview=preview, **_build_task())


def _build_task() -> dict[str, Any]:
    gr.HTML(train_html.section(2, "Task", "What should be near each other, and where the new expert starts from."))
    task = gr.Radio(
        [(f"{each.title}: near is {each.near}", name) for name, each in TASKS.items()],
        value="classification",
        label="Task",
        elem_id="mote-train-task",
    )
    with gr.Row():
        columns = tuple(
            gr.Dropdown([], label="Column", min_width=150, elem_id=f"mote-train-column-{number}") for number in range(3)
        )
    counts = gr.HTML("", apply_default_css=False, elem_id="mote-train-counts")
    with gr.Row():
        name = gr.Textbox(
            label="Name of the new expert", max_lines=1, max_length=48, min_width=180, elem_id="mote-train-name"
        )
        base = gr.Dropdown([], label="Start from the expert of", min_width=180, elem_id="mote-train-base")
    return {"task": task, "columns": columns, "counts": counts, "name": name, "base": base}


def _build_training() -> TrainParts:
    gr.HTML(
        train_html.section(
            3,
            "Train",
            f"Only the new expert learns; up to {MOST_ROWS:,} rows, a quarter of them held out to measure on.",
        )
    )
    settings = _build_settings()
    with gr.Row(elem_classes="mote-train-actions"):
        train = gr.Button("Train", variant="primary", scale=0, min_width=140, elem_id="mote-train-start")
        stop = gr.Button("Stop", interactive=False, scale=0, min_width=110, elem_id="mote-train-stop")
    progress = gr.HTML(train_html.idle(), apply_default_css=False, elem_id="mote-train-progress")
    gr.HTML(train_html.section(4, "Result", "Before and after, on rows that the training never saw."))
    result = gr.HTML(train_html.empty_result(), apply_default_css=False, elem_id="mote-train-result")
    with gr.Row(visible=False) as choice:
        keep = gr.Button("Keep it", variant="primary", scale=0, min_width=140, elem_id="mote-train-keep")
        discard = gr.Button("Discard it", scale=0, min_width=140, elem_id="mote-train-discard")
    built: dict[str, Any] = {"train": train, "stop": stop, "progress": progress}
    built |= {"result": result, "choice": choice, "keep": keep, "discard": discard}
    return TrainParts(
        **built,
        **settings,
        **_build_maps(),
        **_build_experts(),
    )


def _build_settings() -> dict[str, Any]:
    effort = gr.Radio(
        [("Quick: the experts of the two upper blocks", "quick"), ("Thorough: the experts of all blocks", "thorough")],
        value="quick",
        label="Effort",
        elem_id="mote-train-effort",
    )
    numbers = {
        "epochs": ("Epochs (0: automatic)", 0, 0),
        "batch_size": ("Rows in a batch (0: automatic)", 0, 0),
        "learning_rate": ("Learning rate (0: automatic)", 0, None),
        "temperature": ("Temperature of the loss (0: automatic)", 0, None),
        "seed": ("Seed", 0, 0),
    }
    with gr.Accordion("More settings", open=False), gr.Row():
        changes = {
            name: gr.Number(value=value, label=label, precision=precision, minimum=0, min_width=140)
            for name, (label, value, precision) in numbers.items()
        }
    return {"effort": effort, "changes": changes}


def _build_maps() -> dict[str, Any]:
    headings, maps = [], []
    with gr.Row(elem_classes="mote-train-maps"):
        for title in ("Before", "After"):
            with gr.Column(min_width=300, elem_classes="mote-map-side"):
                headings.append(gr.HTML(train_html.map_heading(title), apply_default_css=False))
                maps.append(scatter_map(f"{title} training", elem_id=f"mote-train-map-{title.lower()}"))
    return {"headings": tuple(headings), "maps": tuple(maps)}


def _build_experts() -> dict[str, Any]:
    gr.HTML(train_html.section(5, "Your experts", "Use them in Compare and Map, take them along, or remove them."))
    note = gr.HTML(train_html.experts_note({}), apply_default_css=False, elem_id="mote-train-experts")
    with gr.Row(elem_classes="mote-train-experts"):
        expert = gr.Dropdown([], label="Expert", min_width=180, elem_id="mote-train-expert")
        download = gr.Button(
            "Download expert", size="md", interactive=False, min_width=140, elem_id="mote-train-download"
        )
        remove = gr.Button("Remove expert", size="md", interactive=False, min_width=140, elem_id="mote-train-remove")
        upload = gr.UploadButton(
            "Upload an expert", size="md", file_types=[".safetensors"], min_width=140, elem_id="mote-train-plug-in"
        )
    file = gr.DownloadButton("Download", visible="hidden", elem_id="mote-train-file")
    return {
        **{"experts_note": note, "expert": expert, "download": download},
        **{"file": file, "remove": remove, "upload": upload},
    }


def _wire_data(desk: DataDesk, data: DataParts) -> None:
    described = [*data.columns, data.counts, data.name, data.base]
    every = [data.note, data.preview, data.add_texts, data.task, *described]
    gr.on(None, desk.open, None, every, **_QUICK)
    data.file.upload(desk.upload, [data.file], every, **_QUICK)
    data.samples.click(desk.use_samples, None, [*every, data.file], **_QUICK)
    data.add_texts.click(desk.add_texts, None, [data.add_texts], **_QUICK)
    data.task.input(desk.choose_task, [data.task], described, **_QUICK)
    for column in data.columns:
        column.input(desk.choose_columns, {data.task, *data.columns}, [data.counts], **_QUICK)


def _wire_training(desk: TrainDesk, data: DataParts, parts: TrainParts) -> None:
    asked: set[Any] = {data.task, *data.columns, data.name, data.base, parts.effort, *parts.changes.values()}
    maps = [*parts.headings, *parts.maps]
    listed = [parts.experts_note, parts.expert, parts.download, parts.remove, data.base]
    acted = [parts.train, parts.stop, parts.progress]
    plugged = [parts.progress, parts.choice, data.name, *listed]
    queued = parts.train.click(desk.queue, None, acted, queue=False, **_QUICK)
    trained = queued.success(
        desk.train, asked, [parts.train, parts.stop, parts.result, *plugged, *maps], **_QUICK, **_TRAINING
    )
    trained.failure(desk.free, None, acted, queue=False, **_QUICK)
    trained.success(desk.refine_maps, None, maps, **_QUICK, **_MODEL)
    parts.stop.click(desk.stop, None, [parts.stop], **_QUICK)
    parts.keep.click(desk.keep, None, plugged, **_QUICK)
    parts.discard.click(desk.discard, None, [parts.choice, *parts.headings, parts.result, parts.progress], **_QUICK)


def _wire_experts(desk: TrainDesk, data: DataParts, parts: TrainParts) -> None:
    listed = [parts.experts_note, parts.expert, parts.download, parts.remove, data.base]
    written = parts.download.click(desk.download, [parts.expert], [parts.file], **_QUICK)
    written.success(None, js=_DOWNLOAD_SCRIPT, api_visibility="private")
    parts.remove.click(desk.remove, [parts.expert, data.base, data.task], listed, **_QUICK)
    parts.upload.upload(desk.upload, [parts.upload], listed, **_QUICK)
