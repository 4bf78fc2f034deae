"""The running app answers programs, keeps visitors apart, and fails in words."""

import json

import httpx
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from mote_demo.limits import SECONDS_CLOSED
from mote_demo.serving.sessions import Sessions
from mote_demo.serving.shelf import BUILT_IN, DENSE, EXPERTS
from mote_demo.tasks import ROUTES, TASKS
from mote_demo.ui import app
from mote_demo.ui.app import build_app, launch_options
from reliability.load import Visitor
from reliability.serving import served

MODELS = (DENSE, EXPERTS)


@pytest.fixture(scope="module")
def sessions():
    """Every ``Sessions`` that the app makes."""
    return []


@pytest.fixture(scope="module")
def shelf(open_shelf, tmp_path_factory):
    return open_shelf(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def address(shelf, sessions):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "Sessions", lambda make: sessions.append(Sessions(make)) or sessions[-1])
        demo = build_app(shelf)
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield address
    demo.close()


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False)


def lenses(task):
    return f"baseline/{task}", f"mote/{task}"


def test_only_the_named_endpoints_are_public(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {
        "/search",
        "/disagree",
        "/classes",
        "/encode",
        "/similarity",
        "/lenses",
        "/tasks",
    }


def test_tasks_lists_what_a_program_can_ask_for(client):
    listed = {task["name"]: task["routes"] for task in client.predict(api_name="/tasks")}
    assert listed == {name: list(task.routes) for name, task in TASKS.items()}


def test_lenses_lists_what_each_model_can_look_for(client):
    listed = {each["model"]: each["looks"] for each in client.predict(api_name="/lenses")}
    assert listed == {"untouched": [], "baseline": list(TASKS), "mote": list(TASKS)}


def test_search_answers_through_both_lenses_and_says_what_was_sent(client):
    query = "my card was charged twice"
    answer = client.predict(*lenses("clustering"), "samples", query, 4, api_name="/search")
    found = [(hit["lens"], hit["rank"]) for hit in answer["hits"]]
    assert found == [(lens, rank) for lens in ("baseline/clustering", "mote/clustering") for rank in (1, 2, 3, 4)]
    assert answer["of"] == 4
    assert answer["right"]["lens"] == "mote/clustering"
    assert answer["right"]["text_sent"] == f"clustering: {query}"
    assert answer["right"]["expert"] == "clustering"
    assert answer["left"]["expert"] is None


def test_disagree_sorts_queries_and_scores_those_whose_answers_are_known(client):
    queries, answers = ["a cat", "my parcel is late", "a refund please"], ["0", "", "3"]
    found = client.predict(*lenses("clustering"), "samples", queries, answers, 4, api_name="/disagree")
    order = [row["disagreement"] for row in found["queries"]]
    assert order == sorted(order, reverse=True)
    rows = {row["query"]: row for row in found["queries"]}
    assert rows["a cat"]["answers"] == [0]
    assert rows["a cat"]["left"]["rank"] >= 1
    assert rows["my parcel is late"]["right"] == {"rows": rows["my parcel is late"]["right"]["rows"], "rank": None}
    assert all(len(row[side]["rows"]) == 4 for row in found["queries"] for side in ("left", "right"))
    assert [score["metric"] for score in found["scores"]] == ["nDCG@10", "hit@1", "MRR"]
    assert not client.predict(*lenses("clustering"), "samples", queries, api_name="/disagree")["scores"]
    with pytest.raises(AppError, match="entry 2 of queries"):
        client.predict(*lenses("clustering"), "samples", ["a", 1], api_name="/disagree")
    with pytest.raises(AppError, match="There are no queries"):
        client.predict(*lenses("clustering"), "samples", [], api_name="/disagree")


def test_search_takes_any_two_lenses(client):
    names = ("untouched", "mote/sts?instruction=off")
    answer = client.predict(*names, "samples", "a cat", 2, api_name="/search")
    assert (answer["left"]["lens"], answer["right"]["lens"]) == names
    assert answer["left"]["text_sent"] == answer["right"]["text_sent"] == "a cat"


def test_search_takes_texts_of_ones_own(client):
    own = ["my card was charged twice", "a cat and a dog", "my card was charged twice"]
    answer = client.predict(*lenses("similarity"), own, "a dog", 2, api_name="/search")
    assert {hit["text"] for hit in answer["hits"]} == set(own)
    assert answer["texts"] == "own"
    for texts, words in (
        ([], "no texts"),
        (["a", 1], "entry 2 of texts"),
        ([" "], "no texts"),
        (["a"] * 2049, "2,049"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(*lenses("similarity"), texts, "a dog", 2, api_name="/search")


def test_similarity_compares_a_few_texts_through_both_lenses(client, tiny_encoder):
    texts = ["a cat", "two dogs", "my parcel"]
    told = client.predict(*lenses("similarity"), texts, api_name="/similarity")
    vectors = tiny_encoder.encode(texts, route="sts")
    assert told["right"]["lens"] == "mote/sts"
    np.testing.assert_allclose(told["right"]["cosines"], vectors @ vectors.T, atol=1e-5)
    with pytest.raises(AppError, match="2 to 50 texts"):
        client.predict(*lenses("similarity"), ["a"], api_name="/similarity")


def test_the_api_page_lists_lenses_texts_and_sides(client):
    listed = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    types = {parameter["parameter_name"]: parameter["type"] for parameter in listed["/search"]["parameters"]}
    assert types["left"]["anyOf"][0]["enum"] == [
        "untouched",
        *(f"{model}/{task}" for model in MODELS for task in TASKS),
    ]
    assert types["left"]["anyOf"][1] == {"type": "string"}
    assert types["texts"]["anyOf"][0]["enum"] == list(BUILT_IN)
    types = {parameter["parameter_name"]: parameter["type"] for parameter in listed["/encode"]["parameters"]}
    named = {name for choices in types["lens"]["anyOf"] for name in choices.get("enum", [])}
    assert named == {"untouched", *(f"{model}/{look}" for model in MODELS for look in (*TASKS, *ROUTES))}
    assert types["side"]["enum"] == ["query", "document"]


def test_classes_measures_both_lenses(client):
    told = client.predict(*lenses("classification"), "samples", "topic", 5, api_name="/classes")
    assert [measure["name"] for measure in told["measures"]][:1] == ["accuracy by neighbours"]
    assert sum(map(sum, told["right"]["confusion"])) == 240
    assert {each["class"] for each in told["classes"]} == {"account", "app", "billing", "delivery", "product"}
    with pytest.raises(AppError, match="Unknown label column 'colour'.*'topic'"):
        client.predict(*lenses("similarity"), "samples", "colour", 5, api_name="/classes")


@pytest.mark.parametrize("side", ["query", "document"])
def test_encode_gives_the_encoders_vectors(client, tiny_encoder, side):
    for task in TASKS.values():
        vectors = client.predict(f"mote/{task.name}", side, ["a cat", "two dogs"], api_name="/encode")
        route = task.query_route if side == "query" else task.document_route
        np.testing.assert_allclose(vectors, tiny_encoder.encode(["a cat", "two dogs"], route=route), atol=1e-6)
    bare = client.predict("mote/sts?instruction=off", side, ["a cat"], api_name="/encode")
    np.testing.assert_allclose(bare, tiny_encoder.encode(["a cat"], route="sts", instruction=False), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mote/bogus", "samples", "a", 3), "task or route of tiny MoTE 'bogus'.*'retrieval'"),
        (("mote", "samples", "a", 3), "No task or route of tiny MoTE was given.*'retrieval'"),
        (("bogus/sts", "samples", "a", 3), "Unknown model 'bogus'.*'untouched', 'baseline', 'mote'"),
        (("", "samples", "a", 3), "names no lens"),
        (("mote/sts?instruction=no", "samples", "a", 3), "unknown option 'instruction=no'"),
        (("mote/sts", "nothing", "a", 3), "samples"),
        (("mote/sts", "samples", " ", 3), "empty"),
        (("mote/sts", "samples", "a", 0), "from 1 to 50"),
        (("mote/sts", "samples", "a" * 10_001, 3), "10,001"),
        (("mote/sts", "samples", "a", "3"), "The k must be a whole number, not str"),
        (("mote/sts", "samples", "a", 3.5), "The k must be a whole number, not float"),
        (("mote/sts", "samples", "a", True), "The k must be a whole number, not bool"),
        (("mote/sts", "samples", ["a"], 3), "The query must be a text, not list"),
        ((["mote/sts"], "samples", "a", 3), "The right lens must be a text, not list"),
        (("mote/a <b>'& task", "samples", "a", 3), "a <b>'& task"),
    ],
)
def test_a_wrong_request_is_answered_with_what_was_wrong(client, arguments, words):
    with pytest.raises(AppError, match=words):
        client.predict("baseline/sts", *arguments, api_name="/search")


@pytest.mark.parametrize(
    ("lens", "side", "words"),
    [
        ("mote", "query", "No task or route.*'clustering'"),
        ("mote/sts", "", "No side was given.*'query', 'document'"),
        ("mote/sts", "left", "Unknown side 'left'"),
    ],
)
def test_encode_without_a_task_or_a_side_lists_the_choices(client, lens, side, words):
    with pytest.raises(AppError, match=words):
        client.predict(lens, side, ["a"], api_name="/encode")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("a text", "The texts must be a list of texts, not str"),
        (["a", 1], "The text 2 must be a text, not int"),
        (["a", "b" * 10_001], "The text 2 has 10,001 characters; the most is 10,000"),
        (["a"] * 257, "at most 256"),
    ],
)
def test_encode_takes_a_list_of_texts_of_a_bounded_length(client, texts, words):
    with pytest.raises(AppError, match=words):
        client.predict("mote/sts", "query", texts, api_name="/encode")


