"""Many queries through two lenses: disagreement, known answers, and sources of queries."""

import threading

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.queries import read_queries
from mote_demo.data.reading import read_texts
from mote_demo.data.sample_queries import MOST, pick_queries
from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import rank_biased_overlap
from mote_demo.explore.pair import Pair
from mote_demo.explore.queries import own_queries
from mote_demo.limits import MOST_QUERIES

NOUNS = ("cat", "dog", "bird", "fish", "car", "train")
SAID = [f"the {adjective} {noun}" for adjective in ("good", "bad", "big", "small", "new", "old") for noun in NOUNS]


def texts_of(said, **columns):
    return Texts("things", "Things", pd.DataFrame({"title": "", "text": said, **columns}))


@pytest.fixture
def texts():
    return texts_of(SAID)


@pytest.fixture
def pair(tiny_baseline_encoder, tiny_encoder):
    models = {"baseline": tiny_baseline_encoder, "mote": tiny_encoder}
    return Pair(*(Lens.of(encoder, "retrieval", model=name) for name, encoder in models.items()))


@pytest.fixture
def angles(pair, monkeypatch):
    """Give every text an angle on each side: ``angles(LEFT, RIGHT)`` with degrees by text, 0 where there is none."""

    def use(left, right):
        tables = {pair.left.encoder: left, pair.right.encoder: right}

        def encode(self, texts, progress=None, stop=None):
            degrees = np.radians([tables[self.encoder].get(text, 0) for text in texts])
            return np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)

        monkeypatch.setattr(Lens, "encode_query", encode)
        monkeypatch.setattr(Lens, "encode_document", encode)
        monkeypatch.setattr(Lens, "vectors", lambda self, texts, *_: encode(self, texts.passages))
        return pair

    return use


# --- disagreement


def test_lists_are_those_of_single_questions_and_the_most_different_come_first(pair, texts):
    queries = [f"a {noun}" for noun in NOUNS]
    found = pair.ask_all(queries, texts, k=20)
    assert {row.query for row in found.rows} == set(queries)
    for row in found.rows:
        answer = pair.ask(row.query, texts, 20)
        tops = [[hit.row for hit in side.hits] for side in answer.sides]
        assert [list(top) for top in row.tops] == tops
        assert row.disagreement == pytest.approx(1 - rank_biased_overlap(*tops))
        assert row.shared == answer.overlap.shared
    order = [row.disagreement for row in found.rows]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) > 1
    assert found.mean == pytest.approx(np.mean(order))
    assert not found.scores
    assert list(found.to_frame().columns)[:3] == ["query", "disagreement", "shared"]


def test_all_queries_are_encoded_in_one_call_a_lens(pair, texts, monkeypatch):
    calls = []
    encode = type(pair.left.encoder).encode
    monkeypatch.setattr(
        type(pair.left.encoder),
        "encode",
        lambda self, texts, **options: calls.append((self.name, len(texts))) or encode(self, texts, **options),
    )
    pair.ask_all(["a cat", "a dog", "a bird"], texts)
    assert sorted(calls) == [("tiny MoTE", 3), ("tiny MoTE", 36), ("tiny baseline", 3), ("tiny baseline", 36)]


def test_one_lens_twice_never_disagrees(pair, texts):
    found = Pair(pair.left, pair.left).ask_all(["a cat", "a dog"], texts, ["the good cat", "the bad dog"])
    assert found.mean == pytest.approx(0, abs=1e-9)
    assert found.count("tied") == 2
    columns = list(found.to_frame().columns)
    assert {"baseline/retrieval rank", "baseline/retrieval (right) rank"} <= set(columns)


# --- known answers


def test_ranks_scores_and_outcomes_are_those_of_the_answers(angles):
    said = [f"text {number}" for number in range(12)]
    left = {text: 5 * number for number, text in enumerate(said)}
    right = {text: 5 * (11 - number) for number, text in enumerate(said)}
    found = angles(left, right).ask_all(["q1", "q2", "q3"], texts_of(said), ["text 0", 11, "text 1"])
    ranks = {row.query: row.ranks for row in found.rows}
    assert ranks == {"q1": (1, 12), "q2": (12, 1), "q3": (2, 11)}
    assert {row.query: row.outcome for row in found.rows} == {"q1": "lost", "q2": "won", "q3": "lost"}
    scores = {each.metric: each for each in found.scores}
    assert scores["nDCG@10"].left == pytest.approx((1 + 0 + 1 / np.log2(3)) / 3)
    assert scores["nDCG@10"].right == pytest.approx(1 / 3)
    assert (scores["hit@1"].left, scores["hit@1"].right) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert scores["MRR"].left == pytest.approx((1 + 1 / 12 + 1 / 2) / 3)
    assert scores["MRR"].gain == pytest.approx(scores["MRR"].right - scores["MRR"].left)
    for each in found.scores:
        low, high = each.interval
        assert low <= each.gain <= high
    assert found.scores_frame()["metric"].tolist() == ["nDCG@10", "hit@1", "MRR"]
    assert repr(found).endswith("over 3 queries, 1 won, 2 lost, 0 tied)")


