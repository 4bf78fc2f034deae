"""What makes the model a MoTE: experts, shared tensors, instructions, and no default route."""

import copy
import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.model import MoteConfig, MoteModel, upcycle
from mote_demo.model.backbones import BACKBONES, Backbone, register_backbone
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.model.pooling import pool
from mote_demo.model.sentence import MoteTransformer
from mote_demo.tasks import ROUTES, Route

TEXTS = [
    "my card is late",
    "",
    "where is the parcel? " * 30,
    "a dog and a cat in the river",
    "Happy",
    "how do we read a text file with python code " * 3,
]
TINY = {
    "hidden_size": 16,
    "dim": 16,
    "embedding_size": 16,
    "num_hidden_layers": 3,
    "n_layers": 3,
    "num_attention_heads": 2,
    "n_heads": 2,
    "intermediate_size": 24,
    "hidden_dim": 24,
    "vocab_size": 50,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


@pytest.fixture
def sentence_model(tiny_mote, tiny_backbone_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone_path)
    return SentenceTransformer(modules=[MoteTransformer(tiny_mote, tokenizer)], device="cpu")


def tensors_at(module: nn.Module) -> dict[str, int]:
    return {name: tensor.data_ptr() for name, tensor in module.state_dict().items()}


@torch.no_grad()
def vectors(model: MoteModel, batch, route: str) -> torch.Tensor:
    return model(*batch, route=route).pooler_output


# --- upcycling


def test_untrained_upcycled_model_equals_its_backbone_on_every_route(tiny_backbone_path, batch):
    backbone = AutoModel.from_pretrained(tiny_backbone_path).eval()
    model = upcycle(tiny_backbone_path, ROUTES)
    with torch.no_grad():
        expected = backbone(input_ids=batch[0], attention_mask=batch[1]).last_hidden_state
        for route in ROUTES:
            torch.testing.assert_close(model(*batch, route=route).last_hidden_state, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("architecture", BACKBONES)
def test_every_known_architecture_upcycles(architecture, batch):
    torch.manual_seed(0)
    known = AutoConfig.for_model(architecture).to_dict()
    config = AutoConfig.for_model(architecture, **{key: value for key, value in TINY.items() if key in known})
    backbone = AutoModel.from_config(config).eval()
    model = upcycle(backbone, ROUTES)
    with torch.no_grad():
        expected = backbone(input_ids=batch[0], attention_mask=batch[1]).last_hidden_state
        real = batch[1].bool()
        for route in ROUTES:
            found = model(*batch, route=route).last_hidden_state
            torch.testing.assert_close(found[real], expected[real], atol=1e-5, rtol=0)
    assert model.config.expert_layers == [0, 2]
    assert len(model.expert_parameters("query")) in (4, 6, 8)  # two or three layers in each of two blocks
    longest = torch.full((1, model.config.max_tokens), 7)
    assert model(longest, torch.ones_like(longest), route="query").pooler_output.isfinite().all()


@pytest.mark.parametrize(
    ("architecture", "most"),
    [("bert", 40), ("electra", 40), ("distilbert", 40), ("roberta", 35), ("xlm-roberta", 35), ("mpnet", 38)],
)
def test_a_text_has_at_most_as_many_tokens_as_the_backbone_has_positions(architecture, most):
    backbone = AutoConfig.for_model(architecture, max_position_embeddings=40, pad_token_id=4)
    assert MoteConfig(backbone, routes=ROUTES, max_tokens=most).max_tokens == most
    with pytest.raises(UserError, match=f"cannot be {most + 1}.* has {most} positions"):
        MoteConfig(backbone, routes=ROUTES, max_tokens=most + 1)


def test_unknown_architecture_is_refused_with_the_known_ones_listed():
    with pytest.raises(UserError, match=r"'gpt2'.*bert, camembert"):
        upcycle(AutoModel.from_config(AutoConfig.for_model("gpt2", n_layer=1, n_embd=8, n_head=1)), ROUTES)


@pytest.mark.parametrize("layers", [[0], [3], [0, 1, 2, 3], []])
def test_blocks_that_carry_experts_are_configurable(tiny_backbone_path, layers):
    model = upcycle(tiny_backbone_path, ROUTES, expert_layers=layers)
    carrying = {int(path.split(".")[2]) for path in model.expert_paths}
    assert carrying == set(layers)
    routed = {int(name.split(".")[3]) for name in model.state_dict() if name.endswith("dense.query.weight")}
    assert routed == set(layers)


def test_experts_are_in_every_other_block_by_default_and_in_the_last(tiny_backbone_path):
    assert upcycle(tiny_backbone_path, ROUTES).config.expert_layers == [1, 3]


def test_block_outside_the_backbone_is_refused(tiny_backbone_path):
    with pytest.raises(UserError, match=r"Blocks \[4\] .* 0 to 3"):
        upcycle(tiny_backbone_path, ROUTES, expert_layers=[1, 4])


def test_model_costs_one_dense_model_per_text(tiny_mote, tiny_backbone_path):
    counts = tiny_mote.count_parameters()
    dense = sum(parameter.numel() for parameter in tiny_mote.dense("query").parameters())
    assert counts["active"] == dense
    one_expert = sum(parameter.numel() for parameter in tiny_mote.expert_parameters("query").values())
    assert counts["stored"] == dense + 4 * one_expert
    baseline = upcycle(tiny_backbone_path, ROUTES, expert_layers=[]).count_parameters()
    assert baseline == {"stored": dense, "active": dense}


def test_half_precision_backbone_gives_a_full_precision_model(tiny_backbone_path):
    half = AutoModel.from_pretrained(tiny_backbone_path, dtype=torch.float16)
    assert {parameter.dtype for parameter in upcycle(half, ROUTES).parameters()} == {torch.float32}


# --- dense views


@pytest.mark.parametrize("route", ROUTES)
def test_dense_view_equals_the_forward_pass(tiny_mote, batch, route):
    view = tiny_mote.dense(route)
    with torch.no_grad():
        hidden = view(input_ids=batch[0], attention_mask=batch[1]).last_hidden_state
        torch.testing.assert_close(hidden, tiny_mote(*batch, route=route).last_hidden_state, atol=1e-6, rtol=0)


@pytest.mark.parametrize("route", ROUTES)
def test_dense_view_copies_no_tensor(tiny_mote, route):
    own = set(tensors_at(tiny_mote).values())
    view = tensors_at(tiny_mote.dense(route))
    assert set(view.values()) <= own
    expert = tiny_mote.expert_parameters(ROUTES[route].expert)
    assert {tensor.data_ptr() for tensor in expert.values()} <= set(view.values())


def test_dense_view_has_the_tensor_names_of_the_backbone(tiny_mote, tiny_backbone_path):
    backbone = AutoModel.from_pretrained(tiny_backbone_path).state_dict()
    assert set(tiny_mote.dense("query").state_dict()) == {name for name in backbone if not name.startswith("pooler")}


def test_different_experts_give_different_vectors(tiny_mote, batch):
    found = [vectors(tiny_mote, batch, route) for route in ROUTES]
    for one in range(len(found)):
        for other in range(one):
            assert not torch.allclose(found[one], found[other], atol=1e-2)


def test_routes_that_name_one_expert_share_it(tiny_backbone_path, batch):
    shared = {"query": Route("search", "query: "), "document": Route("search", "document: ")}
    model = upcycle(tiny_backbone_path, shared | {"sts": Route("sts", "")})
    assert model.config.experts == ("search", "sts")
    assert tensors_at(model.dense("query")) == tensors_at(model.dense("document"))
    with torch.no_grad():
        next(iter(model.expert_parameters("search").values())).mul_(1.5)
    assert torch.equal(vectors(model, batch, "query"), vectors(model, batch, "document"))
    assert not torch.allclose(vectors(model, batch, "query"), vectors(model, batch, "sts"), atol=1e-3)


def test_train_and_eval_reach_the_views(fresh_mote, batch):
    early = fresh_mote.dense("query")
    for mode in (True, False, True):
        fresh_mote.train(mode)
        for view in (early, fresh_mote.dense("document")):
            assert {module.training for module in view.modules()} == {mode}
    assert not torch.equal(vectors(fresh_mote, batch, "query"), vectors(fresh_mote, batch, "query"))  # dropout
    fresh_mote.eval()
    assert torch.equal(vectors(fresh_mote, batch, "query"), vectors(fresh_mote, batch, "query"))


def test_a_copy_has_tensors_of_its_own(fresh_mote, batch):
    before = vectors(fresh_mote, batch, "query")
    twin = copy.deepcopy(fresh_mote)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(1.1)
    assert torch.equal(vectors(fresh_mote, batch, "query"), before)
    assert not torch.allclose(vectors(twin, batch, "query"), before, atol=1e-3)


# --- training


def test_only_the_routed_expert_gets_a_gradient(fresh_mote, batch):
    fresh_mote(*batch, route="clustering").last_hidden_state.square().sum().backward()
    for expert in fresh_mote.config.experts:
        gradients = [parameter.grad for parameter in fresh_mote.expert_parameters(expert).values()]
        if expert == "clustering":
            assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
        else:
            assert gradients == [None] * 8
    assert fresh_mote.get_input_embeddings().weight.grad.abs().sum() > 0


def test_a_training_step_on_one_route_leaves_the_other_experts_bit_identical(fresh_mote, batch):
    before = {name: tensor.clone() for name, tensor in fresh_mote.state_dict().items()}
    optimizer = torch.optim.AdamW(fresh_mote.parameters(), lr=0.01)
    fresh_mote(*batch, route="sts").last_hidden_state.square().sum().backward()
    optimizer.step()
    changed = {name for name, tensor in fresh_mote.state_dict().items() if not torch.equal(tensor, before[name])}
    assert set(fresh_mote.expert_parameters("sts")) <= changed
    for expert in set(fresh_mote.config.experts) - {"sts"}:
        assert not changed & set(fresh_mote.expert_parameters(expert))


# --- routes


@pytest.mark.parametrize("route", [None, "", "bogus", "retrieval"])
@pytest.mark.parametrize("way", ["forward", "dense", "encode", "receipt", "fingerprint", "sentence-transformers"])
def test_missing_or_unknown_route_is_an_error_that_lists_the_routes(
    tiny_mote, tiny_encoder, sentence_model, batch, way, route
):
    ways = {
        "forward": lambda: tiny_mote(*batch, route=route),
        "dense": lambda: tiny_mote.dense(route),
        "encode": lambda: tiny_encoder.encode(["hello"], route=route),
        "receipt": lambda: tiny_encoder.receipt("hello", route=route),
        "fingerprint": lambda: tiny_encoder.fingerprint(route),
        "sentence-transformers": lambda: sentence_model.encode(["hello"], task=route),
    }
    with pytest.raises(UserError, match="'query', 'document', 'classification', 'clustering', 'sts'"):
        ways[way]()


def test_sentence_transformers_has_no_default_route_either(sentence_model):
    with pytest.raises(UserError, match="No route was given"):
        sentence_model.encode(["hello"])


def test_task_with_one_route_names_that_route(tiny_encoder, sentence_model):
    expected = tiny_encoder.encode(TEXTS, route="sts")
    assert np.array_equal(tiny_encoder.encode(TEXTS, route="similarity"), expected)
    np.testing.assert_allclose(sentence_model.encode(TEXTS, task="similarity"), expected, atol=1e-5)


def test_threads_that_use_different_routes_do_not_disturb_each_other(tiny_mote, tiny_backbone_path):
    model = copy.deepcopy(tiny_mote)
    model._views.clear()  # the threads also build the views at the same time
    encoder = Encoder(model, AutoTokenizer.from_pretrained(tiny_backbone_path).backend_tokenizer, "shared")
    routes = list(ROUTES) * 8
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda route: encoder.encode(TEXTS, route=route), routes))
    alone = {route: encoder.encode(TEXTS, route=route) for route in ROUTES}
    for route, found in zip(routes, together, strict=True):
        np.testing.assert_allclose(found, alone[route], atol=1e-6)


