import threading

import numpy as np
import pandas as pd
import pytest
from mote_demo.serving.registry import Registry

from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.explore.measures import Overlap
from mote_demo.explore.search import LONGEST_QUERY, ask
from mote_demo.serving.sessions import Session
from mote_demo.store import VectorStore
from mote_demo.tasks import TASKS
from tests.own_experts import copied_expert

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road"]
KINDS = ["animal"] * 4 + ["vehicle"] * 4


@pytest.fixture
def session(tiny_baseline_encoder, tiny_encoder, tmp_path):
    return Session(Registry(tiny_baseline_encoder, tiny_encoder, VectorStore(tmp_path)))


@pytest.fixture
def texts():
    frame = pd.DataFrame({"title": "", "text": [f"the {word} is good" for word in WORDS], "kind": KINDS})
    return Texts("things", "Things", frame, labels=("kind",))


@pytest.mark.parametrize("task", TASKS)
def test_hits_are_the_nearest_texts_on_the_routes_of_the_task(session, texts, task):
    answer = ask(session, task=task, texts=texts, query="the dog is good", k=3)
    for side in ("baseline", "mote"):
        encoder, found = session.encoder(side), answer.side(side)
        query = encoder.encode(["the dog is good"], route=TASKS[task].query_route)[0]
        scores = encoder.encode(texts.passages, route=TASKS[task].document_route) @ query
        assert [hit.row for hit in found.hits] == np.argsort(-scores, kind="stable")[:3].tolist()
        assert [hit.rank for hit in found.hits] == [1, 2, 3]
        np.testing.assert_allclose([hit.score for hit in found.hits], np.sort(scores)[::-1][:3], atol=1e-5)
        assert found.receipt == encoder.receipt("the dog is good", route=TASKS[task].query_route)
        assert found.document_route == TASKS[task].document_route
        assert found.checkpoint == encoder.fingerprint(TASKS[task].query_route)


def test_a_symmetric_task_finds_the_text_itself_first(session, texts):
    answer = ask(session, task="similarity", texts=texts, query=" the bird is good ")
    assert answer.query == "the bird is good"
    for side in ("baseline", "mote"):
        assert answer.side(side).hits[0].row == 2
        assert answer.side(side).hits[0].score == pytest.approx(1, abs=1e-5)


def test_moves_tell_where_each_hit_stands_with_the_other_model(session, texts):
    answer = ask(session, task="retrieval", texts=texts, query="a fast train", k=8)
    ranks = {side: {hit.row: hit.rank for hit in answer.side(side).hits} for side in ("baseline", "mote")}
    assert ranks["baseline"] != ranks["mote"]
    for hit, move in zip(answer.mote.hits, answer.mote.moves, strict=True):
        signed = {"up": move.places, "down": -move.places, "same": 0}[move.direction]
        assert ranks["baseline"][hit.row] - hit.rank == signed


def test_moves_look_deeper_than_the_hits_shown(session, texts):
    answer = ask(session, task="retrieval", texts=texts, query="a fast train", k=1)
    assert "new" not in {move.direction for move in (*answer.baseline.moves, *answer.mote.moves)}


def test_overlap_counts_the_hits_that_both_models_show(session, texts):
    answer = ask(session, task="retrieval", texts=texts, query="a fast train", k=3)
    shared = {hit.row for hit in answer.baseline.hits} & {hit.row for hit in answer.mote.hits}
    assert answer.overlap == Overlap(len(shared), 3)
    assert ask(session, task="retrieval", texts=texts, query="a fast train", k=20).overlap == Overlap(8, 8)


def test_hits_vote_on_a_label_only_where_one_is_chosen(session, texts):
    answer = ask(session, task="classification", texts=texts, query="the cat is good", k=4, label="kind")
    for side in ("baseline", "mote"):
        votes = answer.side(side).votes
        assert votes[0][1] >= votes[-1][1]
        assert sum(share for _, share in votes) == pytest.approx(1)
        assert {name for name, _ in votes} == {KINDS[hit.row] for hit in answer.side(side).hits}
    assert ask(session, task="classification", texts=texts, query="cat").mote.votes == ()


def test_two_texts_are_compared_on_the_route_of_a_symmetric_task(session, texts):
    answer = ask(session, task="similarity", texts=texts, query="a cat", second=" a dog ")
    for side in ("baseline", "mote"):
        first, second = session.encoder(side).encode(["a cat", "a dog"], route="sts")
        assert answer.side(side).pair == pytest.approx(float(first @ second), abs=1e-5)
    assert ask(session, task="similarity", texts=texts, query="a cat", second="  ").mote.pair is None


def test_a_second_text_is_a_document_where_the_routes_differ(session, texts):
    answer = ask(session, task="retrieval", texts=texts, query="a cat", second="a dog")
    query = session.mote.encode(["a cat"], route="query")[0]
    document = session.mote.encode(["a dog"], route="document")[0]
    assert answer.mote.pair == pytest.approx(float(query @ document), abs=1e-5)


def test_a_trained_route_answers_on_the_mote_side_alone(session, texts):
    session.experts.add(copied_expert(session.mote, layers_of="query", instruction="mine: "))
    answer = ask(session, task="similarity", texts=texts, query="a cat", route="mine")
    assert answer.mote.receipt.text_sent == "mine: a cat"
    assert (answer.mote.receipt.expert, answer.mote.document_route) == ("mine", "mine")
    assert (answer.baseline.receipt.route, answer.baseline.document_route) == ("sts", "sts")


def test_the_same_text_under_other_texts_is_searched_anew(session, texts):
    ask(session, task="retrieval", texts=texts, query="a cat")
    fewer = Texts("things", "Things", texts.frame.head(2))
    assert len(ask(session, task="retrieval", texts=fewer, query="a cat").mote.hits) == 2


def test_encoding_is_reported_once_per_model_and_known_texts_are_not_encoded_again(session, texts):
    calls = []
    ask(session, task="retrieval", texts=texts, query="a cat", report=lambda *call: calls.append(call))
    assert {stage for stage, _, _ in calls} == {
        "Encoding Things with tiny baseline",
        "Encoding Things with tiny MoTE",
    }
    assert calls[-1][1:] == (8, 8)
    calls.clear()
    ask(session, task="retrieval", texts=texts, query="a dog", report=lambda *call: calls.append(call))
    assert calls == []


def test_stopping_ends_the_encoding(session, texts):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        ask(session, task="retrieval", texts=texts, query="a cat", stop=stop)
    assert ask(session, task="retrieval", texts=texts, query="a cat").mote.hits


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": " "}, "query is empty"),
        ({"query": "a" * (LONGEST_QUERY + 1)}, "query has 10,001 characters"),
        ({"second": "a" * (LONGEST_QUERY + 1)}, "second text has 10,001 characters"),
        ({"k": 0}, "from 1 to 50, not 0"),
        ({"k": 51}, "from 1 to 50, not 51"),
        ({"task": None}, "No task was given.*'retrieval'"),
        ({"task": "sorting"}, "Unknown task 'sorting'"),
        ({"label": "colour"}, "label column 'colour'.*'kind'"),
    ],
)
def test_what_cannot_be_asked_is_said(session, texts, changes, message):
    with pytest.raises(UserError, match=message):
        ask(session, **{"task": "retrieval", "texts": texts, "query": "a cat", **changes})


def test_no_texts_cannot_be_searched(session, texts):
    with pytest.raises(UserError, match="no texts"):
        ask(session, task="retrieval", texts=Texts("none", "None", texts.frame.head(0)), query="a cat")
