"""Means over sets and seeds, differences with intervals, and the page that shows them."""

import numpy as np
import pytest

from mote_demo.errors import UserError
from mote_demo.evaluation.report import Report, Score, SetResult
from mote_demo.study.page import write_page
from mote_demo.study.summary import ArmReports, check_same_data, interval, on_equal_seeds, summarise


def reports(arm, scores):
    """An arm whose sets have these parts: seed to set to parts; "q..." are retrieval sets of queries."""
    return ArmReports(
        arm,
        {
            seed: Report(
                "protocol",
                0,
                {arm: {}},
                tuple(
                    SetResult(
                        name,
                        "retrieval" if name.startswith("q") else "clustering",
                        "metric",
                        "query" if name.startswith("q") else "start",
                        name,
                        "",
                        {arm: Score(tuple(parts), 1, 0.0)},
                    )
                    for name, parts in sets.items()
                ),
            )
            for seed, sets in scores.items()
        },
        {seed: {"steps": 5} for seed in scores},
    )


def test_means_weigh_every_set_alike_and_the_spread_is_over_the_seeds():
    arm = reports("mote", {0: {"q1": [10, 30], "c1": [50]}, 1: {"q1": [20, 40], "c1": [54]}})
    everything = ["retrieval/q1", "clustering/c1"]
    assert arm.mean(everything) == pytest.approx((25 + 52) / 2)
    assert arm.spread(everything) == pytest.approx(np.std([35, 42], ddof=1))
    assert reports("mote", {0: {"q1": [1]}}).spread(["retrieval/q1"]) is None


def test_only_seeds_that_both_compared_arms_have_count():
    one, two = {0: {"q1": [1.0]}}, {0: {"q1": [1.0]}, 1: {"q1": [3.0]}}
    study = {"untouched": reports("untouched", {None: {"q1": [0.0]}}), "top": reports("top", two)}
    study |= {"no_instruction": reports("no_instruction", two), "baseline": reports("baseline", one)}
    study["mote"] = reports("mote", two)
    summary = summarise(on_equal_seeds(study), {})
    assert summary["seeds"] == 1
    assert summary["families"]["retrieval"] == {"untouched": 0, "no_instruction": 1, "baseline": 1, "mote": 1}
    assert summary["table"][-1]["seeds"] == 2


def test_the_arm_that_gains_are_taken_over_may_have_fewer_seeds():
    both = {0: {"q1": [1.0]}, 1: {"q1": [3.0]}}
    study = {"untouched": reports("untouched", {None: {"q1": [0.0]}}), "baseline": reports("baseline", both)}
    study |= {"no_instruction": reports("no_instruction", {1: {"q1": [0.5]}}), "mote": reports("mote", both)}
    summary = summarise(on_equal_seeds(study), {})
    assert summary["seeds"] == 2
    assert summary["families"]["retrieval"] == {"untouched": 0, "no_instruction": 0.5, "baseline": 2, "mote": 2}


def test_an_ablation_is_compared_with_mote_on_the_seeds_that_both_have():
    study = {"untouched": reports("untouched", {None: {"q1": [0.0]}}), "top": reports("top", {0: {"q1": [4.0]}})}
    for arm in ("no_instruction", "baseline"):
        study[arm] = reports(arm, {0: {"q1": [1.0]}, 1: {"q1": [2.0]}})
    study["mote"] = reports("mote", {0: {"q1": [3.0]}, 1: {"q1": [9.0]}})
    summary = summarise(study, {})
    rows = {row["name"]: row["to_mote"] for row in summary["table"]}
    assert rows["top"]["points"] == 1
    assert rows["baseline"]["points"] == pytest.approx(-4.5)
    assert rows["untouched"]["points"] == -6
    assert rows["mote"] is None
    assert summary["difference"]["retrieval"]["by_seed"] == [2, 7]
    assert summary["over_untouched"]["retrieval"]["by_seed"] == [3, 9]
    assert [row["seeds"] for row in summary["table"]] == [None, 2, 2, 2, 1]


