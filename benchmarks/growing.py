"""Growing an expert quickly, beside training the whole model with the sentence-transformers trainer."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from transformers import PreTrainedTokenizerFast

from benchmarks.inputs import encoder
from benchmarks.rows import Row, median_s, seconds
from mote_demo.data.docstrings import load_docstrings
from mote_demo.data.examples import Examples, split
from mote_demo.encoder import Encoder
from mote_demo.growing.frozen_trunk import MAX_TOKENS
from mote_demo.growing.heldout import measure
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.training import TrainedLayers, train_layers
from mote_demo.model.sentence import MoteTransformer
from mote_demo.settings import ROOT, cache_folder
from mote_demo.tasks import Route

_ROWS = 1000
_TASK = "classification"
_SEEDS = (0, 1, 2, 3, 4)
_PEER_RATE, _PEER_TEMPERATURE = 5e-5, 0.05
_END_OF_SENTENCE = r"(?<=[.])\s|\n\s*\n"


def against_the_whole_model() -> Iterator[Row]:
    """Compare wall time and held-out score after as many epochs on the same rows, once a seed."""
    times, scores = [], []
    _warm_up()
    for seed in _SEEDS:
        train, test = _examples(seed, _ROWS)
        settings = GrowthSettings.for_rows(len(train.frame), _TASK, "quick", seed=seed)
        trainer = _whole_trainer(train, settings)
        works: list[Callable[[], object]] = [partial(_grow, train, settings), trainer.train]
        found = {}
        for work in works if seed % 2 == 0 else works[::-1]:
            found[work] = _timed(work)
        (grown, own), (_, theirs) = (found[work] for work in works)
        times.append((own, theirs))
        assert isinstance(grown, Encoder)
        whole = encoder("mote").with_network(trainer.model[0].model)
        models = ((encoder("mote"), _TASK), (grown, "mine"), (whole, _TASK))
        scores.append([_accuracy(model, route, train, test) for model, route in models])
        _say(f"seed {seed}: {own:.0f} s against {theirs:.0f} s; accuracy {np.round(scores[-1], 2)}")
    before, after, peer = np.mean(scores, axis=0)
    own, theirs = np.array(times).T
    lead = np.array(scores)[:, 1] - np.array(scores)[:, 2]
    note = (
        f"{settings.epochs} epochs, {median_s(own)} against {median_s(theirs)}; accuracy on {len(test.frame)} other "
        f"rows {after:.1f} against {peer:.1f} (before: {before:.1f}), the mean of {len(_SEEDS)} seeds; the difference "
        f"is {lead.mean():+.1f} ({lead.min():+.1f} to {lead.max():+.1f})"
    )
    name = f"Growing an expert on {_ROWS:,} rows of a sentence (quick), wall time"
    peer_name = f"SentenceTransformerTrainer, all weights, InfoNCE in the batch, rate {_PEER_RATE:g}"
    yield Row(name, peer_name, tuple(own / theirs), 0.2, "lower", note)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _examples(seed: int, rows: int) -> tuple[Examples, Examples]:
    """Take the first sentences of documentation, labelled with their package; all but ``rows`` are held out."""
    texts = load_docstrings(cache=cache_folder())
    sentences = texts.frame["text"].str.split(_END_OF_SENTENCE, n=1, regex=True).str[0]
    frame = pd.DataFrame({"text": sentences, "label": texts.frame[texts.labels[0]].astype(str)})
    frame = frame.drop_duplicates("text")
    frame = frame[frame.groupby("label")["text"].transform("size") >= 20]
    return split(Examples(_TASK, frame.reset_index(drop=True)), 1 - rows / len(frame), seed)


def _grow(examples: Examples, settings: GrowthSettings) -> Encoder:
    mote = encoder("mote")
    *_, trained = train_layers(mote, examples, _TASK, settings)
    assert isinstance(trained, TrainedLayers)
    route = Route("mine", mote.config.route(_TASK).instruction)
    return mote.with_route("mine", route, trained.layers)


def _accuracy(model: Encoder, route: str, train: Examples, test: Examples) -> float:
    return 100 * next(iter(measure(model, (route, route), train, test).metrics.values()))


def _timed(work: Callable[[], object]) -> tuple[object, float]:
    made: list[object] = []
    spent = seconds(lambda: made.append(work()))
    return made[0], spent


def _warm_up() -> None:
    train, _ = _examples(99, 100)
    settings = GrowthSettings(epochs=1, blocks=1)
    _grow(train, settings)
    _whole_trainer(train, settings).train()


class _PairLoss(torch.nn.Module):
    """InfoNCE between two texts of a label; equal labels are never negatives."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: list[dict[str, torch.Tensor]], labels: torch.Tensor) -> torch.Tensor:
        one, other = (self.model(side)["sentence_embedding"] for side in features)
        return (self._one_way(one, other, labels) + self._one_way(other, one, labels)) / 2

    @staticmethod
    def _one_way(anchors: torch.Tensor, positives: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        same, own = labels.unsqueeze(1) == labels, torch.eye(len(labels), dtype=torch.bool)
        pairs = (anchors @ positives.T).masked_fill(same & ~own, float("-inf"))
        alike = (anchors @ anchors.T).masked_fill(same, float("-inf"))
        scores = torch.cat([pairs, alike], 1) / _PEER_TEMPERATURE
        return torch.nn.functional.cross_entropy(scores, torch.arange(len(labels)))


class _GivenBatches(SentenceTransformerTrainer):
    """Train on the batches given, in their order."""

    batches: list[list[int]]

    def get_batch_sampler(self, *_: object, **__: object) -> list[list[int]]:
        return self.batches


def _whole_trainer(examples: Examples, settings: GrowthSettings) -> SentenceTransformerTrainer:
    """Return a trainer of every weight that the route runs: as many texts in a step as growing has, as often."""
    model = deepcopy(encoder("mote").model).requires_grad_(True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(ROOT / "checkpoints" / "mote")
    sentence = SentenceTransformer(modules=[MoteTransformer(model, tokenizer, {_TASK: MAX_TOKENS})], device="cpu")
    rows, batches = _batches(examples, settings)
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            learning_rate=_PEER_RATE,
            warmup_steps=len(batches) // 10,
            lr_scheduler_type="cosine",
            seed=settings.seed,
            use_cpu=True,
            router_mapping={"one": _TASK, "other": _TASK},
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
    loss = _PairLoss(sentence)
    trainer = _GivenBatches(model=sentence, args=arguments, train_dataset=rows, loss=loss)
    trainer.batches = batches
    return trainer


def _batches(examples: Examples, settings: GrowthSettings) -> tuple[Dataset, list[list[int]]]:
    """Return the pairs of all epochs, and which of them make each batch."""
    random = np.random.default_rng(settings.seed)
    labels = pd.factorize(examples.frame["label"])[0]
    parts = [part for _ in range(settings.epochs) for part in _epoch(labels, settings.batch_size // 2, random)]
    texts, pairs = examples.frame["text"].to_numpy(), np.concatenate(parts)
    columns = {"one": texts[pairs[:, 0]].tolist(), "other": texts[pairs[:, 1]].tolist()}
    ends = np.cumsum([len(part) for part in parts])
    batches = [list(range(end - len(part), end)) for end, part in zip(ends.tolist(), parts, strict=True)]
    return Dataset.from_dict(columns | {"label": labels[pairs[:, 0]].tolist()}), batches


def _epoch(labels: np.ndarray, batch_size: int, random: np.random.Generator) -> list[np.ndarray]:
    """Return batches of pairs of one label, int64 [pairs, 2]: every text once, shuffled."""
    pairs = np.concatenate([_partners(random.permutation(np.flatnonzero(labels == label))) for label in set(labels)])
    return np.array_split(random.permutation(pairs), -(-len(pairs) // batch_size))


def _partners(members: np.ndarray) -> np.ndarray:
    # The last of an odd number meets the first again.
    return np.resize(members, len(members) + len(members) % 2).reshape(-1, 2)
