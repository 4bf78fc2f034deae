"""A study trains, measures and writes down all arms and seeds, and goes on where it stopped."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from mote_demo import cli
from mote_demo.encoder import Encoder
from mote_demo.evaluation.report import load_report
from mote_demo.model.checkpoint import load_model
from mote_demo.runtime.precision import MARKS
from mote_demo.study import runs
from mote_demo.study.arms import DERIVED
from mote_demo.study.derived import wrong_expert_encoder
from mote_demo.study.results import load_results
from mote_demo.training.recipe import load_recipe

TASK = {"batch_size": 4, "temperature": 0.1, "bonus": 0.3, "max_tokens": 16, "weight": 1}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Training rows, and two sets to measure on."""
    folder = tmp_path_factory.mktemp("study-data")
    things = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road"]
    pd.DataFrame({"q": [f"what is a {one}" for one in things], "d": things}).to_parquet(folder / "pairs.parquet")
    for name, words in (("moods", ("good", "bad")), ("colours", ("red", "green"))):
        rows = [(f"a {word} {one}", word) for one in things for word in words]
        file = folder / "dev" / "clustering" / name / "test.parquet"
        file.parent.mkdir(parents=True)
        pd.DataFrame(rows, columns=["text", "label_text"]).to_parquet(file)
    scored = folder / "dev" / "retrieval" / "things"
    scored.mkdir(parents=True)
    pd.DataFrame({"id": things, "title": "", "text": [f"the {one}" for one in things]}).to_parquet(
        scored / "corpus.parquet"
    )
    pd.DataFrame({"id": things, "text": [f"find a {one}" for one in things]}).to_parquet(scored / "queries.parquet")
    pd.DataFrame({"query_id": things, "doc_id": things, "score": 1}).to_parquet(scored / "qrels.parquet")
    return folder


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory, tiny_backbone_path):
    values = {
        "backbone": tiny_backbone_path,
        "base_model": "someone/tiny",
        "seed": 0,
        "seeds": [0, 1],
        "steps": 3,
        "learning_rate": 0,
        "expert_learning_rate": 1e-2,
        "expert_layers": [1, 3],
        "warmup": 0.1,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "dropout": 0.0,
        "frozen": ["embeddings"],
        "save_every": 5,
        "arms": {
            "no_instruction": {"instructions": False, "expert_layers": []},
            "baseline": {"instructions": True, "expert_layers": []},
            "mote": {"instructions": True, "expert_layers": [1, 3], "title": "MoTE"},
            "top": {"instructions": True, "expert_layers": [3], "seeds": [0], "title": "top block only"},
        },
        "tasks": {"retrieval": TASK},
        "sources": [
            {
                "name": "questions",
                "task": "retrieval",
                "shape": "pairs",
                "path": "pairs.parquet",
                "columns": {"anchor": "q", "positive": "d"},
                "licence": "CC0",
            }
        ],
    }
    path = tmp_path_factory.mktemp("study-recipe") / "tiny.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def study(tmp_path_factory, recipe_file, data_dir):
    """Run the command once: the folder of all it wrote, and its arguments."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "results").mkdir()
    (folder / "results" / "notes.md").write_text("Small models learn little.", encoding="utf-8")
    arguments = ["study", str(recipe_file), "--data", str(data_dir), "--work", str(folder / "work")]
    arguments += ["--results", str(folder / "results"), "--page", str(folder / "docs" / "results.md")]
    arguments += ["--out", str(folder / "checkpoints")]
    assert cli.main(arguments) == 0
    return folder, arguments


def read(folder, name):
    return json.loads((folder / "results" / name).read_text(encoding="utf-8"))


def test_every_arm_and_seed_and_what_derives_from_them_has_a_report(study):
    names = {file.stem for file in (study[0] / "results" / "runs").iterdir()}
    trained = {f"{arm}-seed-{seed}" for arm in ("no_instruction", "baseline", "mote") for seed in (0, 1)}
    assert names == trained | {"untouched", "top-seed-0", *(f"{one}-seed-0" for one in DERIVED)}
    assert read(study[0], "runs/mote-seed-1.json")["training"]["seed"] == 1
    (prints,) = read(study[0], "runs/int8-seed-0.json")["models"].values()
    assert all(fingerprint.endswith(MARKS["int8"]) for fingerprint in prints.values())


def test_a_finished_study_trains_and_measures_nothing_again(study, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("done already")

    monkeypatch.setattr(runs, "train_arm", refuse)
    monkeypatch.setattr(runs, "evaluate", refuse)
    before = read(study[0], "summary.json")
    assert cli.main(study[1]) == 0
    assert read(study[0], "summary.json") == before


def test_a_missing_report_is_made_again_from_the_checkpoint_that_is_there(study, monkeypatch):
    file = study[0] / "results" / "runs" / "top-seed-0.json"
    before = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    monkeypatch.setattr(runs, "train_arm", None)
    assert cli.main([*study[1], "--arm", "top", "--seed", "0"]) == 0
    again = json.loads(file.read_text(encoding="utf-8"))
    assert again["means"]["top"]["families"] == before["means"]["top"]["families"]


def test_a_checkpoint_of_other_settings_is_not_taken_for_this_recipe(study, tmp_path, capsys):
    values = yaml.safe_load(Path(study[1][1]).read_text(encoding="utf-8"))
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(values | {"steps": 4}), encoding="utf-8")
    assert cli.main([study[1][0], str(other), *study[1][2:]]) == 2
    assert "was trained with other settings" in capsys.readouterr().err


def test_a_report_of_another_protocol_is_made_again_and_not_shown(study, monkeypatch):
    monkeypatch.setattr(runs, "PROTOCOL", "another")
    measured = []
    monkeypatch.setattr(runs, "evaluate", lambda encoders, sets, **_: measured.append(len(sets)) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(study[1])
    assert measured == [3]


def test_a_report_of_other_sets_is_made_again(study, monkeypatch):
    measured = []
    monkeypatch.setattr(runs, "evaluate", lambda encoders, sets, **_: measured.append(len(sets)) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main([*study[1], "--sets", "moods"])
    assert measured == [1]


def test_a_part_of_a_study_says_what_is_missing(recipe_file, data_dir, tmp_path, capsys):
    arguments = ["study", str(recipe_file), "--data", str(data_dir), "--work", str(tmp_path / "work")]
    arguments += ["--results", str(tmp_path / "results"), "--page", str(tmp_path / "page.md")]
    assert cli.main([*arguments, "--arm", "baseline", "--seed", "1"]) == 0
    assert "no report of no_instruction, mote" in capsys.readouterr().out
    assert not (tmp_path / "page.md").exists()


def test_a_recipe_that_lacks_a_main_arm_is_refused_before_anything_is_trained(study, tmp_path, capsys):
    values = yaml.safe_load(Path(study[1][1]).read_text(encoding="utf-8"))
    del values["arms"]["no_instruction"]
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert cli.main([study[1][0], str(other), *study[1][2:]]) == 2
    assert "the recipe has no arm 'no_instruction'" in capsys.readouterr().err


def test_the_summary_follows_from_the_reports(study):
    summary, untouched = read(study[0], "summary.json"), read(study[0], "runs/untouched.json")
    assert summary["seeds"] == 2
    assert set(summary["families"]) == {"retrieval", "clustering"}
    retrieval = summary["families"]["retrieval"]
    assert retrieval["untouched"] == pytest.approx(untouched["means"]["untouched"]["families"]["retrieval"], abs=0.01)
    seeds = [read(study[0], f"runs/mote-seed-{seed}.json") for seed in (0, 1)]
    mean = np.mean([seed["means"]["mote"]["families"]["retrieval"] for seed in seeds])
    assert retrieval["mote"] == pytest.approx(mean, abs=0.01)
    gain = summary["gain"]["retrieval"]
    assert gain["mote"] == pytest.approx(retrieval["mote"] - retrieval["no_instruction"], abs=0.011)
    assert summary["difference"]["retrieval"]["points"] == pytest.approx(gain["mote"] - gain["baseline"], abs=0.021)
    rows = {row["name"]: row for row in summary["table"]}
    assert [row["name"] for row in summary["table"]][:4] == ["untouched", "no_instruction", "baseline", "mote"]
    assert rows["top"]["title"] == "top block only"
    assert (rows["mote"]["seeds"], rows["top"]["seeds"], rows["top"]["spread"]) == (2, 1, None)
    assert rows["mote"]["active"] == rows["baseline"]["active"] < rows["mote"]["stored"]


def test_the_page_shows_the_tables_the_notes_and_the_targets(study):
    page = (study[0] / "docs" / "results.md").read_text(encoding="utf-8")
    for words in (
        "Small models learn little.",
        "top block only",
        "WAVE",
        "moods",
        ">= 1.64",
        "active parameters",
        "1.00",
    ):
        assert words in page


def test_the_app_reads_what_the_study_wrote(study):
    folder = study[0] / "results"
    results = load_results(folder / "spaces.json", folder / "summary.json")
    assert results.spaces["routes"] == ["query", "document", "classification", "clustering", "sts"]
    assert set(load_report(folder / "dev.json").models) == {"baseline", "mote", "untouched", "no_instruction"}


def test_shipped_checkpoints_load_and_their_cards_hold_the_results(study):
    for arm in ("baseline", "mote"):
        encoder = Encoder.from_pretrained(study[0] / "checkpoints" / arm)
        assert encoder.encode(["a cat"], route="query").shape == (1, 32)
        card = (study[0] / "checkpoints" / arm / "README.md").read_text(encoding="utf-8")
        assert "Means over the seeds" in card
        assert "colours" in card


def test_the_mean_of_all_seeds_ships_where_the_recipe_says_so(study, recipe_file, tmp_path):
    recipe = tmp_path / "soup.yaml"
    recipe.write_text(recipe_file.read_text(encoding="utf-8") + "ship_soup: true\n", encoding="utf-8")
    shutil.copytree(study[0] / "results", tmp_path / "results")
    arguments = [str(recipe) if each == str(recipe_file) else each for each in study[1]]
    arguments[arguments.index("--results") + 1] = str(tmp_path / "results")
    arguments[arguments.index("--page") + 1] = str(tmp_path / "results.md")
    arguments[arguments.index("--out") + 1] = str(tmp_path / "out")
    assert cli.main(arguments) == 0
    for arm, soup in (("baseline", "baseline_soup"), ("mote", "soup")):
        trained = [study[0] / "work" / f"seed-{seed}" / arm for seed in (0, 1)]
        shipped, *seeds = (load_model(folder).state_dict() for folder in (tmp_path / "out" / arm, *trained))
        for name, tensor in shipped.items():
            torch.testing.assert_close(tensor, (seeds[0][name] + seeds[1][name]) / 2, atol=1e-3, rtol=1e-3)
        assert any(not torch.equal(shipped[name], seeds[0][name]) for name in shipped)
        measured = load_report(tmp_path / "results" / "runs" / f"{soup}-seed-0.json").sets[0].scores
        assert [load_report(tmp_path / "results" / "dev.json").sets[0].scores[arm]] == list(measured.values())
        assert "mean of 2 trainings" in (tmp_path / "out" / arm / "README.md").read_text(encoding="utf-8")


def test_an_unknown_seed_or_arm_is_named(study, capsys):
    assert cli.main([*study[1], "--seed", "9"]) == 2
    assert "Unknown seed 9. Choose one of: '0', '1'" in capsys.readouterr().err
    assert cli.main([*study[1], "--arm", "bogus"]) == 2
    assert (
        "'baseline', 'mote', 'no_instruction', 'top', 'instructed', 'wave', 'wrong_expert', 'half_way', "
        "'baseline_soup', 'soup', 'int8'" in capsys.readouterr().err
    )


def test_the_plan_goes_seed_by_seed(recipe_file):
    planned = [run.name for run in runs.plan(load_recipe(recipe_file), ["mote", "top"])]
    assert planned == ["mote-seed-0", "top-seed-0", "mote-seed-1"]


def test_a_report_of_another_recipe_is_not_averaged_with_this_ones(study, tmp_path):
    for part in ("work", "results"):
        shutil.copytree(study[0] / part, tmp_path / part)
    file = tmp_path / "results" / "runs" / "top-seed-0.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    values["training"]["recipe"] = "of another recipe"
    file.write_text(json.dumps(values), encoding="utf-8")
    arguments = [argument.replace(str(study[0]), str(tmp_path)) for argument in study[1]]
    assert cli.main([*arguments, "--arm", "mote"]) == 0
    assert "top" not in {row["name"] for row in read(tmp_path, "summary.json")["table"]}


def test_the_wrong_expert_changes_the_vectors_and_the_right_one_gives_them_back(tiny_encoder):
    texts = ["a cat", "two dogs"]
    right = tiny_encoder.encode(texts, route="clustering")
    wrong = wrong_expert_encoder(tiny_encoder)
    assert wrong.receipt("a cat", route="clustering").expert == "classification"
    assert wrong.receipt("a cat", route="clustering").text_sent == "clustering: a cat"
    assert not np.allclose(wrong.encode(texts, route="clustering"), right, atol=1e-3)
    assert np.array_equal(tiny_encoder.encode(texts, route="clustering"), right)
    same = tiny_encoder.with_network(wrong.model.with_experts({"clustering": "clustering"}))
    assert np.allclose(same.encode(texts, route="clustering"), right)


def test_the_command_compares_the_spaces_of_two_checkpoints(study, tiny_backbone_path, tmp_path, capsys):
    models = [str(study[0] / "checkpoints" / arm) for arm in ("baseline", "mote")]
    assert cli.main(["spaces", *models, "--backbone", tiny_backbone_path, "--out", str(tmp_path / "spaces.json")]) == 0
    assert json.loads((tmp_path / "spaces.json").read_text(encoding="utf-8")) == read(study[0], "spaces.json")
