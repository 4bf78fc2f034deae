"""The quality of grown experts, on sets used as uploads of several sizes, against what one would do instead."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from mote_demo.data.examples import MIN_PER_CLASS, Examples
from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.evaluation.labelled_sets import choose, discover
from mote_demo.evaluation.metrics import bootstrap_interval
from mote_demo.files import write_json
from mote_demo.growing.expert import Expert, model_fingerprint, route_pair
from mote_demo.growing.frozen_trunk import MAX_TOKENS
from mote_demo.growing.heldout import Measured, measure
from mote_demo.growing.objectives import make_objective
from mote_demo.growing.proof import hash_routes
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.split_view import padded
from mote_demo.growing.training import Optimiser, TrainedLayers, blocks_of, train_layers
from mote_demo.growing.twin import Twin, train_twin
from mote_demo.model.pooling import pool
from mote_demo.tasks import find_task
from mote_demo.validation import read_json

SETS = ("ag_news", "sst2", "trec6", "tweet_sentiment_extraction", "mlquestions_dev", "nq_gold")
SIZES = (200, 1000, 5000)
SEEDS = (0, 1, 2)
METHODS = ("untrained", "logreg", "full_finetune", "lora", "grown")

_EFFORT = "thorough"
_TEST_ROWS = 1000
_DOCUMENTS = 2500
_TEST_QUERIES = 1 / 3
_RATES: Mapping[str, float] = MappingProxyType({"full_finetune": 5e-5, "lora": 1e-3})
_TOKENS_AT_ONCE = 1024
_MOST_EPOCHS = 10
_MEND = "Please remove it, and the cell is computed again."


@dataclass(frozen=True)
class Cell:
    """Hold one seed of one upload.

    Attributes:
        set: name of the set.
        task: its task.
        rows: of the upload.
        seed: of what is drawn and of the trainings.
        parts: of each method, its metric on each test row or query, in points; none where a method does not apply.
        others_identical: whether all other routes of MoTE kept every bit.
        twin_forgets: points that the dense twin lost on small sets of all tasks, their mean.
        seconds: of each training.
    """

    set: str
    task: str
    rows: int
    seed: int
    parts: dict[str, list[float]]
    others_identical: bool
    twin_forgets: float
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Upload:
    """Hold rows as a person would upload them, and rows to test on, the same for every seed."""

    train: Examples
    test: Examples
    searched: Examples


def grow_study(
    mote: Encoder,
    dense: Encoder,
    data: Path,
    out: Path,
    *,
    work: Path,
    sets: Sequence[str] = SETS,
    sizes: Sequence[int] = SIZES,
    seeds: Sequence[int] = SEEDS,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Compute the cells that are not there yet, and write the table of all that are there.

    Args:
        mote: the model that experts are grown on.
        dense: the model that is fine-tuned.
        data: labelled sets, ``dev/<family>/<set>/*.parquet``.
        out: the JSON file to write.
        work: folder with a file for each cell, so that a stopped study goes on where it was.
        sets: names of sets, of classification or retrieval.
        sizes: rows of the uploads; a set that has fewer is left out.
        seeds: of what is drawn.
        say: called with one line after each cell.
    """
    work.mkdir(parents=True, exist_ok=True)
    for one in choose(discover(data), sets):
        tables, _ = one.read()
        for rows in sizes:
            for seed in seeds:
                path = work / f"{one.name}-{rows}-{seed}.json"
                upload = None if path.exists() else make_upload(one.family, tables, rows, seed)
                if upload is not None:
                    cell = compute_cell(mote, dense, upload, one.name, rows, seed)
                    write_json(path, asdict(cell))
                    scores = ", ".join(f"{method} {np.mean(part):.1f}" for method, part in cell.parts.items())
                    say(f"{path.stem}: {scores}; the twin forgets {cell.twin_forgets:.1f}")
                write_json(out, {"rows": table(read_cells(work))})


def read_cells(work: Path) -> list[Cell]:
    """Read the cells that a study computed so far."""
    return [read_json(path, Cell, mend=_MEND) for path in sorted(work.glob("*.json"))]


def table(cells: Sequence[Cell]) -> list[dict[str, object]]:
    """Return a row for each upload: the mean of the seeds, in points, and 95 % intervals over the test rows."""
    found = []
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.set, cell.task, cell.rows), []).append(cell)
    for (name, task, rows), same in groups.items():
        # The test rows are the same for every seed, so each counts once: [test rows].
        parts = {method: np.mean([cell.parts[method] for cell in same], 0) for method in same[0].parts}
        lead = {
            f"grown-{method}": bootstrap_interval(parts["grown"] - parts[method])
            for method in parts
            if method != "grown"
        }
        found.append(
            {
                **{"set": name, "task": task, "rows": rows},
                **{method: _points(parts.get(method)) for method in METHODS},
                "others_identical": all(cell.others_identical for cell in same),
                "twin_forgets": round(float(np.mean([cell.twin_forgets for cell in same])), 2),
                "seeds": len(same),
                "of_seeds": {
                    method: [round(float(np.mean(cell.parts[method])), 2) for cell in same] for method in parts
                },
                "intervals": {pair: [round(end, 2) for end in ends] for pair, ends in lead.items()},
            }
        )
    return found


