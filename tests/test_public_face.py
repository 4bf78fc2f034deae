"""What one import gives, what files become, and what objects show of themselves."""

import base64
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import mote_demo as mote
from mote_demo.data import reading
from mote_demo.data.samples import load_samples, samples_path
from mote_demo.explore import maps
from mote_demo.explore.lens import Lens
from mote_demo.explore.pair import Pair
from mote_demo.explore.projection import Projection
from mote_demo.growing.grow import grow
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.tasks import Route

ROOT = Path(__file__).parent.parent
HEAVY = ["torch", "numpy", "pandas", "transformers", "gradio", "sentence_transformers", "plotly"]
EVIL = "<img src=x onerror=alert(1)>"


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def file(tmp_path):
    """Write a CSV file."""

    def write(columns, name="my messages.csv"):
        path = tmp_path / name
        pd.DataFrame(columns).to_csv(path, index=False)
        return path

    return write


def test_importing_the_package_imports_nothing_heavy():
    assert python(f"import sys, mote_demo; print([name for name in {HEAVY} if name in sys.modules])") == "[]\n"


def test_errors_and_tasks_are_had_without_anything_heavy():
    code = (
        f"import sys; from mote_demo import TASKS, UserError; print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert python(code) == "[]\n"


def test_every_public_name_is_there_and_nothing_else_is_invented():
    assert dir(mote) == sorted(mote.__all__)
    assert all(getattr(mote, name) is not None for name in mote.__all__)
    assert (mote.Lens, mote.Pair, mote.grow) == (Lens, Pair, grow)
    with pytest.raises(AttributeError, match="has no attribute 'desk'"):
        _ = mote.desk


def test_the_names_are_lazy_for_the_interpreter_as_type_checkers_read_them():
    imported = re.findall(
        r"^    from mote_demo\.([\w.]+) import (.+)$", (ROOT / "mote_demo/__init__.py").read_text(), re.M
    )
    told = {name: module for module, names in imported for name in names.split(", ")}
    assert told == mote._MODULES
    assert {*told, "__version__"} == set(mote.__all__)


def test_the_examples_of_the_readers_hold():
    assert doctest.testmod(reading).failed == 0


def test_texts_take_the_columns_that_are_named(file):
    path = file({"subject": ["a", "b"], "body": ["one", "two"], "topic": ["x", "y"], "mood": ["m", "n"]})
    texts = mote.read_texts(path, text="body", title="subject", labels=["topic", "mood"])
    assert repr(texts) == "Texts('my messages', 2 texts, labels topic, mood)"
    assert texts.title == "my messages.csv"
    assert texts.passages == ["a. one", "b. two"]
    assert texts.notes == ()


def test_columns_that_are_not_named_are_guessed_and_the_notes_say_so(file):
    path = file({"subject": ["a", "b"], "body": ["one", "two"], "topic": ["x", "y"]})
    texts = mote.read_texts(path)
    assert texts.passages == ["a. one", "b. two"]
    assert texts.labels == ("topic",)
    assert texts.notes == ("Guessed the columns: text 'body', title 'subject', label 'topic'.",)


def test_a_named_column_is_not_guessed_to_be_another(file):
    path = file({"title": ["a", "b"], "text": ["one", "two"], "topic": ["x", "y"]})
    texts = mote.read_texts(path, text="title", labels=["topic", "text"])
    assert texts.passages == ["a", "b"]
    assert mote.read_texts(path, labels=[]).labels == ()
    assert mote.read_texts(path, labels="topic").labels == ("topic",)


@pytest.mark.parametrize("named", [{"text": "bdy"}, {"title": "bdy"}, {"labels": ["topic", "bdy"]}, {"labels": "bdy"}])
def test_an_unknown_column_lists_the_columns(file, named):
    path = file({"body": ["one", "two"], "topic": ["x", "y"]})
    with pytest.raises(mote.UserError, match="Unknown column 'bdy'. Choose one of: 'body', 'topic'"):
        mote.read_texts(path, **named)


def test_examples_take_columns_by_role(file):
    numbers = [str(number) for number in range(10)]
    path = file({"a": [f"ask {n}" for n in numbers], "b": [f"answer {n}" for n in numbers]})
    examples = mote.read_examples(path, "retrieval", query="a", positive="b")
    assert list(examples.frame.columns) == ["query", "positive"]
    assert (repr(examples), examples.notes) == ("Examples('retrieval', 10 rows)", ())


def test_roles_that_are_not_named_are_guessed(file):
    numbers = [str(number) for number in range(10)]
    columns = {"s1": [f"one {n}" for n in numbers], "s2": [f"two {n}" for n in numbers], "gold": range(10), "rating": 1}
    examples = mote.read_examples(file(columns), "similarity", score="gold")
    assert list(examples.frame.columns) == ["sentence1", "sentence2", "score"]
    assert examples.notes == (
        "Guessed the columns: sentence1 's1', sentence2 's2'.",
        "Rescaled the scores from 0..9 to 0..1.",
    )


@pytest.mark.parametrize(
    ("task", "columns", "message"),
    [
        ("sorting", {}, "Unknown task 'sorting'"),
        (
            "classification",
            {"query": "text"},
            "role of a column for classification 'query'. Choose one of: 'text', 'la",
        ),
        ("classification", {"label": "kind"}, "Unknown column 'kind'. Choose one of: 'text', 'topic', 'intent'"),
        ("similarity", {}, "needs a column for 'sentence1'"),
    ],
)
def test_examples_that_cannot_be_had_list_the_choices(task, columns, message):
    with pytest.raises(mote.UserError, match=message):
        mote.read_examples(samples_path(), task, **columns)


def test_what_a_notebook_shows_of_a_table_is_escaped(file):
    texts = mote.read_texts(file({"text": [EVIL, "two"], EVIL: ["x", EVIL]}), text="text", labels=[EVIL])
    shown = texts._repr_html_()
    assert "&lt;img" in shown
    assert "<img" not in shown
    labels = [EVIL, "fair"] * 5
    examples = mote.read_examples(file({"text": [f"{EVIL} {n}" for n in range(10)], "label": labels}), "classification")
    assert "<img" not in examples._repr_html_()
    assert repr(examples) == "Examples('classification', 10 rows, 2 labels)"


def test_a_preview_has_the_first_rows_and_the_notes():
    shown = mote.read_texts(samples_path())._repr_html_()
    assert "240 texts" in shown
    assert shown.count("<tr>") == 5
    assert "Guessed the columns" in shown
    assert "title" not in shown


def test_an_encoder_shows_its_name_routes_and_width(tiny_encoder, tiny_baseline_encoder):
    assert repr(tiny_encoder) == (
        "Encoder('tiny MoTE', routes query, document, classification, clustering, sts, 32 dimensions)"
    )
    assert "<td>sts</td><td>similarity: </td>" in tiny_encoder._repr_html_()
    assert "<td>dense</td>" in tiny_baseline_encoder._repr_html_()


def test_maps_show_as_a_picture_that_asks_no_host(tiny_encoder, tiny_baseline_encoder, monkeypatch):
    monkeypatch.setattr(maps, "project", lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP"))
    pair = Pair(Lens.of(tiny_baseline_encoder, "clustering"), Lens.of(tiny_encoder, "clustering"))
    shown = pair.map(load_samples())._repr_html_()
    assert "//" not in re.sub('base64,[^"]+', "", shown)
    assert "<script" not in shown
    picture = base64.b64decode(re.search('base64,([^"]+)', shown)[1])
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 100_000


def test_a_model_of_another_package_grows_no_expert():
    class Other:
        name = "other"

    examples = mote.read_examples(samples_path(), "classification", label="mood")
    with pytest.raises(mote.UserError, match="other takes no experts"):
        mote.grow(Other(), examples, "mine")


def test_one_text_under_tasks_that_are_alike_has_one_column(tiny_encoder):
    class Plain:
        name = "plain"
        all_routes = {"text": Route("text", "")}

        def encode(self, texts, **_):
            return tiny_encoder.encode(texts, route="sts", instruction=False)

        def receipt(self, text, **_):
            return tiny_encoder.receipt(text, route="sts", instruction=False)

        def fingerprint(self, *_, **__):
            return "plain"

    plain, many = Pair(Lens.of(Plain()), Lens.of(tiny_encoder, "sts")).matrix("a cat", load_samples(), 3)
    assert plain.ranks.shape == (len(many.rows), 1)
    assert sorted(plain.ranks[plain.ranks[:, 0] <= 3][:, 0].tolist())[-3:] == [1, 2, 3]
    assert repr(plain) == "TaskMatrix(plain: the same for every task)"
    assert many.ranks.shape[1] == 4


def test_a_mistyped_model_of_a_lens_is_not_looked_for_on_the_hub(monkeypatch):
    monkeypatch.setattr("mote_demo.loading.local_folder", lambda path: pytest.fail(f"looked for {path}"))
    for name in ("mot/retrieval", "bogus", "/no/such/sts"):
        with pytest.raises(mote.UserError, match="There is no model"):
            Lens.load(name)


def test_the_version_is_read_without_importing():
    from setuptools.config.expand import read_attr

    assert read_attr("mote_demo.__version__", root_dir=ROOT) == mote.__version__


def test_the_snippet_of_the_readme_works(tmp_path, monkeypatch, tiny_encoder, tiny_baseline_encoder, tiny_tokenizer):
    for name, encoder in (("baseline", tiny_baseline_encoder), ("mote", tiny_encoder)):
        save_checkpoint(encoder.model, tiny_tokenizer, tmp_path / "models" / name)
    monkeypatch.setenv("MOTE_CHECKPOINTS", str(tmp_path / "models"))
    monkeypatch.setattr(maps, "project", lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP"))
    monkeypatch.chdir(tmp_path)
    messages = pd.read_csv(samples_path()).rename(columns={"text": "body"})
    for name in ("messages.csv", "rows.csv"):
        messages.to_csv(name, index=False)
    (code,) = re.findall("```python\n(import mote_demo as mote\n.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    names = {}
    exec(code, names)
    assert (tmp_path / "maps.html").stat().st_size > 50_000
    assert names["after"].name.look == "my-intents"
    assert names["expert"].before.keys() == names["expert"].after.keys()
