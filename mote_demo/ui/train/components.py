"""The components of the Train tab, from top to bottom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.data.file_kinds import SUFFIXES, SUPPORTED
from mote_demo.limits import MAX_BYTES, MAX_ROWS, TRAINED_ROWS
from mote_demo.tasks import TASKS
from mote_demo.ui.map.linked_maps import linked_maps
from mote_demo.ui.shared.column_roles import role_table
from mote_demo.ui.shared.reading_options import ReadingOptions, build_reading_options
from mote_demo.ui.train import html as train_html


@dataclass(frozen=True)
class DataComponents:
    """Hold step 1: the data, what each column is for, and what comes of it."""

    file: gr.File
    reading: ReadingOptions
    samples: gr.Button
    add_texts: gr.Button
    note: gr.HTML
    roles: gr.HTML
    report: gr.HTML
    problems: gr.Button
    problems_file: gr.DownloadButton


@dataclass(frozen=True)
class TaskComponents:
    """Hold step 2: what to make of the data."""

    task: gr.Radio
    name: gr.Textbox
    base: gr.Dropdown


@dataclass(frozen=True)
class TrainingComponents:
    """Hold step 3: the training; ``changes`` holds a number for each setting that can be changed."""

    advice: gr.HTML
    effort: gr.Radio
    twin: gr.Checkbox
    test: gr.File
    changes: Mapping[str, gr.Number]
    train: gr.Button
    stop: gr.Button
    progress: gr.HTML


@dataclass(frozen=True)
class ResultComponents:
    """Hold step 4: what the training brought, and the choice to keep it."""

    result: gr.HTML
    command: gr.Textbox
    choice: gr.Row
    keep: gr.Button
    discard: gr.Button
    maps: gr.HTML


@dataclass(frozen=True)
class ExpertsComponents:
    """Hold step 5: the visitor's experts."""

    note: gr.HTML
    expert: gr.Dropdown
    download: gr.Button
    fold: gr.Button
    file: gr.DownloadButton
    remove: gr.Button
    upload: gr.UploadButton


@dataclass(frozen=True)
class TrainComponents:
    """Hold the components of the tab."""

    data: DataComponents
    task: TaskComponents
    training: TrainingComponents
    result: ResultComponents
    experts: ExpertsComponents


def build_components() -> TrainComponents:
    """Lay the tab out inside the current block."""
    with gr.Column(elem_classes="mote-train"):
        return TrainComponents(
            data=_build_data(),
            task=_build_task(),
            training=_build_training(),
            result=_build_result(),
            experts=_build_experts(),
        )


def _build_data() -> DataComponents:
    limits = f"up to {MAX_BYTES // 1_000_000} MB and {MAX_ROWS:,} rows"
    hint = f"The sample set to try it out, or your own rows: {SUPPORTED}, {limits}."
    gr.HTML(train_html.section(1, "Data", hint))
    with gr.Row():
        with gr.Column(scale=2, min_width=260):
            file = gr.File(
                label="Your file",
                file_types=list(SUFFIXES),
                height=150,
                elem_id="mote-train-upload",
            )
            with gr.Row():
                samples = gr.Button("Use the sample set", size="sm", min_width=130, elem_id="mote-train-samples")
                texts = gr.Button(
                    "Add as texts", size="sm", min_width=130, interactive=False, elem_id="mote-train-texts"
                )
        with gr.Column(scale=3, min_width=260):
            note = _html("data")
    reading = build_reading_options()
    roles, report = role_table("mote-train-roles"), _html("counts")
    problems = gr.Button(
        "Download the problems (CSV)", size="sm", visible=False, scale=0, min_width=200, elem_id="mote-train-problems"
    )
    return DataComponents(
        file=file,
        reading=reading,
        samples=samples,
        add_texts=texts,
        note=note,
        roles=roles,
        report=report,
        problems=problems,
        problems_file=gr.DownloadButton("Download", visible="hidden", elem_id="mote-train-problems-file"),
    )


def _build_task() -> TaskComponents:
    gr.HTML(train_html.section(2, "Task", "What should be near each other, and where the new expert starts from."))
    task = gr.Radio(
        [(f"{each.title}: near is {each.near}", name) for name, each in TASKS.items()],
        value="classification",
        label="Task",
        elem_id="mote-train-task",
    )
    with gr.Row():
        name = gr.Textbox(
            label="Name of the new expert", max_lines=1, max_length=48, min_width=180, elem_id="mote-train-name"
        )
        base = gr.Dropdown([], label="Start from the expert of", min_width=180, elem_id="mote-train-base")
    return TaskComponents(task=task, name=name, base=base)


