"""Every runtime computes what the dense view of a route computes."""

import copy
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch
from transformers import AutoModel, DistilBertConfig

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.growing.training import copy_expert
from mote_demo.model import upcycle
from mote_demo.runtime import int8, linear
from mote_demo.runtime.bert import PackedBert
from mote_demo.runtime.forward_pass import build_forward_pass, check_supported
from mote_demo.runtime.int8 import RoundedLinear, int8_kind
from mote_demo.runtime.linear import Packs, PlainLinear, PrepackedLinear, linear_kind
from mote_demo.runtime.padded import PaddedView
from mote_demo.settings import ROOT
from mote_demo.tasks import ROUTES, Route

TEXTS = ["a cat", "my card is lost and the bank is late", "dog", "what is a vector? " * 3, "the river", "", "a dog"]


def packed(make):
    return partial(Packs().layer, make=make)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("route", ROUTES)
def test_the_packed_bert_gives_the_vectors_of_the_view(tiny_encoder, route, pooling):
    ids, model = tiny_encoder.tokenize(TEXTS, route), tiny_encoder.model
    expected = PaddedView(model.dense(route), pooling)(ids)
    found = PackedBert(model.config.backbone_config, model.dense_tensors(route), pooling, packed(linear_kind()))(ids)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_packed_bert_gives_the_vectors_of_the_view_without_onednn(tiny_encoder):
    ids, model = tiny_encoder.tokenize(TEXTS, "sts"), tiny_encoder.model
    expected = PaddedView(model.dense("sts"), "mean")(ids)
    bert = PackedBert(model.config.backbone_config, model.dense_tensors("sts"), "mean", packed(PlainLinear))
    np.testing.assert_allclose(bert(ids), expected, atol=2e-6)


def test_texts_of_every_length_need_few_shapes_of_products(tiny_encoder):
    model, rows = tiny_encoder.model, set()

    class Counted(PlainLinear):
        def __call__(self, inputs):
            rows.add(len(inputs))
            return super().__call__(inputs)

    bert = PackedBert(model.config.backbone_config, model.dense_tensors("sts"), "mean", packed(Counted))
    view = PaddedView(model.dense("sts"), "mean")
    for length in range(1, 61):
        ids = [[7] * length, [7, 8, 9]]
        np.testing.assert_allclose(bert(ids), view(ids), atol=2e-6)
    assert len(rows) <= 12


@pytest.mark.parametrize("model", ["baseline", "mote"])
@pytest.mark.parametrize("route", ROUTES)
def test_the_shipped_checkpoints_give_the_same_vectors_on_every_runtime(shipped, model, route):
    encoder = shipped[model]
    texts = [*TEXTS, "Embeddings turn a text into a point. " * 60]
    expected = PaddedView(encoder.model.dense(route), encoder.config.pooling)(encoder.tokenize(texts, route))
    assert isinstance(build_forward_pass(encoder.network, route), PackedBert)
    cosines = np.einsum("nd,nd->n", encoder.encode(texts, route=route), expected)
    assert cosines.min() >= 0.9999


@pytest.fixture(scope="module")
def shipped():
    return {name: Encoder.from_pretrained(ROOT / "checkpoints" / name) for name in ("baseline", "mote")}


