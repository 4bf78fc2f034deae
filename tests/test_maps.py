import json
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.groups import text_hash
from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.explore import maps as module
from mote_demo.explore import projection
from mote_demo.explore.lens import Lens
from mote_demo.explore.maps import SHARED, colour_choices, colour_values, sample
from mote_demo.explore.near import describe_point
from mote_demo.explore.pair import Pair
from mote_demo.explore.projection import EPOCHS, Projection
from mote_demo.serving.sessions import Session
from mote_demo.store import VectorStore
from mote_demo.tasks import ROUTES
from tests.own_experts import copied_expert

ANIMALS = ["the cat", "a big dog", "my small bird", "fish and cat", "the red bird", "old dog", "two cat pet"]
VEHICLES = ["the car", "a fast train", "my blue plane", "car and train", "the red car", "old train", "two big car"]


@pytest.fixture
def pair_of(tiny_baseline_encoder, tiny_encoder, tmp_path):
    """Build the pair of the dense model and the one with experts for a task; the store is on disk."""
    store = VectorStore(tmp_path)

    def pair_of(task) -> Pair:
        left, right = (Lens.of(each, task, public=True) for each in (tiny_baseline_encoder, tiny_encoder))
        return Pair(left, right, store)

    return pair_of


@pytest.fixture
def pair(pair_of) -> Pair:
    return pair_of("clustering")


@pytest.fixture
def texts() -> Texts:
    return make_texts()


def make_texts(*, public: bool = False) -> Texts:
    topics = ["animal"] * len(ANIMALS) + ["vehicle"] * len(VEHICLES)
    frame = pd.DataFrame({"title": "", "text": ANIMALS + VEHICLES, "topic": topics, "number": range(14)})
    return Texts("things", "Things", frame, labels=("topic",), public=public)


@pytest.fixture
def projections(monkeypatch) -> list[dict]:
    """Stand in for UMAP, whose kernels take long to compile; the list holds the calls."""
    calls = []

    def project(vectors, *, neighbours, start=None):
        calls.append({"vectors": vectors, "neighbours": neighbours, "start": start})
        points = vectors[:, :2] if start is None else start + vectors[:, :2]
        return Projection(points.astype(np.float32), "UMAP")

    monkeypatch.setattr(module, "project", project)
    return calls


def test_pca_maps_come_first_and_umap_moves_the_points_alone(pair, texts, projections):
    first, second = list(pair.draw(texts))
    assert (first.method, second.method) == ("PCA", "UMAP")
    assert not np.allclose(first.right.points, second.right.points)
    assert first.right.rows is second.right.rows
    assert first.overlap is second.overlap


def test_the_right_umap_starts_from_the_left_map_and_gets_the_neighbourhood(pair, texts, projections):
    maps = pair.map(texts, neighbours=7)
    left, right = projections
    assert left["start"] is None
    np.testing.assert_array_equal(right["start"], maps.left.points)
    assert left["neighbours"] == right["neighbours"] == 7


def test_vectors_and_receipts_are_those_of_the_tasks_document_route(pair_of, texts, projections, tiny_encoder):
    pair = pair_of("retrieval")
    maps = pair.map(texts)
    expected = tiny_encoder.encode(texts.passages, route="document")
    np.testing.assert_allclose(projections[1]["vectors"], expected, atol=1e-6)
    np.testing.assert_allclose(maps.right.lens.vectors(texts, pair.store), expected, atol=1e-6)
    assert (maps.right.receipt.route, maps.right.lens.query, maps.right.receipt.expert) == (
        "document",
        "query",
        "document",
    )
    assert (maps.left.receipt.expert, maps.left.receipt.text_sent) == (None, ROUTES["document"].instruction)
    assert maps.right.checkpoint == tiny_encoder.fingerprint("document")


def test_neighbours_are_found_among_the_vectors_and_exclude_the_text_itself(pair, texts, projections):
    maps = next(pair.draw(texts))
    vectors = pair.right.vectors(texts, pair.store)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    np.testing.assert_array_equal(maps.right.rows[:, 0], similarity.argmax(axis=1))
    assert maps.right.rows.shape == (14, 10)


def test_agreement_measures_each_label_column_on_both_sides(pair, texts, projections):
    maps = next(pair.draw(texts))
    topics = texts.frame["topic"].to_numpy()
    for side, measured in zip(maps.sides, maps.agreement["topic"], strict=True):
        same = topics[side.rows] == topics[:, None]
        assert measured == pytest.approx(same.mean())
    assert set(maps.agreement) == {"topic"}


def test_chance_is_the_agreement_of_neighbours_drawn_at_random(pair, texts, projections):
    maps = next(pair.draw(texts))
    assert maps.chance == {"topic": pytest.approx((7 * 6 + 7 * 6) / (14 * 13))}
    assert maps.left_out == 0


