"""The app answers the OpenAI client: the route stands in the model's name."""

import base64
import json
import re

import httpx
import numpy as np
import openai
import pytest

from mote_demo.explore.lens import Lens
from mote_demo.http.limits import MOST_BYTES
from mote_demo.tasks import ROUTES
from mote_demo.ui.app import build_app, launch_options


@pytest.fixture(scope="module")
def address(open_shelf, tmp_path_factory):
    demo = build_app(open_shelf(tmp_path_factory.mktemp("store")))
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield f"{address}v1"
    demo.close()


@pytest.fixture(scope="module")
def client(address):
    with openai.OpenAI(base_url=address, api_key="none", max_retries=0) as client:
        yield client


def test_every_route_is_a_model_of_its_own(client):
    listed = [model.id for model in client.models.list()]
    assert listed == ["untouched", *(f"{model}/{route}" for model in ("baseline", "mote") for route in ROUTES)]
    assert client.models.retrieve("mote/query").id == "mote/query"
    with pytest.raises(openai.NotFoundError, match="mote/query"):
        client.models.retrieve("mote/bogus")


@pytest.mark.parametrize("encoding", [openai.NOT_GIVEN, "float", "base64"])
def test_vectors_are_those_of_the_route(client, tiny_encoder, encoding):
    texts = ["a cat", "two dogs"]
    for route in ROUTES:
        answer = client.embeddings.create(model=f"mote/{route}", input=texts, encoding_format=encoding)
        vectors = [each.embedding for each in answer.data]
        if encoding == "base64":
            vectors = [np.frombuffer(base64.b64decode(vector), "<f4") for vector in vectors]
        np.testing.assert_allclose(vectors, tiny_encoder.encode(texts, route=route), atol=1e-6)
        assert [each.index for each in answer.data] == [0, 1]
        assert answer.model == f"mote/{route}"


def test_it_counts_the_tokens_that_the_model_saw(client, tiny_encoder):
    answer = client.embeddings.create(model="mote/sts", input=["a cat", "two dogs here"])
    seen = [tiny_encoder.receipt(text, route="sts").tokens for text in ("a cat", "two dogs here")]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(seen)


def test_a_lens_with_one_route_will_do_and_one_text_need_not_be_a_list(client, tiny_encoder):
    plain = client.embeddings.create(model="mote/similarity?instruction=off", input="a cat").data
    expected = tiny_encoder.encode(["a cat"], route="sts", instruction=False)
    np.testing.assert_allclose([each.embedding for each in plain], expected, atol=1e-6)
    assert client.embeddings.create(model="untouched", input="a cat", dimensions=32).data


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({}, "model", "No model was given. Models here: untouched, baseline/query"),
        ({"model": "text-embedding-3-small"}, "model", "Unknown model 'text-embedding-3-small'.*mote/document"),
        ({"model": "mote/bogus"}, "model", "'bogus'"),
        ({"model": "mote"}, "model", "No task or route"),
        ({"model": "mote/sts?instruction=no"}, "model", "unknown option"),
        ({"model": "mote/retrieval"}, "model", "two routes.*'mote/query' or 'mote/document'"),
        ({"model": "mote/retrieval?instruction=off"}, "model", r"'mote/query\?instruction=off'"),
        ({}, "input", "must be a text"),
        ({"input": []}, "input", "must be a text"),
        ({"input": [1, 2]}, "input", "Token numbers.*check_embedding_ctx_length=False"),
        ({"input": [[1], [2]]}, "input", "Token numbers"),
        ({"input": ["a", None]}, "input", "Text 2 of the input is a NoneType"),
        ({"input": ["a", " "]}, "input", "Text 2 of the input is empty"),
        ({"input": ["a\ud800"]}, "input", "lone surrogate"),
        ({"input": ["a"] * 2049}, "input", "2,049 texts"),
        ({"input": "a" * 10_001}, "input", "10,001 characters"),
        ({"input": ["a" * 10_000] * 101}, "input", "1,010,000 characters"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format", "'float' or 'base64', not 'int8'"),
        ({"input": "a", "dimensions": 16}, "dimensions", "have 32 dimensions and were not trained to be cut"),
    ],
)
def test_a_wrong_request_is_refused_as_the_api_words_it(address, body, param, words):
    known = {} if param == "model" else {"model": "mote/sts"}
    answer = httpx.post(f"{address}/embeddings", content=json.dumps({**known, **body}), timeout=60)
    error = answer.json()["error"]
    assert answer.status_code in (400, 404)
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert re.search(words, error["message"])


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"text"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(address, content):
    answer = httpx.post(f"{address}/embeddings", content=content)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_body_that_is_too_long_is_refused(address):
    answer = httpx.post(f"{address}/embeddings", content=b" " * (MOST_BYTES + 1))
    assert answer.status_code == 413


def test_a_mistake_of_the_app_is_an_answer_that_repeats_nothing(address, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("secret words")

    monkeypatch.setattr(Lens, "encode_query", fail)
    answer = httpx.post(f"{address}/embeddings", json={"model": "mote/sts", "input": "secret words"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert "secret" not in answer.text


def test_the_page_and_its_own_endpoints_stay(address):
    assert "gradio" in httpx.get(address.removesuffix("v1")).text
    assert httpx.get(f"{address}/embeddings").status_code == 405
