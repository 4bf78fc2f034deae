"""Any sentence-transformers model serves as one more model: its prompts are its routes and instructions."""

import threading

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.sentence_encoder import PLAIN, SentenceEncoder
from tests.sentence_models import PROMPTS, save_sentence_model

TEXTS = ["a cat", "where is my parcel", ""]


@pytest.fixture(scope="module")
def folder(tiny_backbone_path, tmp_path_factory):
    return save_sentence_model(tiny_backbone_path, tmp_path_factory.mktemp("model") / "theirs", PROMPTS)


@pytest.fixture(scope="module")
def encoder(folder):
    return SentenceEncoder.from_pretrained(folder, "theirs")


@pytest.fixture
def plain(tiny_backbone_path, tmp_path):
    return SentenceEncoder.from_pretrained(save_sentence_model(tiny_backbone_path, tmp_path / "plain"), "plain")


def test_each_prompt_is_a_route_and_documents_may_get_nothing(encoder):
    assert {name: route.instruction for name, route in encoder.all_routes.items()} == PROMPTS


def test_a_model_with_a_prompt_for_queries_alone_has_documents_too(tiny_backbone_path, tmp_path):
    model = save_sentence_model(tiny_backbone_path, tmp_path / "model", {"web": "web: ", "query": "search: "})
    routes = SentenceEncoder.from_pretrained(model, "theirs").all_routes
    assert {name: route.instruction for name, route in routes.items()} == {
        "query": "search: ",
        "document": "",
        "web": "web: ",
    }


def test_a_model_without_prompts_has_one_plain_route(plain):
    assert list(plain.all_routes) == [PLAIN]
    assert plain.receipt("a cat", route=PLAIN).text_sent == "a cat"
    assert plain.fingerprint(PLAIN) == plain.fingerprint(PLAIN, instruction=False)


@pytest.mark.parametrize("route", PROMPTS)
@pytest.mark.parametrize("instruction", [True, False])
def test_vectors_are_those_of_the_library(encoder, folder, route, instruction):
    library = SentenceTransformer(str(folder), device="cpu")
    prompt = {"prompt_name": route} if instruction else {"prompt": ""}
    expected = library.encode(TEXTS, normalize_embeddings=True, **prompt)
    vectors = encoder.encode(TEXTS, route=route, instruction=instruction)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_one_text_gives_one_vector_and_none_give_none(encoder):
    one = encoder.encode("a cat", route="query")
    assert one.shape == (32,)
    np.testing.assert_allclose(one, encoder.encode(["a cat"], route="query")[0], atol=1e-6)
    assert encoder.encode([], route="query").shape == (0, 32)


def test_the_receipt_says_what_was_sent_and_what_was_cut(encoder):
    receipt = encoder.receipt("a cat", route="query")
    assert (receipt.model, receipt.route, receipt.expert) == ("theirs", "query", None)
    assert receipt.text_sent == "search: a cat"
    assert not receipt.truncated
    assert encoder.receipt("a cat", route="query", instruction=False).text_sent == "a cat"
    long = encoder.receipt("cat " * 50, route="query")
    assert (long.tokens, long.truncated) == (16, True)
    assert long.tokens_before > 50


def test_the_fingerprint_follows_prompt_and_weights(encoder, folder, tiny_backbone_path, tmp_path):
    prints = {encoder.fingerprint(route, instruction=on) for route in PROMPTS for on in (True, False)}
    assert len(prints) == 3  # "document" has no prompt, as each has none without its instruction
    assert encoder.fingerprint("query") == SentenceEncoder.from_pretrained(folder, "again").fingerprint("query")
    other = save_sentence_model(tiny_backbone_path, tmp_path / "other", PROMPTS, width=16)
    assert SentenceEncoder.from_pretrained(other, "theirs").fingerprint("query") not in prints


def test_progress_is_told_and_a_stop_ends_the_work(encoder, monkeypatch):
    monkeypatch.setattr("mote_demo.sentence_encoder._AT_ONCE", 2)
    done, stop = [], threading.Event()
    encoder.encode(["a cat"] * 5, route="query", progress=lambda *counts: done.append(counts))
    assert done == [(2, 5), (4, 5), (5, 5)]
    with pytest.raises(Stopped, match="after 2 of 5"):
        encoder.encode(["a cat"] * 5, route="query", progress=lambda *_: stop.set(), stop=stop)


@pytest.mark.parametrize(("use", "arguments"), [("encode", [["a"]]), ("receipt", ["a"]), ("fingerprint", [])])
def test_an_unknown_route_lists_the_routes(encoder, use, arguments):
    with pytest.raises(UserError, match="Unknown route 'sts'. Choose one of: 'query', 'document', 'clustering'"):
        getattr(encoder, use)(*arguments, route="sts")


def test_a_model_that_wants_to_run_code_of_its_own_is_refused_with_the_way_to_allow_it(folder, monkeypatch):
    def refuse(path, *, trust_remote_code):
        assert not trust_remote_code
        raise ValueError(f"{path} contains custom code. Please pass the argument `trust_remote_code=True`.")

    monkeypatch.setattr("sentence_transformers.SentenceTransformer", refuse)
    with pytest.raises(UserError, match="wants to run code of its own.*MOTE_TRUST_REMOTE_CODE=1"):
        SentenceEncoder.from_pretrained(folder, "theirs")


def test_whoever_runs_the_app_may_allow_it(folder, monkeypatch):
    asked = []
    monkeypatch.setenv("MOTE_TRUST_REMOTE_CODE", "1")
    real = SentenceTransformer
    monkeypatch.setattr(
        "sentence_transformers.SentenceTransformer",
        lambda path, *, trust_remote_code: asked.append(trust_remote_code) or real(path, device="cpu"),
    )
    from mote_demo.loading import load

    assert load(str(folder)).name == "theirs"
    assert asked == [True]


def test_a_folder_that_holds_no_model_is_named_in_one_line(tmp_path):
    (tmp_path / "modules.json").write_text("[\n")
    with pytest.raises(UserError, match=f"Cannot load {tmp_path} with sentence-transformers") as raised:
        SentenceEncoder.from_pretrained(tmp_path, "theirs")
    assert "\n" not in str(raised.value)
