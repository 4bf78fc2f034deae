"""Turn the reports of a study into the files that the app, the README and the model cards show."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mote_demo.data.samples import load_samples
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.evaluation.report import Report, load_report
from mote_demo.files import write_json
from mote_demo.model.checkpoint import load_tokenizer, replacing_folder, save_checkpoint
from mote_demo.study.arms import BASELINE, DERIVED, MAIN, SHIPPED, SOUPS, TITLES, UNTOUCHED, WITHOUT
from mote_demo.study.cost import measure_cost
from mote_demo.study.page import write_page
from mote_demo.study.results import read_summary
from mote_demo.study.route_spaces import measure_spaces
from mote_demo.study.runs import Run, Study
from mote_demo.study.summary import ArmReports, check_same_data, on_equal_seeds, read_study, summarise
from mote_demo.study.transfer import read_tried
from mote_demo.training.card import write_card
from mote_demo.validation import read_json

_TIMED_ROUTES = ("document", "clustering")


def publish(study: Study, results: Path, page: Path) -> bool:
    """Write ``summary.json``, ``spaces.json``, ``cost.json`` and ``dev.json`` to ``results``, and the page.

    ``results/notes.md`` holds what people have to say about the results; the page ends with it. Where there is a
    ``results/transfer.json``, the page shows it.

    Returns:
        False where a main arm, or a soup that is shipped, has no report yet, so that nothing was written.
    """
    measured = read_study(results / "runs", [UNTOUCHED, *study.recipe.arms, *DERIVED], study.matches)
    wanted = [*MAIN, *(SOUPS.values() if study.recipe.ship_soup else ())]
    missing = [arm for arm in wanted if arm not in measured]
    if missing:
        study.say(f"nothing to summarise yet: no report of {', '.join(missing)}")
        return False
    check_same_data(measured)
    measured = on_equal_seeds(measured)
    summary = summarise(measured, _titles(study), study.recipe.names)
    baseline, mote = (_shipped(study, arm) for arm in SHIPPED)
    cost = _cost(results / "cost.json", baseline, mote)
    write_json(results / "summary.json", summary, indent=1)
    write_json(results / "spaces.json", measure_spaces(baseline, mote, load_samples(), study.backbone()), indent=1)
    _of_shipped(study, measured).save(results / "dev.json")
    notes = results / "notes.md"
    words = notes.read_text(encoding="utf-8") if notes.is_file() else ""
    write_page(page, summary, measured, words, cost, read_tried(results / "transfer.json"))
    study.say(f"wrote {results} and {page}")
    return True


def ship(study: Study, results: Path, out: Path) -> None:
    """Write the checkpoints of the shipped arms to ``out``, with their model cards (see ``Recipe.ship_soup``)."""
    report, summary = load_report(results / "dev.json"), read_summary(results / "summary.json")
    for arm in SHIPPED:
        facts = study.facts(_trained(study, arm))
        if study.recipe.ship_soup:
            facts |= {"seed": f"mean of {len(study.recipe.seeds_of(arm))} trainings, one a seed"}
            _save_soup(study, arm, facts, out / arm)
        else:
            with replacing_folder(out / arm) as temporary:
                shutil.copytree(study.folder(study.first(arm)), temporary, dirs_exist_ok=True)
        write_card(out / arm, facts, report, summary)
        study.say(f"shipped {arm} as {out / arm}")


def write_shipped_card(folder: Path, results: Path) -> None:
    """Write the card of a checkpoint that was shipped from what is recorded of it; nothing is measured again.

    Raises:
        UserError: the folder has no ``training.json``, or ``results`` no report of a model of its name.
    """
    facts, report = folder / "training.json", load_report(results / "dev.json")
    if not facts.is_file() or folder.resolve().name not in report.models:
        raise UserError(f"Nothing is recorded of {folder} in {results}. Please run `evaluate` with --cards.")
    known = read_json(facts, dict[str, Any], mend="Please get the checkpoint again.")
    write_card(folder, known, report, read_summary(results / "summary.json"))


def _save_soup(study: Study, arm: str, facts: Mapping[str, Any], folder: Path) -> None:
    first = study.folder(study.first(arm))
    soup, backbone = _shipped(study, arm).model, study.encoder(study.first(arm)).model
    learnt = {
        name for name, tensor in soup.state_dict().items() if not torch.equal(tensor, backbone.state_dict()[name])
    }
    frozen = [name for name in soup.state_dict() if name not in learnt]
    tokenizer = load_tokenizer(first)
    save_checkpoint(soup, tokenizer, folder, frozen=frozen, extra={"training.json": facts})


def _shipped(study: Study, arm: str) -> Encoder:
    """Return the model of an arm that is shipped, called after the arm."""
    if not study.recipe.ship_soup:
        return study.encoder(_trained(study, arm))
    soup = study.derived(SOUPS[arm])
    soup.name = arm
    return soup


def _titles(study: Study) -> Mapping[str, str]:
    return dict(TITLES) | {name: arm.title for name, arm in study.recipe.arms.items() if arm.title}


def _trained(study: Study, arm: str) -> Run:
    run = study.first(arm)
    if not (study.folder(run) / "training.json").is_file():
        raise UserError(f"There is no checkpoint in {study.folder(run)}. Please run `study` with the arm {arm!r}.")
    return run


def _of_shipped(study: Study, measured: Mapping[str, ArmReports]) -> Report:
    """Return one report with a column for each main arm: what is shipped of it, or its first seed."""
    sources = {arm: SOUPS[arm] if study.recipe.ship_soup else arm for arm in SHIPPED} | {WITHOUT: WITHOUT}
    reports = {arm: measured[source].reports[study.first(arm).seed] for arm, source in sources.items()}
    reports[UNTOUCHED] = measured[UNTOUCHED].reports[None]
    first = reports[BASELINE]
    sets = [
        replace(one, scores={arm: next(iter(report.sets[number].scores.values())) for arm, report in reports.items()})
        for number, one in enumerate(first.sets)
    ]
    models = {arm: next(iter(report.models.values())) for arm, report in reports.items()}
    return Report(first.protocol, first.seed, models, tuple(sets))


def _cost(file: Path, baseline: Encoder, mote: Encoder) -> dict[str, Any]:
    """Return what the file holds for these models, or measure it and write the file."""
    models = {encoder.name: encoder.fingerprint("document") for encoder in (baseline, mote)}
    if file.is_file():
        known = read_json(file, dict[str, Any], mend="Please delete it: the study measures again.")
        if known.get("models") == models:
            return known
    measured = measure_cost(baseline, mote, load_samples().passages, _TIMED_ROUTES)
    values = {"models": models, "experts": len(mote.config.experts), **measured}
    write_json(file, values, indent=1)
    return values