# --- saving and loading


def test_saved_model_loads_bit_identical(tiny_mote, batch, tmp_path):
    tiny_mote.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path)
    assert isinstance(loaded, MoteModel)
    assert not loaded.training
    assert list(loaded.config.routes.items()) == list(tiny_mote.config.routes.items())
    expected = tiny_mote.state_dict()
    assert set(loaded.state_dict()) == set(expected)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())
    for route in ROUTES:
        assert torch.equal(vectors(loaded, batch, route), vectors(tiny_mote, batch, route))


def test_weights_are_safetensors_only(sentence_model, tmp_path):
    sentence_model.save(str(tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".bin", ".pt", ".pkl", ".pickle"}]
    assert list(tmp_path.rglob("*.safetensors"))


def test_sentence_transformer_loads_what_it_saved(sentence_model, tmp_path):
    sentence_model.save(str(tmp_path))
    loaded = SentenceTransformer(str(tmp_path), device="cpu")
    for route in ROUTES:
        assert np.array_equal(loaded.encode(TEXTS, task=route), sentence_model.encode(TEXTS, task=route))


@pytest.mark.parametrize("frozen", [(), ("backbone.embeddings.word_embeddings.weight",)])
def test_checkpoint_loads_in_every_way_with_the_same_vectors(tiny_encoder, tmp_path, frozen):
    folder = tmp_path / "checkpoint"
    save_checkpoint(tiny_encoder.model, tiny_encoder._tokenizer, folder, frozen=frozen, dtype=torch.float32)
    encoder = Encoder.from_pretrained(folder)
    sentence = SentenceTransformer(str(folder), device="cpu")
    for route in ROUTES:
        expected = tiny_encoder.encode(TEXTS, route=route)
        assert encoder.fingerprint(route) == tiny_encoder.fingerprint(route)
        np.testing.assert_allclose(encoder.encode(TEXTS, route=route), expected, atol=1e-6)
        np.testing.assert_allclose(sentence.encode(TEXTS, task=route), expected, atol=1e-5)
    assert len(list(folder.glob("*.safetensors"))) == 1 + len(frozen)


