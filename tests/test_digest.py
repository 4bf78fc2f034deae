"""Trained runs are found again by the digest of their settings: what it reacts to, and what it does not."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml

from mote_demo.training.digest import digest
from mote_demo.training.recipe import Arm, Recipe, TaskSettings, load_recipe

SHIPPED = Path(__file__).parent.parent / "recipes" / "default.yaml"
ASIDE = {"seeds", "save_every", "ship_soup", "arms"}


@pytest.fixture
def recipe():
    return load_recipe(SHIPPED)


def with_arm(recipe, name, **changes):
    return replace(recipe, arms={**recipe.arms, name: replace(recipe.arms[name], **changes)})


def other(value):
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, tuple):
        return value[:-1] if value else (0,)
    if isinstance(value, dict):
        return dict(list(value.items())[:-1]) if value else {"query": 0.5}
    return (value or 0) + 1


@pytest.mark.parametrize("name", [item.name for item in fields(Recipe) if item.name not in ASIDE])
def test_every_setting_of_the_recipe_counts(recipe, name):
    assert digest(replace(recipe, **{name: other(getattr(recipe, name))}), "mote") != digest(recipe, "mote")


@pytest.mark.parametrize("name", [item.name for item in fields(TaskSettings)])
def test_every_setting_of_a_task_counts(recipe, name):
    changed = replace(recipe.tasks["retrieval"], **{name: other(getattr(recipe.tasks["retrieval"], name))})
    assert digest(replace(recipe, tasks={**recipe.tasks, "retrieval": changed}), "mote") != digest(recipe, "mote")


@pytest.mark.parametrize("name", [item.name for item in fields(Arm) if item.name not in ("title", "seeds", "start")])
def test_every_setting_of_an_arm_counts_for_it_and_for_arms_that_start_from_it_alone(recipe, name):
    changed = with_arm(recipe, "distilled", **{name: other(getattr(recipe.arms["distilled"], name))})
    for arm in recipe.arms:
        assert (digest(changed, arm) == digest(recipe, arm)) == (arm not in ("distilled", "from_distilled"))


def test_titles_seeds_what_ships_and_how_often_a_state_is_saved_do_not_count(recipe):
    aside = replace(with_arm(recipe, "mote", title="other", seeds=(7,)), seeds=(5,), save_every=1, ship_soup=True)
    assert digest(aside, "mote") == digest(recipe, "mote")


def test_the_order_of_keys_in_the_file_and_how_a_number_is_written_do_not_count(recipe, tmp_path):
    values = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    values = {key: values[key] for key in sorted(values)} | {"learning_rate": 0.0, "max_grad_norm": 1, "steps": 1200.0}
    values["tasks"] = {name: dict(sorted(task.items())) for name, task in values["tasks"].items()}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    assert digest(load_recipe(tmp_path / "recipe.yaml"), "mote") == digest(recipe, "mote")
