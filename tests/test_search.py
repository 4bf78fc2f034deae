import threading

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import Overlap
from mote_demo.explore.pair import Pair
from mote_demo.limits import LONGEST_QUERY
from mote_demo.tasks import TASKS
from tests.own_experts import copied_expert

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road"]
KINDS = ["animal"] * 4 + ["vehicle"] * 4


@pytest.fixture
def pair_of(tiny_baseline_encoder, tiny_encoder):
    """Build the pair of the dense model and the one with experts for a task, over a store of its own."""
    return lambda task: Pair(Lens.of(tiny_baseline_encoder, task), Lens.of(tiny_encoder, task))


@pytest.fixture
def texts():
    frame = pd.DataFrame({"title": "", "text": [f"the {word} is good" for word in WORDS], "kind": KINDS})
    return Texts("things", "Things", frame, labels=("kind",))


@pytest.mark.parametrize("task", TASKS)
def test_hits_are_the_nearest_texts_on_the_routes_of_the_task(pair_of, texts, task):
    pair = pair_of(task)
    answer = pair.ask("the dog is good", texts, 3)
    for lens, found in zip(pair.lenses, answer.sides, strict=True):
        query = lens.encoder.encode(["the dog is good"], route=TASKS[task].query_route)[0]
        scores = lens.encoder.encode(texts.passages, route=TASKS[task].document_route) @ query
        assert [hit.row for hit in found.hits] == np.argsort(-scores, kind="stable")[:3].tolist()
        assert [hit.rank for hit in found.hits] == [1, 2, 3]
        np.testing.assert_allclose([hit.score for hit in found.hits], np.sort(scores)[::-1][:3], atol=1e-5)
        assert found.receipt == lens.encoder.receipt("the dog is good", route=TASKS[task].query_route)
        assert found.lens.document == TASKS[task].document_route
        assert found.checkpoint == lens.encoder.fingerprint(TASKS[task].query_route)


def test_a_symmetric_task_finds_the_text_itself_first(pair_of, texts):
    answer = pair_of("similarity").ask(" the bird is good ", texts)
    assert answer.question.query == "the bird is good"
    for side in answer.sides:
        assert side.hits[0].row == 2
        assert side.hits[0].score == pytest.approx(1, abs=1e-5)


def test_moves_tell_where_each_hit_stands_through_the_other_lens(pair_of, texts):
    answer = pair_of("retrieval").ask("a fast train", texts, 8)
    left, right = ({hit.row: hit.rank for hit in side.hits} for side in answer.sides)
    assert left != right
    for hit, move in zip(answer.right.hits, answer.right.moves, strict=True):
        signed = {"up": move.places, "down": -move.places, "same": 0}[move.direction]
        assert left[hit.row] - hit.rank == signed


def test_moves_look_deeper_than_the_hits_shown(pair_of, texts):
    answer = pair_of("retrieval").ask("a fast train", texts, 1)
    assert "new" not in {move.direction for side in answer.sides for move in side.moves}


def test_overlap_counts_the_hits_that_both_lenses_show(pair_of, texts):
    answer = pair_of("retrieval").ask("a fast train", texts, 3)
    shared = {hit.row for hit in answer.left.hits} & {hit.row for hit in answer.right.hits}
    assert answer.overlap == Overlap(len(shared), 3)
    assert pair_of("retrieval").ask("a fast train", texts, 20).overlap == Overlap(8, 8)


def test_hits_vote_on_a_label_only_where_one_is_chosen(pair_of, texts):
    answer = pair_of("classification").ask("the cat is good", texts, 4, label="kind")
    for side in answer.sides:
        assert side.votes[0][1] >= side.votes[-1][1]
        assert sum(share for _, share in side.votes) == pytest.approx(1)
        assert {name for name, _ in side.votes} == {KINDS[hit.row] for hit in side.hits}
    assert pair_of("classification").ask("cat", texts).right.votes == ()


def test_two_texts_are_compared_on_the_route_of_a_symmetric_task(pair_of, texts):
    answer = pair_of("similarity").ask("a cat", texts, second=" a dog ")
    for side in answer.sides:
        first, second = side.lens.encoder.encode(["a cat", "a dog"], route="sts")
        assert side.similarity == pytest.approx(float(first @ second), abs=1e-5)
    assert pair_of("similarity").ask("a cat", texts, second="  ").right.similarity is None


def test_a_second_text_is_a_document_where_the_routes_differ(pair_of, texts, tiny_encoder):
    answer = pair_of("retrieval").ask("a cat", texts, second="a dog")
    query = tiny_encoder.encode(["a cat"], route="query")[0]
    document = tiny_encoder.encode(["a dog"], route="document")[0]
    assert answer.right.similarity == pytest.approx(float(query @ document), abs=1e-5)


def test_a_trained_expert_answers_on_its_own_side_alone(pair_of, texts, tiny_encoder):
    pair = pair_of("similarity")
    grown = pair.right.with_expert(copied_expert(tiny_encoder, layers_of="query", instruction="mine: "))
    answer = Pair(pair.left, grown).ask("a cat", texts)
    assert answer.right.receipt.text_sent == "mine: a cat"
    assert (answer.right.receipt.expert, answer.right.lens.document) == ("mine", "mine")
    assert (answer.left.receipt.route, answer.left.lens.document) == ("sts", "sts")


def test_the_same_text_under_other_texts_is_searched_anew(pair_of, texts):
    pair = pair_of("retrieval")
    pair.ask("a cat", texts)
    fewer = Texts("things", "Things", texts.frame.head(2))
    assert len(pair.ask("a cat", fewer).right.hits) == 2


def test_encoding_is_reported_once_per_lens_and_known_texts_are_not_encoded_again(pair_of, texts):
    pair, calls = pair_of("retrieval"), []
    pair.ask("a cat", texts, on_stage=lambda *call: calls.append(call))
    assert {stage for stage, _, _ in calls} == {
        "Encoding Things with tiny baseline",
        "Encoding Things with tiny MoTE",
    }
    assert calls[-1][1:] == (8, 8)
    calls.clear()
    pair.ask("a dog", texts, on_stage=lambda *call: calls.append(call))
    assert calls == []


def test_stopping_ends_the_encoding(pair_of, texts):
    pair, stop = pair_of("retrieval"), threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        pair.ask("a cat", texts, stop=stop)
    assert pair.ask("a cat", texts).right.hits


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": " "}, "query is empty"),
        ({"query": "a" * (LONGEST_QUERY + 1)}, "query has 10,001 characters"),
        ({"second": "a" * (LONGEST_QUERY + 1)}, "second text has 10,001 characters"),
        ({"k": 0}, "from 1 to 50, not 0"),
        ({"k": 51}, "from 1 to 50, not 51"),
        ({"label": "colour"}, "label column 'colour'.*'kind'"),
    ],
)
def test_what_cannot_be_asked_is_said(pair_of, texts, changes, message):
    with pytest.raises(UserError, match=message):
        pair_of("retrieval").ask(**{"texts": texts, "query": "a cat", **changes})


def test_no_texts_cannot_be_searched(pair_of, texts):
    with pytest.raises(UserError, match="no texts"):
        pair_of("retrieval").ask("a cat", Texts("none", "None", texts.frame.head(0)))