def test_texts_that_an_expert_was_trained_on_are_left_out_of_agreement_and_chance(pair, texts, projections):
    trained = ["the cat", "A  big dog", "the car"]
    own = copied_expert(pair.right.encoder, task="clustering", instruction="mine: ")
    own = replace(own, trained_on=frozenset(map(text_hash, trained)))
    maps = next(Pair(pair.left, pair.right.with_expert(own), pair.store).draw(texts))
    assert maps.left_out == 3
    judged = np.array([text not in ("the cat", "a big dog", "the car") for text in texts.passages])
    topics = texts.frame["topic"].to_numpy()
    for side, measured in zip(maps.sides, maps.agreement["topic"], strict=True):
        counted = judged[side.rows] & judged[:, None]
        assert measured == pytest.approx((topics[side.rows] == topics[:, None])[counted].mean())
    assert maps.chance["topic"] == pytest.approx((5 * 4 + 6 * 5) / (11 * 10))
    every = replace(own, trained_on=frozenset(map(text_hash, texts.passages)))
    maps = next(Pair(pair.left, pair.right.with_expert(every), pair.store).draw(texts))
    assert np.isnan([*maps.agreement["topic"], maps.chance["topic"]]).all()


def test_chosen_texts_are_sorted_by_how_much_their_neighbours_changed(pair, texts, projections):
    maps = next(pair.draw(texts))
    frame = maps.select([9, 2, 5])
    assert sorted(frame.index) == [2, 5, 9]
    assert frame["neighbours_shared"].is_monotonic_increasing
    with pytest.raises(UserError, match="no text 14"):
        maps.select([3, 14])


def test_what_is_drawn_is_told_as_json_with_colours_receipts_and_churn(pair, texts, projections):
    maps = pair.map(texts)
    told = {name: json.loads(value) for name, value in maps.properties("topic").items()}
    left, right = told["points"]["sides"]
    np.testing.assert_allclose(np.column_stack([right["x"], right["y"]]), maps.right.points, atol=1e-4)
    assert ["expert", "clustering"] in right["receipt"]
    np.testing.assert_allclose(told["points"]["churn"], 1 - maps.overlap, atol=1e-3)
    assert told["texts"]["texts"] == texts.passages
    names = [group["name"] for group in told["colours"]["groups"]]
    assert [names[code] for code in told["colours"]["codes"]] == texts.frame["topic"].tolist()
    words = dict(zip(names, told["colours"]["clusters"][0]["words"], strict=True))
    assert "car" in words["vehicle"]


def test_a_saved_page_holds_both_maps(pair, texts, projections, tmp_path):
    maps = pair.map(texts)
    maps.save(tmp_path / "maps.html", "topic")
    page = (tmp_path / "maps.html").read_text("utf-8")
    assert maps.right.lens.title in page
    assert "fish and cat" in page


def test_progress_of_a_fit_is_told_in_epochs_and_a_stop_ends_it(pair, texts, monkeypatch):
    """Stand in for the layout alone: whoever waits for it hears of its epochs."""
    stop, reports = threading.Event(), []

    def project(vectors, **_):
        for epoch in (1, 2, 3):
            projection._tell(epoch)
        return Projection(vectors[:, :2].copy(), "UMAP")

    def on_stage(stage, done, total):
        reports.append((stage, done, total))
        if (done, total) == (2, EPOCHS):
            stop.set()

    monkeypatch.setattr(module, "project", project)
    with pytest.raises(Stopped):
        list(pair.draw(texts, on_stage=on_stage, stop=stop))
    told = [report for report in reports if report[2] == EPOCHS]
    assert [done for _, done, _ in told] == [1, 2]
    assert all(stage == f"Drawing the UMAP of {pair.left.title}, epoch" for stage, _, _ in told)


def test_maps_are_not_computed_twice(pair, texts, projections):
    first = pair.map(texts)
    again = pair.map(texts)
    assert len(projections) == 2
    np.testing.assert_array_equal(first.right.points, again.right.points)
    pair.map(texts, neighbours=5)
    assert len(projections) == 4


@pytest.mark.parametrize(("public", "files"), [(True, 4), (False, 0)])
def test_only_what_is_made_of_public_texts_goes_to_disk(pair, projections, public, files):
    pair.map(make_texts(public=public))
    assert len(list(pair.store.folder.glob("*.npz"))) == files


def test_a_trained_expert_maps_its_own_side_and_stays_in_memory(pair, projections):
    own = copied_expert(pair.right.encoder, task="clustering", instruction="mine: ")
    maps = Pair(pair.left, pair.right.with_expert(own), pair.store).map(make_texts(public=True))
    assert (maps.left.receipt.route, maps.right.receipt.route) == ("clustering", "mine")
    assert len(list(pair.store.folder.glob("*.npz"))) == 2


def test_a_map_that_starts_from_a_trained_experts_stays_in_memory_too(pair, projections):
    own = copied_expert(pair.right.encoder, task="clustering", instruction="mine: ")
    Pair(pair.right.with_expert(own), pair.left, pair.store).map(make_texts(public=True))
    # The vectors of the public lens alone.
    assert len(list(pair.store.folder.glob("*.npz"))) == 1


