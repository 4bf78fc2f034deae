"""The running app answers programs, keeps visitors apart, and fails in words."""

import json

import httpx
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from mote_demo.serving.sessions import SECONDS_CLOSED, Sessions
from mote_demo.tasks import ROUTES, TASKS
from mote_demo.ui import app
from mote_demo.ui.app import build_app, launch_options


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


def test_only_the_named_endpoints_are_public(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/search", "/encode", "/tasks"}


def test_tasks_lists_what_a_program_can_ask_for(client):
    listed = {task["name"]: task["routes"] for task in client.predict(api_name="/tasks")}
    assert listed == {name: list(task.routes) for name, task in TASKS.items()}


def test_search_answers_with_both_models_and_says_what_was_sent(client):
    answer = client.predict("clustering", "samples", "my card was charged twice", 4, api_name="/search")
    assert [hit["rank"] for hit in answer["mote"]["hits"]] == [1, 2, 3, 4]
    assert answer["of"] == 4
    assert answer["mote"]["receipt"]["text_sent"] == "clustering: my card was charged twice"
    assert answer["mote"]["receipt"]["expert"] == "clustering"
    assert answer["baseline"]["receipt"]["expert"] is None


def test_encode_gives_the_encoders_vectors(client, tiny_encoder):
    for route in ROUTES:
        vectors = client.predict("mote", route, ["a cat", "two dogs"], api_name="/encode")
        np.testing.assert_allclose(vectors, tiny_encoder.encode(["a cat", "two dogs"], route=route), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bogus", "samples", "a", 3), "retrieval"),
        (("", "samples", "a", 3), "No task was given"),
        (("retrieval", "nothing", "a", 3), "samples"),
        (("retrieval", "samples", " ", 3), "empty"),
        (("retrieval", "samples", "a", 0), "from 1 to 50"),
        (("retrieval", "samples", "a" * 10_001, 3), "10,001"),
        (("retrieval", "samples", "a", "3"), "The k must be a whole number, not str"),
        (("retrieval", "samples", "a", 3.5), "The k must be a whole number, not float"),
        (("retrieval", "samples", "a", True), "The k must be a whole number, not bool"),
        (("retrieval", "samples", ["a"], 3), "The query must be a text, not list"),
        ((["retrieval"], "samples", "a", 3), "The task must be a text, not list"),
        (("a <b>'& task", "samples", "a", 3), "a <b>'& task"),
    ],
)
def test_a_wrong_request_is_answered_with_what_was_wrong(client, arguments, words):
    with pytest.raises(AppError, match=words):
        client.predict(*arguments, api_name="/search")


def test_encode_without_a_route_lists_the_routes(client):
    with pytest.raises(AppError, match="clustering"):
        client.predict("mote", "", ["a"], api_name="/encode")


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
        client.predict("mote", "sts", texts, api_name="/encode")


def test_programs_without_a_page_leave_no_sessions_behind(client, address, sessions):
    for _ in range(3):
        body = {"data": ["mote", "sts", ["a"]]}
        event = httpx.post(f"{address}gradio_api/call/encode", json=body).json()["event_id"]
        assert "complete" in httpx.get(f"{address}gradio_api/call/encode/{event}", timeout=60).text
    client.predict("similarity", "samples", "a", 3, api_name="/search")
    assert [list(each) for each in sessions] == [[]]


def test_a_failed_request_leaves_the_app_working(client):
    with pytest.raises(AppError):
        client.predict("bogus", "samples", "a", 3, api_name="/search")
    assert client.predict("similarity", "samples", "a", 3, api_name="/search")["mote"]["hits"]


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
