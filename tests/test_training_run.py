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
from mote_demo.evaluation.labelled_sets import discover
from mote_demo.evaluation.reference import untouched
from mote_demo.model.backbones import backbone_path
from mote_demo.training import losses, negatives, trainer
from mote_demo.training.arm_model import build_arm
from mote_demo.training.chunks import embed
from mote_demo.training.digest import digest
from mote_demo.training.recipe import Arm, Source, load_recipe
from mote_demo.training.sources import load_sources
from mote_demo.training.teacher import read_lessons
from tests.tiny_recipe import tiny_recipe, write_data

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """The folder of ``write_data``."""
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory, tiny_backbone_path):
    """Recipe of 12 steps whose clustering and sts experts get no data."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_recipe(tiny_backbone_path)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def recipe(recipe_file):
    return load_recipe(recipe_file)


def train(recipe, arm, data_dir, out, work, say=str):
    data = load_sources(recipe, data_dir, discover(data_dir, required=False), work=work, say=say)
    lessons = read_lessons(recipe, data, folder=work / "teacher", say=str)
    return trainer.train_arm(recipe, arm, data, lessons, out=out, work=work, say=say)


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
            facts[arm] = train(recipe, arm, data_dir, folder, folder / "work", said.append)
            batches[arm] = RecordingLoss.batches
    return folder, facts, batches, said


def weights(checkpoint):
    return {name: tensor for file in SHARDS for name, tensor in load_file(checkpoint / file).items()}


def untrained(recipe, arm):
    model, _ = build_arm(recipe, arm)
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
    facts = train(longer, "mote", data_dir, tmp_path, tmp_path / "w")
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
    silent = replace(recipe.arms["mote"], instructions=False)
    model, _ = build_arm(replace(recipe, arms={"silent": silent}), "silent")
    assert {route["instruction"] for route in model.config.routes.values()} == {""}


def test_experts_learn_at_their_own_rate_in_both_arms(recipe, data_dir, tmp_path):
    only_experts = replace(recipe, learning_rate=0.0)
    for arm in recipe.arms:
        train(only_experts, arm, data_dir, tmp_path, tmp_path / "w")
        after, before = weights(tmp_path / arm), untrained(recipe, arm)
        moved = {name for name in after if not torch.equal(after[name], before[name])}
        assert moved
        assert all("layer.1." in name or "layer.3." in name for name in moved)
        assert not [name for name in moved if "attention" in name or "LayerNorm" in name]


def test_a_rate_of_zero_freezes_what_all_tasks_share(recipe, data_dir, tmp_path):
    train(replace(recipe, learning_rate=0.0, steps=2), "mote", data_dir, tmp_path, tmp_path / "w")
    frozen = load_file(tmp_path / "mote" / SHARDS[0])
    assert any("attention" in name for name in frozen)
    assert not [name for name in frozen if ".query.weight" in name and "self" not in name]
    assert set(load_file(tmp_path / "mote" / SHARDS[1])) == {
        name
        for name in weights(tmp_path / "mote")
        if ".dense." in name and "attention" not in name and "layer.0" not in name and "layer.2" not in name
    }


def test_the_learning_rate_factor_of_a_task_scales_its_steps_alone(recipe, data_dir, tmp_path):
    still = {**recipe.tasks, "retrieval": replace(recipe.tasks["retrieval"], learning_rate_factor=0.0)}
    train(replace(recipe, learning_rate=0.0, tasks=still), "mote", data_dir, tmp_path, tmp_path / "w")
    after, before = weights(tmp_path / "mote"), untrained(recipe, "mote")
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved
    assert all(".classification." in name for name in moved)


def test_an_arm_may_have_a_rate_of_its_own(recipe, data_dir, tmp_path):
    slow = replace(recipe.arms["mote"], expert_learning_rate=1e-6)
    both = replace(recipe, learning_rate=0.0, arms={**recipe.arms, "slow": slow})
    moved = {}
    for arm in ("mote", "slow"):
        train(both, arm, data_dir, tmp_path, tmp_path / "w")
        before, after = untrained(both, arm), weights(tmp_path / arm)
        moved[arm] = max((after[name] - before[name]).abs().max().item() for name in after)
    assert moved["slow"] < 1e-3 < moved["mote"]
    assert digest(recipe, "mote") == digest(replace(both, learning_rate=recipe.learning_rate), "mote")


def test_a_task_with_graded_pairs_trains_by_their_order(recipe, data_dir, tmp_path):
    graded = Source(
        "graded", "similarity", "graded", {"anchor": "a", "positive": "b", "score": "s"}, "CC0", "graded.parquet"
    )
    rows = pd.DataFrame({"a": ["a cat", "a dog"] * 4, "b": ["one cat", "a red car"] * 4, "s": [1, 0] * 4})
    rows.to_parquet(tmp_path / "graded.parquet")
    tasks = {"similarity": replace(recipe.tasks["classification"], temperature=0.05)}
    only = replace(recipe, tasks=tasks, sources=(graded,), steps=30)
    train(only, "mote", tmp_path, tmp_path, tmp_path / "w")
    encoder = Encoder.from_pretrained(tmp_path / "mote")
    cat, dog, same, other = encoder.encode(["a cat", "a dog", "one cat", "a red car"], route="sts")
    assert cat @ same > dog @ other + 0.1


def test_hard_negatives_are_mined_once_and_join_the_batch(recipe, data_dir, tmp_path, monkeypatch):
    tasks = {**recipe.tasks, "retrieval": replace(recipe.tasks["retrieval"], hard_negatives=2)}
    asking = replace(recipe, tasks=tasks, sources=recipe.sources[:1], steps=2)
    data = load_sources(asking, data_dir, [], work=tmp_path, say=str)
    columns = {"anchor", "positive", "negative_1", "negative_2", "label"}
    assert set(data["questions"].column_names) == columns
    assert all(row["positive"] not in (row["negative_1"], row["negative_2"]) for row in data["questions"])
    monkeypatch.setattr(negatives, "_mine", None)
    again = load_sources(asking, data_dir, [], work=tmp_path, say=str)
    assert again["questions"].to_list() == data["questions"].to_list()
    monkeypatch.setattr(trainer, "TaskContrastiveLoss", RecordingLoss)
    RecordingLoss.batches = []
    lessons = read_lessons(asking, data, folder=tmp_path, say=str)
    trainer.train_arm(asking, "mote", data, lessons, out=tmp_path, work=tmp_path / "w", say=str)
    assert all(len(sides) == 4 for sides in RecordingLoss.batches)


def test_without_a_bonus_the_cosines_stay_those_of_the_teacher(recipe, data_dir, tmp_path, tiny_backbone_path):
    texts = pd.read_parquet(data_dir / "messages.parquet")["text"].tolist()
    alone = untouched(tiny_backbone_path).encode(texts, route="classification")
    off = {}
    for bonus in (0.0, 1.0):
        tasks = {name: replace(task, bonus=bonus) for name, task in recipe.tasks.items()}
        folder = tmp_path / str(bonus)
        train(replace(recipe, tasks=tasks, steps=30), "mote", data_dir, folder, folder / "w")
        vectors = Encoder.from_pretrained(folder / "mote").encode(texts, route="classification")
        off[bonus] = np.abs(vectors @ vectors.T - alone @ alone.T).mean()
    assert off[0.0] < off[1.0] / 2


@pytest.fixture
def with_start(recipe):
    """The recipe with a dense arm that learns from the teacher alone, and two arms that start from it."""
    first = Arm(instructions=True, expert_layers=(), steps=4, labels=False)
    arms = {name: replace(arm, start="first") for name, arm in recipe.arms.items()}
    return replace(recipe, arms={"first": first, **arms}, learning_rate=0.0)


def test_arms_begin_with_the_weights_of_the_arm_they_start_from_which_trains_once(
    with_start, data_dir, tmp_path, monkeypatch
):
    train(with_start, "mote", data_dir, tmp_path, tmp_path / "w")
    start = weights(tmp_path / "first")
    built, _ = build_arm(with_start, "mote", tmp_path / "first")
    for path in built.expert_paths:
        for expert in built.config.experts:
            for name, tensor in built.backbone.get_submodule(path)[expert].state_dict().items():
                assert torch.equal(tensor.half(), start[f"backbone.{path}.{name}"])
    moved = (
        start[f"backbone.{built.expert_paths[0]}.weight"]
        != untrained(with_start, "first")[f"backbone.{built.expert_paths[0]}.weight"]
    )
    assert moved.any()
    said = []
    train(with_start, "baseline", data_dir, tmp_path, tmp_path / "w", said.append)
    assert not [line for line in said if line.startswith("first")]


def test_the_steps_and_settings_of_the_start_belong_to_an_arm(with_start, data_dir, tmp_path):
    facts = train(with_start, "mote", data_dir, tmp_path, tmp_path / "w")
    assert facts["start"] == {"arm": "first", "steps": 4}
    longer = replace(with_start, arms={**with_start.arms, "first": replace(with_start.arms["first"], steps=5)})
    assert digest(longer, "mote") != digest(with_start, "mote")
    titled = replace(with_start, arms={**with_start.arms, "first": replace(with_start.arms["first"], title="x")})
    assert digest(titled, "mote") == digest(with_start, "mote")
    with pytest.raises(UserError, match="first was trained with other settings"):
        train(longer, "mote", data_dir, tmp_path, tmp_path / "w2")


def test_an_arm_without_labels_gets_no_bonus(with_start):
    assert {task.bonus for task in with_start.settings("first").values()} == {0.0}
    assert {task.bonus for task in with_start.settings("mote").values()} == {0.3}


def test_a_share_that_is_kept_moves_the_trained_mlps_back_and_leaves_the_rest(recipe, data_dir, tmp_path):
    found = {}
    for name, keep in (("all", {}), ("none", {"query": 0.0}), ("dense", {"dense": 0.0})):
        arm = "baseline" if name == "dense" else "mote"
        frozen = replace(recipe, learning_rate=0.0, arms={arm: replace(recipe.arms[arm], keep=keep)})
        train(frozen, arm, data_dir, tmp_path / name, tmp_path / name / "w")
        found[name] = weights(tmp_path / name / arm)
    start = untrained(recipe, "mote")
    for name, tensor in found["none"].items():
        assert torch.equal(tensor, (start if ".query." in name else found["all"])[name]), name
    dense = untrained(recipe, "baseline")
    assert all(torch.equal(tensor, dense[name]) for name, tensor in found["dense"].items())


def test_batches_by_topic_train_too(recipe, data_dir, tmp_path):
    tasks = {name: replace(task, one_topic=True) for name, task in recipe.tasks.items()}
    facts = train(replace(recipe, tasks=tasks), "mote", data_dir, tmp_path, tmp_path / "w")
    assert np.isfinite([entry["loss"] for entry in facts["loss"]]).all()


def test_two_teachers_say_the_mean_of_their_cosines_by_their_shares(recipe, data_dir, tmp_path, tiny_backbone_path):
    data = load_sources(recipe, data_dir, [], work=tmp_path, say=str)
    other = replace(recipe, teacher=f"{tiny_backbone_path}/.", teacher_share=0.25)
    lessons = [read_lessons(one, data, folder=tmp_path, say=str)["questions"] for one in (recipe, other)]
    wanted = [lesson.wanted(torch.arange(4), 0.2)[0] for lesson in lessons]
    assert lessons[1].vectors.shape[1] == 2 * lessons[0].vectors.shape[1]
    assert torch.allclose(*wanted, atol=5e-3)


def test_a_negative_of_the_own_group_is_none(recipe, tmp_path):
    rows = pd.DataFrame(
        {
            "anchor": ["a cat", "the cat", "a train", "the road"],
            "positive": ["small cat", "big cat", "old train", "new road"],
            "label": [0, 0, 1, 2],
        }
    )
    found = negatives.with_hard_negatives(rows, recipe.backbone, 1, tmp_path)
    group = rows.set_index("positive")["label"]
    assert len(found)
    assert (found["negative_1"].map(group) != found["label"]).all()


def test_what_memory_is_saved_with_reaches_the_loss(recipe, data_dir, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        losses, "embed", lambda model, features, **options: seen.append(options) or embed(model, features, **options)
    )
    train(replace(recipe, chunk_tokens=32, recompute=True, steps=1), "mote", data_dir, tmp_path, tmp_path / "w")
    assert seen == [{"most_tokens": 32, "recompute": True}] * 2


def test_half_the_factor_is_half_the_rate(recipe, data_dir, tmp_path):
    halves = {name: replace(task, learning_rate_factor=0.5) for name, task in recipe.tasks.items()}
    for name, changed in (
        ("factor", replace(recipe, tasks=halves)),
        ("rate", replace(recipe, learning_rate=5e-4, expert_learning_rate=5e-3)),
    ):
        train(changed, "mote", data_dir, tmp_path / name, tmp_path / name / "w")
    expected = weights(tmp_path / "rate" / "mote")
    for name, tensor in weights(tmp_path / "factor" / "mote").items():
        assert torch.allclose(tensor, expected[name], atol=1e-3), name


def test_routes_may_share_an_expert(recipe):
    sharing = replace(recipe.arms["mote"], experts={"document": "query"})
    model, _ = build_arm(replace(recipe, arms={"sharing": sharing}), "sharing")
    assert model.config.experts == ("query", "classification", "clustering", "sts")


def test_a_source_of_which_the_evaluation_holds_every_text_is_named(recipe, data_dir, tmp_path):
    scored = replace(recipe.sources[1], path="dev/clustering/moods/test.parquet")
    with pytest.raises(UserError, match="messages: every row has a text of the evaluation"):
        train(replace(recipe, sources=(scored,)), "mote", data_dir, tmp_path, tmp_path / "w")


@pytest.mark.parametrize("broken_state", [False, True])
def test_a_stopped_run_resumes_and_ends_at_the_weights_of_an_uninterrupted_one(
    trained, recipe, data_dir, tmp_path, monkeypatch, broken_state
):
    def interrupt(line):
        if line.startswith("step 10/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, "mote", data_dir, tmp_path, tmp_path / "work", interrupt)
    assert not (tmp_path / "mote").exists()
    if broken_state:  # the process was killed while it wrote its next state
        (tmp_path / "work" / "mote" / "checkpoint-10").mkdir()
    RecordingLoss.batches = []
    monkeypatch.setattr(trainer, "TaskContrastiveLoss", RecordingLoss)
    train(recipe, "mote", data_dir, tmp_path, tmp_path / "work")
    assert RecordingLoss.batches == trained[2]["mote"][5:]
    expected = weights(trained[0] / "mote")
    for name, tensor in weights(tmp_path / "mote").items():
        assert torch.equal(tensor, expected[name]), name


def test_the_state_of_a_run_with_other_settings_is_refused(trained, recipe, data_dir, tmp_path):
    other = replace(recipe, learning_rate=5e-3)
    with pytest.raises(UserError, match="other settings"):
        train(other, "mote", data_dir, tmp_path, trained[0] / "work")


def test_the_state_of_a_run_on_other_rows_is_refused(trained, recipe, data_dir, tmp_path):
    data = load_sources(recipe, data_dir, discover(data_dir, required=False), work=tmp_path, say=str)
    data["questions"] = data["questions"].map(lambda row: {"anchor": row["anchor"].upper()})
    with pytest.raises(UserError, match="other settings or data"):
        trainer.train_arm(recipe, "mote", data, {}, out=tmp_path, work=trained[0] / "work", say=str)


def test_several_devices_of_one_process_are_refused(recipe, data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer.SentenceTransformerTrainingArguments, "n_gpu", 2)
    with pytest.raises(UserError, match="one device.*torchrun --nproc_per_node 2"):
        train(recipe, "mote", data_dir, tmp_path, tmp_path / "w")


def test_a_batch_that_processes_cannot_share_evenly_is_refused(recipe, data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer.SentenceTransformerTrainingArguments, "world_size", 3)
    with pytest.raises(UserError, match="The batch_size of classification is 4, which 3 processes"):
        train(recipe, "mote", data_dir, tmp_path, tmp_path / "w")


def test_a_data_set_smaller_than_a_batch_still_trains(recipe, data_dir, tmp_path):
    tasks = {name: replace(settings, batch_size=100) for name, settings in recipe.tasks.items()}
    facts = train(replace(recipe, tasks=tasks, steps=2), "mote", data_dir, tmp_path, tmp_path / "w")
    assert facts["steps"] == 2


def test_the_seed_decides_the_order_within_a_data_set(recipe, data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "TaskContrastiveLoss", RecordingLoss)
    orders = []
    for seed in (0, 1):
        RecordingLoss.batches = []
        one_source = replace(recipe, sources=recipe.sources[:1], seed=seed, steps=3)
        train(one_source, "mote", data_dir, tmp_path, tmp_path / str(seed))
        orders.append(RecordingLoss.batches)
    assert orders[0] != orders[1]


def test_an_unknown_arm_and_a_missing_backbone_are_named(recipe, data_dir, tmp_path):
    with pytest.raises(UserError, match="arm 'gated'.*'baseline', 'mote'"):
        train(recipe, "gated", data_dir, tmp_path, tmp_path)
    with pytest.raises(UserError, match="/nowhere/at-all"):
        train(replace(recipe, backbone="/nowhere/at-all"), "mote", data_dir, tmp_path, tmp_path)
    with pytest.raises(UserError, match="pip install no-such-package"):
        backbone_path("package:no-such-package")


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