def test_loading_a_checkpoint_that_lacks_weights_is_refused(fresh_mote, tiny_tokenizer, tmp_path):
    save_checkpoint(fresh_mote, tiny_tokenizer, tmp_path / "whole")
    weights = load_file(tmp_path / "whole" / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "embeddings" not in name}
    save_file(kept, tmp_path / "whole" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="embeddings"):
        Encoder.from_pretrained(tmp_path / "whole")


def test_half_precision_checkpoint_loads_as_float32(tiny_encoder, tiny_tokenizer, tmp_path):
    save_checkpoint(tiny_encoder.model, tiny_tokenizer, tmp_path / "half")
    for model in (AutoModel.from_pretrained(tmp_path / "half"), Encoder.from_pretrained(tmp_path / "half").model):
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert tiny_encoder.model.dtype == torch.float32


# --- one text, one vector, whichever way


@pytest.mark.parametrize("route", ROUTES)
def test_sentence_transformers_and_the_encoder_agree(tiny_encoder, sentence_model, route):
    ours = tiny_encoder.encode(TEXTS, route=route)
    np.testing.assert_allclose(ours, sentence_model.encode(TEXTS, task=route), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)
    assert ours.dtype == np.float32


def test_encode_query_and_encode_document_use_the_routes_of_those_names(tiny_encoder, sentence_model):
    for encode, route in ((sentence_model.encode_query, "query"), (sentence_model.encode_document, "document")):
        np.testing.assert_allclose(encode(TEXTS), tiny_encoder.encode(TEXTS, route=route), atol=1e-5)


