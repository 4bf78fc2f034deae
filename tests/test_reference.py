import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import BertModel

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.evaluation.reference import load_encoder, untouched
from mote_demo.tasks import ROUTES
from mote_demo.training.arm_model import build_arm
from mote_demo.training.recipe import load_recipe
from tests.tiny_recipe import tiny_recipe

TEXT = "lost parcel"


@pytest.fixture
def plain(tiny_backbone_path, tmp_path) -> Path:
    """A plain backbone folder that a test may add files to."""
    return Path(shutil.copytree(tiny_backbone_path, tmp_path / "plain-encoder"))


def hidden(folder, tokenizer):
    with torch.no_grad():
        ids = torch.tensor([tokenizer.encode(TEXT).ids])
        return BertModel.from_pretrained(folder).eval()(input_ids=ids).last_hidden_state[0]


def unit(vector):
    return torch.nn.functional.normalize(vector, dim=0).numpy()


def test_an_untouched_backbone_is_the_same_on_every_route_and_adds_no_instruction(plain, tiny_tokenizer):
    encoder = untouched(plain)
    expected = unit(hidden(plain, tiny_tokenizer).mean(0))
    assert encoder.name == "plain-encoder"
    for route in ROUTES:
        assert encoder.receipt(TEXT, route=route).text_sent == TEXT
        np.testing.assert_allclose(encoder.encode([TEXT], route=route)[0], expected, atol=1e-5)


def test_pooling_and_length_are_those_of_the_sentence_transformers_files(plain, tiny_tokenizer):
    (plain / "1_Pooling").mkdir()
    (plain / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    (plain / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 4}))
    encoder = untouched(plain)
    expected = unit(hidden(plain, tiny_tokenizer)[0])
    np.testing.assert_allclose(encoder.encode([TEXT], route="sts")[0], expected, atol=1e-5)
    assert encoder.receipt(f"{TEXT} {TEXT}", route="sts").tokens == 4


@pytest.mark.parametrize("mode", ["cls", "mean"])
def test_pooling_is_read_as_sentence_transformers_writes_it(plain, tmp_path, mode):
    words = Transformer(str(plain))
    model = SentenceTransformer(modules=[words, Pooling(32, mode), Normalize()], device="cpu")
    model.save(str(tmp_path / "saved"))
    encoder = load_encoder(tmp_path / "saved")
    assert encoder.config.pooling == mode
    np.testing.assert_allclose(encoder.encode([TEXT], route="sts"), model.encode([TEXT]), atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        {"pooling_mode": "max"},
        {"pooling_mode_weightedmean_tokens": True},
        {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True},
    ],
)
def test_a_pooling_that_would_give_other_vectors_is_refused(plain, config):
    (plain / "1_Pooling").mkdir()
    (plain / "1_Pooling" / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"plain-encoder pools its tokens by .*knows the mean"):
        load_encoder(plain)


def test_an_arm_pools_and_cuts_texts_as_its_backbone_does(plain, tmp_path):
    (plain / "1_Pooling").mkdir()
    (plain / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "cls"}))
    (plain / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 20}))
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(tiny_recipe(str(plain))))
    recipe = load_recipe(file)
    model, _ = build_arm(recipe, "mote")
    assert (model.config.pooling, model.config.max_tokens) == ("cls", 20)


def test_any_folder_loads_by_what_its_config_says(plain, tmp_path):
    first = load_encoder(plain, "reference")
    assert (first.name, first.model.config.expert_layers) == ("reference", [])
    saved = tmp_path / "saved"
    first.model.save_pretrained(saved)
    shutil.copy(plain / "tokenizer.json", saved)
    again = load_encoder(saved)
    assert isinstance(again, Encoder)
    assert again.name == "saved"
    np.testing.assert_allclose(again.encode([TEXT], route="sts"), first.encode([TEXT], route="sts"), atol=1e-6)


def test_a_folder_without_a_tokenizer_is_refused(plain):
    (plain / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="no tokenizer.json"):
        untouched(plain)


def test_a_name_of_the_hub_is_downloaded_and_a_failure_is_told(plain, monkeypatch):
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: asked.append(name) or str(plain))
    for load in (untouched, load_encoder):
        encoder = load("someone/encoder")
        assert encoder.encode(["a cat"], route="query").shape == (1, 32)
        assert encoder.name == "encoder"
    assert asked == ["someone/encoder"] * 2

    def fail(name, **_):
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(UserError, match=r"someone/encoder is no folder.*ConnectionError"):
        untouched("someone/encoder")
