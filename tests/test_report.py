import json
from dataclasses import replace

import pytest

from mote_demo.errors import UserError
from mote_demo.evaluation.markdown import report_table, table
from mote_demo.evaluation.report import Report, Score, SetResult, load_report

LACKING = json.dumps(
    {
        "protocol": "",
        "seed": 0,
        "models": {"mote": {}, "other": {}},
        "sets": [
            dict.fromkeys(("name", "family", "metric", "part", "fingerprint", "note"), "x")
            | {"scores": {"mote": {"parts": [1.0], "texts": 1, "seconds": 1}}}
        ],
    }
)


def result(name, family, first, second, note=""):
    scores = {"mote": Score(tuple(first), 10, 1.5), "base|line": Score(tuple(second), 10, 0.5)}
    return SetResult(name, family, "accuracy", "draw" if len(first) > 1 else "", f"hash-{name}", note, scores)


@pytest.fixture
def report():
    models = {"mote": {"sts": "aa"}, "base|line": {"sts": "bb"}}
    sets = (
        result("one", "classification", [60, 70, 80], [59, 69, 79]),
        result("two", "classification", [50, 50, 50], [40, 50, 60], note="a seeded sample of 5 of 9 rows"),
        result("three", "sts", [90], [93]),
    )
    return Report("How it was done.", 4, models, sets)


def test_means_weigh_sets_or_families(report):
    assert report.family_mean("mote", "classification") == 60
    assert report.mean_of_families("mote") == 75
    assert report.mean_of_sets("mote") == 70


def test_the_error_is_that_of_the_mean_and_absent_for_a_single_number(report):
    assert report.sets[0].scores["mote"].error == pytest.approx(10 / 3**0.5)
    assert report.sets[2].scores["mote"].error is None


def test_a_gain_is_the_second_model_minus_the_first_with_a_paired_interval(report):
    assert report.sets[0].gain("mote", "base|line") == -1
    # every query differs by the same point, though the queries differ by twenty
    assert replace(report.sets[0], part="query").interval("mote", "base|line") == (-1, -1)
    assert report.sets[0].interval("mote", "base|line") is None
    assert report.sets[2].interval("mote", "base|line") is None
    low, high = report.interval("mote", "base|line")
    assert (low + high) / 2 == pytest.approx(2 / 3)
    assert high - low > 3 - -1  # three sets say little about others


def test_a_saved_report_loads_as_it_was(report, tmp_path):
    path = tmp_path / "new" / "report.json"
    report.save(path)
    assert load_report(path) == report
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_the_file_says_model_data_seed_scores_and_means(report, tmp_path):
    report.save(tmp_path / "report.json")
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["seed"] == 4
    assert values["models"]["mote"] == {"sts": "aa"}
    assert values["means"]["mote"] == {
        "families": {"classification": 60.0, "sts": 90.0},
        "mean_of_families": 75.0,
        "mean_of_sets": 70.0,
        "seconds": 4.5,
    }
    assert values["sets"][0]["fingerprint"] == "hash-one"
    assert values["sets"][0]["scores"]["mote"] == {
        "points": 70.0,
        "error": 5.77,
        "texts": 10,
        "seconds": 1.5,
        "parts": [60, 70, 80],
    }


def test_the_file_says_what_each_further_model_gains_over_the_first(report, tmp_path):
    queries = replace(report.sets[0], part="query")
    replace(report, sets=(queries, *report.sets[1:])).save(tmp_path / "report.json")
    gains = json.loads((tmp_path / "report.json").read_text())["gains"]
    assert list(gains) == ["base|line - mote"]
    found = gains["base|line - mote"]
    assert found["sets"]["classification/one"] == {"points": -1.0, "interval": [-1.0, -1.0]}
    assert found["sets"]["sts/three"] == {"points": 3.0, "interval": None}
    assert found["families"]["classification"] == {"points": -0.5, "interval": [-6.85, 5.85]}
    assert found["families"]["sts"] == {"points": 3.0, "interval": None}
    assert found["mean_of_sets"]["points"] == 0.67


def test_the_table_has_sets_as_rows_models_as_columns_and_the_difference(report):
    lines = report_table(report).splitlines()
    assert lines[0] == "| set | metric | mote | base\\|line | base\\|line − mote | 95 % interval |"
    assert lines[2] == "| one | accuracy | 70.00 ± 5.77 | 69.00 ± 5.77 | -1.00 |  |"
    assert lines[4] == "| **mean of 2 classification** |  | **60.00** | **59.50** | **-0.50** | -6.85 to +5.85 |"
    assert lines[5] == "| three | accuracy | 90.00 | 93.00 | +3.00 |  |"
    assert lines[7].startswith("| **mean of families** |  | **75.00** | **76.25** | **+1.25** |")
    assert "two: a seeded sample of 5 of 9 rows." in lines[-1]


def test_the_table_of_one_model_has_no_difference(report):
    alone = Report("", 0, {"mote": {}}, report.sets)
    assert report_table(alone).splitlines()[0] == "| set | metric | mote |"


def test_cells_cannot_break_the_table():
    assert table(["a", "b"], [["x|y", "two\nlines"]]).splitlines()[2] == "| x\\|y | two lines |"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "cannot be read as JSON"),
        ('{"protocol": "", "seed": 0, "models": {"mote": {}}}', "missing key 'sets'. Please give a file that"),
        ("[]", r"report.json: it must be a mapping of keys to values, not \[\]"),
        ('{"protocol": "", "seed": 0, "models": {}, "sets": []}', "models: Dictionary should have at least 1 item"),
        (LACKING, r"report.json: it lacks the score of 'other' on the set 'x'"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path, text, message):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_report(path)


def test_a_missing_report_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match="evaluate --out"):
        load_report(tmp_path / "none.json")


def test_an_unknown_family_lists_the_families(report):
    with pytest.raises(UserError, match="'classification', 'sts'"):
        report.family_mean("mote", "pairs")