def test_another_architecture_runs_as_it_is(tiny_encoder):
    torch.manual_seed(0)
    config = DistilBertConfig(vocab_size=200, dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    model = upcycle(AutoModel.from_config(config), ROUTES)
    encoder = Encoder(model, tiny_encoder._tokenizer, "distilled")
    assert isinstance(build_forward_pass(model, "sts"), PaddedView)
    assert encoder.encode(TEXTS, route="sts").shape == (len(TEXTS), 32)


@pytest.mark.parametrize(
    "change", [{"hidden_act": "relu"}, {"is_decoder": True}, {"position_embedding_type": "relative_key"}]
)
def test_a_bert_that_computes_something_else_runs_as_it_is(tiny_encoder, change):
    config = copy.deepcopy(tiny_encoder.config.backbone_config)
    assert PackedBert.supports(config)
    for name, value in change.items():
        setattr(config, name, value)
    assert not PackedBert.supports(config)


def test_vectors_follow_weights_that_change_in_place(fresh_mote, tiny_encoder):
    encoder = Encoder(fresh_mote, tiny_encoder._tokenizer, "changing")
    before = encoder.encode(TEXTS, route="sts")
    with torch.no_grad():
        for parameter in fresh_mote.expert_parameters("sts").values():
            parameter.add_(0.05)
    after = encoder.encode(TEXTS, route="sts")
    assert np.abs(after - before).max() > 1e-3
    expected = PaddedView(fresh_mote.dense("sts"), "mean")(encoder.tokenize(TEXTS, "sts"))
    np.testing.assert_allclose(after, expected, atol=2e-6)


def test_int8_stays_near_the_exact_vectors_and_has_a_fingerprint_of_its_own(shipped):
    exact = shipped["mote"]
    small = exact.with_precision("int8")
    cosines = np.einsum("nd,nd->n", small.encode(TEXTS, route="sts"), exact.encode(TEXTS, route="sts"))
    assert 0.98 < cosines.min() < 1 - 1e-5
    assert small.fingerprint("sts") != exact.fingerprint("sts")
    assert small.with_network(exact.model).precision == "int8"


def test_bfloat16_stays_near_the_exact_vectors_and_has_a_fingerprint_of_its_own(tiny_encoder):
    texts = ["a cat", "two dogs and a small bird " * 5]
    rounded = tiny_encoder.with_precision("bfloat16")
    exact, near = (encoder.encode(texts, route="sts") for encoder in (tiny_encoder, rounded))
    assert near.dtype == np.float32
    assert 0 < np.abs(exact - near).max() < 0.05
    assert rounded.fingerprint("sts") == tiny_encoder.fingerprint("sts") + "-bfloat16"


@pytest.mark.parametrize("inputs", [64, 7])
@pytest.mark.parametrize("kind", [int8_kind(), RoundedLinear])
def test_products_are_those_of_integers(kind, inputs):
    torch.manual_seed(0)
    weight, bias, rows = torch.randn(6, inputs), torch.randn(6), torch.randn(5, inputs).exp()
    # Neighbours of one sign overflow 16 bits on processors without VNNI, unless their steps are larger.
    weight[0] = 2.0
    neighbours = torch.nn.functional.pad(weight, (0, inputs % 2)).unflatten(1, (-1, 2)).sum(2)
    scales = torch.maximum(weight.abs().amax(1), neighbours.abs().amax(1))[:, None] / 127
    lowest = rows.amin(1, keepdim=True)
    steps = (rows.amax(1, keepdim=True) - lowest) / 255
    integers = (weight / scales).round().long(), ((rows - lowest) / steps).round().long()
    assert integers[1].max() == 255
    product = (integers[1] @ integers[0].T) * steps + lowest * integers[0].sum(1)
    expected = product * scales.T + bias
    layer = kind(weight, bias)
    torch.testing.assert_close(layer(rows), expected)
    torch.testing.assert_close(layer.gelu(rows), torch.nn.functional.gelu(expected))
    residual = torch.ones(5, 6)
    torch.testing.assert_close(layer.add(rows, residual), expected + 1)
    assert (residual == 1).all()


def test_int8_takes_tokens_that_are_all_alike():
    layer = int8_kind()(torch.randn(6, 64), torch.ones(6))
    torch.testing.assert_close(layer(torch.zeros(2, 64)), torch.ones(2, 6))


def test_int8_works_where_torch_multiplies_no_integers(monkeypatch):
    int8_kind.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
            assert int8_kind() is RoundedLinear
        int8_kind.cache_clear()
        monkeypatch.setattr(int8, "IntegerLinear", lambda weight, bias: torch.ops.onednn.not_there(weight))
        assert int8_kind() is RoundedLinear
    finally:
        int8_kind.cache_clear()


def test_precisions_that_cannot_be_computed_are_refused(tiny_encoder):
    with pytest.raises(UserError, match="'exact', 'bfloat16', 'int8'"):
        tiny_encoder.with_precision("int4")
    other = copy.deepcopy(tiny_encoder.model)
    other.config.backbone_config.model_type = other.backbone.config.model_type = "electra"
    with pytest.raises(UserError, match="model_type is 'electra', not 'bert'.*'exact'"):
        Encoder(other, tiny_encoder._tokenizer, "other", "int8")


def test_the_refusal_of_int8_names_what_differs(fresh_mote, tiny_encoder):
    fresh_mote.config.backbone_config.hidden_act = "relu"
    with pytest.raises(UserError, match="its hidden_act is 'relu', not 'gelu'. Please choose the precision 'exact'"):
        Encoder(fresh_mote, tiny_encoder._tokenizer, "other", "int8")
    fresh_mote.config.backbone_config.hidden_act = "gelu"
    with pytest.raises(UserError, match="it lies on 'meta', not on the CPU"):
        check_supported(fresh_mote.to("meta"), "int8")


@pytest.mark.parametrize("write", ["data", "fused"])
def test_a_new_encoder_sees_writes_that_autograd_does_not(fresh_mote, tiny_encoder, write):
    before = Encoder(fresh_mote, tiny_encoder._tokenizer, "before").encode(TEXTS, route="sts")
    parameters = list(fresh_mote.expert_parameters("sts").values())
    if write == "data":
        for parameter in parameters:
            parameter.data.add_(0.05)
    else:
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        torch.optim.AdamW(parameters, lr=0.05, fused=True).step()
    encoder = Encoder(fresh_mote, tiny_encoder._tokenizer, "after")
    after = encoder.encode(TEXTS, route="sts")
    assert np.abs(after - before).max() > 1e-3
    expected = PaddedView(fresh_mote.dense("sts"), "mean")(encoder.tokenize(TEXTS, "sts"))
    np.testing.assert_allclose(after, expected, atol=2e-6)


def test_vectors_follow_a_parameter_that_is_replaced(fresh_mote, tiny_encoder):
    encoder = Encoder(fresh_mote, tiny_encoder._tokenizer, "changing")
    before = encoder.encode(TEXTS, route="sts")
    layer = fresh_mote.dense("sts").get_submodule(fresh_mote.expert_paths[0])
    layer.weight = torch.nn.Parameter(layer.weight * 1.5)
    assert np.abs(encoder.encode(TEXTS, route="sts") - before).max() > 1e-3


def test_threads_share_a_fresh_encoder(tiny_encoder):
    expected = {route: tiny_encoder.encode(TEXTS, route=route) for route in ROUTES}
    fresh = tiny_encoder.with_network(tiny_encoder.model)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda route: fresh.encode(TEXTS, route=route), [*ROUTES] * 4))
    for route, vectors in zip([*ROUTES] * 4, found, strict=True):
        np.testing.assert_allclose(vectors, expected[route], atol=1e-6)


