"""The running app answers programs, keeps visitors apart, and fails in words."""

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from mote_demo.registry import Registry
from mote_demo.store import VectorStore
from mote_demo.tasks import ROUTES, TASKS
from mote_demo.ui.app import build_app, launch_options


@pytest.fixture(scope="module")
def address(tiny_encoder, tiny_baseline_encoder, tmp_path_factory):
    registry = Registry(tiny_baseline_encoder, tiny_encoder, VectorStore(tmp_path_factory.mktemp("store")))
    demo = build_app(registry)
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
    ],
)
def test_a_wrong_request_is_answered_with_what_was_wrong(client, arguments, words):
    with pytest.raises(AppError, match=words):
        client.predict(*arguments, api_name="/search")


def test_encode_without_a_route_lists_the_routes(client):
    with pytest.raises(AppError, match="clustering"):
        client.predict("mote", "", ["a"], api_name="/encode")


def test_a_failed_request_leaves_the_app_working(client):
    with pytest.raises(AppError):
        client.predict("bogus", "samples", "a", 3, api_name="/search")
    assert client.predict("similarity", "samples", "a", 3, api_name="/search")["mote"]["hits"]
