"""The model card of a checkpoint, from measured facts."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from mote_demo.evaluation.markdown import report_table, study_table, table
from mote_demo.evaluation.report import Report
from mote_demo.files import replacing

BASE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_TEMPLATE = Path(__file__).with_name("card.md.jinja")
_HUB_TASKS = {
    "retrieval": "information-retrieval",
    "classification": "text-classification",
    "sts": "semantic-similarity",
    "pairs": "pair-classification",
    "nli": "pair-classification",
}
_HUB_METRICS = {
    "nDCG@10": "cosine_ndcg@10",
    "MAP": "cosine_map",
    "V-measure": "v_measure",
    "Spearman": "spearman_cosine",
    "average precision": "cosine_ap",
}
_RESTRICTED = re.compile(r"\bnone\b|\bno licen[cs]e|non-commercial|\bNC\b|research", re.IGNORECASE)


def write_card(
    folder: str | Path,
    facts: Mapping[str, Any],
    report: Report | None = None,
    summary: Mapping[str, Any] | None = None,
) -> Path:
    """Write the model card ``README.md`` of a checkpoint, atomically, and return its path.

    Args:
        folder: the checkpoint; its name is the name of the model.
        facts: what training measured, as ``train_arm`` returns it: ``routes``, ``expert_layers``,
            ``data`` (name, task, rows, licence), ``settings``, and optionally ``base_model``,
            ``parameters``, ``steps``, ``seed``, ``hardware`` and ``minutes``.
        report: an evaluation of it; None says that there is none yet.
        summary: means over several seeds as ``study.summary.summarise`` gives them, to stand beside it.
    """
    path = Path(folder) / "README.md"
    name, routes = path.parent.name, facts["routes"]
    metadata = ModelCardData(
        language="en",
        license="apache-2.0",
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "mixture-of-experts", "mote"],
        base_model=facts.get("base_model") or BASE_MODEL,
        model_name=None if report is None else name,
        eval_results=None if report is None else _eval_results(name, report),
    )
    card = ModelCard.from_template(
        metadata,
        template_str=_TEMPLATE.read_text(encoding="utf-8"),
        name=name,
        layers=facts["expert_layers"],
        parameters=facts.get("parameters"),
        task="clustering" if "clustering" in routes else next(iter(routes)),
        routes=_routes(facts),
        data=_data(facts["data"]),
        training=_training(facts),
        report=report,
        scores=None if report is None else report_table(report),
        study=None if summary is None else study_table(summary),
        restricted=[source["name"] for source in facts["data"] if _RESTRICTED.search(source["licence"])],
    )
    with replacing(path) as temporary:
        temporary.write_text(f"{card}\n", encoding="utf-8")
    return path


def write_cards(checkpoints: Sequence[str | Path], report: Report) -> None:
    """Write the card of every checkpoint that this package trained; a plain backbone is left alone."""
    for folder in map(Path, checkpoints):
        facts = folder / "training.json"
        if facts.is_file():
            write_card(folder, json.loads(facts.read_text(encoding="utf-8")), report)


def _eval_results(name: str, report: Report) -> list[EvalResult]:
    """Return the scores of the model called ``name``, for the model-index of the front matter."""
    return [
        EvalResult(
            task_type=_HUB_TASKS.get(one.family, one.family),
            dataset_type=one.name,
            dataset_name=f"{one.name} ({one.note or 'all rows'})",
            metric_type=_HUB_METRICS.get(one.metric, one.metric),
            metric_name=one.metric,
            metric_value=round(one.scores[name].points, 2),
        )
        for one in report.sets
        if name in one.scores
    ]


def _routes(facts: Mapping[str, Any]) -> str:
    with_experts = bool(facts["expert_layers"])
    header = ["route (`task=`)", "instruction put before the text", *(["expert"] if with_experts else [])]
    rows = [
        [f"`{name}`", _code(route["instruction"]), *([f"`{route['expert']}`"] if with_experts else [])]
        for name, route in facts["routes"].items()
    ]
    return table(header, rows, left=len(header))


def _data(data: Sequence[Mapping[str, Any]]) -> str:
    rows = [[source["name"], source["task"], source["licence"], f"{source['rows']:,}"] for source in data]
    total = sum(source["rows"] for source in data)
    return table(["source", "task", "licence", "rows"], [*rows, ["**all**", "", "", f"**{total:,}**"]], left=3)


def _training(facts: Mapping[str, Any]) -> str:
    settings = dict(facts["settings"])
    tasks = settings.pop("tasks", {})
    if "teachers" in facts:
        settings["teachers, by their share"] = facts["teachers"]
    run = {key: facts[key] for key in ("steps", "seed", "hardware", "minutes") if key in facts}
    tables = [table(["setting", "value"], [[_words(key), _value(value)] for key, value in (run | settings).items()])]
    if tasks:
        keys = list(dict.fromkeys(key for values in tasks.values() for key in values))
        rows = [[task, *(_value(values.get(key, "")) for key in keys)] for task, values in tasks.items()]
        tables.append(table(["task", *map(_words, keys)], rows))
    return "\n\n".join(tables)


def _code(text: str) -> str:
    return f"`{text}`" if text else "none"


def _words(key: str) -> str:
    return key.replace("_", " ")


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        value = [f"{key} {share:g}" for key, share in value.items()]
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value)
