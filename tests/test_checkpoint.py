import json
import os
import random
import shutil
import stat

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.model.checkpoint import load_model, refresh, save_checkpoint
from mote_demo.model.integrity import INTEGRITY, check_hashes
from mote_demo.model.modeling import MoteModel
from mote_demo.settings import ROOT
from mote_demo.tasks import ROUTES

CHECKPOINTS = ROOT / "checkpoints"

TEXTS = ["my card is lost", "what is a vector?", ""]
FROZEN, TRAINED = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def embeddings_of(model):
    return [name for name in model.state_dict() if "embeddings" in name]


@pytest.fixture
def checkpoint(tiny_mote, tiny_tokenizer, tmp_path):
    save_checkpoint(
        tiny_mote, tiny_tokenizer, tmp_path / "mote", frozen=embeddings_of(tiny_mote), extra={"facts.json": {"a": 1}}
    )
    return tmp_path / "mote"


def test_every_loader_gives_the_same_vectors(checkpoint, tiny_encoder):
    encoder = Encoder.from_pretrained(checkpoint)
    sentence = SentenceTransformer(str(checkpoint), device="cpu")
    plain, tokenizer = AutoModel.from_pretrained(checkpoint).eval(), AutoTokenizer.from_pretrained(checkpoint)
    for route, told in ROUTES.items():
        vectors = encoder.encode(TEXTS, route=route)
        np.testing.assert_allclose(sentence.encode(TEXTS, task=route), vectors, atol=1e-5)
        batch = tokenizer([told.instruction + text for text in TEXTS], padding=True, return_tensors="pt")
        with torch.no_grad():
            pooled = plain(batch["input_ids"], batch["attention_mask"], route=route).pooler_output
        np.testing.assert_allclose(pooled.numpy(), vectors, atol=1e-5)
        np.testing.assert_allclose(tiny_encoder.encode(TEXTS, route=route), vectors, atol=5e-3)


def test_weights_are_rounded_to_half_precision_once_and_computed_in_float32(checkpoint, tiny_mote):
    expected = {name: tensor.half().float() for name, tensor in tiny_mote.state_dict().items()}
    for model in (load_model(checkpoint), AutoModel.from_pretrained(checkpoint)):
        found = model.state_dict()
        assert set(found) == set(expected)
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    stored = {**load_file(checkpoint / FROZEN), **load_file(checkpoint / TRAINED)}
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}


def test_saving_what_was_loaded_changes_no_weight(checkpoint, tiny_tokenizer):
    before = [(checkpoint / file).read_bytes() for file in (FROZEN, TRAINED)]
    save_checkpoint(load_model(checkpoint), tiny_tokenizer, checkpoint, frozen=embeddings_of(load_model(checkpoint)))
    assert [(checkpoint / file).read_bytes() for file in (FROZEN, TRAINED)] == before


def test_saving_leaves_the_model_as_it_was(fresh_mote, tiny_tokenizer, tmp_path):
    before = {name: tensor.clone() for name, tensor in fresh_mote.state_dict().items()}
    save_checkpoint(fresh_mote, tiny_tokenizer, tmp_path / "mote")
    assert all(torch.equal(tensor, before[name]) for name, tensor in fresh_mote.state_dict().items())


def test_extra_files_lie_beside_the_weights_and_all_can_be_read_by_others(checkpoint):
    assert json.loads((checkpoint / "facts.json").read_text(encoding="utf-8")) == {"a": 1}
    for path in (checkpoint, *checkpoint.iterdir()):
        assert path.stat().st_mode & stat.S_IROTH, path


@pytest.mark.parametrize("shard", [FROZEN, TRAINED])
def test_a_missing_shard_is_named(checkpoint, shard):
    (checkpoint / shard).unlink()
    for load in (load_model, Encoder.from_pretrained):
        with pytest.raises(UserError, match=shard):
            load(checkpoint)


@pytest.mark.parametrize(("shard", "part"), [(FROZEN, "embeddings"), (TRAINED, "clustering")])
def test_missing_tensors_are_named_and_never_made_up(checkpoint, shard, part):
    kept = {name: tensor for name, tensor in load_file(checkpoint / shard).items() if part not in name}
    save_file(kept, checkpoint / shard, metadata={"format": "pt"})
    for load in (load_model, Encoder.from_pretrained):
        with pytest.raises(UserError, match=f"lacks .*{part}"):
            load(checkpoint)


