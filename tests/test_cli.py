import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sentence_transformers import SentenceTransformer

from mote_demo import cli
from mote_demo.encoder import Encoder
from mote_demo.explore import maps, pair
from mote_demo.explore.projection import Projection
from mote_demo.model.checkpoint import save_checkpoint

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road", "city", "house"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory, tiny_encoder, tiny_baseline_encoder, tiny_tokenizer):
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, encoder in (("baseline", tiny_baseline_encoder), ("mote", tiny_encoder)):
        facts = {
            "routes": encoder.config.routes,
            "expert_layers": encoder.config.expert_layers,
            "data": [{"name": "things", "task": "clustering", "licence": "CC0", "rows": 3}],
            "settings": {},
        }
        save_checkpoint(encoder.model, tiny_tokenizer, folder / name, extra={"training.json": facts})
    return folder


@pytest.fixture
def table(tmp_path):
    kinds = ["animal"] * 4 + ["thing"] * 6
    path = tmp_path / "things.csv"
    pd.DataFrame({"text": [f"the {word} is good" for word in WORDS], "kind": kinds}).to_csv(path, index=False)
    return path


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data" / "dev" / "clustering" / "kinds"
    folder.mkdir(parents=True)
    rows = {"text": [f"the {word} is new" for word in WORDS], "label_text": ["a", "b"] * 5}
    pd.DataFrame(rows).to_parquet(folder / "test.parquet")
    return tmp_path / "data"