def test_programs_without_a_page_leave_no_sessions_behind(client, address, sessions):
    for _ in range(3):
        body = {"data": ["mote/sts", "query", ["a"]]}
        event = httpx.post(f"{address}gradio_api/call/encode", json=body).json()["event_id"]
        assert "complete" in httpx.get(f"{address}gradio_api/call/encode/{event}", timeout=60).text
    client.predict(*lenses("similarity"), "samples", "a", 3, api_name="/search")
    assert [list(each) for each in sessions] == [[]]


def test_nobody_passes_by_the_queue(address):
    body = {"data": ["mote/sts", "query", ["a"]]}
    assert httpx.post(f"{address}gradio_api/run/encode", json=body).status_code == 404


def test_the_app_says_how_it_is_and_its_page_asks_no_other_host(address):
    told = httpx.get(f"{address}health").json()
    assert (told["status"], told["models"]) == ("ok", ["untouched", "baseline", "mote"])
    headers = httpx.get(address).headers
    assert "connect-src 'self'" in headers["content-security-policy"]
    assert headers["set-cookie"].startswith("mote_visitor=")


def test_a_page_of_another_site_uploads_nothing(address):
    file = {"files": ("a.csv", b"text")}
    refused = httpx.post(f"{address}gradio_api/upload", files=file, headers={"Origin": "http://evil.example"})
    assert refused.status_code == 403
    assert httpx.post(f"{address}gradio_api/upload", files=file).status_code == 200


