import pandas as pd
import pytest
from datasets import Dataset

from mote_demo.data.groups import connected_groups
from mote_demo.errors import UserError
from mote_demo.training.pairs import load_pairs
from mote_demo.training.recipe import Source


@pytest.fixture
def load(tmp_path):
    """Write ``rows`` as Parquet and load them as a source of ``shape``."""

    def load(shape, rows, columns, seed=0, **options):
        pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
        return load_pairs(Source("tiny", "retrieval", shape, columns, "CC0", "rows.parquet", **options), tmp_path, seed)

    return load


def same_group(frame, first, second):
    label = frame.set_index("anchor")["label"]
    return label[first] == label[second]


QUESTIONS = {"question": ["q1", "q2", "q2", "q3", "q4"], "answer": ["a1", "a1", "a2", "a2", "a4"]}
QUESTION_COLUMNS = {"anchor": "question", "positive": "answer"}


def test_pairs_are_read_as_they_are(load):
    frame = load("pairs", QUESTIONS, QUESTION_COLUMNS)
    assert frame["anchor"].tolist() == QUESTIONS["question"]
    assert frame["positive"].tolist() == QUESTIONS["answer"]


def test_pairs_that_share_a_query_or_a_positive_through_others_share_a_group(load):
    frame = load("pairs", QUESTIONS, QUESTION_COLUMNS).drop_duplicates("anchor")
    assert same_group(frame, "q1", "q2")
    assert same_group(frame, "q1", "q3")
    assert not same_group(frame, "q1", "q4")


def test_a_label_joins_pairs_as_well(load):
    rows = {**QUESTIONS, "picture": [1, 2, 2, 2, 1]}
    frame = load("pairs", rows, {**QUESTION_COLUMNS, "label": "picture"}).drop_duplicates("anchor")
    assert same_group(frame, "q1", "q4")


def test_repeated_pairs_and_rows_without_a_text_are_left_out(load):
    rows = {"question": ["q", "q", None, "r"], "answer": ["a", "a", "b", None]}
    assert len(load("pairs", rows, QUESTION_COLUMNS)) == 1


def test_groups_of_distinct_rows_are_distinct():
    assert len(set(connected_groups([pd.Series(list("abc")), pd.Series(list("abc"))]))) == 3
    assert len(set(connected_groups([pd.Series(list("abc"))], [pd.Series(list("bca"))]))) == 3


def test_a_text_is_not_its_own_negative_where_it_stands_on_either_side(load):
    captions = {"question": ["one", "two", "three", "apart"], "answer": ["two", "three", "one", "alone"]}
    labels = load("pairs", captions, QUESTION_COLUMNS)["label"]
    assert labels[0] == labels[1] == labels[2] != labels[3]


LABELLED = {"text": [f"{label} {number}" for label in "abc" for number in range(5)], "kind": list("aaaaabbbbbccccc")}
LABELLED_COLUMNS = {"anchor": "text", "label": "kind"}


def test_a_labelled_text_is_paired_with_another_of_its_label(load):
    frame = load("labelled", LABELLED, LABELLED_COLUMNS)
    assert sorted(frame["anchor"]) == sorted(frame["positive"]) == sorted(LABELLED["text"])
    assert (frame["anchor"] != frame["positive"]).all()
    assert (frame["anchor"].str[0] == frame["positive"].str[0]).all()
    assert frame.groupby(frame["anchor"].str[0])["label"].nunique().tolist() == [1, 1, 1]
    assert frame["label"].nunique() == 3


def test_the_pairing_depends_on_the_seed(load):
    first = load("labelled", LABELLED, LABELLED_COLUMNS, seed=0)
    assert first.equals(load("labelled", LABELLED, LABELLED_COLUMNS, seed=0))
    assert not first.equals(load("labelled", LABELLED, LABELLED_COLUMNS, seed=1))


def test_a_label_with_one_text_has_no_pair(load):
    rows = {"text": [*LABELLED["text"], "lonely"], "kind": [*LABELLED["kind"], "d"]}
    assert "lonely" not in set(load("labelled", rows, LABELLED_COLUMNS)["anchor"])


NLI = {
    "premise": ["p1", "p1", "p1", "p2", "p3", "p3"],
    "hypothesis": ["yes1", "no1", "maybe1", "yes2", "yes2", "no3"],
    "gold": ["entailment", "contradiction", "neutral", "entailment", "entailment", "contradiction"],
}
NLI_COLUMNS = {"anchor": "premise", "positive": "hypothesis", "label": "gold"}


def test_entailment_makes_triplets_of_premises_that_have_both_sides(load):
    frame = load("entailment", NLI, NLI_COLUMNS).sort_values("anchor")
    assert frame[["anchor", "positive", "negative"]].to_numpy().tolist() == [
        ["p1", "yes1", "no1"],
        ["p3", "yes2", "no3"],
    ]
    assert frame["label"].nunique() == 2


