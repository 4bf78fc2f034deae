"""What the study wrote is read with care and shown on its own tab, in words that follow from the numbers."""

import copy
import json

import pytest
from gradio_client import Client

from mote_demo.errors import UserError
from mote_demo.settings import spaces_file, summary_file
from mote_demo.study.results import Results, load_results, read_spaces, read_summary
from mote_demo.ui.about import html as about_html
from mote_demo.ui.app import build_app, launch_options
from mote_demo.ui.experts import charts
from mote_demo.ui.experts import html as experts_html
from tests.walk import VIEWPORTS, open_tab

EVIL = "<img src=x onerror=window.hacked=1> ${window.hacked=2} {{value}}"
ROUTES = ["query", "document", "classification", "clustering", "sts"]


def matrix(diagonal, *values):
    """Return a symmetric 5 x 5 table whose cells beside the diagonal take turns."""
    return [
        [diagonal if row == column else values[(row + column) % len(values)] for column in range(5)] for row in range(5)
    ]


SPACES = {
    "texts": "samples",
    "count": 240,
    "neighbours": 10,
    "routes": ROUTES,
    "experts": ROUTES,
    "layers": [
        {
            "block": block,
            "distance": matrix(0.0, 0.05 * block, 0.11, 0.32),
            "from_start": [0.01, 0.02, 0.03 + 0.01 * block, 0.02, 0.015],
            "baseline_from_start": 0.025,
        }
        for block in (1, 3, 5)
    ],
    "cka": {"baseline": matrix(1.0, 0.91, 0.95, 0.97), "mote": matrix(1.0, 0.62, 0.81, 0.7)},
    "shared": {"baseline": matrix(1.0, 0.83, 0.71), "mote": matrix(1.0, 0.43, 0.52, 0.31)},
}
ARMS = {"untouched": 59.4, "no_instruction": 60.2, "baseline": 60.3, "mote": 61.4}
SUMMARY = {
    "seeds": 2,
    "gain": {
        "retrieval": {"baseline": 0.1, "mote": 1.2},
        "classification": {"baseline": 7.77, "mote": 8.88},
        "all": {"baseline": -0.31, "mote": 0.0},
    },
    "families": {name: ARMS for name in ("retrieval", "classification", "clustering", "sts", "pairs", "nli")},
    "all": {"untouched": 55.5, "no_instruction": 56.6, "baseline": 57.7, "mote": 58.8},
    "difference": {
        "retrieval": {"points": 1.1, "interval": [0.2, 2.0]},
        "sts": {"points": -0.4, "interval": None},
        "all": {"points": -0.31, "interval": [-0.9, 0.28]},
    },
    "table": [
        {
            "name": name,
            "title": title,
            "seeds": seeds,
            "stored": 22_713_216,
            "active": 17_123_456,
            "families": {"retrieval": 59.4, "classification": 71.2, "clustering": 40.1, "sts": 77.7, "nli": 55.1},
            "all": 69.1,
            "spread": spread,
            "to_mote": None if name == "mote" else {"points": -0.7, "interval": [-1.2, -0.2]},
        }
        for name, title, seeds, spread in [
            ("mote", "MoTE", 2, 0.12),
            ("wave", "WAVE: the experts' average", 1, None),
            ("random", "Experts chosen at random <b>", 1, None),
        ]
    ],
}


def changed(values, *path, to):
    """Return a copy with one value replaced."""
    values = copy.deepcopy(values)
    place = values
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return values


@pytest.fixture
def files(tmp_path):
    """Write both files as the study would."""
    (tmp_path / "spaces.json").write_text(json.dumps(SPACES), encoding="utf-8")
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY), encoding="utf-8")
    return tmp_path / "spaces.json", tmp_path / "summary.json"


def test_both_files_lie_beside_the_evaluation(monkeypatch, tmp_path):
    monkeypatch.setenv("MOTE_REPORT", str(tmp_path / "dev.json"))
    assert spaces_file() == tmp_path / "spaces.json"
    assert summary_file() == tmp_path / "summary.json"


def test_the_files_are_read_as_they_are(files):
    assert load_results(*files) == Results(SPACES, SUMMARY)


def test_absent_files_are_no_error_and_the_page_names_the_command(tmp_path):
    results = load_results(tmp_path / "spaces.json", tmp_path / "summary.json")
    page = experts_html.page(results) + experts_html.scores(results)
    assert page.count("python -m mote_demo study RECIPE --data DIR") == 2
    assert "<table" not in page