def test_a_failed_request_leaves_the_app_working(client):
    with pytest.raises(AppError):
        client.predict(*lenses("bogus"), "samples", "a", 3, api_name="/search")
    assert client.predict(*lenses("similarity"), "samples", "a", 3, api_name="/search")["hits"]


@pytest.mark.parametrize(
    "content",
    ["{", "[1]", "{}", '{"protocol": "", "seed": 0, "models": {"a": {}}, "sets": [{"scores": []}]}', b"\xff", None],
)
def test_a_damaged_evaluation_does_not_stop_the_app_and_is_told_in_about(content, tmp_path, monkeypatch, shelf):
    path = tmp_path / "dev.json"
    if content is None:
        path.write_text(_report_of("many"), encoding="utf-8")
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setenv("MOTE_REPORT", str(path))
    monkeypatch.setattr(app.Shelf, "open", lambda *_: shelf)
    monkeypatch.setattr(app, "start", lambda *_: None)
    monkeypatch.setattr(app, "begin_log", lambda _: None)
    monkeypatch.setattr(app, "keep_files_private", lambda: None)
    about = _about(app.open_app())
    assert "dev.json is damaged" in about
    assert "write it again" in about
    path.write_text(_report_of(0.5), encoding="utf-8")
    assert "damaged" not in _about(app.open_app())


def test_files_of_visitors_lie_on_disk_for_about_an_hour_at_most(shelf):
    demo = app.build_app(shelf)
    assert sum(demo.delete_cache) <= 1.25 * 3600
    assert "for about an hour" in _about(demo)
    assert f"closed for {SECONDS_CLOSED // 60} minutes" in _about(demo)


def _report_of(part):
    score = {"parts": [part], "texts": 1, "seconds": 1}
    one = dict.fromkeys(("name", "family", "metric", "part", "fingerprint", "note"), "x") | {"scores": {"a": score}}
    return json.dumps({"protocol": "", "seed": 0, "models": {"a": {}}, "sets": [one]})


def _about(demo):
    pages = [block.value for block in demo.blocks.values() if "mote-about" in str(getattr(block, "value", ""))]
    return next(page for page in pages if "What MoTE is" in page)


def test_who_asks_a_query_does_not_wait_for_maps_that_others_draw(shelf):
    demo = build_app(shelf)
    places = {event.fn.__name__: event.concurrency_id for event in demo.fns.values() if event.fn}
    maps = {"draw", "draw_first", "refine_maps"}
    assert {places[name] for name in maps} == {"map"}
    assert places["search"] == "model"
    assert {name for name, place in places.items() if place == "map"} == maps


def test_what_gradio_keeps_of_pages_that_are_gone_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(app, "MAX_SESSIONS", 3)
    with served(tmp_path) as (demo, url):
        for _ in range(6):
            with Visitor(url).page() as visitor:
                visitor.search("my parcel is late")
        assert 0 < len(demo.state_holder.session_data) <= 4
