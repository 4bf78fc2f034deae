"""Growing an expert, beside training the whole model with the sentence-transformers trainer."""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from torch.utils.data import SequentialSampler

from benchmarks.inputs import encoder
from benchmarks.rows import Row
from mote_demo.data.docstrings import load_docstrings
from mote_demo.data.examples import Examples, split
from mote_demo.encoder import Encoder
from mote_demo.model.sentence import MoteTransformer
from mote_demo.settings import ROOT
from mote_demo.tasks import Route
from mote_demo.training.growing import Grown, Growth, grow
from mote_demo.training.heldout import measure
from mote_demo.training.objectives import LabelObjective
from mote_demo.training.tacl import info_nce

_ROWS, _HELD_OUT = 1000, 300
_TASK = "classification"
_SEEDS = (0, 1, 2)
_PEER_RATE = 2e-5


def against_the_whole_model() -> Iterator[Row]:
    """Compare wall time and held-out score on the same rows and epochs, once a seed."""
    ratios, scores = [], []
    for seed in _SEEDS:
        train, test = _examples(seed)
        settings = Growth.suited("mine", _TASK, len(train.frame), effort="quick")
        grown, own = _timed(partial(_grow, train, settings))
        whole, theirs = _timed(partial(_train_whole, train, settings, seed))
        ratios.append(own / theirs)
        before = measure(encoder("mote"), (_TASK, _TASK), train, test)
        scores.append(
            [
                next(iter(score.metrics.values())) * 100
                for score in (
                    before,
                    measure(grown, ("mine", "mine"), train, test),
                    measure(whole, (_TASK, _TASK), train, test),
                )
            ]
        )
    means = np.mean(scores, axis=0)
    note = f"held-out accuracy {means[1]:.1f} against {means[2]:.1f} (before: {means[0]:.1f}); {settings.epochs} epochs"
    name = f"Growing an expert on {_ROWS:,} rows, wall time"
    yield Row(name, "SentenceTransformerTrainer, whole model", tuple(ratios), 0.2, "lower", note)


def _timed(make: Callable[[], Encoder]) -> tuple[Encoder, float]:
    started = time.perf_counter()
    return make(), time.perf_counter() - started


def _examples(seed: int) -> tuple[Examples, Examples]:
    """Take documentation texts labelled with their package, from packages that have enough of them."""
    texts = load_docstrings()
    frame = pd.DataFrame({"text": texts.passages, "label": texts.frame[texts.labels[0]].astype(str)})
    frame = frame.drop_duplicates("text")
    frame = frame[frame.groupby("label")["text"].transform("size") >= 20]
    frame = frame.sample(min(_ROWS + _HELD_OUT, len(frame)), random_state=seed).reset_index(drop=True)
    return split(Examples(_TASK, frame), _HELD_OUT / len(frame), seed)


def _grow(examples: Examples, settings: Growth) -> Encoder:
    mote = encoder("mote")
    *_, grown = grow(mote, examples, settings)
    assert isinstance(grown, Grown)
    route = Route("mine", mote.model.config.route(_TASK).instruction)
    return mote.with_route("mine", route, grown.experts)


class _PairLoss(torch.nn.Module):
    """The loss that growing uses, for the trainer."""

    def __init__(self, model: SentenceTransformer, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(self, features: list[dict[str, torch.Tensor]], labels: torch.Tensor) -> torch.Tensor:
        one, other = (self.model(side)["sentence_embedding"] for side in features)
        return info_nce(one, other, labels, temperature=self.temperature, symmetric=True)


class _InOrder(SentenceTransformerTrainer):
    def _get_train_sampler(self, *_: object) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)


def _train_whole(examples: Examples, settings: Growth, seed: int) -> Encoder:
    """Train every weight of the route's dense model on the batches that growing sees."""
    from transformers import PreTrainedTokenizerFast

    mote = Encoder.from_pretrained(ROOT / "checkpoints" / "baseline", "whole")
    mote.model.requires_grad_(True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(ROOT / "checkpoints" / "baseline")
    sentence = SentenceTransformer(modules=[MoteTransformer(mote.model, tokenizer, {_TASK: 128})], device="cpu")
    rows, size = _batches(examples, settings, seed)
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=size,
            learning_rate=_PEER_RATE,
            warmup_steps=len(rows) // size // 10,
            seed=seed,
            use_cpu=True,
            router_mapping={"one": _TASK, "other": _TASK},
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        _InOrder(
            model=sentence, args=arguments, train_dataset=rows, loss=_PairLoss(sentence, settings.temperature)
        ).train()
    return Encoder(mote.model, mote._tokenizer, "whole")


def _batches(examples: Examples, settings: Growth, seed: int) -> tuple[Dataset, int]:
    """Return the pairs of all epochs in order, and how many make a batch."""
    objective = LabelObjective(examples.frame, None, settings.batch_size, settings.temperature)  # type: ignore[arg-type]
    random = np.random.default_rng(seed)
    rows = np.concatenate([batch for _ in range(settings.epochs) for batch in objective.epoch(random)])
    texts, labels = examples.frame["text"].to_numpy(), pd.factorize(examples.frame["label"])[0]
    one, other = rows[::2], rows[1::2]
    pairs = {"one": texts[one].tolist(), "other": texts[other].tolist(), "label": labels[one].tolist()}
    return Dataset.from_dict(pairs), settings.batch_size // 2