def test_places_beyond_the_tenth_are_a_tie(angles):
    said = [f"text {number}" for number in range(14)]
    left = {text: 5 * number for number, text in enumerate(said)}
    right = {**left, "text 12": 65, "text 13": 60}
    (row,) = angles(left, right).ask_all(["q"], texts_of(said), ["text 13"]).rows
    assert (row.ranks, row.outcome) == ((14, 13), "tied")


def test_identical_texts_count_as_one_and_any_of_them_answers(angles):
    said = ["the answer", "other", "The  Answer", "third", "the answer"]
    degrees = {"the answer": 10, "The  Answer": 10, "other": 5, "third": 40}
    for answer in ("the answer", 2, 4, "4"):
        (row,) = angles(degrees, degrees).ask_all(["q"], texts_of(said), [answer]).rows
        assert row.tops[0] == (1, 0, 3)
        assert row.ranks == (2, 2)
        assert row.answers == (0,)


def test_an_answer_that_ties_with_another_text_does_not_win_by_its_row(angles):
    degrees = {"one": 10, "two": 10, "three": 10}
    (row,) = angles(degrees, degrees).ask_all(["q"], texts_of(["one", "two", "three"]), ["one"]).rows
    assert row.ranks == (3, 3)


def test_a_repeated_query_is_asked_once_and_each_of_its_answers_will_do(angles):
    degrees = {"near": 5, "far": 50, "farther": 80}
    found = angles(degrees, degrees).ask_all(["q", "q "], texts_of(list(degrees)), ["farther", "far"])
    (row,) = found.rows
    assert row.ranks == (2, 2)
    assert found.notes == ("1 query repeats another.",)
    assert found.scores[0].interval is None


def test_unknown_answers_are_counted_and_only_unknown_ones_are_an_error(pair, texts):
    found = pair.ask_all(["a cat", "a dog", "a car"], texts, ["the good cat", "no such text", None])
    assert found.answered == 1
    assert found.notes == ("1 answer(s) are none of the texts; their queries have no score.",)
    frame = found.to_frame()
    assert frame["mote/retrieval rank"].isna().sum() == 2
    with pytest.raises(UserError, match="from 0 to 35"):
        pair.ask_all(["a cat"], texts, ["36"])


def test_a_title_or_title_and_text_name_an_answer(angles):
    frame = pd.DataFrame({"title": ["A", "B"], "text": ["same", "same"]})
    degrees = {"A. same": 10, "B. same": 20}
    pair, texts = angles(degrees, degrees), Texts("t", "T", frame)
    ranks = [pair.ask_all(["q"], texts, [answer]).rows[0].ranks[0] for answer in ("b", "B. same", "same")]
    assert ranks == [2, 2, 1]


def test_a_number_that_is_a_text_is_that_text(angles):
    degrees = {"1": 10, "0": 20}
    assert angles(degrees, degrees).ask_all(["q"], texts_of(["1", "0"]), ["0"]).rows[0].ranks == (2, 2)
    assert angles(degrees, degrees).ask_all(["q"], texts_of(["1", "0"]), [0]).rows[0].ranks == (1, 1)


@pytest.mark.parametrize(
    ("queries", "answers", "k", "words"),
    [
        ([], None, 10, "There are no queries"),
        (["a"] * (MOST_QUERIES + 1), None, 10, "at most 500"),
        (["a", " "], None, 10, "query 2 is empty"),
        (["a"], ["b", "c"], 10, "1 queries and 2 answers"),
        (["a"], None, 0, "from 1 to 50"),
    ],
)
def test_what_cannot_be_asked_is_said(pair, texts, queries, answers, k, words):
    with pytest.raises(UserError, match=words):
        pair.ask_all(queries, texts, answers, k)


