"""Turn the reports of a study into the files that the app, the README and the model cards show."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mote_demo.data.samples import load_samples
from mote_demo.errors import UserError
from mote_demo.evaluation.report import Report
from mote_demo.files import replacing
from mote_demo.model.checkpoint import replacing_folder
from mote_demo.study.cost import measure_cost
from mote_demo.study.page import write_page
from mote_demo.study.runs import MOTE, Run, Study
from mote_demo.study.spaces import measure_spaces
from mote_demo.study.summary import BASELINE, MAIN, Measured, read_study, summarise
from mote_demo.training.card import write_card

SHIPPED = (BASELINE, MOTE)
_DERIVED_TITLES = {
    "untouched": "untouched backbone",
    "wave": "WAVE: the experts' average",
    "wrong_expert": "the wrong expert on purpose",
}
_NOTES = "notes.md"


def publish(study: Study, results: Path, page: Path) -> None:
    """Write ``summary.json``, ``spaces.json``, ``cost.json`` and ``dev.json`` to ``results``, and the page.

    ``results/notes.md`` holds what people have to say about the results; the page ends with it.
    """
    measured = read_study(results / "runs")
    summary = summarise(measured, _titles(study))
    baseline, mote = (study.encoder(_first(study, arm)) for arm in SHIPPED)
    samples = load_samples()
    cost = _once(
        results / "cost.json",
        {"models": [encoder.fingerprint("document") for encoder in (baseline, mote)]},
        lambda: {
            "experts": len(mote.model.config.experts),
            **measure_cost(baseline, mote, samples.passages, ["document", "clustering"]),
        },
    )
    _write_json(results / "summary.json", summary)
    _write_json(results / "spaces.json", measure_spaces(baseline, mote, samples))
    _first_seed(measured).save(results / "dev.json")
    notes = results / _NOTES
    write_page(page, summary, measured, notes.read_text(encoding="utf-8") if notes.is_file() else "", cost)
    study.say(f"wrote {results} and {page}")


def ship(study: Study, results: Path, out: Path) -> None:
    """Copy the checkpoints of the shipped arms' first seed to ``out``, with their model cards."""
    report = json.loads((results / "dev.json").read_text(encoding="utf-8"))
    summary = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    for arm in SHIPPED:
        run = _first(study, arm)
        with replacing_folder(out / arm) as temporary:
            shutil.copytree(study.folder(run), temporary, dirs_exist_ok=True)
        write_card(out / arm, study.facts(run), report, summary)
        study.say(f"shipped {run.name} as {out / arm}")


def _titles(study: Study) -> Mapping[str, str]:
    return _DERIVED_TITLES | {name: arm.title or name for name, arm in study.recipe.arms.items()}


def _first(study: Study, arm: str) -> Run:
    run = study.first(arm)
    if not (study.folder(run) / "training.json").is_file():
        raise UserError(f"There is no checkpoint in {study.folder(run)}. Please run `study` with the arm {arm!r}.")
    return run


def _first_seed(measured: Mapping[str, Measured]) -> Report:
    """Return one report with a column for each main arm, of the first seed."""
    reports = {arm: measured[arm].reports[0] for arm in (BASELINE, MOTE, *MAIN[:2])}
    first = reports[BASELINE]
    sets = [
        replace(one, scores={arm: next(iter(report.sets[number].scores.values())) for arm, report in reports.items()})
        for number, one in enumerate(first.sets)
    ]
    models = {arm: next(iter(report.models.values())) for arm, report in reports.items()}
    return Report(first.protocol, first.seed, models, tuple(sets))


def _once(file: Path, key: Mapping[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what the file holds for ``key``, or measure it and write the file."""
    if file.is_file():
        known = json.loads(file.read_text(encoding="utf-8"))
        if all(known.get(name) == value for name, value in key.items()):
            return known
    values = {**key, **measure()}
    _write_json(file, values)
    return values


def _write_json(file: Path, values: Mapping[str, Any]) -> None:
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
