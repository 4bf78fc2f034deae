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
from mote_demo.tasks import Route

BASE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_TEMPLATE = Path(__file__).with_name("card.md.jinja")
_FOLDED = _TEMPLATE.with_name("folded_card.md.jinja")
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
_NON_COMMERCIAL = re.compile(r"non-commercial|\bNC\b|research", re.IGNORECASE)
LICENCE_NAME = "apache-2.0-with-restricted-training-data"
"""What the front matter calls the licence where sources are for research or non-commercial use."""

_KEPT = ("language", "license", "license_name", "license_link", "datasets")
"""What the front matter of a model keeps of the model that it was made of."""

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
            ``data`` (name, task, rows, licence and, where it is known, its name on the Hub, ``hub``), ``settings``,
            and optionally ``base_model``, ``parameters``, ``steps``, ``seed``, ``hardware`` and ``minutes``.
        report: an evaluation of it; None says that there is none yet.
        summary: means over several seeds as ``study.summary.summarise`` gives them, to stand beside it.
    """
    path = Path(folder) / "README.md"
    name, routes = path.parent.name, facts["routes"]
    metadata = ModelCardData(
        language="en",
        **_licence(facts["data"]),
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "mixture-of-experts", "mote"],
        base_model=facts.get("base_model") or BASE_MODEL,
        base_model_relation="finetune",
        datasets=list(dict.fromkeys(source.get("hub") or source["name"] for source in facts["data"])),
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
        non_commercial=[source["name"] for source in facts["data"] if _NON_COMMERCIAL.search(source["licence"])],
    )
    return _write(path, card)


def write_cards(checkpoints: Sequence[str | Path], report: Report) -> None:
    """Write the card of every checkpoint that this package trained; a plain backbone is left alone."""
    for folder in map(Path, checkpoints):
        facts = folder / "training.json"
        if facts.is_file():
            write_card(folder, json.loads(facts.read_text(encoding="utf-8")), report)


def write_folded_card(folder: str | Path, source: str | Path, route: Route, more: str = "") -> Path:
    """Write the card of a plain model that was made of one route, or of all, and return its path.

    Args:
        folder: the plain model; its name is the name of the model.
        source: the checkpoint it was made of, whose card says licence and data.
        route: what runs, named by its expert; an empty name stands for all routes, each asked for by its task.
        more: Markdown to end with.
    """
    path, origin = Path(folder) / "README.md", Path(source)
    known = _front_matter(origin)
    metadata = ModelCardData(
        **({key: known[key] for key in _KEPT if key in known} or _licence([])),
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "mote"],
        base_model=known.get("base_model") or BASE_MODEL,
        base_model_relation="finetune",
    )
    template = _FOLDED.read_text(encoding="utf-8")
    told: dict[str, Any] = {"name": path.parent.name, "origin": origin.name, "route": route, "more": more}
    return _write(path, ModelCard.from_template(metadata, template_str=template, **told))


def inherit_card(folder: str | Path, source: str | Path) -> Path:
    """Give a fine-tuned model's card the licence and data of the model it was tuned from, and return its path.

    sentence-transformers writes a card of its own when it saves what it trained, without either.

    Args:
        folder: of the fine-tuned model, with its ``README.md``.
        source: the checkpoint that was tuned.
    """
    path, known = Path(folder) / "README.md", _front_matter(Path(source))
    card = ModelCard.load(path)
    own = card.data.to_dict()
    sets = list(dict.fromkeys([*known.get("datasets", ()), *own.get("datasets", ())]))
    kept = {key: known[key] for key in _KEPT if key in known} | ({"datasets": sets} if sets else {})
    base = own.get("base_model") or known.get("base_model") or BASE_MODEL
    card.data = ModelCardData(**own | kept | {"base_model": base, "base_model_relation": "finetune"})
    return _write(path, card)


def _front_matter(folder: Path) -> dict[str, Any]:
    file = folder / "README.md"
    return ModelCard.load(file).data.to_dict() if file.is_file() else {}


def _licence(data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the front matter says of the licence: another one where training data forbid commercial use."""
    if any(_NON_COMMERCIAL.search(source["licence"]) for source in data):
        return {"license": "other", "license_name": LICENCE_NAME, "license_link": "README.md"}
    return {"license": "apache-2.0"}


def _write(path: Path, card: ModelCard) -> Path:
    with replacing(path) as temporary:
        temporary.write_text(f"{card}\n", encoding="utf-8")
    return path


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