def test_all_routes_and_a_grown_one_share_the_packed_trunk(fresh_mote, tiny_encoder, monkeypatch):
    made = []

    def make(weight, bias):
        made.append(weight.shape)
        return PlainLinear(weight, bias)

    monkeypatch.setattr("mote_demo.runtime.forward_pass.linear_kind", lambda: make)
    encoder = Encoder(fresh_mote, tiny_encoder._tokenizer, "fresh")
    encoder.encode(TEXTS, route="sts")
    assert len(made) == 4 * 4
    encoder.encode(TEXTS, route="clustering")
    assert len(made) == 4 * 4 + 2 * 2
    grown = encoder.with_route("mine", Route("mine", "mine: "), copy_expert(encoder, "sts", [3]) | base_below(encoder))
    grown.encode(TEXTS, route="mine")
    assert len(made) == 4 * 4 + 2 * 2 + 2


def base_below(encoder):
    view = encoder.model.dense("sts")
    return {path: view.get_submodule(path) for path in encoder.model.paths_of([1])}


@pytest.mark.parametrize("kind", [PlainLinear, PrepackedLinear])
def test_a_linear_layer_fuses_what_follows(kind):
    if kind is PrepackedLinear and linear_kind() is PlainLinear:
        pytest.skip("this build of torch has no oneDNN")
    torch.manual_seed(0)
    weight, bias, rows, residual = torch.randn(6, 4), torch.randn(6), torch.randn(3, 4), torch.randn(3, 6)
    layer, product = kind(weight, bias), rows @ weight.T + bias
    torch.testing.assert_close(layer(rows), product)
    torch.testing.assert_close(layer.gelu(rows), torch.nn.functional.gelu(product))
    torch.testing.assert_close(layer.add(rows, residual.clone()), product + residual)


def test_a_build_without_onednn_gets_the_plain_layer(monkeypatch):
    linear_kind.cache_clear()
    monkeypatch.setattr(linear, "PrepackedLinear", lambda weight, bias: torch.ops.mkldnn.not_there(weight))
    try:
        assert linear_kind() is PlainLinear
    finally:
        linear_kind.cache_clear()


def test_equal_parameters_share_one_packed_layer_and_take_it_with_them():
    packs, weight, bias = Packs(), torch.nn.Parameter(torch.eye(2)), torch.nn.Parameter(torch.zeros(2))
    layer = packs.layer([weight], [bias], PlainLinear)
    assert packs.layer([weight], [bias], PlainLinear) is layer
    assert packs.layer([weight], [torch.nn.Parameter(torch.ones(2))], PlainLinear) is not layer
    layer = packs.layer([weight], [bias], PlainLinear)
    gone = weakref.ref(layer)
    del layer, weight
    gc.collect()
    assert gone() is None