def test_a_text_has_the_same_vector_alone_and_among_longer_ones(tiny_encoder):
    together = tiny_encoder.encode(TEXTS, route="document")
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(tiny_encoder.encode([text], route="document")[0], together[row], atol=1e-5)


@pytest.mark.parametrize("route", ROUTES)
def test_instruction_is_applied_exactly_once(tiny_mote, tiny_encoder, sentence_model, route):
    blank = copy.deepcopy(tiny_mote)
    for one in blank.config.routes.values():
        one["instruction"] = ""
    tokenizer = sentence_model[0].tokenizer
    told = [ROUTES[route].instruction + text for text in TEXTS]
    expected = Encoder(blank, tokenizer.backend_tokenizer, "blank").encode(told, route=route)
    np.testing.assert_allclose(tiny_encoder.encode(TEXTS, route=route), expected, atol=1e-6)
    np.testing.assert_allclose(sentence_model.encode(TEXTS, task=route), expected, atol=1e-5)
    assert not np.allclose(tiny_encoder.encode(told, route=route), expected, atol=1e-3)


def test_a_prompt_that_is_the_instruction_of_one_route_chooses_it(tiny_encoder, sentence_model):
    for name, route in ROUTES.items():
        expected = tiny_encoder.encode(TEXTS, route=name)
        for chosen in ({"prompt": route.instruction}, {"prompt": route.instruction, "task": name}):
            np.testing.assert_allclose(sentence_model.encode(TEXTS, **chosen), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "find: "}, r"'find: ' is that of no route.*task=.*'sts' \('similarity: '\)"),
        ({"prompt": ""}, "is that of no route"),
        ({"prompt": "query: ", "task": "sts"}, "'sts' puts 'similarity: ' before the text.*'query: '"),
        ({}, "No route was given.*'clustering'"),
    ],
)
def test_a_prompt_that_says_no_route_or_another_one_is_refused(sentence_model, options, message):
    with pytest.raises(UserError, match=message):
        sentence_model.encode(["hello"], **options)