def test_entailment_rows_that_share_a_hypothesis_share_a_group(load):
    rows = {
        key: [*values, *extra]
        for (key, values), extra in zip(NLI.items(), (["p2"], ["no2"], ["contradiction"]), strict=True)
    }
    frame = load("entailment", rows, NLI_COLUMNS)
    assert same_group(frame, "p2", "p3")
    assert not same_group(frame, "p1", "p3")


def test_only_rows_with_the_kept_value_train(load):
    rows = {**QUESTIONS, "duplicate": [1, 0, 0, 0, 1]}
    assert load("pairs", rows, QUESTION_COLUMNS, keep={"duplicate": 1})["anchor"].tolist() == ["q1", "q4"]


@pytest.mark.parametrize(
    ("columns", "keep", "missing"),
    [({"anchor": "query", "positive": "answer"}, {}, "query"), (QUESTION_COLUMNS, {"good": 1}, "good")],
)
def test_a_missing_column_is_named_with_those_there_are(load, columns, keep, missing):
    with pytest.raises(UserError, match=f"tiny: no column '{missing}'; there are question, answer"):
        load("pairs", QUESTIONS, columns, keep=keep)


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [
        ("pairs", {"question": [None, "q", "r"], "answer": ["a", "", " "]}, QUESTION_COLUMNS),
        ("labelled", {"text": ["one", "two"], "kind": ["a", "b"]}, LABELLED_COLUMNS),
        ("entailment", {**NLI, "gold": ["0", "1", "2", "0", "0", "1"]}, NLI_COLUMNS),
    ],
)
def test_a_source_that_gives_nothing_to_train_on_is_refused(load, shape, rows, columns):
    with pytest.raises(UserError, match=f"tiny gives no '{shape}' rows"):
        load(shape, rows, columns)


def test_a_missing_or_damaged_file_and_a_source_without_a_hub_name_are_named(tmp_path):
    source = Source("tiny", "retrieval", "pairs", QUESTION_COLUMNS, "CC0", "rows.parquet")
    with pytest.raises(UserError, match=r"tiny: there is no file .*rows\.parquet"):
        load_pairs(source, tmp_path, 0)
    with pytest.raises(UserError, match=r"tiny has no Hub name.*rows\.parquet"):
        load_pairs(source, None, 0)
    (tmp_path / "rows.parquet").write_bytes(b"not parquet")
    with pytest.raises(UserError, match=r"rows\.parquet is not a readable"):
        load_pairs(source, tmp_path, 0)


def test_graded_pairs_keep_their_scores_as_numbers(load):
    rows = {"one": ["a", "b", "c"], "two": ["x", "y", "z"], "kind": ["same", "other", "same"]}
    columns = {"anchor": "one", "positive": "two", "score": "kind"}
    frame = load("graded", rows, columns, grades={"same": 1, "other": 0.25})
    assert frame["label"].tolist() == [1, 0.25, 1]
    assert frame["label"].dtype == "float32"
    numbers = load("graded", {**rows, "kind": [0, 1, 1]}, columns)
    assert numbers["label"].tolist() == [0, 1, 1]


def test_a_score_without_a_number_is_named(load):
    rows = {"one": ["a", "b"], "two": ["x", "y"], "kind": ["same", "odd"]}
    with pytest.raises(UserError, match="'odd' has no number"):
        load("graded", rows, {"anchor": "one", "positive": "two", "score": "kind"}, grades={"same": 1})


def test_a_source_may_be_cut_to_a_sample_that_is_the_same_with_every_seed(load):
    rows = {"question": [f"q{number}" for number in range(50)], "answer": [f"a{number}" for number in range(50)]}
    first, other = (load("pairs", rows, QUESTION_COLUMNS, seed=seed, max_rows=10) for seed in (0, 1))
    assert len(first) == 10
    assert first["anchor"].tolist() == other["anchor"].tolist() != [f"q{number}" for number in range(10)]


class FakeHub:
    """Stand in for ``datasets.load_dataset``: rows, or an error, and a memory of what was asked for."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __call__(self, **options):
        self.asked.append(options)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Dataset.from_dict(self.answer)


def test_a_source_of_the_hub_is_read_where_no_folder_is_given_or_it_has_no_file(tmp_path, monkeypatch):
    hub = FakeHub(QUESTIONS)
    monkeypatch.setattr("datasets.load_dataset", hub)
    source = Source("tiny", "retrieval", "pairs", QUESTION_COLUMNS, "CC0", hub={"path": "some/set", "split": "train"})
    for data_dir in (None, tmp_path):
        assert load_pairs(source, data_dir, 0)["anchor"].tolist() == QUESTIONS["question"]
    assert hub.asked == [{"path": "some/set", "split": "train"}] * 2


def test_a_hub_that_does_not_answer_is_a_clear_error(monkeypatch):
    monkeypatch.setattr("datasets.load_dataset", FakeHub(ConnectionError("no route")))
    source = Source("tiny", "retrieval", "pairs", QUESTION_COLUMNS, "CC0", hub={"path": "some/set"})
    with pytest.raises(UserError, match=r"tiny: some/set cannot be read.*no route.*--data"):
        load_pairs(source, None, 0)