@pytest.mark.parametrize("text", ["{", "[]", "\ufffd", "{}", '{"seeds": 1}'])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, text):
    path = tmp_path / "summary.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"summary\.json.*python -m mote_demo study"):
        read_summary(path)


@pytest.mark.parametrize(
    ("read", "values", "words"),
    [
        (read_spaces, changed(SPACES, "cka", to={"mote": SPACES["cka"]["mote"]}), "cka.baseline is not 5 x 5"),
        (read_spaces, changed(SPACES, "shared", "mote", 0, to=[1.0]), "not 5 x 5"),
        (
            read_spaces,
            changed(SPACES, "layers", 0, "distance", 0, 1, to="far"),
            "must be a number, not 'far'",
        ),
        (read_spaces, changed(SPACES, "routes", 0, to=3), r"routes\[0\] must be a text, not 3"),
        (read_summary, {key: SUMMARY[key] for key in ("seeds", "gain")}, "missing key 'families'"),
        (read_summary, changed(SUMMARY, "gain", to=[]), "gain must be a mapping"),
        (
            read_summary,
            changed(SUMMARY, "difference", "all", "interval", to=[1.0]),
            "at least 2 items",
        ),
        (read_summary, changed(SUMMARY, "table", 0, to={"name": "mote"}), r"table\[0\]: missing key 'title'"),
    ],
)
def test_a_file_that_lacks_something_is_refused_in_words(tmp_path, read, values, words):
    path = tmp_path / "some.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UserError, match=words):
        read(path)


def test_a_damaged_file_leaves_the_rest_of_the_page(files):
    files[0].write_text("{", encoding="utf-8")
    results = load_results(*files)
    assert "spaces.json cannot be read as JSON" in experts_html.page(results)
    assert "Ablations" in experts_html.scores(results)


def test_only_the_required_keys_are_needed(files):
    summary = {key: SUMMARY[key] for key in ("seeds", "gain", "families")}
    files[1].write_text(json.dumps(summary), encoding="utf-8")
    page = experts_html.scores(load_results(*files))
    assert "Retrieval" in page
    assert "No ablations were measured" in page


def test_every_number_of_the_spaces_is_in_a_cell():
    part = experts_html.spaces_part(SPACES)
    for title in ("Block 2", "Block 4", "Block 6", "Baseline", "MoTE"):
        assert f"<caption>{title}</caption>" in part
    for number in ("0.000", "0.320", "0.91", "0.62", "0.83", "0.31", "1.00"):
        assert f">{number}</td>" in part
    assert part.count('<th scope="row">clustering</th>') == 7
    assert "240 texts (samples)" in part


def test_a_cell_is_the_stronger_the_larger_its_number():
    distance = [[0.0, 0.2, 0.4], [0.2, 0.0, None], [0.4, float("nan"), 0]]
    layers = [{"block": 1, "distance": distance}]
    part = experts_html.spaces_part({**SPACES, "experts": ["a", "b", "c"], "layers": layers})
    assert '<td style="--mote-heat: 0%">0.000</td>' in part
    assert '<td style="--mote-heat: 28%">0.200</td>' in part
    assert '<td style="--mote-heat: 55%">0.400</td>' in part
    assert part.count('<td style="--mote-heat: 0%">–</td>') == 2


@pytest.mark.parametrize(
    ("mote", "words"), [(0.7, "differ more than"), (0.95, "differ less than"), (0.9, "differ as much as")]
)
def test_the_comparison_of_spaces_follows_from_the_numbers(mote, words):
    spaces = {**SPACES, "cka": {"baseline": matrix(1.0, 0.9), "mote": matrix(1.0, mote)}}
    part = experts_html.spaces_part(spaces)
    assert f"the CKA is 0.90 on average in the baseline and {mote:.2f} in MoTE" in part
    assert f"the spaces of MoTE {words} those of the baseline" in part


def test_gains_and_differences_are_told_by_their_signs():
    part = experts_html.summary_part(SUMMARY)
    assert "MoTE gains 1.20 points and the baseline gains 0.10 points" in part
    assert "MoTE neither gains nor loses (0.00 points) and the baseline loses 0.31 points" in part
    assert "MoTE is 1.10 points above the baseline; the 95 % interval, +0.20 to +2.00, excludes zero." in part
    assert "MoTE is 0.31 points below the baseline; the 95 % interval, −0.90 to +0.28, includes zero" in part
    assert "7.77" not in part
    assert "Means over 2 training runs" in part