def test_arms_that_were_trained_on_other_rows_are_not_compared():
    def trained(arm, **facts):
        one = reports(arm, {0: {"q1": [1.0]}})
        return ArmReports(arm, one.reports, {0: facts})

    rows = [{"name": "questions", "rows": 3}]
    study = {"a": trained("a", data=rows, data_digest="x"), "b": trained("b", data=rows), "wave": trained("wave")}
    check_same_data(study | {"c": trained("c", data=rows, data_digest="x")})
    for other in ({"data": rows, "data_digest": "y"}, {"data": [{"name": "questions", "rows": 4}]}):
        with pytest.raises(UserError, match="different rows with the seed 0"):
            check_same_data(study | {"c": trained("c", **other)})


def test_sets_that_training_saw_are_told_from_others():
    study = {"untouched": reports("untouched", {None: {"q1": [0.0], "c1": [0.0]}})}
    for arm, points in (("no_instruction", 1.0), ("baseline", 2.0), ("mote", 5.0)):
        study[arm] = reports(arm, {0: {"q1": [points], "c1": [10 * points]}})
    seen = summarise(study, {}, {"c1", "other"})["seen"]
    assert (seen["seen"]["sets"], seen["seen"]["means"]["mote"], seen["seen"]["difference"]["points"]) == (1, 50, 30)
    assert seen["unseen"]["over_untouched"]["points"] == 5
    assert (seen["unseen"]["sets"], seen["unseen"]["means"]["mote"], seen["unseen"]["difference"]["points"]) == (
        1,
        5,
        3,
    )


def test_main_arms_without_a_common_seed_are_refused():
    study = {arm: reports(arm, {0: {"q1": [1.0]}}) for arm in ("no_instruction", "mote")}
    study["baseline"] = reports("baseline", {1: {"q1": [1.0]}})
    with pytest.raises(UserError, match="no seed that no_instruction, baseline, mote"):
        on_equal_seeds(study)


def test_an_interval_resamples_the_sets_or_the_queries_of_a_single_set_and_nothing_else():
    random = np.random.default_rng(0)
    names = [f"q{number}" for number in range(8)]
    keys = [f"retrieval/{name}" for name in names]
    base = {name: random.normal(50, 20, 40) for name in names}
    agreeing = {name: parts + 2 for name, parts in base.items()}
    disagreeing = {name: parts + (8 if number % 2 else -4) for number, (name, parts) in enumerate(base.items())}
    other = reports("baseline", {0: base})
    assert interval(reports("mote", {0: agreeing}), other, keys) == [2, 2]
    low, high = interval(reports("mote", {0: disagreeing}), other, keys)
    assert low < 0 < high
    noisy = {name: parts + random.normal(2, 3, 40) for name, parts in base.items()}
    low, high = interval(reports("mote", {0: noisy}), other, keys[:1])
    assert 0 < low < 2.5 < high + 1
    starts = reports("mote", {0: {"c1": [1.0, 2.0]}})
    assert interval(starts, starts, ["clustering/c1"]) is None


def test_the_page_gives_ratios_only_where_there_is_something_to_divide_by(tmp_path):
    def page(baseline, mote):
        study = {"untouched": reports("untouched", {None: {"q1": [50.0], "c1": [50.0]}})}
        for arm, points in (("no_instruction", 50.0), ("baseline", baseline), ("mote", mote)):
            study[arm] = reports(arm, {0: {"q1": [points], "c1": [points - 1]}})
        cost = {
            "parameters": {"baseline": {"stored": 100, "active": 100}, "mote": {"stored": 140, "active": 100}},
            "experts": 5,
            "time": {"median": 1.0, "min": 0.9, "max": 1.1},
        }
        tried = {"fold": "intents", "task": "classification", "variant": "bonus 0.6", "gain": 4.5}
        tried |= {"scores": {"c9": 61.0}, "untouched": {"c9": 56.5}}
        write_page(tmp_path / "page.md", summarise(study, {}), study, "", cost, [tried])
        return (tmp_path / "page.md").read_text(encoding="utf-8")

    text = page(52.0, 54.0)
    assert "+4.00 / +2.00 = 2.00" in text
    assert "| 16 | 250 |" in text
    assert "the baseline gains too little to divide by" in page(50.1, 54.0)
    assert "below: clustering -1.00, retrieval -1.00" in page(54.0, 53.0)
    assert "lowest: retrieval +2.00" in text
    assert "| intents | classification | bonus 0.6 | +4.50 | c9 +4.5 |" in text