def test_a_file_cut_short_is_refused(checkpoint):
    weights = (checkpoint / TRAINED).read_bytes()
    (checkpoint / TRAINED).write_bytes(weights[: len(weights) // 2])
    with pytest.raises(UserError, match=str(checkpoint)):
        load_model(checkpoint)


COVERED = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors.index.json", FROZEN, TRAINED)


@pytest.mark.parametrize("name", COVERED)
def test_every_flipped_bit_and_every_cut_of_a_file_is_seen(checkpoint, name):
    whole, chance = (checkpoint / name).read_bytes(), random.Random(name)
    check_hashes(checkpoint)
    for trial in range(40):
        damaged, at = bytearray(whole), chance.randrange(len(whole))
        damaged[at] ^= 1 << chance.randrange(8)
        (checkpoint / name).write_bytes(damaged if trial % 4 else whole[:at])
        with pytest.raises(UserError, match="is damaged.*mote refresh"):
            check_hashes(checkpoint)
    for load in (load_model, Encoder.from_pretrained):
        with pytest.raises(UserError, match=str(checkpoint)):
            load(checkpoint)


def test_a_damaged_list_of_hashes_is_named_and_an_older_checkpoint_has_none(checkpoint):
    (checkpoint / INTEGRITY).write_text('{"sha256": []}', encoding="utf-8")
    with pytest.raises(UserError, match=f"{INTEGRITY} is damaged"):
        Encoder.from_pretrained(checkpoint)
    (checkpoint / INTEGRITY).unlink()
    Encoder.from_pretrained(checkpoint)


def test_a_file_whose_name_the_list_of_hashes_lacks_is_refused(checkpoint):
    told = (checkpoint / INTEGRITY).read_text(encoding="utf-8")
    (checkpoint / INTEGRITY).write_text(told.replace(f'"{TRAINED}"', f'"n{TRAINED[1:]}"'), encoding="utf-8")
    with pytest.raises(UserError, match=f"{TRAINED} is damaged"):
        Encoder.from_pretrained(checkpoint)


def test_what_lies_beside_the_weights_can_be_written_anew(checkpoint):
    before = {path.name: path.read_bytes() for path in checkpoint.iterdir()}
    for name in ("modeling_mote.py", "modules.json", "config_sentence_transformers.json", INTEGRITY):
        (checkpoint / name).unlink()
    refresh(checkpoint)
    assert {path.name: path.read_bytes() for path in checkpoint.iterdir()} == before


@pytest.mark.parametrize("name", ["baseline", "mote"])
def test_the_shipped_checkpoints_have_the_code_and_hashes_of_this_version(name, tmp_path):
    for path in (CHECKPOINTS / name).iterdir():
        (tmp_path / path.name).symlink_to(path) if path.suffix == ".safetensors" else shutil.copy(path, tmp_path)
    refresh(tmp_path)
    files = [path for path in tmp_path.iterdir() if not path.is_symlink()]
    stale = [path.name for path in files if path.read_bytes() != (CHECKPOINTS / name / path.name).read_bytes()]
    assert not stale, "run: python -m mote_demo refresh checkpoints/baseline checkpoints/mote"


def test_a_folder_that_is_no_checkpoint_is_named(tiny_backbone_path, tmp_path):
    with pytest.raises(UserError, match="not a MoTE checkpoint"):
        load_model(tiny_backbone_path)
    with pytest.raises(UserError, match="nowhere"):
        load_model(tmp_path / "nowhere")


def test_a_checkpoint_without_its_tokenizer_is_refused(checkpoint):
    (checkpoint / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"no tokenizer\.json"):
        Encoder.from_pretrained(checkpoint)


def _routes_with(**changes):
    return lambda config: config["routes"][0].update(changes)


ODD_CONFIGS = {
    "no backbone": (lambda config: config.pop("backbone_config"), "has no backbone_config"),
    "a backbone without a type": (lambda config: config["backbone_config"].pop("model_type"), "has no model_type"),
    "a backbone of an unknown type": (lambda config: config["backbone_config"].update(model_type="odd"), "odd"),
    "no routes": (lambda config: config.pop("routes"), "has no routes"),
    "an empty list of routes": (lambda config: config.update(routes=[]), "has no routes"),
    "a route with more": (_routes_with(colour="red"), "route 'query' needs an expert and an instruction, not .*colour"),
    "a route with less": (lambda config: config["routes"][0].pop("expert"), "route 'query' needs an expert"),
    "a route without a name": (lambda config: config["routes"][0].pop("name"), "1 of the routes have no name"),
    "a route of another kind": (lambda config: config.update(routes=[1, 2]), "checkpoint"),
    "an expert without a name": (_routes_with(expert=None), "checkpoint"),
    "no tokens": (lambda config: config.update(max_tokens=0), "max_tokens, cannot be 0"),
    "only special tokens": (lambda config: config.update(max_tokens=2), "max_tokens, cannot be 2"),
    "more tokens than positions": (lambda config: config.update(max_tokens=512), "cannot be 512.*128 positions"),
    "words for a number": (lambda config: config.update(max_tokens="many"), "checkpoint"),
}


@pytest.mark.parametrize(("change", "message"), ODD_CONFIGS.values(), ids=ODD_CONFIGS)
def test_an_odd_config_is_refused_with_what_is_odd(checkpoint, change, message):
    file = checkpoint / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    change(config)
    file.write_text(json.dumps(config), encoding="utf-8")
    for load in (load_model, Encoder.from_pretrained):
        with pytest.raises(UserError, match=message) as caught:
            load(checkpoint)
        assert str(checkpoint) in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors.index.json"])
def test_a_damaged_file_or_a_pointer_to_one_is_named(checkpoint, name, content):
    (checkpoint / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=str(checkpoint)):
        Encoder.from_pretrained(checkpoint)


def test_an_index_of_another_kind_is_a_clear_error(checkpoint):
    (checkpoint / "model.safetensors.index.json").write_text('{"metadata": {}, "weight_map": ["a"]}', encoding="utf-8")
    for load in (load_model, Encoder.from_pretrained):
        with pytest.raises(UserError, match=str(checkpoint)):
            load(checkpoint)


def test_a_tensor_of_another_shape_is_a_clear_error_for_the_module_too(checkpoint):
    tensors = load_file(checkpoint / TRAINED)
    name = "backbone.encoder.layer.1.output.dense.sts.weight"
    save_file(tensors | {name: tensors[name][:, :3].contiguous()}, checkpoint / TRAINED, metadata={"format": "pt"})
    with pytest.raises(UserError, match=str(checkpoint)):
        load_model(checkpoint)


def test_a_tensor_that_nothing_reads_does_no_harm(checkpoint):
    expected = Encoder.from_pretrained(checkpoint).encode(TEXTS, route="sts")
    extra = {"backbone.embeddings.position_ids": torch.arange(128)[None]}
    save_file(load_file(checkpoint / FROZEN) | extra, checkpoint / FROZEN, metadata={"format": "pt"})
    refresh(checkpoint)
    encoder = Encoder.from_pretrained(checkpoint)
    assert np.array_equal(encoder.encode(TEXTS, route="sts"), expected)
    for model in (encoder.model, load_model(checkpoint)):
        np.testing.assert_allclose(Encoder(model, encoder._tokenizer, "module").encode(TEXTS, route="sts"), expected)


def test_a_whole_file_beside_an_index_is_the_one_that_every_loader_reads(checkpoint):
    shards = {**load_file(checkpoint / FROZEN), **load_file(checkpoint / TRAINED)}
    doubled = {name: 2 * tensor for name, tensor in shards.items()}
    save_file(doubled, checkpoint / "model.safetensors", metadata={"format": "pt"})
    refresh(checkpoint)
    found = Encoder.from_pretrained(checkpoint).network.dense_tensors("sts")
    expected = load_model(checkpoint).dense_tensors("sts")
    assert all(torch.equal(found[name].float(), tensor) for name, tensor in expected.items())
    assert torch.equal(found["embeddings.LayerNorm.weight"], doubled["backbone.embeddings.LayerNorm.weight"])


def test_a_failing_write_leaves_the_old_checkpoint_and_nothing_else(checkpoint, fresh_mote, tiny_tokenizer):
    before = {path.name: path.read_bytes() for path in checkpoint.iterdir()}
    with pytest.raises(TypeError):
        save_checkpoint(fresh_mote, tiny_tokenizer, checkpoint, extra={"facts.json": object()})
    assert {path.name: path.read_bytes() for path in checkpoint.iterdir()} == before
    assert [path.name for path in checkpoint.parent.iterdir()] == ["mote"]


def test_the_old_checkpoint_comes_back_where_the_new_one_cannot_be_moved(
    checkpoint, fresh_mote, tiny_tokenizer, monkeypatch
):
    move = os.replace

    def refuse_the_new_one(source, target):
        if target == checkpoint and source.name == "new":
            raise PermissionError("in use")
        move(source, target)

    before = (checkpoint / TRAINED).read_bytes()
    monkeypatch.setattr(os, "replace", refuse_the_new_one)
    with pytest.raises(PermissionError):
        save_checkpoint(fresh_mote, tiny_tokenizer, checkpoint)
    assert (checkpoint / TRAINED).read_bytes() == before


def test_a_new_checkpoint_takes_the_place_of_the_old_one_whole(checkpoint, fresh_mote, tiny_tokenizer):
    (checkpoint / "left-over.json").write_text("{}", encoding="utf-8")
    with torch.no_grad():
        fresh_mote.get_input_embeddings().weight.add_(1)
    save_checkpoint(fresh_mote, tiny_tokenizer, checkpoint)
    assert sorted(path.name for path in checkpoint.glob("*.safetensors")) == ["model.safetensors"]
    assert not (checkpoint / "left-over.json").exists()
    loaded = load_model(checkpoint).get_input_embeddings().weight
    torch.testing.assert_close(loaded, fresh_mote.get_input_embeddings().weight, atol=1e-2, rtol=0)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["mote"]


def test_a_folder_with_other_files_is_not_replaced(fresh_mote, tiny_tokenizer, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(UserError, match="is not a model"):
        save_checkpoint(fresh_mote, tiny_tokenizer, tmp_path)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_tokenizer_with_other_special_tokens_keeps_them(tiny_tokenizer, fresh_mote, tmp_path):
    renamed = type(tiny_tokenizer).from_str(tiny_tokenizer.to_str().replace("[PAD]", "<pad>"))
    save_checkpoint(fresh_mote, renamed, tmp_path / "mote")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "mote")
    assert tokenizer.pad_token_id == renamed.token_to_id("<pad>")
    assert len(tokenizer) == renamed.get_vocab_size()


def test_a_dense_model_is_a_checkpoint_too(tiny_baseline_encoder, tiny_tokenizer, tmp_path):
    save_checkpoint(tiny_baseline_encoder.model, tiny_tokenizer, tmp_path / "baseline", dtype=torch.float32)
    loaded = Encoder.from_pretrained(tmp_path / "baseline")
    assert isinstance(loaded.model, MoteModel)
    assert loaded.name == "baseline"
    np.testing.assert_allclose(
        loaded.encode(TEXTS, route="sts"), tiny_baseline_encoder.encode(TEXTS, route="sts"), atol=1e-6
    )


@pytest.mark.parametrize("name", ["baseline", "mote"])
def test_the_shipped_checkpoints_load_by_their_name_alone(name):
    texts = ["Where is my parcel?", "The courier is late."]
    plain, ours = (
        SentenceTransformer(str(CHECKPOINTS / name), trust_remote_code=True),
        Encoder.from_pretrained(CHECKPOINTS / name),
    )
    for route in ROUTES:
        cosines = np.einsum("nd,nd->n", plain.encode(texts, task=route), ours.encode(texts, route=route))
        assert cosines.min() > 0.9999


def test_the_shipped_checkpoints_hold_the_frozen_weights_once_and_are_small():
    shards = [(CHECKPOINTS / name / "model-00001-of-00002.safetensors").read_bytes() for name in ("baseline", "mote")]
    assert shards[0] == shards[1]
    assert sum(file.stat().st_size for file in CHECKPOINTS.rglob("*") if file.is_file()) <= 140_000_000