def test_the_charts_say_which_expert_moved_furthest_and_which_two_are_furthest_apart():
    moved = charts.moved_chart(SPACES)
    assert moved.sentences[0].startswith(
        "The classification expert moved furthest, most in block 6 (8.0 % of the size of its weights); the query expert"
    )
    assert "moved further than 4 of 5 experts" in moved.sentences[1]
    assert [row.label for row in moved.rows] == [
        *("classification", "document", "clustering", "sts", "query"),
        "baseline (one for all tasks)",
    ]
    apart = charts.apart_chart(SPACES)
    assert len(apart.rows) == 10
    assert "32.0 % in block 2" in apart.sentences[0]
    for chart in (moved, apart):
        assert all(0 <= chart.place(dot.value) <= 100 for row in chart.rows for dot in row.dots)


def test_spaces_of_an_older_study_have_no_chart_of_what_moved():
    older = {**SPACES, "layers": [{"block": 1, "distance": matrix(0.0, 0.1)}]}
    assert charts.moved_chart(older) is None
    assert "moved from its start" not in experts_html.spaces_part(older)
    nobody = {**SPACES, "layers": [], "experts": []}
    assert charts.apart_chart(nobody) is None


def test_the_claim_stands_beside_the_paper_also_where_it_is_missed():
    missed = changed(SUMMARY, "difference", "retrieval", to={"points": 0.21, "interval": [-0.19, 0.62]})
    chart = charts.claim_chart(missed)
    assert chart.sentences[0].endswith("the 95 % interval here is −0.19 to +0.62: the paper’s number is missed.")
    assert chart.sentences[1].endswith("−0.90 to +0.28: the paper’s number is missed.")
    inside = changed(SUMMARY, "difference", "all", to={"points": 0.5, "interval": [-0.1, 1.1]})
    assert charts.claim_chart(inside).sentences[1].endswith("is inside, and so is zero.")
    more = changed(SUMMARY, "difference", "all", to={"points": 1.5, "interval": [1.1, 1.9]})
    assert charts.claim_chart(more).sentences[1].endswith("more than the paper’s number.")
    assert [row.note for row in chart.rows][:2] == [
        "+0.10 here, +3.27 in the paper",
        "+1.20 here, +5.21 in the paper",
    ]
    assert "Findings of ACL 2025" in experts_html.scores(Results(summary=missed))


def test_the_cost_is_a_multiple_of_the_baselines():
    parameters = {"baseline": {"stored": 20, "active": 20}, "mote": {"stored": 30, "active": 20}}
    assert "Timing both models" in experts_html.cost_part(parameters)
    timed = {
        "texts": 4,
        "alternations": 3,
        "milliseconds": {"baseline": 2.0, "mote": 2.1},
        "time": {"median": 1.05, "min": 0.98, "max": 1.1},
    }
    part = experts_html.cost_part(parameters, timed)
    assert "MoTE stores 1.50 times what the baseline stores, and runs 1.00 times as much for a text." in part
    assert (
        "a text takes 2.1 milliseconds instead of 2.0, 1.05 times the baseline’s time (0.98 to 1.10 in 3 turns" in part
    )


def test_an_axis_spans_what_is_drawn_with_round_numbers():
    for ends, ticks in (((0.0, 5.9), [0, 1, 2, 3, 4, 5, 6]), ((0.93, 1.0), [0.92, 0.94, 0.96, 0.98, 1.0])):
        assert charts.Chart("", (), (), "", (), ends).ticks == pytest.approx(ticks)


def test_without_an_interval_a_difference_may_be_chance():
    summary = changed(SUMMARY, "difference", "all", to={"points": 0.002, "interval": None})
    assert "MoTE is level with the baseline. No interval was measured" in experts_html.summary_part(summary)


def test_families_and_ablations_are_in_tables():
    part = experts_html.summary_part(SUMMARY)
    for cell in ("59.4", "60.2", "61.4", "−0.40", "+1.10", "58.8", "22,713,216", "17,123,456", "69.1", "69.1 ± 0.12"):
        assert f'<td class="mote-number">{cell}</td>' in part
    for title in ("STS", "NLI", "All sets", "WAVE: the experts&#39; average"):
        assert f'<th scope="row">{title}</th>' in part
    for cell in ("−0.70", "−1.20 to −0.20"):
        assert part.count(f'<td class="mote-number">{cell}</td>') == 2
    assert "Untouched backbone" in part