def test_a_stop_before_and_between_the_fits_ends_the_work(pair, texts, projections):
    stop = threading.Event()
    steps = pair.draw(texts, stop=stop)
    assert next(steps).method == "PCA"
    stop.set()
    with pytest.raises(Stopped):
        next(steps)
    assert projections == []


def test_progress_names_both_lenses(pair, texts, projections):
    reports = []
    list(pair.draw(texts, on_stage=lambda *step: reports.append(step)))
    stages = [stage for stage, _, _ in reports]
    assert any("tiny baseline" in stage for stage in stages)
    assert any("tiny MoTE" in stage for stage in stages)
    assert ("Encoding with tiny MoTE", 14, 14) in reports


def test_few_texts_are_refused(pair, texts):
    with pytest.raises(UserError, match="2 texts"):
        pair.map(Texts("few", "Few", texts.frame.iloc[:2]))


def test_small_sets_are_mapped_by_pca_alone(pair, texts):
    first, second = list(pair.draw(texts))
    assert second.method == "PCA"
    np.testing.assert_allclose(first.left.points, second.left.points, atol=1e-5)


def test_large_sets_are_sampled_repeatably_and_say_so(texts):
    part, again = sample(texts, most=5), sample(texts, most=5)
    assert len(part) == 5
    assert part.fingerprint == again.fingerprint
    assert "sample of 5 of 14" in part.notes[-1]
    assert sample(texts, most=14) is texts
    kept = part.frame.merge(texts.frame)
    assert len(kept) == 5


def test_a_point_is_described_with_what_both_spaces_share(pair, texts, projections):
    maps = next(pair.draw(texts))
    detail = describe_point(maps, 3)
    assert (detail.text, detail.labels) == ("fish and cat", {"topic": "animal"})
    common = set(maps.left.rows[3]) & set(maps.right.rows[3])
    for side, near in zip(maps.sides, detail.near, strict=True):
        assert [each.row for each in near] == side.rows[3].tolist()
        assert {each.row for each in near if each.shared} == common
    assert sum(each.shared for each in detail.near[1]) / 10 == pytest.approx(maps.overlap[3])


@pytest.mark.parametrize("row", [-1, 14])
def test_a_row_that_is_not_on_the_maps_is_refused(pair, texts, projections, row):
    with pytest.raises(UserError, match="no text"):
        describe_point(next(pair.draw(texts)), row)


def test_a_query_lands_near_the_text_that_it_repeats(pair, texts, projections):
    maps = pair.map(texts)
    placed = pair.place("  the red car ", maps)
    for side, spot in zip(maps.sides, placed.sides, strict=True):
        assert spot.near[0].row == texts.passages.index("the red car")
        assert spot.near[0].score == pytest.approx(1, abs=1e-5)
        assert (spot.place >= side.points.min(axis=0)).all()
        assert (spot.place <= side.points.max(axis=0)).all()


def test_a_query_runs_the_query_route_and_an_empty_one_is_refused(pair_of, texts, projections):
    pair = pair_of("retrieval")
    maps = next(pair.draw(texts))
    receipt = pair.place("cat", maps).sides[1].receipt
    assert (receipt.text_sent, receipt.expert) == ("query: cat", "query")
    with pytest.raises(UserError, match="empty"):
        pair.place("   ", maps)


def test_a_query_is_as_long_as_one_to_search_with_at_most(pair, texts, projections):
    with pytest.raises(UserError, match="10,001 characters"):
        pair.place("a" * 10_001, next(pair.draw(texts)))


def test_a_query_is_placed_by_the_lenses_that_drew_the_maps_whatever_became_of_the_expert(
    shelf, pair, texts, projections
):
    session = Session(shelf)
    names = "baseline/clustering", "mote/mine"
    session.experts.add(copied_expert(shelf.growing, task="clustering", layers_of="clustering"))
    maps = session.pair(*names).map(texts)
    before = pair.place("the red car", maps)
    session.experts.remove("mine")
    session.experts.add(copied_expert(shelf.growing, task="clustering", layers_of="sts"))
    after = session.pair(*names).place("the red car", maps)
    assert after.sides[1].near == before.sides[1].near
    np.testing.assert_array_equal(after.sides[1].place, before.sides[1].place)
    assert session.pair(*names).right.fingerprint != maps.right.lens.fingerprint


def test_points_can_be_coloured_by_labels_other_columns_and_agreement(pair, texts, projections):
    maps = next(pair.draw(texts))
    assert colour_choices(texts) == ["topic", "number", SHARED]
    assert colour_values(maps, "topic").tolist() == texts.frame["topic"].tolist()
    np.testing.assert_array_equal(colour_values(maps, SHARED), maps.overlap)
    with pytest.raises(UserError, match="'topic', 'number'"):
        colour_values(maps, "bogus")
