import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from mote_demo import cli
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.training import trainer
from mote_demo.training.recipe import load_recipe

SETTINGS = {"weight": 1, "batch_size": 4, "temperature": 0.1, "symmetric": False, "max_tokens": 16}
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """Questions with answers, labelled messages, and one labelled set to score on."""
    folder = tmp_path_factory.mktemp("data")
    things = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road", "city", "house", "river", "music"]
    pairs = pd.DataFrame({"query": [f"what is a {one}" for one in things], "positive": [f"a {one}" for one in things]})
    texts = [(f"the {one} is {mood}", mood) for one in things for mood in ("good", "bad")]
    messages = pd.DataFrame(texts, columns=["text", "label_text"])
    scored = folder / "dev" / "clustering" / "moods"
    scored.mkdir(parents=True)
    pairs.to_parquet(folder / "pairs.parquet")
    messages.to_parquet(folder / "messages.parquet")
    messages.to_parquet(scored / "test.parquet")
    return folder


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory, tiny_backbone_path):
    """Recipe of 12 steps whose clustering and sts experts get no data."""
    values = {
        "backbone": tiny_backbone_path,
        "base_model": "someone/tiny",
        "seed": 0,
        "steps": 12,
        "learning_rate": 1e-3,
        "expert_learning_rate": 1e-2,
        "warmup": 0.1,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "dropout": 0.0,
        "frozen": ["embeddings"],
        "save_every": 5,
        "arms": {
            "baseline": {"instructions": True, "expert_layers": []},
            "mote": {"instructions": True, "expert_layers": [1, 3]},
        },
        "tasks": {"retrieval": SETTINGS, "classification": {**SETTINGS, "symmetric": True}},
        "sources": [
            {
                "name": "questions",
                "task": "retrieval",
                "shape": "pairs",
                "path": "pairs.parquet",
                "columns": {"anchor": "query", "positive": "positive"},
                "licence": "CC0",
            },
            {
                "name": "messages",
                "task": "classification",
                "shape": "labelled",
                "path": "messages.parquet",
                "columns": {"anchor": "text", "label": "label_text"},
                "licence": "CC BY 4.0",
            },
        ],
    }
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def recipe(recipe_file):
    return load_recipe(recipe_file)


class RecordingLoss(trainer.TaskContrastiveLoss):
    """Remember the token ids of every batch."""

    batches: list = []

    def forward(self, sentence_features, labels):
        features = list(sentence_features)
        self.batches.append([one["input_ids"].tolist() for one in features])
        return super().forward(features, labels)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, recipe, data_dir):
    """Train both arms once: folder of the checkpoints, and by arm the facts, the batches and what was said."""
    folder = tmp_path_factory.mktemp("trained")
    facts, batches, said = {}, {}, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "TaskContrastiveLoss", RecordingLoss)
        for arm in recipe.arms:
            RecordingLoss.batches = []
            facts[arm] = trainer.train_arm(
                recipe, arm, data_dir=data_dir, out=folder, work=folder / "work", say=said.append
            )
            batches[arm] = RecordingLoss.batches
    return folder, facts, batches, said


def weights(checkpoint):
    return {name: tensor for file in SHARDS for name, tensor in load_file(checkpoint / file).items()}


def untrained(recipe, arm):
    model, _ = trainer.build_arm(recipe, recipe.arms[arm])
    return {name: tensor.half() for name, tensor in model.state_dict().items()}


def test_both_arms_get_the_same_batches(trained):
    _, _, batches, _ = trained
    assert batches["baseline"] == batches["mote"]
    assert len(batches["mote"]) == 12


def test_a_batch_is_of_one_task_and_carries_its_instruction_and_limit(trained, tiny_tokenizer):
    batches = trained[2]["mote"]
    starts = set()
    for anchors, positives in batches:
        words = [{tiny_tokenizer.id_to_token(ids[1]) for ids in side} for side in (anchors, positives)]
        starts.add(tuple(map(tuple, words)))
        assert len(anchors) == len(positives) == 4
        assert len(anchors[0]) <= 16
    assert starts == {(("query",), ("document",)), (("classification",), ("classification",))}


def test_training_lowers_the_loss_which_stays_finite(recipe, data_dir, tmp_path):
    longer = replace(recipe, steps=60)
    facts = trainer.train_arm(longer, "mote", data_dir=data_dir, out=tmp_path, work=tmp_path / "w", say=str)
    losses = [entry["loss"] for entry in facts["loss"]]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_experts_of_trained_routes_moved_and_the_others_did_not(trained, recipe):
    after, before = weights(trained[0] / "mote"), untrained(recipe, "mote")
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    for route in ("query", "document", "classification"):
        assert any(f".{route}.weight" in name for name in moved), route
    assert not [name for name in moved if ".clustering." in name or ".sts." in name]
    assert any("attention.self.query.weight" in name for name in moved)


def test_frozen_tensors_are_bit_identical_and_in_one_file_that_both_arms_share(trained, recipe):
    frozen, rest = (load_file(trained[0] / "mote" / file) for file in SHARDS)
    assert all("embeddings" in name for name in frozen)
    assert not [name for name in rest if "embeddings" in name]
    before = untrained(recipe, "mote")
    assert all(torch.equal(tensor, before[name]) for name, tensor in frozen.items())
    files = [(trained[0] / arm / SHARDS[0]).read_bytes() for arm in ("baseline", "mote")]
    assert files[0] == files[1]


def test_a_trained_checkpoint_encodes(trained):
    encoder = Encoder.from_pretrained(trained[0] / "mote")
    assert encoder.encode(["a cat", "a dog"], route="query").shape == (2, 32)


