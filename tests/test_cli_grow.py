"""Growing on the command line, and what it says of an expert's file."""

import sys

import numpy as np
import pandas as pd
import pytest
from sentence_transformers import SentenceTransformer

from mote_demo import cli
from mote_demo.growing.expert import load_expert
from mote_demo.loading import load
from mote_demo.model.checkpoint import save_checkpoint
from tests.own_experts import copied_expert

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory, tiny_encoder, tiny_baseline_encoder, tiny_tokenizer):
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, encoder in (("baseline", tiny_baseline_encoder), ("mote", tiny_encoder)):
        save_checkpoint(encoder.model, tiny_tokenizer, folder / name)
    return folder


@pytest.fixture
def run(checkpoints, tmp_path, monkeypatch, capsys):
    """Run a verb over the tiny checkpoints; return its status, standard output and standard error."""
    monkeypatch.setenv("MOTE_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("MOTE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.setattr("transformers.utils.logging._tqdm_active", False)

    def run(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        done = capsys.readouterr()
        return status, done.out, done.err

    return run


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "things.csv"
    texts = [f"the {word} is {how}" for word in WORDS for how in ("good", "big", "new", "old")]
    pd.DataFrame({"body": texts, "kind": ["animal"] * 16 + ["thing"] * 16}).to_csv(path, index=False)
    return path


@pytest.fixture
def grown(run, rows, tmp_path):
    out = tmp_path / "kinds.safetensors"
    assert run("grow", rows, "--task", "classification", "--label", "kind", "--out", out)[0] == 0
    return out


def test_grow_writes_an_expert_and_shows_it_before_and_after(run, rows, tmp_path):
    out = tmp_path / "new" / "my-kinds.safetensors"
    status, said, err = run(
        *("grow", rows, "--task", "classification", "--text", "body", "--label", "kind", "--out", out)
    )
    assert (status, err) == (0, "")
    first, *table, measured, same, wrote = said.splitlines()
    assert first.split() == ["before", "after", "change"]
    assert any("1-NN accuracy" in line for line in table)
    assert measured == "8 held-out rows; 1 is best."
    assert same == "Other routes: 5 of 5 have the same tensors and vectors, bit for bit."
    assert wrote == f"Wrote {out}."
    expert = load_expert(out)
    assert (expert.name, expert.task, expert.base) == ("my-kinds", "classification", "classification")


def test_grow_takes_a_name_a_base_and_an_effort_and_says_what_it_guessed(run, rows, tmp_path):
    out = tmp_path / "expert"
    options = ("--task", "clustering", "--name", "mine", "--base", "sts", "--effort", "thorough")
    status, said, _ = run("grow", rows, *options, "--out", out)
    assert status == 0
    assert said.startswith("Guessed the columns: text 'body', label 'kind'.\n")
    expert = load_expert(out)
    assert (expert.name, expert.base, expert.settings.blocks) == ("mine", "sts", None)


def test_grow_takes_epochs_and_a_learning_rate(run, rows, tmp_path):
    out = tmp_path / "kinds.safetensors"
    options = ("--task", "classification", "--label", "kind", "--epochs", "2", "--learning-rate", "5e-4")
    assert run("grow", rows, *options, "--out", out)[0] == 0
    assert (load_expert(out).settings.epochs, load_expert(out).settings.learning_rate) == (2, 5e-4)
    status, _, err = run("grow", rows, *options[:-1], "5", "--out", out)
    assert (status, "learning rate must be from" in err) == (2, True)


def test_grow_tells_what_the_dense_twin_forgets(run, rows, tmp_path):
    options = ("--task", "classification", "--epochs", 1, "--blocks", 1, "--twin")
    status, said, err = run("grow", rows, *options, "--out", tmp_path / "kinds")
    assert (status, err) == (0, "")
    assert "retrieval, kitchen-notes (35 rows): Baseline" in said
    assert said.count("; MoTE the same") == 4
    assert load_expert(tmp_path / "kinds").settings.blocks == 1


def test_grow_learns_from_texts_alone_only_where_that_is_said(run, tmp_path):
    texts = tmp_path / "texts.csv"
    texts.write_text("body\n" + "\n".join(f"the old house by the river {number}" for number in range(16)))
    status, _, err = run("grow", texts, "--task", "clustering", "--out", tmp_path / "mine")
    assert status == 2
    assert "needs a column for 'label'" in err
    status, said, _ = run("grow", texts, "--task", "clustering", "--unlabelled", "--out", tmp_path / "mine")
    assert status == 0
    assert "Expect little" in said
    assert "Half a text finds its other half" in said


def test_progress_is_one_line_of_a_terminal(run, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    _, _, err = run("grow", rows, "--task", "classification", "--out", tmp_path / "kinds")
    assert "\n" not in err
    assert "Measuring the route 'classification'" in err
    assert "\rStep 1 of " in err
    assert err.endswith("\r\x1b[K")


def test_show_says_what_an_expert_is_and_that_it_fits(run, grown):
    status, said, err = run("expert", "show", grown)
    assert (status, err) == (0, "")
    assert "Expert 'kinds' of classification, grown from 'classification'" in said
    assert "Instruction: 'classification: '" in said
    assert "learning rate 0.001" in said
    assert "It fits mote." in said
    assert "8 held-out rows" in said


def test_show_says_where_an_expert_does_not_fit(run, grown, monkeypatch, tmp_path):
    status, said, _ = run("expert", "show", grown, "--model", "baseline")
    assert status == 0
    assert "It does not fit baseline. The expert 'kinds' was grown on the model" in said
    monkeypatch.setenv("MOTE_CHECKPOINTS", str(tmp_path / "none"))
    status, said, _ = run("expert", "show", grown)
    assert status == 0
    assert "Whether it fits is not known. There is no checkpoint in" in said


def test_show_of_an_expert_that_nobody_measured(run, tiny_encoder, tmp_path):
    copied_expert(tiny_encoder).save(tmp_path / "mine")
    status, said, _ = run("expert", "show", tmp_path / "mine")
    assert status == 0
    assert "Settings" not in said
    assert "held-out" not in said


def test_fold_writes_the_model_with_the_expert_as_a_plain_dense_one(run, grown, checkpoints, tmp_path):
    status, said, _ = run("expert", "fold", grown, "--out", tmp_path / "folded")
    assert (status, said) == (0, f"Wrote the expert 'kinds' to {tmp_path / 'folded'}.\n")
    vectors = SentenceTransformer(str(tmp_path / "folded"), device="cpu").encode(["a cat"])
    expected = load_expert(grown).plugged_into(load(str(checkpoints / "mote"))).encode(["a cat"], route="kinds")
    np.testing.assert_allclose(vectors, expected, atol=5e-3)


def test_checkpoint_writes_the_model_with_the_expert_as_one_more_route(run, grown, checkpoints, tmp_path):
    (checkpoints / "mote" / "README.md").write_text("---\nlicense: mit\n---\n\n# mote\n", encoding="utf-8")
    status, said, _ = run("expert", "checkpoint", grown, "--out", tmp_path / "whole")
    assert (status, said) == (0, f"Wrote a checkpoint with the route 'kinds' to {tmp_path / 'whole'}.\n")
    whole = load(str(tmp_path / "whole"))
    expected = load_expert(grown).plugged_into(load(str(checkpoints / "mote")))
    assert whole.routes == expected.routes
    for route in ("kinds", "sts"):
        np.testing.assert_allclose(
            whole.encode(["a cat"], route=route), expected.encode(["a cat"], route=route), atol=1e-6
        )
    card = (tmp_path / "whole" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: mit\n---\n\n# mote\n\n## kinds\n")
    (checkpoints / "mote" / "README.md").unlink()


def test_folding_an_expert_of_queries_says_what_documents_take(run, checkpoints, tmp_path):
    copied_expert(load(str(checkpoints / "mote")), task="retrieval").save(tmp_path / "mine")
    status, said, _ = run("expert", "fold", tmp_path / "mine", "--out", tmp_path / "folded")
    assert status == 0
    assert "Documents take the route 'document'" in said


def test_a_folder_is_a_lens(run, checkpoints, rows):
    status, said, _ = run(
        "compare", "mote/sts", checkpoints / "baseline/sts", "--query", "a cat", "--texts", rows, "-k", 2
    )
    assert status == 0
    assert f"({checkpoints / 'baseline'}/sts)" in said


def test_compare_writes_a_table(run, rows, tmp_path):
    options = ("--query", "a cat", "--texts", rows, "-k", 2, "--out", tmp_path / "answer.csv")
    assert run("compare", "mote/sts?instruction=off", "mote/clustering", *options) == (0, "", "")
    frame = pd.read_csv(tmp_path / "answer.csv")
    assert frame["lens"].tolist() == ["mote/sts?instruction=off"] * 2 + ["mote/clustering"] * 2


def test_matrix_has_a_column_a_task(run, rows):
    status, said, _ = run("matrix", "a cat", "--lens", "mote/sts", "--texts", rows, "-k", 2)
    assert status == 0
    first, head, *_ = said.splitlines()
    assert first.startswith("MoTE: TaskMatrix(4 tasks share ")
    assert head.split() == ["retrieval", "classification", "clustering", "sts"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "bogus", "mote/sts", "--query", "a"], "There is no model 'bogus'. Use one of baseline, mote, unt"),
        (["compare", "mot/sts", "mote/sts", "--query", "a"], "There is no model 'mot'"),
        (["compare", "mote", "mote/sts", "--query", "a"], "No task or route of MoTE was given. Choose one of: 'retr"),
        (["compare", "mote/sts", "baseline/bogus", "--query", "a"], "Unknown task or route of Baseline 'bogus'"),
        (["compare", "mote/sts?instruction=of", "mote/sts", "--query", "a"], "Use ?instruction=off"),
        (["matrix", " "], "The query is empty"),
        (["matrix", "a", "--lens", "mote/bogus"], "Unknown task or route"),
        (["map", "--lenses", "mote/sts", "bogus", "--out", "a.csv"], "There is no model 'bogus'"),
        (["grow", "no.csv", "--task", "classification", "--out", "a"], "There is no file 'no.csv'"),
        (["expert", "show", "/no/such"], "There is no file 'such'"),
        (["expert", "fold", "/no/such", "--out", "folded"], "There is no file 'such'"),
    ],
)
def test_an_expected_failure_is_one_readable_line_and_status_2(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("mote_demo: ")
    assert message in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "classification", "--label", "colour"], "Unknown column 'colour'. Choose one of: 'body', 'kind'"),
        (["--task", "classification", "--query", "body"], "Unknown role of a column for classification 'query'"),
        (["--task", "similarity"], "needs a column for 'sentence1'"),
        (["--task", "classification", "--name", "My Kinds"], "'My Kinds' is not usable"),
        (["--task", "classification", "--base", "bogus"], "route to start from 'bogus'"),
        (["--task", "classification", "--name", "sts"], "'sts'"),
        (["--task", "classification", "--model", "baseline"], "has no task experts"),
    ],
)
def test_growing_that_cannot_be_is_told_before_it_begins(run, rows, tmp_path, options, message):
    status, _, err = run("grow", rows, *options, "--out", tmp_path / "kinds")
    assert status == 2
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "kinds").exists()


def test_folding_for_another_model_is_refused(run, grown, tmp_path):
    status, _, err = run("expert", "fold", grown, "--model", "baseline", "--out", tmp_path / "folded")
    assert status == 2
    assert "was grown on the model" in err
    assert not (tmp_path / "folded").exists()


def test_it_calls_itself_as_it_was_called(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/some/bin/mote"])
    assert run("expert", "show", "/no/such")[2].startswith("mote: There is no file")
    with pytest.raises(SystemExit):
        run("grow", "--help")
    assert capsys.readouterr().out.startswith("usage: mote grow ")