def _build_training() -> TrainingComponents:
    hint = f"Only the new expert learns; up to {TRAINED_ROWS:,} rows, a part of them held out to measure on."
    gr.HTML(train_html.section(3, "Train", hint))
    advice = _html("advice")
    effort = gr.Radio(
        [
            ("Quick: the experts of the two upper blocks", "quick"),
            ("2 minutes: the experts of all blocks, as many steps as fit", "two-minutes"),
            ("Thorough: the experts of all blocks", "thorough"),
        ],
        value="quick",
        label="Effort",
        elem_id="mote-train-effort",
    )
    twin = gr.Checkbox(
        value=True,
        label="Do the same to the baseline, to see what it forgets",
        info="Its MLPs of the same blocks learn from the same rows in as many steps. Takes about as long again.",
        elem_id="mote-train-twin",
    )
    with gr.Accordion("More settings", open=False):
        test = gr.File(
            label="Rows of your own to measure on (otherwise a part of your data is held out)",
            height=110,
            elem_id="mote-train-test",
        )
        with gr.Row():
            changes = {
                "epochs": _number("Epochs (0: automatic)", precision=0),
                "batch_size": _number("Rows in a batch (0: automatic)", precision=0),
                "learning_rate": _number("Learning rate (0: automatic)"),
                "temperature": _number("Temperature of the loss (0: automatic)"),
                "seed": _number("Seed", precision=0),
            }
    with gr.Row(elem_classes="mote-train-actions"):
        train = gr.Button("Train", variant="primary", scale=0, min_width=140, elem_id="mote-train-start")
        stop = gr.Button("Stop", interactive=False, scale=0, min_width=110, elem_id="mote-train-stop")
    progress = _html("progress", train_html.idle())
    return TrainingComponents(
        advice=advice, effort=effort, twin=twin, test=test, changes=changes, train=train, stop=stop, progress=progress
    )


def _build_result() -> ResultComponents:
    gr.HTML(train_html.section(4, "Result", "Before and after, on rows that the training never saw."))
    result = _html("result", train_html.empty_result())
    command = gr.Textbox(
        label="The command that does it again, outside of the app",
        interactive=False,
        visible=False,
        lines=2,
        buttons=["copy"],
        elem_id="mote-train-command",
    )
    with gr.Row(visible=False) as choice:
        keep = gr.Button("Keep it", variant="primary", scale=0, min_width=140, elem_id="mote-train-keep")
        discard = gr.Button("Discard it", scale=0, min_width=140, elem_id="mote-train-discard")
    maps = linked_maps("mote-train-maps", selectable=False)
    return ResultComponents(result=result, command=command, choice=choice, keep=keep, discard=discard, maps=maps)


def _build_experts() -> ExpertsComponents:
    gr.HTML(train_html.section(5, "Your experts", "Use them in Compare and Map, take them along, or remove them."))
    note = _html("experts", train_html.experts_note({}, ()))
    with gr.Row(elem_classes="mote-train-experts"):
        expert = gr.Dropdown([], label="Expert", min_width=180, elem_id="mote-train-expert")
        download = gr.Button(
            "Download expert", size="md", interactive=False, min_width=140, elem_id="mote-train-download"
        )
        fold = gr.Button(
            "Download as a model", size="md", interactive=False, min_width=140, elem_id="mote-train-download-model"
        )
        remove = gr.Button("Remove expert", size="md", interactive=False, min_width=140, elem_id="mote-train-remove")
        upload = gr.UploadButton(
            "Upload an expert", size="md", file_types=[".safetensors"], min_width=140, elem_id="mote-train-plug-in"
        )
    file = gr.DownloadButton("Download", visible="hidden", elem_id="mote-train-file")
    return ExpertsComponents(
        note=note, expert=expert, download=download, fold=fold, file=file, remove=remove, upload=upload
    )


def _html(name: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, elem_id=f"mote-train-{name}")


def _number(label: str, **options: Any) -> gr.Number:
    return gr.Number(value=0, label=label, minimum=0, min_width=140, **options)