def test_names_from_the_files_stay_text():
    spaces = {**SPACES, "texts": EVIL, "routes": [EVIL, *ROUTES[1:]], "experts": [EVIL, *ROUTES[1:]]}
    arms = {**ARMS, EVIL: 1.0}
    summary = {**SUMMARY, "families": {EVIL: arms}, "table": [{"title": EVIL, "families": {EVIL: 1.0}}]}
    for results in (Results(spaces, summary), Results(spaces_problem=EVIL, summary_problem=EVIL)):
        assert "<img" not in experts_html.page(results) + experts_html.scores(results)


def test_about_names_the_tab_and_tells_the_gains(shelf):
    assert "The tab “Experts”" in about_html.page(shelf, None)
    assert "MoTE gains" not in about_html.page(shelf, None)
    assert experts_html.gain_lines(SUMMARY) in about_html.page(shelf, None, SUMMARY)


@pytest.fixture(scope="module")
def address(open_shelf, tmp_path_factory):
    """Serve the whole app: its tabs must fit as well."""
    shelf = open_shelf(tmp_path_factory.mktemp("store"))
    demo = build_app(shelf, None, Results({**SPACES, "texts": EVIL}, SUMMARY))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()


def test_downloads_are_no_endpoints(address):
    endpoints = Client(address, verbose=False).view_api(return_format="dict")["named_endpoints"]
    assert not [name for name in endpoints if "download" in name or "save" in name]
    assert {"/search", "/encode", "/tasks"} <= set(endpoints)


def open_experts(page, address):
    page.goto(address)
    open_tab(page, "Experts")
    page.get_by_role("heading", name="Do the experts make different spaces?").wait_for()


def unfold(page):
    """Open what is folded: the numbers behind the charts."""
    for summary in page.locator(".mote-experts-numbers > summary").all():
        summary.click()


@pytest.mark.browser
@pytest.mark.parametrize("screen", ["desktop", "dark", "phone"])
def test_all_tables_are_seen_and_the_page_fits_the_screen(open_page, address, screen):
    page = open_page(**VIEWPORTS[screen])
    open_experts(page, address)
    unfold(page)
    tables = page.locator(".mote-experts table")
    assert tables.count() == 9
    for number in range(9):
        assert tables.nth(number).is_visible()
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("window.hacked") is None
    open_tab(page, "About")
    page.get_by_text("MoTE gains 1.20 points").last.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.browser
@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_the_charts_come_before_the_numbers_and_both_models_are_timed(open_page, address, screen):
    page = open_page(**VIEWPORTS[screen])
    open_experts(page, address)
    page.get_by_text("On this machine a text takes").wait_for()
    assert page.locator(".mote-chart svg").count() == 6
    assert page.locator(".mote-experts table:visible").count() == 0
    page.get_by_text("The classification expert moved furthest, most in block 6").wait_for()
    size = page.locator(".mote-chart-label").first.evaluate("part => part.getBoundingClientRect().height")
    assert size > 10
    for chart in page.locator(".mote-chart").all():
        widest = chart.evaluate("part => Math.max(...[...part.querySelectorAll('circle')].map(dot => dot.getBBox().x))")
        assert widest < chart.bounding_box()["width"]


@pytest.mark.browser
def test_maps_of_both_models_stand_side_by_side_or_stacked(open_page, address):
    for screen, beside in (("desktop", True), ("phone", False)):
        page = open_page(**VIEWPORTS[screen])
        open_experts(page, address)
        unfold(page)
        first, second = (
            page.locator(".mote-heats", has_text="Baseline").first.get_by_role("region", name=name).bounding_box()
            for name in ("Baseline", "MoTE")
        )
        assert (first["y"] == second["y"]) == beside


@pytest.mark.browser
@pytest.mark.parametrize(("name", "values"), [("spaces", {**SPACES, "texts": EVIL}), ("summary", SUMMARY)])
def test_both_files_can_be_downloaded(page, address, name, values):
    open_experts(page, address)
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {name}.json").click()
    assert download.value.suggested_filename == f"{name}.json"
    with open(download.value.path(), encoding="utf-8") as file:
        assert json.load(file) == values
