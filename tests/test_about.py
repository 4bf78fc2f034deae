"""The About tab shows what was measured on every set."""

import json
import pickle
from html import escape, unescape

from mote_demo.evaluation.report import load_report
from mote_demo.limits import LIMITS, MAX_BYTES, MAX_EXPERTS, TRAINING_SECONDS
from mote_demo.ui.about import html as about_html


def test_about_shows_the_means_of_families_and_the_scores_of_every_set(shelf, tmp_path):
    path = tmp_path / "dev.json"
    path.write_text(json.dumps({"protocol": "", "seed": 0, "models": {"mote": {}}, "sets": SETS}), encoding="utf-8")
    page = about_html.page(shelf, load_report(path))
    means, sets = page.split("<details>")
    assert _row("STS", ["2"], ["65.0"]) in means
    assert '<th scope="col" class="mote-number">MoTE</th>' in means
    assert "All 2 sets" in sets
    assert _row("sick_r", ["STS", "Spearman", "all rows"], ["50.0"]) in sets
    assert _row("<b>", ["STS", "Spearman", "a sample of 9 rows"], ["80.0"]) in sets


def test_about_tells_every_limit_with_its_reason(shelf):
    page = about_html.page(shelf, None)
    limits = unescape(page.split('<details class="mote-about-limits">')[1])
    for limit in LIMITS:
        assert f'<th scope="row">{limit.what}</th><td>{limit.shown}</td><td>{limit.why}</td>' in limits
    assert (MAX_BYTES.shown, TRAINING_SECONDS.shown, MAX_EXPERTS.shown) == ("20 MB", "15 minutes", "5 experts")


def test_a_limit_counts_as_any_number_and_survives_a_copy():
    copied = pickle.loads(pickle.dumps(MAX_BYTES))
    assert (copied, copied.why) == (20_000_000, MAX_BYTES.why)
    assert f"{MAX_BYTES:,}" == "20,000,000"
    assert len({limit.what for limit in LIMITS}) == len(LIMITS) > 20


def _row(name, words, numbers):
    cells = [f"<td>{word}</td>" for word in words] + [f'<td class="mote-number">{number}</td>' for number in numbers]
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def _set(name, points, note):
    scores = {"mote": {"parts": [points], "texts": 1, "seconds": 1}}
    words = {"family": "sts", "metric": "Spearman", "part": "", "fingerprint": "x", "note": note}
    return {"name": name, **words, "scores": scores}


SETS = [_set("sick_r", 50.0, ""), _set("<b>", 80.0, "a sample of 9 rows")]
