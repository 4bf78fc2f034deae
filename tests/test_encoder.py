import copy
import threading

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, normalizers

from mote_demo import encoder as module
from mote_demo.encoder import Encoder, Stopped
from mote_demo.errors import UserError
from mote_demo.growing.training import copy_expert
from mote_demo.runtime.bert import PackedBert
from mote_demo.runtime.memory import release_freed
from mote_demo.tasks import ROUTES, Route

TEXTS = ["a cat", "my card is lost and the bank is late", "dog", "what is a vector? " * 3, "the river", ""]


@pytest.fixture
def changed(tiny_encoder):
    """Return the encoder after ``change`` was applied to a copy of its model."""

    def changed(change):
        model = copy.deepcopy(tiny_encoder.model)
        model._views.clear()
        with torch.no_grad():
            change(model)
        return Encoder(model, tiny_encoder._tokenizer, tiny_encoder.name)

    return changed


def test_vectors_are_unit_rows_in_the_order_of_the_texts(tiny_encoder):
    vectors = tiny_encoder.encode(TEXTS, route="sts")
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), tiny_encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(tiny_encoder.encode(TEXTS[::-1], route="sts")[::-1], vectors, atol=1e-5)


def test_a_mixed_batch_equals_one_by_one(tiny_encoder):
    together = tiny_encoder.encode(TEXTS, route="query")
    alone = [tiny_encoder.encode([text], route="query")[0] for text in TEXTS]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_more_texts_than_fit_a_batch_keep_their_order(tiny_encoder, monkeypatch):
    expected = tiny_encoder.encode(TEXTS, route="query")
    monkeypatch.setattr(PackedBert, "tokens_at_once", 20)
    monkeypatch.setattr(module, "_TOKENIZED_AT_ONCE", 4)
    np.testing.assert_allclose(tiny_encoder.encode(TEXTS, route="query"), expected, atol=1e-5)


def test_no_texts_give_no_vectors(tiny_encoder):
    assert tiny_encoder.encode([], route="sts").shape == (0, 32)


def test_an_empty_text_has_a_vector_too(tiny_encoder):
    assert np.isfinite(tiny_encoder.encode(["", "  "], route="sts")).all()


def test_a_single_text_has_one_vector_and_is_no_sequence_of_letters(tiny_encoder):
    found = tiny_encoder.encode("hello", route="sts")
    assert (found == tiny_encoder.encode(["hello"], route="sts")[0]).all()


def test_the_end_of_a_very_long_text_is_cut_off_and_the_receipt_says_so(tiny_encoder):
    long = "big " * 5000
    receipt = tiny_encoder.receipt(long, route="sts")
    assert receipt.truncated
    assert receipt.tokens == 64
    assert receipt.tokens_before > 5000
    vectors = tiny_encoder.encode([long, long + "cat"], route="sts")
    assert np.array_equal(vectors[0], vectors[1])
    assert tiny_encoder.tokenize([long], "sts")[0][-1] == tiny_encoder.tokenize(["big"], "sts")[0][-1]


def test_the_receipt_tells_model_expert_and_exact_text(tiny_encoder, tiny_baseline_encoder):
    receipt = tiny_encoder.receipt("a cat", route="similarity")
    assert (receipt.model, receipt.route, receipt.expert) == ("tiny MoTE", "sts", "sts")
    assert receipt.text_sent == "similarity: a cat"
    assert receipt.tokens == receipt.tokens_before == len(tiny_encoder.tokenize(["a cat"], "sts")[0])
    assert not receipt.truncated
    assert tiny_baseline_encoder.receipt("a cat", route="sts").expert is None


def test_a_mixed_list_gets_each_text_its_own_route(tiny_encoder):
    routes = ["sts", "query", "similarity", "document", "clustering", "query"]
    expected = [tiny_encoder.encode([text], route=route)[0] for text, route in zip(TEXTS, routes, strict=True)]
    np.testing.assert_allclose(tiny_encoder.encode_mixed(TEXTS, routes), expected, atol=1e-5)
    with pytest.raises(UserError, match="'query', 'document'"):
        tiny_encoder.encode_mixed(TEXTS, [*routes[:5], None])
    with pytest.raises(UserError, match="6 texts need as many routes, not 1"):
        tiny_encoder.encode_mixed(TEXTS, ["sts"])


def test_progress_grows_and_reaches_the_total(tiny_encoder, monkeypatch):
    monkeypatch.setattr(PackedBert, "tokens_at_once", 30)
    calls = []
    tiny_encoder.encode(TEXTS, route="sts", progress=lambda done, total: calls.append((done, total)))
    assert len(calls) > 2
    assert calls == sorted(calls)
    assert calls[-1] == (len(TEXTS), len(TEXTS))


def test_stopping_ends_the_work_early(tiny_encoder, monkeypatch):
    monkeypatch.setattr(PackedBert, "tokens_at_once", 30)
    stop, calls = threading.Event(), []

    def progress(done, total):
        calls.append(done)
        stop.set()

    with pytest.raises(Stopped, match=f"of {len(TEXTS)} texts"):
        tiny_encoder.encode(TEXTS, route="sts", progress=progress, stop=stop)
    assert len(calls) == 1


