"""How well two lenses tell the classes of labelled texts apart, and which texts can take part."""

import threading

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.explore import labelled as labelled_module
from mote_demo.explore.classes import compare_classes
from mote_demo.explore.labelled import Labelled, label_columns
from mote_demo.explore.measures import vote, vote_shares
from mote_demo.explore.pair import Pair


def texts_of(labels, *, words=None, name="kind"):
    words = words or [f"text {number}" for number in range(len(labels))]
    frame = pd.DataFrame({"title": "", "text": words, name: pd.Series(labels, dtype=object)})
    return Texts("things", "Things", frame, labels=(name,))


class Directions:
    """A lens whose vectors point where ``places`` says, in degrees, with a little of a third direction each."""

    def __init__(self, title, places):
        self.title, self.places, self.document_fingerprint = title, np.radians(places), title

    def __str__(self):
        return self.title

    def vectors(self, texts, store, progress=None, stop=None):
        return np.stack([np.cos(self.places), np.sin(self.places)], axis=1).astype(np.float32)


def compare(labels, left, right=None, **options):
    right = left if right is None else right
    sides = Directions("model/left", left), Directions("model/right", right)
    return compare_classes(*sides, texts_of(labels), "kind", None, **options)


def test_neighbours_vote_as_the_hits_of_one_query_do():
    codes, scores = np.array([0, 1, 1, 0, 2]), np.array([[0.9, 0.85, 0.5, 0.3]])
    rows = np.array([[1, 3, 2, 4]])
    (shares,) = vote_shares(rows, scores, codes, 3)
    expected = dict(vote(codes[rows[0]].tolist(), scores[0]))
    assert shares == pytest.approx([expected[code] for code in range(3)])


def test_classes_that_lie_apart_are_told_and_shuffled_ones_are_not():
    labels, apart = ["a"] * 10 + ["b"] * 10, [*range(10), *range(90, 100)]
    mixed = [*range(0, 20, 2), *range(1, 20, 2)]
    classes = compare(labels, apart, mixed, k=3)
    assert classes.left.accuracy == 1
    assert classes.right.accuracy < 0.5
    assert (classes.left.confusion == [[10, 0], [0, 10]]).all()
    assert classes.left.margins.min() == pytest.approx(1)
    assert classes.left.v_measure.min() == 1
    assert classes.left.few_shot.min() == 1
    accuracy, *_ = classes.measures
    assert accuracy.interval[1] < 0
    assert accuracy.chance == pytest.approx(9 / 19)
    only_left, only_right = classes.won
    assert len(only_left) == round(20 * (1 - classes.right.accuracy))
    assert not len(only_right)


def test_scores_are_those_of_scikit_learn():
    from sklearn.metrics import precision_recall_fscore_support

    generator = np.random.default_rng(0)
    labels = [*"aaaaaaaabbbbbbccccdd"]
    classes = compare(labels, generator.uniform(0, 90, 20), k=4)
    expected = precision_recall_fscore_support(classes.labelled.codes, classes.left.predicted, zero_division=np.nan)
    for mine, theirs in zip((classes.left.precision, classes.left.recall), expected, strict=False):
        assert mine == pytest.approx(theirs, nan_ok=True)
    assert classes.left.f1 == pytest.approx(np.nan_to_num(expected[2]))
    assert classes.names == ("a", "b", "c", "d")
    assert classes.labelled.support.tolist() == [8, 6, 4, 2]


def test_a_table_has_a_row_a_class_and_a_frame_a_row_a_text():
    classes = compare(["a", "a", None, "b", "b"], [0, 1, 2, 90, 91])
    assert classes.k == 3
    table = classes.table()
    assert table["class"].tolist() == ["a", "b"]
    assert {"model/left f1", "model/right recall"} <= set(table)
    frame = classes.to_frame()
    assert frame["row"].tolist() == [0, 1, 3, 4]
    assert frame["model/left predicted"].tolist() == ["a", "a", "b", "b"]
    assert "chance 33.3%" in repr(classes)