def test_a_prompt_that_two_routes_share_is_refused_with_both(fresh_mote, tiny_backbone_path):
    fresh_mote.config.routes["sts"]["instruction"] = "query: "
    module = MoteTransformer(fresh_mote, AutoTokenizer.from_pretrained(tiny_backbone_path))
    with pytest.raises(UserError, match="that of the routes query, sts"):
        module.preprocess(["hello"], prompt="query: ")
    assert module.preprocess(["hello"], task="sts")["route"] == ["sts"]


def test_what_the_module_cannot_do_it_says(sentence_model):
    with pytest.raises(UserError, match="one text at a time, not of a tuple"):
        sentence_model.encode([("a cat", "a dog")], task="sts")
    with pytest.raises(UserError, match="cannot be 4000.*128 positions"):
        sentence_model.max_seq_length = 4000


def test_each_row_of_all_that_is_known_has_the_whole_name_of_the_route(sentence_model):
    rows = sentence_model.encode(["a cat", "a dog and a cat"], task="sts", output_value=None)
    assert [row["route"] for row in rows] == ["sts", "sts"]


def test_limits_and_half_precision_survive_saving(fresh_mote, tiny_backbone_path, tmp_path):
    for parameter in fresh_mote.parameters():
        parameter.data = parameter.data.half().float()
    module = MoteTransformer(fresh_mote, AutoTokenizer.from_pretrained(tiny_backbone_path), {"sts": 5})
    model = SentenceTransformer(modules=[module], device="cpu")
    model.max_seq_length = 9
    model.save_pretrained(str(tmp_path))
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    again, encoder = SentenceTransformer(str(tmp_path), device="cpu"), Encoder.from_pretrained(tmp_path)
    assert (again.max_seq_length, again[0].limits, again.tokenizer.model_max_length) == (9, {"sts": 5}, 9)
    for route, most in (("sts", 5), ("query", 9)):
        assert again.tokenize(TEXTS, task=route)["input_ids"].shape[1] == most
        assert encoder.receipt(TEXTS[2], route=route).tokens == most
        expected = model.encode(TEXTS, task=route)
        assert np.array_equal(again.encode(TEXTS, task=route), expected)
        np.testing.assert_allclose(encoder.encode(TEXTS, route=route), expected, atol=1e-5)