def _points(part: np.ndarray | None) -> float | None:
    return None if part is None else round(float(part.mean()), 2)


def make_upload(family: str, tables: Mapping[str, pd.DataFrame], rows: int, seed: int) -> Upload | None:
    """Draw an upload from a set; None where it has fewer rows."""
    if family == "classification":
        return _labelled_upload(tables, rows, seed)
    if family == "retrieval":
        return _retrieval_upload(tables, rows, seed)
    raise UserError(f"Uploads are made of sets of classification or retrieval, not of {family}.")


def _labelled_upload(tables: Mapping[str, pd.DataFrame], rows: int, seed: int) -> Upload | None:
    pool, test = (
        tables[name].rename(columns={"label_text": "label"}).drop_duplicates("text") for name in ("train", "test")
    )
    if len(pool) < rows:
        return None
    drawn = pool.sample(rows, random_state=seed)
    drawn = drawn[drawn.groupby("label")["label"].transform("size") >= MIN_PER_CLASS]
    tested = test[~test["text"].isin(pool["text"])]
    train, out = (
        Examples("classification", frame[["text", "label"]].reset_index(drop=True))
        for frame in (drawn, tested.sample(min(_TEST_ROWS, len(tested)), random_state=0))
    )
    return Upload(train, out, train)


def _retrieval_upload(tables: Mapping[str, pd.DataFrame], rows: int, seed: int) -> Upload | None:
    passages = dict(zip(tables["corpus"]["id"], Texts("", "", tables["corpus"]).passages, strict=True))
    words = tables["queries"].set_index("id")["text"]
    right = tables["qrels"][tables["qrels"]["score"] > 0]
    names = np.random.default_rng(0).permutation(sorted(right["query_id"].unique()))
    held_out = set(names[: round(_TEST_QUERIES * len(names))])
    pairs = pd.DataFrame({"query": right["query_id"].map(words), "positive": right["doc_id"].map(passages)})
    tested = right["query_id"].isin(held_out).to_numpy()
    pool = pairs[~tested].drop_duplicates()
    if len(pool) < rows:
        return None
    train = pool.sample(rows, random_state=seed)
    others = np.random.default_rng(0).permutation(sorted(set(passages.values()) - set(pairs["positive"])))
    documents = list(dict.fromkeys([*pairs["positive"], *others]))[: max(_DOCUMENTS, pairs["positive"].nunique())]
    frames = (train, pairs[tested].drop_duplicates(), pd.DataFrame({"query": "", "positive": documents}))
    return Upload(*(Examples("retrieval", frame.reset_index(drop=True)) for frame in frames))


def compute_cell(mote: Encoder, dense: Encoder, upload: Upload, name: str, rows: int, seed: int) -> Cell:
    """Train and measure every method on one upload."""
    task = find_task(upload.train.task)
    route = task.query_route
    settings = GrowthSettings.for_rows(len(upload.train.frame), task.name, _EFFORT, seed=seed)
    hashes = hash_routes(mote)
    before = _measure(mote, route_pair(task.name, route), upload)
    parts = {"untrained": _parts(before)}
    if "label" in upload.train.frame:
        parts["logreg"] = _logistic(before, upload)
    *_, trained = train_layers(mote, upload.train, route, settings, known=before.vectors)
    assert isinstance(trained, TrainedLayers)
    expert = Expert(
        name="grown",
        task=task.name,
        base=route,
        instruction=mote.config.route(route).instruction,
        layers=trained.layers,
        fingerprint=model_fingerprint(mote, task.name),
    )
    grown = expert.plugged_into(mote)
    parts["grown"] = _parts(_measure(grown, expert.routes, upload))
    identical = hash_routes(grown, list(hashes)) == hashes
    size = sum(each.numel() for path in trained.layers for each in trained.layers[path].parameters())
    routes = (task.query_route, task.document_route)
    for method in _RATES:
        whole = fine_tune(dense, upload.train, route, settings, method=method, parameters=size)
        parts[method] = _parts(_measure(whole, routes, upload))
    *_, twin = train_twin(dense, upload.train, upload.test, route, settings, blocks_of(mote, settings))
    assert isinstance(twin, Twin)
    return Cell(name, task.name, rows, seed, parts, identical, twin.lost, {"grown": trained.seconds})


