"""Which rows are trained on and which are measured on, of one file or of two."""

from dataclasses import replace

import pandas as pd
import pytest

from mote_demo.data.columns import Columns
from mote_demo.data.examples import Examples
from mote_demo.data.tables import Table
from mote_demo.data.unlabelled import EXPECT, unlabelled_examples
from mote_demo.errors import UserError
from mote_demo.growing.before_after import before_after_maps
from mote_demo.growing.grow import GrowthResult, grow_steps
from mote_demo.growing.rows import choose_rows
from mote_demo.growing.settings import GrowthSettings
from tests.test_growing import examples_of


def faq(questions=60, answers=3):
    rows = [(f"question {number}", f"answer {number % answers}") for number in range(questions)]
    return Examples("retrieval", pd.DataFrame(rows, columns=["query", "positive"]))


def test_of_a_faq_with_few_answers_questions_are_held_out_and_answers_shared(tiny_encoder):
    rows = choose_rows(faq())
    assert len(rows.test.frame) == 15
    assert not set(rows.test.frame["query"]) & set(rows.train.frame["query"])
    assert set(rows.test.frame["positive"]) <= set(rows.train.frame["positive"])
    assert any("few answers" in note for note in rows.notes)
    *_, result = grow_steps(tiny_encoder, faq(), "mine", settings=GrowthSettings(epochs=2))
    assert isinstance(result, GrowthResult)
    assert result.notes == rows.notes
    guess = result.expert.guesses["The first document is right (hit@1)"]
    assert guess.chance == pytest.approx(1 / 3, abs=0.1)


def test_a_test_file_is_measured_on_and_all_other_rows_are_trained_on():
    train, own = examples_of("classification"), examples_of("classification")
    frame = pd.concat([train.frame.head(2), pd.DataFrame({"text": ["a new cat"], "label": ["cars"]})])
    rows = choose_rows(train, replace(own, frame=frame.reset_index(drop=True)))
    assert len(rows.train.frame) == len(train.frame)
    assert rows.test.frame["text"].tolist() == ["a new cat"]
    assert [note.split(".")[0] for note in rows.notes] == [
        "Left out 2 test row(s) that are among the training rows",
        "1 label(s) of the test rows have no training row, such as 'cars'",
    ]
    with pytest.raises(UserError, match="Every test row is among"):
        choose_rows(train, train)
    with pytest.raises(UserError, match="same columns"):
        choose_rows(train, faq())


def test_texts_without_labels_teach_to_find_the_other_half(tiny_encoder):
    kinds = [("old", "big"), ("red", "new")]
    texts = [f"the {first} house by the {second} river {number}" for number in range(12) for first, second in kinds]
    table = Table(pd.DataFrame({"body": [*texts, texts[0], ""]}), "notes.csv", ())
    examples = unlabelled_examples(table, "clustering", Columns(text="body"))
    assert examples.frame["text"].tolist() == texts
    assert examples.notes == ("Left out 2 row(s) that are blank or repeat another.", EXPECT)
    *_, result = grow_steps(tiny_encoder, examples, "mine", settings=GrowthSettings(epochs=4, learning_rate=3e-3))
    assert [name.split(" (")[-1] for name in result.expert.after] == ["hit@1)", "mean reciprocal rank)"]
    assert result.training.losses[-1] < result.training.losses[0]
    assert before_after_maps(result) is None
    with pytest.raises(UserError, match="learnt from pairs"):
        unlabelled_examples(table, "retrieval", Columns(text="body"))


@pytest.mark.parametrize("task", ["retrieval", "similarity"])
def test_pairs_are_joined_on_the_maps_before_and_after(tiny_encoder, task):
    *_, result = grow_steps(tiny_encoder, examples_of(task), "mine", settings=GrowthSettings(epochs=1))
    maps = before_after_maps(result)
    first, second = ("query", "positive") if task == "retrieval" else ("sentence1", "sentence2")
    joined = [tuple(maps.texts[place] for place in pair) for pair in maps.pairs]
    assert joined == list(result.test.frame[[first, second]].itertuples(index=False, name=None))
    assert maps.before.points.shape == maps.after.points.shape == (len(maps.texts), 2)
