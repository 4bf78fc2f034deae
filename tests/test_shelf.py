"""What all visitors share is loaded once, when it is first asked for."""

import threading

import numpy as np
import pytest

from mote_demo.errors import UserError
from mote_demo.explore.lens import Lens
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.sentence_encoder import SentenceEncoder
from mote_demo.serving import shelf as module
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import BUILT_IN, ModelEntry, Shelf
from mote_demo.settings import more_models
from mote_demo.store import VectorStore
from tests.sentence_models import PROMPTS, save_sentence_model

TEXTS = ["a cat", "the old train"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory, tiny_mote, tiny_baseline_encoder, tiny_tokenizer):
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, model in (("baseline", tiny_baseline_encoder.model), ("mote", tiny_mote)):
        save_checkpoint(model, tiny_tokenizer, folder / name)
    return folder


@pytest.fixture(scope="module")
def theirs(tiny_backbone_path, tmp_path_factory):
    return save_sentence_model(tiny_backbone_path, tmp_path_factory.mktemp("models") / "theirs", PROMPTS)


@pytest.fixture
def loading(tiny_encoder):
    """A shelf of models that are still to be loaded, and which of them were, in turn."""
    loaded = []

    def entry(name):
        return ModelEntry(name.title(), lambda: loaded.append(name) or tiny_encoder)

    return Shelf({name: entry(name) for name in ("mote", "other")}, VectorStore(None)), loaded


def test_a_model_is_loaded_once_and_not_before_it_is_asked_for(loading):
    shelf, loaded = loading
    assert shelf.choices() == [("Mote", "mote"), ("Other", "other")]
    assert loaded == []
    assert shelf.encoder("other") is shelf.encoder("other")
    assert loaded == ["other"]


def test_visitors_who_want_a_model_at_once_load_it_once(loading):
    shelf, loaded = loading
    threads = [threading.Thread(target=shelf.encoder, args=("mote",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert loaded == ["mote"]


def test_one_model_is_not_waited_for_while_another_is_loaded(tiny_encoder):
    go_on = threading.Event()
    slow = ModelEntry("Slow", lambda: go_on.wait(10) and tiny_encoder)
    shelf = Shelf({"slow": slow, "mote": ModelEntry("MoTE", lambda: tiny_encoder)}, VectorStore(None))
    waiting = threading.Thread(target=shelf.encoder, args=("slow",))
    waiting.start()
    try:
        assert shelf.encoder("mote") is tiny_encoder
        assert waiting.is_alive()
    finally:
        go_on.set()
        waiting.join(10)


@pytest.mark.parametrize("name", [None, "", "bogus"])
def test_an_unknown_model_lists_the_choices(shelf, name):
    with pytest.raises(UserError, match="model.*Choose one of: 'untouched', 'baseline', 'mote'"):
        shelf.encoder(name)


def test_built_in_texts_are_read_once_and_an_unknown_name_lists_them(shelf, monkeypatch):
    read = []
    few = module.load_samples()
    monkeypatch.setattr(module, "BUILT_IN", {**BUILT_IN, "samples": ("Few", lambda _: read.append(1) or few)})
    assert shelf.texts("samples") is shelf.texts("samples")
    assert read == [1]
    with pytest.raises(UserError, match="set of texts 'bogus'.*'samples', 'python-docs'"):
        shelf.texts("bogus")


def test_a_missing_checkpoint_says_where_it_should_be_and_where_to_get_it(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path / 'baseline'}.*MOTE_CHECKPOINTS"):
        Shelf.open(tmp_path, tmp_path)


def test_both_checkpoints_are_offered_with_the_backbone_and_equal_tensors_are_held_once(checkpoints, tmp_path):
    shelf = Shelf.open(checkpoints, tmp_path)
    assert shelf.choices() == [("Untouched", "untouched"), ("Baseline", "baseline"), ("MoTE", "mote")]
    dense, experts = shelf.shipped
    assert shelf.growing is experts is shelf.encoder("mote")
    shared = [name for name, tensor in dense.network.tensors.items() if tensor is experts.network.tensors.get(name)]
    own = {f"backbone.{path}.{part}" for path in experts.model.expert_paths for part in ("weight", "bias")}
    assert set(dense.network.tensors) - set(shared) == own
    assert not list(tmp_path.iterdir())


def test_a_setting_adds_models_whose_own_prompts_are_their_instructions(checkpoints, theirs, tmp_path, monkeypatch):
    monkeypatch.setenv("MOTE_MODELS", f" {theirs}, ")
    session = Session(Shelf.open(checkpoints, tmp_path, more=more_models()))
    assert session.models()[-1] == ("theirs", "theirs")
    assert session.looks("theirs") == ["retrieval", "clustering"]
    lens = session.lens("theirs/retrieval")
    assert lens.title == "theirs · Retrieval"
    assert lens.receipt("a cat").text_sent == f"{PROMPTS['query']}a cat"
    assert lens.document_receipt("a cat").text_sent == "a cat"
    off = session.lens("theirs/clustering?instruction=off")
    assert off.receipt("a cat").text_sent == "a cat"
    own = SentenceEncoder.from_pretrained(theirs, "theirs")
    np.testing.assert_array_equal(lens.encode_query(TEXTS), own.encode(TEXTS, route="query"))
    answer = session.pair("theirs/retrieval", "mote/retrieval").ask("my parcel is late", session.texts("samples"), 3)
    assert len(answer.left.hits) == 3


def test_a_checkpoint_of_ones_own_may_be_added(checkpoints, tiny_mote, tiny_tokenizer, tmp_path):
    save_checkpoint(tiny_mote, tiny_tokenizer, tmp_path / "mine")
    shelf = Shelf.open(checkpoints, tmp_path, more=(str(tmp_path / "mine"),))
    lens = Lens.of(shelf.encoder("mine"), "sts", model="mine")
    assert lens.receipt("a cat").expert == "sts"


@pytest.mark.parametrize("name", ["mote", "baseline", "untouched"])
def test_two_models_of_one_name_are_an_error(checkpoints, tmp_path, name):
    with pytest.raises(UserError, match=f"two models called '{name}'. Please rename the folder /models/{name}"):
        Shelf.open(checkpoints, tmp_path, more=(f"/models/{name}",))


def test_a_model_that_is_not_there_is_told_when_it_is_asked_for_and_the_others_work(checkpoints, tmp_path):
    shelf = Shelf.open(checkpoints, tmp_path, more=("/no/such/model",))
    with pytest.raises(UserError, match="There is no model '/no/such/model'"):
        shelf.encoder("model")
    assert shelf.encoder("mote").encode(TEXTS, route="sts").shape == (2, 32)