def _measure(encoder: Encoder, routes: tuple[str, str], upload: Upload) -> Measured:
    return measure(encoder, routes, upload.searched, upload.test)


def _parts(measured: Measured) -> list[float]:
    """Return the metric that counts on each row or query, in points: the vote of several, or nDCG."""
    names = list(measured.metrics)
    of = measured.of[next((name for name in names if "5-NN" in name), names[0])]
    return [round(100 * of(np.array([item])), 2) for item in range(measured.items)]


def _logistic(frozen: Measured, upload: Upload) -> list[float]:
    from sklearn.linear_model import LogisticRegression

    train, test = (
        np.stack([frozen.vectors[text] for text in part.frame["text"]]) for part in (upload.train, upload.test)
    )
    probe = LogisticRegression(max_iter=1000).fit(train, upload.train.frame["label"].astype(str))
    return (100.0 * (probe.predict(test) == upload.test.frame["label"].astype(str).to_numpy())).tolist()


def fine_tune(
    dense: Encoder, train: Examples, route: str, settings: GrowthSettings, *, method: str, parameters: int
) -> Encoder:
    """Train all weights of a dense model, or LoRA (Hu et al. 2022) on all of its linear layers.

    Both do as many steps as the expert, in ten epochs at most.

    Args:
        dense: stays as it is.
        train: the rows.
        route: whose instruction is put before the texts.
        settings: epochs, rows in a batch, temperature and seed; the rate is the method's own.
        method: "full_finetune" or "lora".
        parameters: of LoRA, about how many may learn.
    """
    torch.manual_seed(settings.seed)
    model = copy.deepcopy(dense.model).requires_grad_(True).eval()
    adapted: Any = _with_lora(model.backbone, parameters) if method == "lora" else None
    learning = [each for each in model.backbone.parameters() if each.requires_grad]
    documents = _Whole(dense, model.backbone, find_task(train.task).document_route)
    objective = make_objective(
        train,
        dense,
        _Whole(dense, model.backbone, route),  # type: ignore[arg-type]  # of a trunk, objectives use ``encode`` alone
        settings.batch_size,
        settings.temperature,
        {},
        documents=documents,  # type: ignore[arg-type]
    )
    random = np.random.default_rng(settings.seed)
    epochs = min(_MOST_EPOCHS, settings.epochs)
    steps = epochs * len(objective.epoch(np.random.default_rng(settings.seed)))
    optimiser = Optimiser(learning, _RATES[method], steps)
    batches = (batch for _ in range(epochs) for batch in objective.epoch(random))
    for step, batch in enumerate(batches):
        optimiser.step(objective.loss(batch), step / steps)
    if adapted is not None:
        model.backbone = adapted.merge_and_unload()
    return dense.with_network(model.requires_grad_(False))


def _with_lora(backbone: nn.Module, parameters: int) -> "nn.Module":
    from peft import LoraConfig, get_peft_model

    found = {path: module for path, module in backbone.named_modules() if ".layer." in path}
    layers = {path: module for path, module in found.items() if isinstance(module, nn.Linear)}
    wide = sum(layer.in_features + layer.out_features for layer in layers.values())
    rank = max(1, round(parameters / wide))
    return get_peft_model(backbone, LoraConfig(r=rank, lora_alpha=rank, lora_dropout=0.0, target_modules=list(layers)))


class _Whole:
    """Encode with gradients through all blocks."""

    def __init__(self, encoder: Encoder, backbone: nn.Module, route: str) -> None:
        self._encoder, self._backbone, self._route = encoder, backbone, route

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return float32 [len(texts), d], rows of unit length, with gradients."""
        ids = [
            one if len(one) <= MAX_TOKENS else [*one[: MAX_TOKENS - 1], one[-1]]
            for one in self._encoder.tokenize(texts, self._route)
        ]
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        vectors = [self._run([ids[row] for row in part]) for part in _parts_of(order, ids)]
        return torch.cat(vectors)[np.argsort(order)]

    def _run(self, ids: Sequence[Sequence[int]]) -> Tensor:
        tokens, mask = padded([torch.tensor(one) for one in ids])
        hidden = self._backbone(input_ids=tokens, attention_mask=mask).last_hidden_state
        return pool(hidden, mask, self._encoder.config.pooling)


def _parts_of(order: Sequence[int], ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    part: list[int] = []
    for row in order:
        if part and (len(part) + 1) * len(ids[row]) > _TOKENS_AT_ONCE:
            yield part
            part = []
        part.append(row)
    yield part
