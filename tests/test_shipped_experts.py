"""The experts that ship as files: what they learnt from, who gets them, and what is said of them."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from mote_demo import cli
from mote_demo.data.samples import load_samples
from mote_demo.data.tables import Table, read_table
from mote_demo.data.uploads import to_texts
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.explore.lens import Lens
from mote_demo.growing.expert import load_expert
from mote_demo.growing.shipped import plug_in_shipped, with_shipped
from mote_demo.loading import load
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import Shelf
from mote_demo.settings import ROOT, checkpoints_folder, experts_folder, shipped_experts_file
from mote_demo.study.results import read_shipped
from mote_demo.study.shipped_experts import VARIANTS, measure_label, try_variant
from mote_demo.tasks import TASKS
from tests.own_experts import copied_expert

LABELS = ("intent", "mood")
MEGABYTES = 140
"""The most that all checkpoints together may take."""


@pytest.fixture(scope="module")
def messages():
    return read_table(ROOT / "data" / "messages.csv").frame


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory, tiny_mote, tiny_baseline_encoder, tiny_tokenizer):
    """Tiny checkpoints with two experts beside them."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, model in (("baseline", tiny_baseline_encoder.model), ("mote", tiny_mote)):
        save_checkpoint(model, tiny_tokenizer, folder / name)
    mote = Encoder.from_pretrained(folder / "mote")
    for name, layers in (("intent", "query"), ("mood", "sts")):
        expert = copied_expert(mote, name, "classification", layers_of=layers, instruction="classification: ")
        expert.save(folder / "experts" / f"{name}.safetensors")
    return folder


@pytest.fixture
def shelf(checkpoints, tmp_path):
    return Shelf.open(checkpoints, tmp_path)


# --- the messages they learnt from


def test_the_messages_have_the_labels_of_the_samples_in_equal_parts_and_other_topics(messages):
    samples = load_samples().frame
    assert list(messages.columns) == ["text", "topic", "intent", "mood"]
    for label in LABELS:
        assert set(messages[label]) == set(samples[label])
    assert not set(messages["topic"]) & set(samples["topic"])
    counts = Counter(messages[["topic", "intent", "mood"]].itertuples(index=False, name=None))
    assert len(messages) >= 450
    assert set(counts.values()) == {4}
    assert len(counts) == messages["topic"].nunique() * 4 * 3


def test_no_message_is_a_sample_or_nearly_one(messages):
    samples, untouched = load_samples().passages, load("untouched")
    route = next(iter(untouched.all_routes))
    own, others = (untouched.encode(texts, route=route) for texts in (messages["text"].tolist(), samples))
    assert not {text.casefold() for text in messages["text"]} & {text.casefold() for text in samples}
    assert (own @ others.T).max() < 0.9


def test_labels_of_messages_are_in_the_wording_only(messages):
    assert not messages["text"].str.contains(r"\b(?:frustrated|cheerful|calm|praise|complain)\b", case=False).any()


# --- the files


def test_the_files_fit_the_shipped_checkpoint_and_are_small():
    _, experts = plug_in_shipped(Encoder.from_pretrained(checkpoints_folder() / "mote"), experts_folder())
    assert {expert.name for expert in experts} == set(LABELS)
    assert {expert.task for expert in experts} == {"classification"}
    size = sum(file.stat().st_size for file in checkpoints_folder().rglob("*") if file.is_file())
    assert size <= MEGABYTES * 1e6


def test_what_is_said_of_them_is_what_they_do():
    shipped, texts = read_shipped(shipped_experts_file()), load_samples()
    assert (shipped["texts"], shipped["count"]) == (texts.name, len(texts))
    lens = Lens.of(load("mote"), "classification", model="mote")
    by_label = {row["label"]: row for row in shipped["labels"]}
    for label in LABELS:
        expert = load_expert(experts_folder() / f"{label}.safetensors")
        lenses = {"expert": lens.with_expert(expert)}
        measured = measure_label(lenses, texts, label, pd.DataFrame({"text": []}))["lenses"]["expert"]
        said = by_label[label]["lenses"]["expert"]
        assert said["lens"] == measured["lens"] == f"mote/{label}"
        assert said["neighbours"]["mean"] == pytest.approx(measured["neighbours"]["mean"], abs=0.01)
        assert shipped["grown"][label]["held_out"] == expert.held_out_rows
        tried = [trial for trial in shipped["trials"] if trial["label"] == label]
        best = max(tried, key=lambda trial: trial["after"])
        assert shipped["grown"][label]["variant"] == best["variant"]
        variant = VARIANTS[best["variant"]]
        assert expert.base == variant.base
        assert all(getattr(expert.settings, name) == value for name, value in variant.changes.items())


# --- measuring


WORDS = {"animal": ["cat", "dog", "bird", "fish"], "thing": ["car", "train", "plane", "road"]}


@pytest.fixture
def things():
    """Texts of two kinds and two topics, in which the kind is easy to see."""
    rows = [
        (f"the {word} is {how}", topic, kind)
        for kind, words in WORDS.items()
        for word in words
        for topic, hows in (("home", ("good", "new", "red")), ("away", ("bad", "old", "blue")))
        for how in hows
    ]
    return Table(pd.DataFrame(rows, columns=["text", "topic", "kind"]), (), "things.csv")