def test_the_fingerprint_changes_with_the_routes_own_weights_and_not_with_other_experts(tiny_encoder, changed):
    def change(model):
        next(iter(model.expert_parameters("sts").values())).view(-1)[0].add_(1e-3)

    other = changed(change)
    assert other.fingerprint("sts") != tiny_encoder.fingerprint("sts")
    for route in set(ROUTES) - {"sts"}:
        assert other.fingerprint(route) == tiny_encoder.fingerprint(route)


def test_the_fingerprint_of_every_route_changes_with_shared_weights(tiny_encoder, changed):
    other = changed(lambda model: model.get_input_embeddings().weight[7].add_(1))
    assert not {other.fingerprint(route) for route in ROUTES} & {tiny_encoder.fingerprint(route) for route in ROUTES}


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.config.routes["sts"].update(instruction="other: "),
        lambda model: setattr(model.config, "max_tokens", 32),
        lambda model: setattr(model.config, "pooling", "cls"),
    ],
)
def test_the_fingerprint_changes_with_instruction_limit_and_pooling(tiny_encoder, changed, change):
    assert changed(change).fingerprint("sts") != tiny_encoder.fingerprint("sts")


def test_the_fingerprint_is_the_contents_not_the_name(tiny_encoder, changed):
    renamed = changed(lambda model: None)
    renamed.name = "other"
    assert renamed.fingerprint("sts") == tiny_encoder.fingerprint("similarity") == tiny_encoder.fingerprint("sts")
    assert len({tiny_encoder.fingerprint(route) for route in ROUTES}) == len(ROUTES)


def test_the_fingerprint_changes_with_the_tokenizer_and_the_backbones_config(tiny_encoder, changed):
    repaired = Tokenizer.from_str(tiny_encoder._tokenizer.to_str())
    repaired.normalizer = normalizers.BertNormalizer(lowercase=False)
    others = [
        Encoder(tiny_encoder.model, repaired, "tokenizer"),
        changed(lambda model: setattr(model.config.backbone_config, "layer_norm_eps", 1e-3)),
        changed(lambda model: setattr(model.config.backbone_config, "pad_token_id", 3)),
    ]
    assert len({encoder.fingerprint("sts") for encoder in (tiny_encoder, *others)}) == 4
    # A grown expert is kept: it fits the weights whatever reads the texts.
    assert others[0].weights_fingerprint("sts") == tiny_encoder.weights_fingerprint("sts")


def test_the_fingerprint_does_not_tell_where_a_backbone_came_from(tiny_encoder, changed):
    def change(model):
        model.config.backbone_config._name_or_path = "elsewhere"
        model.config.backbone_config.transformers_version = "0"
        model.config.backbone_config.brand_new_switch = False

    assert changed(change).fingerprint("sts") == tiny_encoder.fingerprint("sts")


def test_the_fingerprint_follows_weights_that_change_in_place(fresh_mote, tiny_encoder):
    encoder = Encoder(fresh_mote, tiny_encoder._tokenizer, "changing")
    before = {route: encoder.fingerprint(route) for route in ROUTES}
    with torch.no_grad():
        next(iter(fresh_mote.expert_parameters("sts").values())).add_(0.1)
    assert {route for route in ROUTES if encoder.fingerprint(route) != before[route]} == {"sts"}


class BusyTokenizer:
    """Refuse to change, as a tokenizer does while another thread encodes with it."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def __getattr__(self, name):
        if name in ("no_padding", "no_truncation"):
            raise RuntimeError("Already borrowed")
        return getattr(self._tokenizer, name)


def test_encoders_are_derived_while_other_threads_use_the_tokenizer(tiny_encoder):
    encoder = Encoder(tiny_encoder.model, BusyTokenizer(tiny_encoder._tokenizer), "busy")
    grown = encoder.with_precision("exact").with_route("mine", Route("mine", ""), copy_expert(encoder, "sts"))
    assert grown.encode(TEXTS, route="mine").shape == (len(TEXTS), 32)


def test_a_tokenizer_that_pads_and_cuts_is_made_to_read_whole_texts(tiny_encoder):
    tokenizer = Tokenizer.from_str(tiny_encoder._tokenizer.to_str())
    tokenizer.enable_padding(length=20)
    tokenizer.enable_truncation(4)
    encoder = Encoder(tiny_encoder.model, tokenizer, "padded")
    assert encoder.tokenize(TEXTS, "sts") == tiny_encoder.tokenize(TEXTS, "sts")


def test_memory_is_handed_back_after_many_batches_and_not_after_few(tiny_encoder, monkeypatch):
    tiny_encoder.encode(TEXTS, route="sts")
    calls = []
    monkeypatch.setattr(module, "release_freed", lambda: calls.append(None))
    tiny_encoder.encode(TEXTS, route="sts")
    assert not calls
    monkeypatch.setattr(PackedBert, "tokens_at_once", 10)
    tiny_encoder.encode(TEXTS, route="sts")
    assert len(calls) == 1


@pytest.mark.parametrize("error", [TypeError, OSError])
def test_a_system_that_cannot_hand_memory_back_keeps_it(monkeypatch, error):
    def refuse(name):
        raise error(name)

    monkeypatch.setattr("ctypes.CDLL", refuse)
    release_freed()


@pytest.mark.parametrize("route", [None, "", "bogus", "retrieval"])
def test_there_is_no_default_route_and_an_unknown_one_lists_them(tiny_encoder, route):
    with pytest.raises(UserError, match="'query', 'document', 'classification', 'clustering', 'sts'"):
        tiny_encoder.encode(["a"], route=route)
