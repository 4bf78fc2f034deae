"""The experts that ship as files: how they came to be, and what they are worth on texts they never saw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mote_demo.data.columns import Columns
from mote_demo.data.examples import to_examples
from mote_demo.data.tables import Table
from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.evaluation.metrics import few_shot_draws, probe_accuracy, sets_interval
from mote_demo.explore.index import nearest
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import label_chance, label_shares
from mote_demo.growing.expert import Expert, model_fingerprint
from mote_demo.growing.grow import choose_settings
from mote_demo.growing.training import TrainedLayers, train_layers
from mote_demo.study.results import Estimate, LabelResult, LensResult, Trial

TASK = "classification"
"""The task the experts are grown for: texts of one label should be near each other."""

NEIGHBOURS = 10
EXAMPLES, DRAWS = 8, 10


@dataclass(frozen=True)
class Variant:
    """Say where an expert starts from and how it is trained; what ``changes`` leaves out is chosen by the effort."""

    base: str = TASK
    effort: str = "quick"
    changes: Mapping[str, Any] = field(default_factory=dict)


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "as it comes": Variant(),
        "from clustering": Variant(base="clustering"),
        "half the rate": Variant(changes={"learning_rate": 5e-4}),
        "half the epochs": Variant(changes={"epochs": 5}),
    }
)
"""What is tried; each differs from the first in one thing."""


def try_variant(encoder: Encoder, rows: Table, label: str, name: str) -> Trial:
    """Grow an expert on one half of the topics and measure it on the other half, both ways round.

    Texts of other topics tell whether the label was learnt, or the topics that came with it.

    Args:
        encoder: the model to grow on.
        rows: a table with the columns text, topic and ``label``.
        label: what to sort by.
        name: one of ``VARIANTS``.

    Returns:
        The share of right neighbours among the texts that were left out, the mean of both halves, before and after.
    """
    topics = sorted(rows.frame["topic"].unique())
    halves = [topics[::2], topics[1::2]]
    measured = [_try_half(encoder, rows, label, VARIANTS[name], half) for half in halves]
    before, after = np.mean(measured, axis=0)
    return {"label": label, "variant": name, "before": round(float(before), 4), "after": round(float(after), 4)}


def _try_half(encoder: Encoder, rows: Table, label: str, variant: Variant, left_out: Sequence[str]) -> list[float]:
    out = rows.frame["topic"].isin(left_out)
    seen = replace(rows, frame=rows.frame[~out].reset_index(drop=True))
    examples = to_examples(seen, TASK, Columns(text="text", label=label))
    settings = choose_settings(examples, variant.effort, **variant.changes)
    *_, trained = train_layers(encoder, examples, variant.base, settings)
    assert isinstance(trained, TrainedLayers)
    instruction = encoder.config.route(variant.base).instruction
    expert = Expert(
        name="tried",
        task=TASK,
        base=variant.base,
        instruction=instruction,
        layers=trained.layers,
        fingerprint=model_fingerprint(encoder, TASK),
    )
    grown = expert.plugged_into(encoder)
    texts, labels = rows.frame["text"][out].tolist(), rows.frame[label][out].tolist()
    return [
        float(_right(model.encode(texts, route=route), labels).mean())
        for model, route in ((encoder, variant.base), (grown, "tried"))
    ]


def measure_label(lenses: Mapping[str, Lens], texts: Texts, label: str, rows: pd.DataFrame) -> LabelResult:
    """Measure how well each lens sorts texts by a column.

    Args:
        lenses: what each lens is called, the one that others are compared with first.
        texts: what is measured on.
        label: a column of ``texts`` and of ``rows``.
        rows: labelled texts of other kinds, which a probe learns from; columns text and ``label``.

    Returns:
        The chance level and, for each lens, shares of right neighbours and accuracies.
    """
    labels = texts.frame[label].to_numpy()
    return {
        "label": label,
        "chance": round(float(label_chance(labels.tolist()).mean()), 4),
        "lenses": _measure_lenses(lenses, texts.passages, labels, rows["text"].tolist(), rows.get(label)),
    }


def _measure_lenses(
    lenses: Mapping[str, Lens], texts: list[str], labels: np.ndarray, others: list[str], taught: pd.Series | None
) -> dict[str, LensResult]:
    results: dict[str, LensResult] = {}
    first: np.ndarray | None = None
    for name, lens in lenses.items():
        vectors = lens.encode_document(texts)
        right = _right(vectors, labels)
        first = right if first is None else first
        results[name] = {
            "lens": str(lens),
            "neighbours": _estimate(right),
            "over_first": _estimate(right - first),
            "few_shot": _few_shot(vectors, labels),
            "probe": None if taught is None else _probe(lens.encode_document(others), taught, vectors, labels),
        }
    return results


def _right(vectors: np.ndarray, labels: Iterable[Any]) -> np.ndarray:
    """Return for each text the share of its neighbours that have its label: float64 [n]."""
    return label_shares(nearest(vectors, NEIGHBOURS)[1], list(labels))


def _few_shot(vectors: np.ndarray, labels: np.ndarray) -> Estimate:
    """Return the accuracy of a probe that saw a few of the texts, on the others: the mean of some draws."""
    scores = []
    for drawn in few_shot_draws(labels, k=EXAMPLES, draws=DRAWS):
        rest = np.setdiff1d(np.arange(len(labels)), drawn)
        scores.append(probe_accuracy(vectors[drawn], labels[drawn], vectors[rest], labels[rest]))
    return _estimate(np.array(scores))


def _probe(train: np.ndarray, taught: pd.Series, vectors: np.ndarray, labels: np.ndarray) -> Estimate:
    """Return the accuracy of a probe that saw all of the other texts."""
    from sklearn.linear_model import LogisticRegression

    predicted = LogisticRegression(max_iter=1000).fit(train, taught.to_numpy()).predict(vectors)
    return _estimate((predicted == labels).astype(float))


def _estimate(values: np.ndarray) -> Estimate:
    low, high = sets_interval(values)
    return {"mean": round(float(values.mean()), 4), "interval": [round(low, 4), round(high, 4)]}
