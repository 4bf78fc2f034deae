"""Scores on any scale, as numbers from 0 to 1."""

import pytest

from mote_demo.data.scores import numbers, read_scores
from mote_demo.errors import UserError


@pytest.mark.parametrize(
    ("cells", "values", "scale"),
    [
        (["0", "0.5", "1"], [0, 0.5, 1], ""),
        (["0", "1", "1"], [0, 1, 1], ""),
        (["0", "2.5", "5"], [0, 0.5, 1], "0..5"),
        (["1", "3", "5"], [0, 0.5, 1], "1..5"),
        (["1.2", "3.0", "4.9"], [0.05, 0.5, 0.975], "1..5"),
        (["0", "1", "2"], [0, 0.5, 1], "0..2"),
        (["0", "3", "2"], [0, 1, 2 / 3], "0..3"),
        (["-1", "0", "1"], [0, 0.5, 1], "-1..1"),
        (["-0.58", "0.8"], [0.21, 0.9], "-1..1"),
        (["-2", "0", "1"], [0, 0.5, 0.75], "-2..2"),
        (["1.0000001", "0.5"], [1, 0.5], ""),
        (["1", "7", "10"], [0, 2 / 3, 1], "1..10"),
        (["11", "89", "50"], [0.11, 0.89, 0.5], "0..100"),
        (["80%", "11 %", "7,5%"], [0.8, 0.11, 0.075], "0 %..100 %"),
        (["-50%", "100%"], [0.25, 1], "-100 %..100 %"),
        (["80%", "15"], [0.8, 0.15], "0 %..100 %"),
        (["4/5", "1/5", "5 / 5"], [0.8, 0.2, 1], "0..5"),
        (["4 out of 5", "1 von 5"], [0.8, 0.2], "0..5"),
        (["★★★★☆", "★"], [0.8, 0.2], "0..5"),
        (["0,75", "0,1"], [0.75, 0.1], ""),
        (["−1", "1"], [0, 1], "-1..1"),
        (["250", "1000", "0"], [0.25, 1, 0], "0..1000"),
        (["entailment", "Neutral", "CONTRADICTION"], [1, 0.5, 0], None),
        (["not_entailment", "entailment"], [0, 1], None),
        (["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"], [1, 0, 0.5], None),
        (["duplicate", "not duplicate"], [1, 0], None),
        (["yes", "no", "yes"], [1, 0, 1], None),
        (["True", "False"], [1, 0], None),
        (["ja", "nein"], [1, 0], None),
        (["irrelevant", "relevant", "partially relevant"], [0, 1, 0.5], None),
        (["entailment", "-", "neutral"], [1, None, 0.5], None),
    ],
)
def test_scores_are_read_on_the_scale_they_have(cells, values, scale):
    scores = read_scores(cells, "a.csv")
    assert scores.values == pytest.approx(values)
    if scale is None:
        assert all(f"{cell} = " in scores.scale for cell in cells if cell != "-")
    else:
        assert scores.scale == scale


def test_codes_of_inference_are_read_as_such_only_where_a_header_says_so():
    codes = ["0", "1", "2", "-1"]
    told = read_scores(codes, "a.csv", inference=True)
    assert told.values == [1, 0.5, 0, None]
    assert told.scale == "0 = 1, 1 = 0.5, 2 = 0"
    assert read_scores(["0", "2"], "a.csv", inference=True).values == [1, 0]
    assert read_scores(["e", "n", "c"], "a.csv", inference=True).values == [1, 0.5, 0]
    # No and yes have the same codes as two of the three.
    assert read_scores(["0", "1"], "a.csv", inference=True).values == [0, 1]
    untold = read_scores(codes[:3], "a.csv")
    assert untold.values == [0, 0.5, 1]
    assert "entailment" in untold.unclear


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["good", "bad"], "entailment = 1, neutral = 0.5, contradiction = 0"),
        (["entailment", "neutral", "other"], "score 'entailment' is not a number"),
        (["0.5", "0.5"], "every score is 0.5"),
        (["yes", "yes"], "every score is yes"),
        (["1", "nan"], "score 'nan'"),
        (["6/5", "1"], "score '6/5'"),
    ],
)
def test_what_is_no_score_is_refused_with_what_would_be_one(cells, message):
    with pytest.raises(UserError, match=message):
        read_scores(cells, "a.csv")


def test_a_slip_among_many_scores_is_left_out():
    assert read_scores(["1", "5"] * 15 + ["n/a"], "a.csv").values[-1] is None


def test_numbers_understand_a_decimal_comma():
    assert numbers(["1,5", " 2 ", "x", "inf"]) == [1.5, 2.0, None, None]