@pytest.fixture
def run(checkpoints, tmp_path, monkeypatch, capsys):
    """Run a verb over the tiny checkpoints; return its status, standard output and standard error."""
    monkeypatch.setenv("MOTE_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("MOTE_CACHE", str(tmp_path / "cache"))
    # The command line says so to a fresh process; here transformers is already imported.
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.setattr("transformers.utils.logging._tqdm_active", False)

    def run(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        done = capsys.readouterr()
        return status, done.out, done.err

    return run


def test_encode_writes_one_json_line_a_text(run, tiny_encoder):
    status, out, _ = run("encode", "a cat", "a dog", "--route", "clustering")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["text"] for line in lines] == ["a cat", "a dog"]
    expected = tiny_encoder.encode(["a cat", "a dog"], route="clustering")
    np.testing.assert_allclose([line["vector"] for line in lines], expected, atol=5e-3)


def test_encode_never_takes_the_name_of_a_file_for_a_text(run, table):
    status, out, err = run("encode", "a cat", table, "--route", "document")
    assert (status, out) == (2, "")
    assert f"is a file, not a text. Please run: mote embed {table} --column COLUMN --route document" in err


def test_embed_writes_parts_of_vectors_and_says_how_far_it_is(run, table, tmp_path):
    command = ("embed", table, "--column", "text", "--route", "document", "--out", tmp_path / "out")
    status, out, _ = run(*command)
    assert status == 0
    assert "1 of 1 parts are to do, 10 of 10 rows" in out
    assert (tmp_path / "out" / "part-0000000.parquet").is_file()
    assert "0 of 1 parts are to do" in run(*command)[1]


def test_encode_reads_lines_from_standard_input_and_writes_npy(
    run, checkpoints, monkeypatch, tmp_path, tiny_baseline_encoder
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("a cat\n\nthe river\n"))
    model, out = checkpoints / "baseline", tmp_path / "new" / "vectors.npy"
    assert run("encode", "--route", "query", "--model", model, "--out", out) == (0, "", "")
    vectors = np.load(out, allow_pickle=False)
    assert vectors.dtype == np.float32
    expected = tiny_baseline_encoder.encode(["a cat", "", "the river"], route="query")
    np.testing.assert_allclose(vectors, expected, atol=5e-3)


def test_search_shows_both_models_hits_with_what_was_sent(run, table):
    status, out, _ = run("search", "the bird is good", "--task", "similarity", "--texts", table, "-k", 3)
    lines = out.splitlines()
    assert status == 0
    assert lines[0].startswith("Baseline · Similarity (baseline/sts): 'similarity: the bird is good'")
    assert lines[4].startswith("MoTE · Similarity (mote/sts): 'similarity: the bird is good'")
    for first in (lines[1], lines[5]):
        assert first.split()[:2] == ["1", "1.000"]
        assert first.endswith("the bird is good")
    assert lines[-1].endswith("of 3 are the same.")


def test_how_a_file_is_read_may_be_said(run, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text~label\nГде моя посылка~a\nВерните деньги~b\n".encode("cp1251"))
    options = ["--texts", path, "--encoding", "cp1251", "--delimiter", "~", "--no-header"]
    status, out, _ = run("search", "посылка", "--task", "retrieval", "-k", "3", *options)
    assert status == 0
    assert "Где моя посылка" in out
    assert " text" in out


def test_search_knows_the_sample_set(run):
    status, out, _ = run("search", "my parcel is late", "--task", "retrieval", "-k", 1)
    assert status == 0
    assert "'query: my parcel is late'" in out


@pytest.fixture
def _quick_maps(monkeypatch):
    """Stand in for UMAP, whose kernels take long to compile."""
    monkeypatch.setattr(maps, "project", lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP"))


@pytest.mark.usefixtures("_quick_maps")
def test_map_writes_a_page_and_a_table(run, table, tmp_path):
    for name in ("map.html", "map.csv"):
        status, _, err = run("map", "--task", "clustering", "--texts", table, "--out", tmp_path / name)
        assert (status, err) == (0, "")
    assert "the bird is good" in (tmp_path / "map.html").read_text(encoding="utf-8")
    frame = pd.read_csv(tmp_path / "map.csv")
    assert frame["text"].tolist() == [f"the {word} is good" for word in WORDS]
    assert {"kind", "neighbours_shared"} <= set(frame.columns)
    assert len(frame.columns) >= 7


@pytest.mark.usefixtures("_quick_maps")
def test_map_refuses_an_unknown_colour_or_kind_of_file(run, table, tmp_path, monkeypatch):
    out = tmp_path / "map.html"
    with monkeypatch.context() as patch:
        patch.setattr(pair, "draw", lambda *_, **__: pytest.fail("maps were drawn in vain"))
        status, _, err = run("map", "--task", "clustering", "--texts", table, "--colour", "size", "--out", out)
    assert (status, out.exists()) == (2, False)
    assert "column 'size'" in err
    status, _, err = run("map", "--task", "clustering", "--texts", table, "--out", tmp_path / "map.gif")
    assert status == 2
    assert ".html, .png or .csv" in err


@pytest.mark.usefixtures("_quick_maps")
def test_map_draws_any_two_lenses(run, table, tmp_path):
    lenses = ("mote/sts", "mote/sts?instruction=off")
    status, _, err = run("map", "--lenses", *lenses, "--texts", table, "--out", tmp_path / "map.csv")
    assert (status, err) == (0, "")
    columns = pd.read_csv(tmp_path / "map.csv").columns
    assert {f"{lens} {axis}" for lens in lenses for axis in "xy"} <= set(columns)


def test_compare_asks_any_two_lenses_and_writes_a_table(run, table, tmp_path):
    asked = ("compare", "mote/sts", "mote/clustering?instruction=off", "--query", "a cat", "--texts", table, "-k", 2)
    status, out, _ = run(*asked)
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == "MoTE · Similarity (mote/sts): 'similarity: a cat', 6 tokens"
    assert lines[3] == "MoTE · Clustering · no instruction (mote/clustering?instruction=off): 'a cat', 4 tokens"
    assert lines[-1].endswith("of 2 are the same.")
    assert run(*asked, "--out", tmp_path / "hits.csv") == (0, "", "")
    frame = pd.read_csv(tmp_path / "hits.csv")
    assert frame["lens"].tolist() == ["mote/sts"] * 2 + ["mote/clustering?instruction=off"] * 2
    assert frame["text_sent"].tolist() == ["similarity: a cat"] * 2 + ["a cat"] * 2


DISAGREE = ("disagree", "baseline/sts", "mote/sts")


def test_disagree_sorts_queries_and_scores_their_answers(run, table, tmp_path):
    queries = tmp_path / "queries.csv"
    pd.DataFrame({"ask": [f"a {word}" for word in WORDS[:4]], "row": [0, 1, 2, 3]}).to_csv(queries, index=False)
    status, out, err = run(*DISAGREE, "--texts", table, "--queries", queries, "--out", tmp_path / "out.csv")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Queries are the column 'ask', answers 'row'."
    assert lines[1] == "Baseline · Similarity | MoTE · Similarity: 4 queries over things.csv"
    metrics = [line.split()[0] for line in lines if line.startswith(("nDCG@10", "hit@1", "MRR"))]
    assert metrics == ["nDCG@10", "hit@1", "MRR"]
    assert all("[" in line for line in lines if line.startswith(("nDCG@10", "hit@1", "MRR")))
    shown = [line for line in lines if line.split()[-2:-1] == ["a"]]
    order = [float(line.split()[0]) for line in shown]
    assert len(order) == 4
    assert order == sorted(order, reverse=True)
    frame = pd.read_csv(tmp_path / "out.csv")
    assert frame["disagreement"].round(3).tolist() == order
    won = (frame["outcome"] == "won").sum()
    assert f"the right one: {won} won" in out


def test_disagree_takes_the_questions_of_the_texts_or_their_sample_queries(run, table, tmp_path):
    faq = tmp_path / "faq.csv"
    rows = {
        "question": [f"what is a {word}?" for word in WORDS],
        "answer": [f"a {word} is a good thing" for word in WORDS],
    }
    pd.DataFrame(rows).to_csv(faq, index=False)
    assert "10 known answers" in run(*DISAGREE, "--texts", faq, "--rows", 0)[1]
    out = run(*DISAGREE, "--texts", table, "--rows", 3)[1]
    assert "hit@1" not in out
    assert sum(line.endswith(" is good") for line in out.splitlines()) == 3
    status, _, err = run(*DISAGREE, "--texts", table, "--queries", table, "--query", "nope")
    assert status == 2
    assert "'nope'" in err


def test_a_lens_may_be_of_a_model_in_a_folder(run, table, checkpoints):
    status, out, _ = run("compare", f"{checkpoints / 'mote'}/sts", "mote/sts", "--query", "a cat", "--texts", table)
    assert status == 0
    assert f"({checkpoints / 'mote'}/sts): 'similarity: a cat'" in out
    assert out.splitlines()[-1] == "10 of 10 are the same."


def test_classes_says_how_well_each_lens_tells_them_and_writes_every_text(run, table, tmp_path):
    asked = ("classes", "baseline/clustering", "mote/clustering", "--texts", table, "--label", "kind", "-k", 3)
    status, out, _ = run(*asked, "--out", tmp_path / "told.csv")
    assert status == 0
    assert out.startswith("Classes('kind' of 10 texts: baseline/clustering ")
    for line in ("accuracy by neighbours", "few-shot accuracy", "V-measure", "thing ", "Only left tells"):
        assert f"\n{line}" in out
    frame = pd.read_csv(tmp_path / "told.csv")
    assert set(frame["mote/clustering predicted"]) <= {"animal", "thing"}
    assert len(frame) == 10
    assert "Choose one of: 'kind'" in run(*asked[:-3], "colour")[2]


def test_matrix_shows_where_each_task_ranks_the_texts_that_are_near_through_any(run, table):
    status, out, _ = run("matrix", "the bird is good", "--texts", table, "-k", 2)
    assert status == 0
    heads = [line for line in out.splitlines() if "TaskMatrix" in line]
    assert len(heads) == 2
    assert all("4 tasks share" in head for head in heads)
    # Each task but retrieval, whose documents get another instruction, finds the text itself first.
    same = [line.split()[2:5] for line in out.splitlines() if line.endswith("the bird is good")]
    assert same == [["1", "1", "1"]] * 2
    one = run("matrix", "the bird is good", "--lens", "mote/sts", "--texts", table, "-k", 2)[1]
    assert one.count("TaskMatrix") == 1


def test_evaluate_scores_the_checkpoints_and_writes_report_and_cards(run, checkpoints, data, tmp_path):
    models = (checkpoints / "baseline", checkpoints / "mote")
    report = tmp_path / "report.json"
    status, out, _ = run("evaluate", *models, "--data", data, "--out", report, "--cards", "--seed", 3)
    assert status == 0
    assert "kinds" in out
    values = json.loads(report.read_text(encoding="utf-8"))
    assert values["seed"] == 3
    assert set(values["models"]) == {"baseline", "mote"}
    for model in models:
        assert "kinds" in (model / "README.md").read_text(encoding="utf-8")


def test_fold_writes_a_plain_model(run, checkpoints, tmp_path, tiny_encoder):
    status, out, _ = run("fold", checkpoints / "mote", "--route", "sts", "--out", tmp_path / "folded")
    assert status == 0
    assert "'sts'" in out
    vectors = SentenceTransformer(str(tmp_path / "folded"), device="cpu").encode(["a cat"])
    np.testing.assert_allclose(vectors, tiny_encoder.encode(["a cat"], route="sts"), atol=5e-3)
    assert 'SentenceTransformer("folded")' in (tmp_path / "folded" / "README.md").read_text(encoding="utf-8")


def test_fold_writes_all_routes_in_one_folder(run, checkpoints, tmp_path, tiny_encoder):
    assert run("fold", checkpoints / "mote", "--router", "--out", tmp_path / "all")[0] == 0
    vectors = SentenceTransformer(str(tmp_path / "all"), device="cpu").encode(["a cat"], task="sts")
    np.testing.assert_allclose(vectors, tiny_encoder.encode(["a cat"], route="sts"), atol=5e-3)


def test_upcycle_makes_a_checkpoint_of_an_encoder(run, tiny_backbone_path, tmp_path):
    status, out, _ = run("upcycle", tiny_backbone_path, "--out", tmp_path / "mine", "--layers", "3", "--pooling", "cls")
    assert (status, out) == (0, f"Wrote {tmp_path / 'mine'}: 5 experts in the blocks 3. Train it next.\n")
    encoder = Encoder.from_pretrained(tmp_path / "mine")
    assert (encoder.config.expert_layers, encoder.config.pooling) == ([3], "cls")
    status, _, err = run("upcycle", tiny_backbone_path, "--out", tmp_path / "other", "--pooling", "max")
    assert status == 2
    assert "Unknown pooling 'max'. Choose one of: 'mean', 'cls', 'last'" in err


def test_refresh_writes_hashes_after_a_change_on_purpose(run, checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "mote", tmp_path / "mine")
    config = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text(config.replace('"max_tokens": 64', '"max_tokens": 32'), encoding="utf-8")
    status, _, err = run("encode", "a cat", "--route", "sts", "--model", folder)
    assert status == 2
    assert f"run: mote refresh {folder}" in err
    assert run("refresh", folder)[0] == 0
    assert run("encode", "a cat", "--route", "sts", "--model", folder)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "a", "--route", "bogus"], "Unknown route 'bogus'. Choose one of: 'query'"),
        (["encode", "a", "--route", "sts", "--model", "/no/model"], "/no/model"),
        (["search", " ", "--task", "retrieval"], "The query is empty"),
        (["search", "a", "--task", "retrieval", "-k", "0"], "from 1 to 50"),
        (["search", "a", "--task", "retrieval", "--texts", "no-such-set"], "no-such-set"),
        (["search", "a", "--task", "retrieval", "--texts", "no/such.CSV"], "There is no file 'such.CSV'"),
        (
            ["map", "--task", "retrieval", "--texts", "such.parquet", "--out", "a.csv"],
            "There is no file 'such.parquet'",
        ),
        (["compare", "mote/sts", "bogus/sts", "--query", "a"], "There is no model 'bogus'. Use one of baseline, mote,"),
        (["compare", "mote/sts", "mote/bogus", "--query", "a"], "Unknown task or route of MoTE 'bogus'"),
        (["compare", "mote/sts", "mote", "--query", "a"], "No task or route of MoTE was given. Choose one of: 'retri"),
        (["compare", "mote/sts", "mote/sts?size=5", "--query", "a"], "the unknown option 'size=5'"),
        (["matrix", "a", "--lens", "mote/bogus"], "Unknown task or route of MoTE 'bogus'"),
        (["train", "/no/recipe.yaml"], "/no/recipe.yaml"),
        (["train", "recipes/default.yaml", "--arm", "gated"], "arm 'gated'"),
        (["evaluate", "/no/model", "--data", "/no/data"], "/no/data"),
        (["fold", "/no/model", "--route", "sts", "--out", "/no/out"], "/no/model"),
    ],
)
def test_an_expected_failure_is_one_readable_line_and_status_2(run, arguments, message):
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    lines = [line for line in err.splitlines() if line]
    assert len(lines) == 1
    assert lines[0].startswith("mote_demo: ")
    assert message in lines[0]


