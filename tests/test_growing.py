"""Growing an expert: only it changes, it learns, it stops on request, and its file fits one model only."""

import threading
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoConfig, AutoModel

from mote_demo.data.examples import Examples, split
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.growing.frozen_trunk import FrozenTrunk
from mote_demo.growing.heldout import measure
from mote_demo.growing.objectives import make_objective
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.training import TrainedLayers, TrainingStep, copy_expert, train_layers
from mote_demo.model import MoteModel, upcycle
from mote_demo.model.backbones import BACKBONES
from mote_demo.model.experts import replace_modules
from mote_demo.tasks import ROUTES, TASKS, Route

PETS = ("cat", "dog", "bird", "fish")
WHEELS = ("car", "train", "plane", "road")
OTHER = ("red", "green", "blue", "happy", "angry", "sad", "good", "bad", "big", "small", "new", "old")


def examples_of(task: str) -> Examples:
    """Make examples whose sense is in one word; the other words are noise."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(48):
        kind, words = (("pets", PETS), ("wheels", WHEELS))[number % 2]
        noise = random.choice(OTHER, 4)
        text = f"{noise[0]} {noise[1]} {random.choice(words)} {noise[2]} {noise[3]}"
        same = f"{noise[3]} {random.choice(words)} {noise[0]}"
        unlike = f"{noise[3]} {random.choice(WHEELS if words is PETS else PETS)} {noise[0]}"
        rows.append(
            {
                "classification": (text, kind),
                "clustering": (text, kind),
                "retrieval": (text, f"{same} {number}", f"{unlike} {number}"),
                "similarity": (text, same if number % 3 else unlike, float(number % 3 > 0)),
            }[task]
        )
    columns = [*TASKS[task].columns, *(["negative"] if task == "retrieval" else [])]
    frame = pd.DataFrame(rows, columns=columns).drop_duplicates(columns[0]).reset_index(drop=True)
    return Examples(task, frame)


def quick(**changes) -> GrowthSettings:
    return GrowthSettings(**{"epochs": 6, "batch_size": 16, "learning_rate": 3e-3, **changes})


def train(encoder: Encoder, examples: Examples, settings: GrowthSettings | None = None, known=MappingProxyType({})):
    base = TASKS[examples.task].query_route
    *_, trained = train_layers(encoder, examples, base, settings or quick(), known=known)
    assert isinstance(trained, TrainedLayers)
    return trained


def known_of(encoder: Encoder, examples: Examples) -> dict[str, np.ndarray]:
    """Return what the loss meets from the first step on: the vectors of labelled texts, or of documents."""
    columns = [name for name in ("text", "positive", "negative") if name in examples.frame]
    texts = [text for name in columns for text in examples.frame[name]]
    return dict(zip(texts, encoder.encode(texts, route=TASKS[examples.task].document_route), strict=True))


def plug(encoder: Encoder, trained: TrainedLayers, task: str = "classification") -> Encoder:
    route = Route("mine", ROUTES[TASKS[task].query_route].instruction)
    return encoder.with_route("mine", route, trained.layers)


@pytest.mark.parametrize("task", TASKS)
def test_the_loss_falls_for_every_task(tiny_encoder, task):
    settings = quick(epochs=20, learning_rate=1e-2)
    trained = train(tiny_encoder, examples_of(task), settings, known=known_of(tiny_encoder, examples_of(task)))
    assert len(trained.losses) == trained.planned_steps
    assert np.mean(trained.losses[-6:]) < 0.8 * np.mean(trained.losses[:6])


def test_only_the_new_expert_changes(tiny_encoder):
    before = {name: tensor.clone() for name, tensor in tiny_encoder.model.state_dict().items()}
    trained = train(tiny_encoder, examples_of("classification"))
    after = plug(tiny_encoder, trained).model.state_dict()
    assert all(torch.equal(tiny_encoder.model.state_dict()[name], tensor) for name, tensor in before.items())
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    new = set(after) - set(before)
    assert new
    assert all(".mine." in name for name in new)
    assert any(not torch.equal(after[name], before[name.replace(".mine.", ".classification.")]) for name in new)


def test_fewer_blocks_train_from_the_top_and_leave_the_base_below(tiny_encoder):
    experts = train(tiny_encoder, examples_of("classification"), quick(blocks=1)).layers
    view = tiny_encoder.model.dense("classification")
    changed = {path for path, layer in experts.items() if layer is not view.get_submodule(path)}
    assert changed == set(tiny_encoder.model.paths_of([3]))
    assert all(not torch.equal(experts[path].weight, view.get_submodule(path).weight) for path in changed)
    assert changed < set(tiny_encoder.model.expert_paths)


def test_quick_trains_fewer_blocks_than_thorough():
    quick, thorough = (GrowthSettings.for_rows(48, "classification", effort) for effort in ("quick", "thorough"))
    assert quick.blocks is not None
    assert thorough.blocks is None


def test_nothing_below_the_expert_is_recorded_for_gradients(tiny_encoder):
    train(tiny_encoder, examples_of("classification"), quick(epochs=1))
    assert not any(parameter.requires_grad for parameter in tiny_encoder.model.parameters())
    assert all(parameter.grad is None for parameter in tiny_encoder.model.parameters())


def test_a_grown_retrieval_expert_leaves_document_vectors_alone(tiny_encoder):
    documents = ["a cat", "the train"]
    before = tiny_encoder.encode(documents, route="document")
    plugged = plug(tiny_encoder, train(tiny_encoder, examples_of("retrieval")), "retrieval")
    assert np.array_equal(plugged.encode(documents, route="document"), before)
    assert not np.allclose(plugged.encode(documents, route="mine"), tiny_encoder.encode(documents, route="query"))


@pytest.mark.parametrize("given", [True, False])
def test_a_document_is_encoded_once_and_not_at_all_where_its_vector_is_given(tiny_encoder, given, monkeypatch):
    examples, encoded = examples_of("retrieval"), []
    known = known_of(tiny_encoder, examples) if given else {}
    encode = Encoder.encode

    def note(self, texts, **options):
        encoded.extend(texts)
        return encode(self, texts, **options)

    monkeypatch.setattr(Encoder, "encode", note)
    train(tiny_encoder, examples, quick(epochs=3), known=known)
    documents = [] if given else [*examples.frame["positive"], *examples.frame["negative"]]
    assert sorted(encoded) == sorted(set(documents))


def test_documents_that_were_measured_once_are_not_encoded_for_the_next_measurement(tiny_encoder, monkeypatch):
    train, test = split(examples_of("retrieval"), 0.25, 0)
    first, encoded = measure(tiny_encoder, ("query", "document"), train, test), []
    encode = Encoder.encode
    monkeypatch.setattr(Encoder, "encode", lambda *given, **more: encoded.extend(given[1]) or encode(*given, **more))
    again = measure(tiny_encoder, ("query", "document"), train, test, documents=first.vectors)
    assert again == first
    assert set(first.vectors) == {*train.frame["positive"], *test.frame["positive"]}
    assert encoded == list(dict.fromkeys(test.frame["query"]))


def test_a_query_meets_all_documents_of_the_file_but_other_answers_to_alike_queries(tiny_encoder, monkeypatch):
    rows = [("how", "a"), ("how", "b"), ("why", "b"), ("why", "c"), ("who", "d"), ("when", "e")]
    examples = Examples("retrieval", pd.DataFrame(rows, columns=["query", "positive"]))
    met = {}

    def note(anchors, candidates, positive, out, **_):
        met["positive"], met["out"] = positive, out
        return anchors.sum()

    monkeypatch.setattr("mote_demo.growing.objectives.supervised_contrast", note)
    known = known_of(tiny_encoder, examples)
    trunk = FrozenTrunk(tiny_encoder, tiny_encoder.model.dense("query"), "query")
    objective = make_objective(examples, tiny_encoder, trunk, 4, 0.05, known)
    objective.loss(np.array([0, 2, 5]))
    documents = "abcde"
    chosen = [["".join(d for d, on in zip(documents, row, strict=True) if on) for row in met[key]] for key in met]
    assert chosen == [["ab", "bc", "e"], ["c", "a", ""]]


def test_rates_suit_the_task():
    rates = {task: GrowthSettings.for_rows(500, task).learning_rate for task in TASKS}
    assert rates["retrieval"] < rates["similarity"] < rates["classification"] == rates["clustering"]


@pytest.mark.parametrize("first", [None, 3])
@pytest.mark.parametrize("architecture", BACKBONES)
def test_kept_activations_give_the_vectors_of_the_whole_model(architecture, first, tiny_encoder):
    encoder = Encoder(tiny_model(architecture), tiny_encoder._tokenizer, architecture)
    texts = ["a cat", "the red train by the old river", "a", "my dog, your dog and three fish"] * 3
    trunk = FrozenTrunk(encoder, encoder.model.dense("clustering"), "clustering", first=first)
    assert trunk.keeps == hasattr(encoder.model.backbone, "embeddings")  # else all blocks run: decoders
    with torch.no_grad():
        first, again = trunk.encode(texts).numpy(), trunk.encode(texts[::-1]).numpy()[::-1]
    expected = encoder.encode(texts, route="clustering")
    assert np.abs(first - expected).max() < 1e-5
    assert np.abs(again - expected).max() < 1e-5


def test_kept_activations_give_the_gradients_of_the_whole_model(tiny_encoder):
    gradients = []
    for keep in (True, False):
        experts = {path: module.requires_grad_() for path, module in copy_expert(tiny_encoder, "sts").items()}
        view = replace_modules(tiny_encoder.model.dense("sts"), experts)
        vectors = FrozenTrunk(tiny_encoder, view, "sts", keep=keep).encode(["a cat", "the old train", "a big river"])
        (vectors @ vectors.T).sum().backward()
        gradients.append([parameter.grad for module in experts.values() for parameter in module.parameters()])
    assert all(torch.allclose(kept, whole, atol=1e-5) for kept, whole in zip(*gradients, strict=True))


def test_stopping_returns_the_expert_trained_so_far(tiny_encoder):
    stop = threading.Event()
    events = []
    for event in train_layers(tiny_encoder, examples_of("classification"), "classification", quick(), stop=stop):
        events.append(event)
        if isinstance(event, TrainingStep) and event.step == 3:
            stop.set()
    trained = events[-1]
    assert [type(event) for event in events] == [TrainingStep] * 3 + [TrainedLayers]
    assert trained.stopped
    assert len(trained.losses) == 3
    vectors = plug(tiny_encoder, trained).encode(["a cat"], route="mine")
    assert not np.allclose(vectors, tiny_encoder.encode(["a cat"], route="classification"))


def test_labels_with_one_text_each_move_away_from_each_other(tiny_encoder):
    texts = [f"{first} {second}" for first in PETS for second in OTHER[:4]]
    examples = Examples("classification", pd.DataFrame({"text": texts, "label": texts}))
    trained = train(tiny_encoder, examples, quick(epochs=10, batch_size=8))
    before, after = (
        encoder.encode(texts, route=route)
        for encoder, route in ((tiny_encoder, "classification"), (plug(tiny_encoder, trained), "mine"))
    )
    assert trained.losses[-1] < trained.losses[0]
    assert (after @ after.T).mean() < (before @ before.T).mean() - 0.1


def test_separable_labels_are_told_apart_better_on_held_out_rows(tiny_encoder):
    rows, test = split(examples_of("classification"), 0.25)
    trained = train(tiny_encoder, rows, quick(epochs=15))
    before = measure(tiny_encoder, ("classification", "classification"), rows, test)
    after = measure(plug(tiny_encoder, trained), ("mine", "mine"), rows, test)
    assert before.rows == after.rows == len(test.frame)
    assert min(after.metrics.values()) > max(before.metrics.values())


@pytest.mark.parametrize(
    ("task", "routes", "words"),
    [
        ("retrieval", ("query", "document"), ("nDCG@10", "hit@1")),
        ("clustering", ("clustering", "clustering"), ("V-measure",)),
        ("similarity", ("sts", "sts"), ("Spearman",)),
    ],
)
def test_each_task_is_measured_by_its_metric(tiny_encoder, task, routes, words):
    train, test = split(examples_of(task), 0.25)
    measured = measure(tiny_encoder, routes, train, test)
    assert len(measured.metrics) == len(words)
    assert all(word in name for word, name in zip(words, measured.metrics, strict=True))
    assert all(-1 <= value <= 1 for value in measured.metrics.values())
    assert measured == measure(tiny_encoder, routes, train, test)


def test_pairs_of_one_score_cannot_be_measured(tiny_encoder):
    train, test = split(examples_of("similarity"), 0.25)
    same = replace(test, frame=test.frame.assign(score=1.0))
    with pytest.raises(UserError, match="same score, 1"):
        measure(tiny_encoder, ("sts", "sts"), train, same)


def test_the_same_seed_gives_the_same_expert(tiny_encoder):
    first, second = (train(tiny_encoder, examples_of("clustering")) for _ in range(2))
    assert first.losses == second.losses


def test_few_rows_get_more_epochs_than_many():
    few, many = (GrowthSettings.for_rows(rows, "classification") for rows in (20, 1500))
    assert few.epochs > many.epochs
    assert few.batch_size < many.batch_size


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "epochs"),
        ({"blocks": 0}, "block"),
        ({"seed": 2**32}, "seed"),
    ],
)
def test_settings_out_of_range_are_refused(changes, words):
    with pytest.raises(UserError, match=words):
        quick(**changes)


def test_a_dense_model_cannot_grow_an_expert(tiny_baseline_encoder):
    with pytest.raises(UserError, match="no task experts"):
        train(tiny_baseline_encoder, examples_of("classification"))


def tiny_model(architecture: str) -> MoteModel:
    """Upcycle a random encoder of an architecture."""
    torch.manual_seed(0)
    small = {"vocab_size": 200, "max_position_embeddings": 80, "pad_token_id": 0}
    names = ("dim", "n_layers", "n_heads", "hidden_dim") if architecture == "distilbert" else (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"
    )  # fmt: skip
    known = AutoConfig.for_model(architecture).to_dict()
    small |= {key: value for key, value in {"num_key_value_heads": 2, "head_dim": 16}.items() if key in known}
    config = AutoConfig.for_model(architecture, **small, **dict(zip(names, (32, 4, 2, 48), strict=True)))
    backbone = AutoModel.from_config(config, **BACKBONES[architecture].init)
    return upcycle(backbone, ROUTES, max_tokens=64)