def test_training_says_how_it_goes(trained):
    said = "\n".join(trained[3])
    assert "mote: 36 pairs from 2 sources, 12 steps" in said
    assert "step 10/12 loss " in said
    assert "mote: saved to" in said


def test_the_facts_of_the_training_lie_beside_the_weights(trained):
    facts = json.loads((trained[0] / "mote" / "training.json").read_text(encoding="utf-8"))
    assert facts == json.loads(json.dumps(trained[1]["mote"]))
    assert (facts["arm"], facts["steps"], facts["seed"], facts["base_model"]) == ("mote", 12, 0, "someone/tiny")
    assert facts["expert_layers"] == [1, 3]
    assert facts["parameters"]["stored"] > facts["parameters"]["active"]
    assert facts["data"][0] == {"name": "questions", "task": "retrieval", "rows": 12, "licence": "CC0"}
    assert facts["settings"]["tasks"]["retrieval"]["batch_size"] == 4
    assert facts["loss"][0]["step"] == 10
    assert facts["minutes"] >= 0


def test_instructions_can_be_left_out_of_an_arm(recipe):
    model, _ = trainer.build_arm(recipe, replace(recipe.arms["mote"], instructions=False))
    assert {route["instruction"] for route in model.config.routes.values()} == {""}


def test_experts_learn_at_their_own_rate_in_both_arms(recipe, data_dir, tmp_path):
    only_experts = replace(recipe, learning_rate=0.0)
    for arm in recipe.arms:
        trainer.train_arm(only_experts, arm, data_dir=data_dir, out=tmp_path, work=tmp_path / "w", say=str)
        after, before = weights(tmp_path / arm), untrained(recipe, arm)
        moved = {name for name in after if not torch.equal(after[name], before[name])}
        assert moved
        assert all("layer.1." in name or "layer.3." in name for name in moved)
        assert not [name for name in moved if "attention" in name or "LayerNorm" in name]


@pytest.mark.parametrize("broken_state", [False, True])
def test_a_stopped_run_resumes_and_ends_at_the_weights_of_an_uninterrupted_one(
    trained, recipe, data_dir, tmp_path, monkeypatch, broken_state
):
    def interrupt(line):
        if line.startswith("step 10/"):
            raise KeyboardInterrupt

    options = {"data_dir": data_dir, "out": tmp_path, "work": tmp_path / "work"}
    with pytest.raises(KeyboardInterrupt):
        trainer.train_arm(recipe, "mote", say=interrupt, **options)
    assert not (tmp_path / "mote").exists()
    if broken_state:  # the process was killed while it wrote its next state
        (tmp_path / "work" / "mote" / "checkpoint-10").mkdir()
    RecordingLoss.batches = []
    monkeypatch.setattr(trainer, "TaskContrastiveLoss", RecordingLoss)
    trainer.train_arm(recipe, "mote", say=str, **options)
    assert RecordingLoss.batches == trained[2]["mote"][5:]
    expected = weights(trained[0] / "mote")
    for name, tensor in weights(tmp_path / "mote").items():
        assert torch.equal(tensor, expected[name]), name


def test_the_state_of_a_run_with_other_settings_is_refused(trained, recipe, data_dir, tmp_path):
    other = replace(recipe, learning_rate=5e-3)
    with pytest.raises(UserError, match="other settings"):
        trainer.train_arm(other, "mote", data_dir=data_dir, out=tmp_path, work=trained[0] / "work", say=str)


def test_a_data_set_smaller_than_a_batch_still_trains(recipe, data_dir, tmp_path):
    tasks = {name: replace(settings, batch_size=100) for name, settings in recipe.tasks.items()}
    facts = trainer.train_arm(
        replace(recipe, tasks=tasks, steps=2), "mote", data_dir=data_dir, out=tmp_path, work=tmp_path / "w", say=str
    )
    assert facts["steps"] == 2


def test_the_seed_decides_the_order_within_a_data_set(recipe, data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "TaskContrastiveLoss", RecordingLoss)
    orders = []
    for seed in (0, 1):
        RecordingLoss.batches = []
        one_source = replace(recipe, sources=recipe.sources[:1], seed=seed, steps=3)
        work = tmp_path / str(seed)
        trainer.train_arm(one_source, "mote", data_dir=data_dir, out=tmp_path, work=work, say=str)
        orders.append(RecordingLoss.batches)
    assert orders[0] != orders[1]


def test_an_unknown_arm_and_a_missing_backbone_are_named(recipe, data_dir, tmp_path):
    options = {"data_dir": data_dir, "out": tmp_path, "work": tmp_path, "say": str}
    with pytest.raises(UserError, match="arm 'gated'.*'baseline', 'mote'"):
        trainer.train_arm(recipe, "gated", **options)
    with pytest.raises(UserError, match="/nowhere/at-all"):
        trainer.train_arm(replace(recipe, backbone="/nowhere/at-all"), "mote", **options)
    with pytest.raises(UserError, match="pip install no-such-package"):
        trainer.backbone_path("package:no-such-package")


def test_the_command_trains_both_arms_and_writes_their_model_cards(
    recipe_file, data_dir, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MOTE_CACHE", str(tmp_path / "cache"))
    out, work = str(tmp_path / "out"), str(tmp_path / "work")
    status = cli.main(["train", str(recipe_file), "--data", str(data_dir), "--out", out, "--work", work])
    assert status == 0, capsys.readouterr().err
    for arm in ("baseline", "mote"):
        card = (tmp_path / "out" / arm / "README.md").read_text(encoding="utf-8")
        assert "moods" in card
        assert "CC BY 4.0" in card
    assert "moods" in capsys.readouterr().out