def test_it_is_saved_without_accelerate_too(sentence_model, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.modeling_utils.is_accelerate_available", lambda *_: False)
    sentence_model.save_pretrained(str(tmp_path))
    assert Encoder.from_pretrained(tmp_path).routes == tuple(ROUTES)


def test_options_reach_the_backbone_and_none_is_ignored(fresh_mote, tiny_tokenizer, tmp_path):
    save_checkpoint(fresh_mote, tiny_tokenizer, tmp_path / "mote")
    folder, load = str(tmp_path / "mote"), MoteTransformer.load
    half = load(folder, model_kwargs={"dtype": "float16", "attn_implementation": "eager"})
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float16}
    assert half.model.dense("sts").config._attn_implementation == "eager"
    assert load(folder).model.backbone.config._attn_implementation == "sdpa"
    assert load(folder, processor_kwargs={"model_max_length": 12}).max_seq_length == 12
    assert load(folder, config_kwargs={"max_tokens": 20}).max_seq_length == 20
    for options, message in (({"backend": "onnx"}, "mote export"), ({"config_kwargs": {"bogus": 1}}, "no bogus")):
        with pytest.raises(UserError, match=message):
            load(folder, **options)


def test_gradient_checkpointing_gives_the_same_gradients(fresh_mote, batch):
    def gradient():
        fresh_mote.zero_grad()
        fresh_mote.train()(*batch, route="sts").pooler_output.sum().backward()
        return fresh_mote.get_input_embeddings().weight.grad.clone()

    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        setattr(fresh_mote.backbone.config, name, 0.0)
    for module in fresh_mote.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    expected = gradient()
    fresh_mote.gradient_checkpointing_enable()
    assert fresh_mote.dense("sts").encoder.layer[0].gradient_checkpointing
    torch.testing.assert_close(gradient(), expected)


def test_a_decoder_takes_the_last_token_of_a_text_on_whichever_side_it_is_padded():
    torch.manual_seed(0)
    config = {key: value for key, value in TINY.items() if key not in ("dim", "n_layers", "n_heads", "hidden_dim")}
    model = upcycle(AutoModel.from_config(AutoConfig.for_model("qwen3", **config)), ROUTES, pooling="last")
    ids = torch.tensor([[5, 6, 7]])
    pad, gap = torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.int64)
    alone = vectors(model, (ids, torch.ones_like(ids)), "sts")
    right = vectors(model, (torch.cat([ids, pad], 1), torch.cat([torch.ones_like(ids), gap], 1)), "sts")
    left = vectors(model, (torch.cat([pad, ids], 1), torch.cat([gap, torch.ones_like(ids)], 1)), "sts")
    torch.testing.assert_close(right, alone)
    torch.testing.assert_close(left, alone, atol=1e-5, rtol=0)
    hidden = model(ids, torch.ones_like(ids), route="sts").last_hidden_state[:, -1]
    torch.testing.assert_close(alone, nn.functional.normalize(hidden, dim=-1))


def test_another_architecture_can_be_made_known():
    config = AutoConfig.for_model(
        "nomic_bert", vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2
    )
    backbone = AutoModel.from_config(config)
    register_backbone("nomic_bert", Backbone("layers", ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")))
    assert len(upcycle(backbone, ROUTES).expert_parameters("sts")) == 3
    with pytest.raises(UserError, match="another place"):
        register_backbone("bert", Backbone("blocks", ("mlp",)))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_padding_does_not_change_a_vector(pooling):
    hidden = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(3))
    short = pool(hidden[:, :2], torch.ones(1, 2), pooling)
    padded = pool(hidden, torch.tensor([[1, 1, 0, 0]]), pooling)
    torch.testing.assert_close(padded, short)
    whole = functools.partial(pool, hidden, torch.ones(1, 4))
    assert torch.equal(whole(pooling="cls"), nn.functional.normalize(hidden[:, 0], dim=-1))
    torch.testing.assert_close(whole(pooling="mean"), nn.functional.normalize(hidden.mean(1), dim=-1))