def test_each_lens_is_measured_beside_chance_and_compared_with_the_first(things, tiny_encoder, tiny_baseline_encoder):
    texts = to_texts(things, text="text", labels=["kind"])
    lenses = {"first": Lens.of(tiny_baseline_encoder, "sts"), "second": Lens.of(tiny_encoder, "sts")}
    result = measure_label(lenses, texts, "kind", things.frame)
    assert result["chance"] == pytest.approx(23 / 47, abs=1e-4)
    first, second = result["lenses"].values()
    assert first["over_first"] == {"mean": 0.0, "interval": [0.0, 0.0]}
    gain = second["neighbours"]["mean"] - first["neighbours"]["mean"]
    assert second["over_first"]["mean"] == pytest.approx(gain, abs=1e-3)
    for each in (first, second):
        for estimate in (each["neighbours"], each["few_shot"], each["probe"]):
            low, high = estimate["interval"]
            assert low <= estimate["mean"] <= high
    assert measure_label(lenses, texts, "kind", things.frame[["text"]])["lenses"]["first"]["probe"] is None


def test_a_trial_learns_the_label_on_topics_that_it_is_not_measured_on(things, tiny_encoder):
    trial = try_variant(tiny_encoder, things, "kind", "as it comes")
    assert (trial["label"], trial["variant"]) == ("kind", "as it comes")
    assert trial["after"] > trial["before"]


# --- who gets them


def test_without_a_folder_there_are_none_and_a_bad_file_is_left_out(checkpoints, tiny_encoder, tmp_path, caplog):
    mote = Encoder.from_pretrained(checkpoints / "mote")
    assert plug_in_shipped(mote, tmp_path / "nowhere") == (mote, ())
    (tmp_path / "broken.safetensors").write_bytes(b"no expert")
    copied_expert(tiny_encoder, "foreign").save(tmp_path / "foreign.safetensors")  # its weights are not rounded
    copied_expert(mote, "good").save(tmp_path / "good.safetensors")
    grown, experts = plug_in_shipped(mote, tmp_path)
    assert [expert.name for expert in experts] == ["good"]
    assert grown.routes == (*mote.routes, "good")
    assert "broken.safetensors" in caplog.text
    assert "foreign.safetensors" in caplog.text


def test_every_visitor_gets_them_from_one_model_and_sees_them_after_the_tasks(shelf):
    one, other = Session(shelf), Session(shelf)
    for session in (one, other):
        assert session.looks("mote") == [*TASKS, "intent", "mood"]
        assert session.looks("baseline") == list(TASKS)
        assert session.experts.names == []
    assert one.mote is other.mote is shelf.growing
    lens = one.lens("mote/intent")
    assert (lens.query, lens.document, lens.task, lens.public) == ("intent", "intent", TASKS["classification"], True)
    assert lens.title == "MoTE · intent"
    assert str(lens) == "mote/intent"
    assert lens.receipt("a cat").text_sent == "classification: a cat"
    assert one.lens("mote/intent?instruction=off").receipt("a cat").text_sent == "a cat"


def test_a_visitors_own_experts_stay_theirs_beside_them(shelf, tmp_path):
    session = Session(shelf)
    session.experts.add(copied_expert(session.mote, "mine", base="intent"))
    assert session.looks("mote") == [*TASKS, "intent", "mood", "mine"]
    assert session.experts.names == ["mine"]
    assert not session.lens("mote/mine").public
    assert session.lens("mote/intent").public
    assert Session(shelf).looks("mote") == [*TASKS, "intent", "mood"]
    with pytest.raises(UserError, match="trained expert 'intent'"):
        session.experts.remove("intent")
    copied_expert(Session(shelf).mote, "other", layers_of="sts").save(tmp_path / "other.safetensors")
    session.experts.add_file(tmp_path / "other.safetensors")
    assert session.looks("mote")[-2:] == ["mine", "other"]


def test_a_file_named_like_one_of_them_is_plugged_in_under_a_free_name(shelf, checkpoints):
    session = Session(shelf)
    assert session.experts.add_file(checkpoints / "experts" / "intent.safetensors").name == "intent-2"
    assert session.looks("mote") == [*TASKS, "intent", "mood", "intent-2"]
    with pytest.raises(UserError, match="trained expert 'intent'"):
        session.experts["intent"]


def test_lenses_and_commands_find_them_by_name(checkpoints, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MOTE_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("MOTE_CACHE", str(tmp_path / "cache"))
    found = Lens.load("mote/intent")
    assert str(found) == "mote/intent"
    expected = Session(Shelf.open(checkpoints, tmp_path)).lens("mote/intent").encode_query(["a cat"])
    np.testing.assert_array_equal(found.encode_query(["a cat"]), expected)
    assert cli.main(["encode", "a cat", "--route", "mood"]) == 0
    assert cli.main(["compare", "baseline/classification", "mote/mood", "--query", "a cat", "-k", "3"]) == 0
    assert "mote/mood" in capsys.readouterr().out
    with pytest.raises(UserError, match="'bogus'.*'intent', 'mood'"):
        Lens.load("mote/bogus")
    with pytest.raises(UserError, match="'intent'"):
        Lens.load("baseline/intent")


def test_a_model_that_has_what_is_asked_for_stays_as_it_is(checkpoints, monkeypatch, tiny_baseline_encoder):
    monkeypatch.setenv("MOTE_CHECKPOINTS", str(checkpoints))
    mote = Encoder.from_pretrained(checkpoints / "mote")
    assert with_shipped(mote, ["sts", "retrieval", ""]) is mote
    assert with_shipped(tiny_baseline_encoder, ["intent"]) is tiny_baseline_encoder
    assert with_shipped(mote, ["intent"]).routes == (*mote.routes, "intent", "mood")