def test_asking_says_how_far_it_is_and_can_be_stopped(pair, texts):
    stages, stop = [], threading.Event()
    pair.ask_all(["a cat"], texts, on_stage=lambda *step: stages.append(step[0]))
    assert "Encoding the queries with tiny MoTE" in stages
    stop.set()
    with pytest.raises(Stopped):
        pair.ask_all(["a cat", "a dog"], texts, stop=stop)


def test_what_a_notebook_shows_is_escaped(pair, texts):
    found = pair.ask_all(["<b>"], texts, [0])
    assert "<b>" not in found._repr_html_()


# --- where queries come from


def test_own_queries_are_the_questions_with_their_rows_or_else_the_sample_queries():
    asked = Texts("t", "T", pd.DataFrame({"title": "", "text": ["a", "b", "c"]}), questions=("A?", "", "C?"))
    own = own_queries(asked)
    assert (own.queries, own.answers) == (("A?", "C?"), (0, 2))
    assert own_queries(Texts("t", "T", asked.frame, queries=("x",))).queries == ("x",)


def test_of_many_questions_the_same_sample_is_asked():
    count = MOST_QUERIES + 100
    frame = pd.DataFrame({"title": "", "text": [f"text {number}" for number in range(count)]})
    texts = Texts("t", "T", frame, questions=tuple(f"q {number}" for number in range(count)))
    own = own_queries(texts)
    assert len(own.queries) == MOST_QUERIES
    assert all(query == f"q {row}" for query, row in zip(own.queries, own.answers, strict=True))
    assert own == own_queries(texts)
    assert "500 of 600" in own.notes[0]


def write(folder, **columns):
    path = folder / "queries.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_columns_of_a_file_are_found_by_name_or_named(tmp_path):
    path = write(tmp_path, question=["a cat", ""], answer=["the cat", "the dog"], other=["x", "y"])
    read = read_queries(path)
    assert (read.queries, read.answers) == (("a cat",), ("the cat",))
    assert read.notes == ("Queries are the column 'question', answers 'answer'.", "Left out 1 row(s) without a query.")
    assert read_queries(path, "other", "").answers == ()
    assert read_queries(path, "other").queries == ("x", "y")
    rows = read_queries(write(tmp_path, query=["a cat", "a dog"], row=[4, 5]))
    assert rows.answers == ("4", "5")
    with pytest.raises(UserError, match="'nope'"):
        read_queries(path, "nope")


def test_beyond_the_most_queries_a_file_is_cut_with_a_note(tmp_path):
    read = read_queries(write(tmp_path, query=[f"q {number}" for number in range(MOST_QUERIES + 1)]))
    assert len(read.queries) == MOST_QUERIES
    assert any(note.startswith("Kept 500 of 501 rows") for note in read.notes)


def test_texts_of_questions_and_answers_know_their_questions(tmp_path):
    path = write(
        tmp_path, question=["who?", "", "how?"], answer=["the long first", "the long second", "the long third"]
    )
    texts = read_texts(path)
    assert texts.frame["text"].tolist() == ["the long first", "the long second", "the long third"]
    assert texts.questions == ("who?", "", "how?")
    assert set(texts.queries) == {"who?", "how?"}
    assert texts.notes[0] == "Guessed the columns: text 'answer', question 'question'."
    assert read_texts(path, text="question").questions == ()
    assert read_texts(path, text="question", question="answer").questions == ("the long first", "the long third")


def test_a_column_of_something_else_is_no_question(tmp_path):
    words = ["one two three four", "five six seven eight"]
    path = write(tmp_path, text=words, subject=["a b c", "d e f"], kind=["x", "x"])
    assert read_texts(path).questions == ()


def test_sample_queries_are_spread_over_labels_or_lengths_and_always_the_same():
    frame = pd.DataFrame({"text": [f"text {n} of {'many ' * (n % 40)}words" for n in range(200)]})
    frame["kind"] = ["rare" if n < 3 else "often" for n in range(200)]
    by_kind = pick_queries(frame, ("kind",))
    rare = set(frame["text"][:3])
    assert len(by_kind) == MOST
    assert len(rare & set(by_kind)) == 3
    assert by_kind == pick_queries(frame, ("kind",))
    lengths = [len(query) for query in pick_queries(frame)]
    assert min(lengths) < 60
    assert max(lengths) > 150
    assert max(lengths) <= 200


def test_sample_queries_leave_out_blanks_repeats_and_ends_of_long_texts():
    frame = pd.DataFrame({"text": ["A  cat", "a cat", "word " * 100]})
    assert set(pick_queries(frame)) == {"A cat", ("word " * 40).strip()}
    assert pick_queries(frame, (), ("", "why?", "")) == ("why?",)
