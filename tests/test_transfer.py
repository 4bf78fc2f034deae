"""Settings are tried on sources that were left out, and what was tried is not tried again."""

import json
import re

import pandas as pd
import pytest
import yaml

from mote_demo import cli
from mote_demo.errors import UserError
from mote_demo.study import transfer
from mote_demo.study.transfer import load_plan
from tests.tiny_recipe import tiny_recipe, write_data

PLAN = {
    "arm": "mote",
    "steps": 3,
    "folds": {"moods": {"task": "classification", "left_out": ["messages"], "sets": ["moods"]}},
    "variants": {"classification": {"as it is": {}, "teacher alone": {"bonus": 0, "expert_learning_rate": 1e-3}}},
}


@pytest.fixture
def command(tmp_path, tiny_backbone_path):
    """The arguments of the command; the recipe has a second source of labels, beside the one that is left out."""
    write_data(tmp_path)
    colours = [(f"the {thing} is {colour}", colour) for thing in "abcdef" for colour in ("red", "green")]
    pd.DataFrame(colours, columns=["text", "label_text"]).to_parquet(tmp_path / "colours.parquet")
    recipe = tiny_recipe(tiny_backbone_path)
    recipe["sources"].append({**recipe["sources"][1], "name": "colours", "path": "colours.parquet"})
    for name, values in (("recipe", recipe), ("plan", PLAN)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    files = [str(tmp_path / f"{name}.yaml") for name in ("recipe", "plan")]
    out, work = str(tmp_path / "transfer.json"), str(tmp_path / "work")
    return ["transfer", *files, "--data", str(tmp_path), "--out", out, "--work", work]


def rows(command):
    with open(command[command.index("--out") + 1], encoding="utf-8") as file:
        return json.load(file)["rows"]


def test_every_variant_is_scored_on_the_fold_beside_the_untouched_backbone(command):
    assert cli.main(command) == 0
    found = rows(command)
    assert [(row["fold"], row["variant"]) for row in found] == [("moods", "as it is"), ("moods", "teacher alone")]
    for row in found:
        assert set(row["scores"]) == set(row["untouched"]) == {"moods"}
        assert row["gain"] == pytest.approx(row["scores"]["moods"] - row["untouched"]["moods"], abs=0.01)


def test_what_is_left_out_is_not_trained_on_and_other_tasks_are_not_trained(command, monkeypatch):
    trained = []
    train = transfer.train_arm
    monkeypatch.setattr(
        transfer,
        "train_arm",
        lambda recipe, arm, data, *a, **k: trained.append(list(data)) or train(recipe, arm, data, *a, **k),
    )
    assert cli.main(command) == 0
    assert trained == [["colours"], ["colours"]]


def test_a_search_that_is_done_trains_nothing_again(command, monkeypatch):
    assert cli.main(command) == 0
    before = rows(command)
    monkeypatch.setattr(transfer, "train_arm", None)
    assert cli.main(command) == 0
    assert rows(command) == before


def test_a_variant_of_other_settings_takes_the_place_of_its_row(command):
    assert cli.main(command) == 0
    before = rows(command)
    changed = {
        "classification": {
            "as it is": {"bonus": 0.9},
            "teacher alone": PLAN["variants"]["classification"]["teacher alone"],
        }
    }
    with open(command[2], "w", encoding="utf-8") as file:
        yaml.safe_dump({**PLAN, "variants": changed}, file)
    assert cli.main(command) == 0
    after = {row["variant"]: row["mark"] for row in rows(command)}
    assert len(rows(command)) == 2
    assert after["teacher alone"] == before[1]["mark"]
    assert after["as it is"] != before[0]["mark"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            {"folds": {"moods": {**PLAN["folds"]["moods"], "sets": ["bogus"]}}},
            "set of the fold 'moods' 'bogus'.*'moods'",
        ),
        ({"folds": {"moods": {**PLAN["folds"]["moods"], "left_out": ["bogus"]}}}, "source of the fold 'moods' 'bogus'"),
        ({"variants": {"classification": {"odd": {"bonsu": 1}}}}, "setting in variants.classification.odd 'bonsu'"),
        ({"variants": {"classification": {"odd": {"bonus": "x"}}}}, "classification.odd: .*bonus must be a number"),
        ({"folds": {"moods": {**PLAN["folds"]["moods"], "task": "bogus"}}}, "task of the fold 'moods' 'bogus'"),
        ({"steps": None}, "plan.yaml: steps must be a whole number, not None"),
    ],
)
def test_what_is_wrong_in_a_plan_is_named(command, change, named, capsys):
    with open(command[2], "w", encoding="utf-8") as file:
        yaml.safe_dump({**PLAN, **change}, file)
    assert cli.main(command) == 2
    assert re.search(named, capsys.readouterr().err)


def test_a_plan_without_folds_is_refused(tmp_path):
    (tmp_path / "plan.yaml").write_text("arm: mote", encoding="utf-8")
    with pytest.raises(UserError, match="missing key 'steps'"):
        load_plan(tmp_path / "plan.yaml")
