"""The model card of a checkpoint, from measured facts."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from mote_demo.evaluation.markdown import report_table, study_table, table
from mote_demo.evaluation.report import Report
from mote_demo.files import replacing

BASE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
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
    report: Mapping[str, Any] | None = None,
    summary: Mapping[str, Any] | None = None,
) -> Path:
    """Write the model card ``README.md`` of a checkpoint, atomically, and return its path.

    Args:
        folder: the checkpoint; its name is the name of the model.
        facts: what training measured, as ``train_arm`` returns it: ``routes``, ``expert_layers``,
            ``data`` (name, task, rows, licence), ``settings``, and optionally ``base_model``,
            ``parameters``, ``steps``, ``seed``, ``hardware`` and ``minutes``.
        report: an evaluation as ``Report.to_dict`` gives it; None says that there is none yet.
        summary: means over several seeds as ``study.summary.summarise`` gives them, to stand beside it.
    """
    path = Path(folder) / "README.md"
    sections = [
        _front_matter(path.parent.name, facts, report),
        f"# {path.parent.name}",
        _what(facts),
        "## Use\n\n" + _usage(path.parent.name, facts["routes"]),
        "## Routes\n\n" + _routes(facts),
        "## Training data\n\n" + _data(facts["data"]),
        "## Training\n\n" + _training(facts),
        "## Evaluation\n\n" + _evaluation(report) + _over_seeds(summary),
        "## Intended use and limits\n\n" + _limits(facts["data"]),
    ]
    with replacing(path) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    return path


def _front_matter(name: str, facts: Mapping[str, Any], report: Mapping[str, Any] | None) -> str:
    values = ModelCardData(
        language="en",
        license="apache-2.0",
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "mixture-of-experts", "mote"],
        base_model=_base_model(facts),
        model_name=None if report is None else name,
        eval_results=None if report is None else _eval_results(name, report),
    )
    return f"---\n{values.to_yaml()}\n---"


def _eval_results(name: str, report: Mapping[str, Any]) -> list[EvalResult]:
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
        for one in Report.from_dict(report).sets
        if name in one.scores
    ]


def _base_model(facts: Mapping[str, Any]) -> str:
    return facts.get("base_model") or BASE_MODEL


def _what(facts: Mapping[str, Any]) -> str:
    base, layers = _base_model(facts), facts["expert_layers"]
    if layers:
        text = (
            f"A Mixture of Task Experts (MoTE) text encoder grown from `{base}`. In the blocks "
            f"{', '.join(map(str, layers))} (counted from 0) every task has an MLP of its own; all else is shared. "
            "The task is named by the caller, so a text costs what it costs in the dense model."
        )
    else:
        text = (
            f"A dense text encoder trained from `{base}`: one set of weights for all tasks, and no task experts. "
            "It is what a MoTE model is compared with."
        )
    if "parameters" in facts:
        parameters = facts["parameters"]
        text += f" Parameters: {parameters['stored']:,} stored, {parameters['active']:,} active for any one text."
    return text


def _usage(name: str, routes: Mapping[str, Any]) -> str:
    task = "clustering" if "clustering" in routes else next(iter(routes))
    return "\n".join(
        [
            "```python",
            "from sentence_transformers import SentenceTransformer",
            "",
            f'model = SentenceTransformer("{name}")  # the package mote_demo must be installed',
            'texts = ["The parcel never arrived.", "My order is lost."]',
            f'vectors = model.encode(texts, task="{task}")',
            "print(model.similarity(vectors, vectors))",
            "```",
            "",
            "There is no default task: a missing or unknown one is an error that lists the routes.",
        ]
    )


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


def _evaluation(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return "Not measured yet."
    measured = Report.from_dict(report)
    return (
        f"In points (x 100), of this very checkpoint, with seed {measured.seed} of the evaluation; ± is the standard "
        f"error over queries, draws or starts. {measured.protocol}\n\n{report_table(measured)}"
    )


def _over_seeds(summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        return ""
    return (
        "\n\nMeans over the seeds, all models of the study; ± is the standard deviation over them. The last two "
        f"columns compare with MoTE on the seeds that both have.\n\n{study_table(summary)}"
    )


def _limits(data: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "- For research and teaching on task-specific embeddings, and for search, grouping and comparison "
        "of short English texts.",
        "- Vectors of different routes are not comparable, save `query` with `document`.",
        "- Not evaluated on other languages, nor for decisions about people; biases of the base model and of the "
        "training texts are inherited.",
    ]
    restricted = [source["name"] for source in data if _RESTRICTED.search(source["licence"])]
    if restricted:
        lines.append(
            "- Training data with no stated licence, or for research or non-commercial use only "
            f"(see the table): {', '.join(restricted)}. Please check their terms before commercial use."
        )
    return "\n".join(lines)


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


def write_cards(checkpoints: Sequence[str | Path], report: Report) -> None:
    """Write the card of every checkpoint that this package trained; a plain backbone is left alone."""
    for folder in map(Path, checkpoints):
        facts = folder / "training.json"
        if facts.is_file():
            write_card(folder, json.loads(facts.read_text(encoding="utf-8")), report.to_dict())
