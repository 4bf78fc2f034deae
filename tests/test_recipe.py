from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mote_demo.errors import UserError
from mote_demo.tasks import TASKS
from mote_demo.training.recipe import Arm, load_recipe

SHIPPED = Path(__file__).parent.parent / "recipes" / "default.yaml"


@pytest.fixture
def write(tmp_path):
    """Write the shipped recipe after ``change`` was applied to its values."""

    def write(change):
        values = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
        change(values)
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return write


def put(value, *keys):
    """Return a change that sets, or with None deletes, what lies at ``keys``."""

    def change(values):
        for key in keys[:-1]:
            values = values[key]
        if value is None:
            del values[keys[-1]]
        else:
            values[keys[-1]] = value

    return change


def test_the_shipped_recipe_trains_the_three_arms_of_the_claim_on_every_task():
    recipe = load_recipe(SHIPPED)
    assert {"no_instruction", "baseline", "mote"} <= set(recipe.arms)
    assert set(recipe.tasks) == {source.task for source in recipe.sources} == set(TASKS)
    assert all(source.licence for source in recipe.sources)


def test_the_arms_of_the_claim_differ_in_instructions_and_experts_alone():
    recipe = load_recipe(SHIPPED)
    arms = [replace(recipe.arms[name], title="", keep={}) for name in ("no_instruction", "baseline", "mote")]
    assert arms == [Arm(False, ()), Arm(True, ()), Arm(True, (1, 3, 5))]
    layers = {recipe.trained_layers(name) for name in ("no_instruction", "baseline", "mote")}
    assert layers == {(1, 3, 5)}
    assert {recipe.seeds_of(name) for name in ("no_instruction", "baseline", "mote")} == {recipe.seeds}


def test_an_arm_may_have_seeds_of_its_own():
    recipe = load_recipe(SHIPPED)
    own = replace(recipe, arms={**recipe.arms, "own": replace(recipe.arms["mote"], seeds=(5,))})
    assert (own.seeds_of("own"), own.seeds_of("mote")) == ((5,), recipe.seeds)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (put(1, "stepz"), "unknown key 'stepz'.*steps"),
        (put(None, "steps"), "missing key 'steps'"),
        (put(True, "arms", "mote", "gate"), "arms.mote: unknown key 'gate'"),
        (put(None, "tasks", "retrieval", "temperature"), "tasks.retrieval: missing key 'temperature'"),
        (put(None, "sources", 2, "licence"), r"sources\[2\]: missing key 'licence'"),
        (put([], "tasks"), "recipe.yaml: tasks must be a mapping"),
        (put("embeddings", "frozen"), "frozen must be a list"),
        (put(5, "arms", "mote", "expert_layers"), "arms.mote.expert_layers must be a list, not 5"),
        (put({"documnet": "query"}, "arms", "mote", "experts"), "route in arms.mote.experts 'documnet'.*'document'"),
        (put({"qeury": 0.5}, "arms", "mote", "keep"), "expert in arms.mote.keep 'qeury'.*'query', 'document'"),
        (put({"query": 0.5}, "arms", "baseline", "keep"), "expert in arms.baseline.keep 'query'.*'dense'"),
        (put({"query": 1.5}, "arms", "mote", "keep"), "arms.mote.keep.query must be a share from 0 to 1, not 1.5"),
        (put("bogus", "arms", "mote", "start"), "arm in arms.mote.start 'bogus'.*'baseline'"),
        (put("experts_only", "arms", "mote", "start"), "arms.mote.start must name an arm without experts"),
        (put("no way", "arms", "mote", "instructions"), "arms.mote.instructions must be true or false, not 'no way'"),
        (put("x", "tasks", "retrieval", "bonus"), "bonus must be a number, not 'x'"),
        (put(-1, "tasks", "retrieval", "bonus"), "bonus must be greater than or equal to 0, not -1"),
        (put(1.5, "teacher_share"), "teacher_share must be less than or equal to 1, not 1.5"),
        (
            put(0, "tasks", "retrieval", "batch_size"),
            r"tasks\.retrieval\.batch_size must be .* equal to 2, not 0",
        ),
        (put(0.5, "sources", 0, "max_rows"), r"sources\[0\].max_rows must be a whole number"),
        (put([], "seeds"), "at least one arm, one source and one seed"),
        (put("many", "steps"), "steps must be a whole number, not 'many'"),
        (put(True, "steps"), "steps must be a number, not True"),
        (put(1.5, "tasks", "clustering", "batch_size"), "tasks.clustering.batch_size must be a whole number, not 1.5"),
        (put({}, "arms"), "at least one arm"),
    ],
)
def test_a_wrong_key_or_value_is_named(write, change, named):
    with pytest.raises(UserError, match=named):
        load_recipe(write(change))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (put("sorting", "sources", 0, "task"), "task of source 'acl_title_abstract' 'sorting'.*'retrieval'"),
        (put("triples", "sources", 0, "shape"), "shape of source 'acl_title_abstract' 'triples'.*'pairs'"),
        (put({}, "tasks", "sorting"), "tasks.sorting: missing key"),
        (put("covid_qa", "sources", 0, "name"), "Two sources are called 'covid_qa'"),
        (put({"anchor": "text"}, "sources", 9, "columns"), "'clinc150' of shape 'labelled' needs the column 'label'"),
    ],
)
def test_a_wrong_task_shape_name_or_column_is_named_with_its_source(write, change, named):
    with pytest.raises(UserError, match=named):
        load_recipe(write(change))


def test_an_unknown_task_lists_the_tasks(write):
    def change(values):
        values["tasks"]["sorting"] = dict(values["tasks"]["retrieval"])

    with pytest.raises(UserError, match="Unknown task 'sorting'.*'retrieval', 'classification'"):
        load_recipe(write(change))


def test_numbers_with_an_exponent_and_without_a_decimal_point_are_numbers(tmp_path):
    path = tmp_path / "recipe.yaml"
    text = SHIPPED.read_text(encoding="utf-8").replace("3.0e-4", "3e-4").replace("max_rows: 4000", "max_rows: 4e3")
    path.write_text(text, encoding="utf-8")
    recipe = load_recipe(path)
    assert recipe.expert_learning_rate == pytest.approx(3e-4)
    assert repr(recipe.sources[0].max_rows) == "4000"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [", None])
def test_a_file_that_is_no_recipe_is_named(tmp_path, text):
    path = tmp_path / "broken.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"broken\.yaml"):
        load_recipe(path)


def test_the_recipe_for_the_hub_names_every_source_there_and_trains_the_same_arms():
    recipe = load_recipe(SHIPPED.with_name("hub.yaml"))
    assert all(source.hub["path"].count("/") == 1 and source.hub["split"] for source in recipe.sources)
    assert {source.task for source in recipe.sources} == set(TASKS)
    assert recipe.arms == {name: load_recipe(SHIPPED).arms[name] for name in recipe.arms}


def test_a_source_without_a_file_or_a_hub_name_is_named(write):
    with pytest.raises(UserError, match="'acl_title_abstract' needs a path"):
        load_recipe(write(put(None, "sources", 0, "path")))