def test_the_same_lens_twice_keeps_both_columns():
    lens = Directions("model/same", [0, 1, 90, 91])
    classes = compare_classes(lens, lens, texts_of(["a", "a", "b", "b"]), "kind", None)
    assert {"model/same margin", "model/same (right) margin"} <= set(classes.to_frame())
    assert classes.measures[0].interval == (0, 0)


def test_the_hardest_texts_come_first():
    places = [0, 1, 2, 45, 90, 91, 92]
    classes = compare(["a", "a", "a", "b", "b", "b", "b"], places, k=2)
    assert classes.hardest(1).tolist() == [3]


def test_what_cannot_take_part_is_left_out_and_said():
    words = ["same", "same", "c", "d", "e", "f", "g", "h"]
    chosen = Labelled.of(texts_of(["a", "a", "a", "b", "b", "lonely", " ", None], words=words), "kind")
    assert chosen.rows.tolist() == [0, 2, 3, 4]
    assert chosen.names == ("a", "b")
    assert chosen.notes == (
        "Left out: texts without a label (2).",
        "Left out: texts that repeat another one and its label (1).",
        "Left out: classes of one text, which no other text can tell (lonely).",
    )


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["", None, " "], "No text of Things has a kind"),
        (["x", "x", "x"], "have one kind: x"),
        (["x", "y", "z"], "belongs to one text only"),
        (["x", "x", "z"], "have one kind: x"),
    ],
)
def test_labels_that_make_no_two_classes_are_refused_in_words(labels, words):
    with pytest.raises(UserError, match=words):
        Labelled.of(texts_of(labels), "kind")


def test_an_unknown_column_is_refused_with_the_choices():
    with pytest.raises(UserError, match="Choose one of: 'kind'"):
        Labelled.of(texts_of(["a", "b"]), "size")
    with pytest.raises(UserError, match="from 1 to 50, not 0"):
        compare(["a", "a", "b", "b"], [0, 1, 2, 3], k=0)


def test_columns_whose_values_repeat_can_be_labels():
    frame = pd.DataFrame({"title": "", "text": [*"abc"], "kind": [*"xyz"], "year": [1, 1, 2], "id": [1, 2, 3]})
    frame["share"] = [0.5, 0.5, 0.2]
    assert label_columns(Texts("t", "T", frame, labels=("kind",))) == ["kind", "year"]


def test_many_texts_and_classes_are_sampled_by_seed_and_said(monkeypatch):
    monkeypatch.setattr(labelled_module, "MOST_CLASSES", 3)
    labels = [f"class {number % 5}" for number in range(100)] + ["class 0"] * 10 + ["class 1"] * 5
    first, second = (Labelled.of(texts_of(labels), "kind", most=20) for _ in range(2))
    assert (first.rows == second.rows).all()
    assert len(first.rows) == 20
    assert len(first.names) == 3
    assert "The 3 largest of 5 classes take part." in first.notes
    assert "A random sample of 20 of 75 texts is measured." in first.notes


def test_the_work_can_be_stopped_between_its_steps():
    stop, stages = threading.Event(), []

    def on_stage(stage, done, total):
        stages.append(stage)
        stop.set()

    with pytest.raises(Stopped):
        compare(["a", "a", "b", "b"], [0, 1, 90, 91], on_stage=on_stage, stop=stop)
    assert len(set(stages)) == 1


def test_a_pair_measures_real_lenses(tiny_encoder, tiny_baseline_encoder):
    from mote_demo.explore.lens import Lens

    words = [f"the {word}" for word in ("cat", "dog", "bird", "fish", "car", "train", "plane", "road")]
    pair = Pair(Lens.of(tiny_baseline_encoder, "classification"), Lens.of(tiny_encoder, "classification"))
    classes = pair.classes(texts_of(["animal"] * 4 + ["thing"] * 4, words=words), label="kind", k=3)
    assert classes.left.confusion.sum() == 8
    assert classes._repr_html_().count("<tr") == 3
    assert [measure.name for measure in classes.measures][0] == "accuracy by neighbours"