def test_missing_checkpoints_are_named(run, tmp_path, monkeypatch):
    monkeypatch.setenv("MOTE_CHECKPOINTS", str(tmp_path / "none"))
    status, _, err = run("search", "a", "--task", "retrieval")
    assert status == 2
    assert str(tmp_path / "none" / "baseline") in err


def test_a_file_that_cannot_be_written_is_named(run, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    status, _, err = run("encode", "a", "--route", "sts", "--out", tmp_path / "file" / "vectors.npy")
    assert status == 2
    assert str(tmp_path / "file") in err


def test_an_interrupt_ends_without_a_traceback(run, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("mote_demo.encoder.Encoder.from_pretrained", interrupt)
    status, _, err = run("encode", "a", "--route", "sts")
    assert (status, err) == (130, "mote_demo: stopped\n")


def test_a_reader_that_has_seen_enough_is_no_failure(checkpoints, tmp_path):
    environment = {**os.environ, "MOTE_CHECKPOINTS": str(checkpoints), "MOTE_CACHE": str(tmp_path)}
    command = [sys.executable, "-m", "mote_demo", "encode", *["a cat"] * 200, "--route", "sts"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        run.stdout.close()
        err = run.stderr.read()
    assert (run.returncode, err) == (0, "")


@pytest.mark.parametrize("arguments", [["encode", "a"], ["search", "a", "--task", "sorting"], ["bogus"], []])
def test_wrong_arguments_are_told_by_the_usual_usage(run, arguments):
    with pytest.raises(SystemExit) as raised:
        run(*arguments)
    assert raised.value.code == 2


def test_help_is_quick_because_nothing_heavy_is_imported():
    heavy = ["torch", "transformers", "sentence_transformers", "gradio", "numpy", "pandas", "faiss", "umap"]
    script = (
        "import sys; from mote_demo.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        f"print('imported', [name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: python -m mote_demo train")
    assert done.stdout.splitlines()[-1] == "imported []"
