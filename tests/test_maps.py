import threading

import numpy as np
import pandas as pd
import pytest
from mote_demo.serving.registry import Registry

from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.explore import maps as module
from mote_demo.explore.maps import (
    SHARED,
    colour_choices,
    colour_values,
    draw_maps,
    sample,
)
from mote_demo.explore.near import describe_point, place_query
from mote_demo.explore.projection import Projection
from mote_demo.serving.sessions import Session
from mote_demo.store import VectorStore
from mote_demo.tasks import ROUTES
from tests.own_experts import copied_expert

ANIMALS = ["the cat", "a big dog", "my small bird", "fish and cat", "the red bird", "old dog", "two cat pet"]
VEHICLES = ["the car", "a fast train", "my blue plane", "car and train", "the red car", "old train", "two big car"]


@pytest.fixture
def session(tiny_baseline_encoder, tiny_encoder, tmp_path) -> Session:
    return Session(Registry(tiny_baseline_encoder, tiny_encoder, VectorStore(tmp_path)))


@pytest.fixture
def texts() -> Texts:
    return make_texts("upload-1")


def make_texts(name: str) -> Texts:
    topics = ["animal"] * len(ANIMALS) + ["vehicle"] * len(VEHICLES)
    frame = pd.DataFrame({"title": "", "text": ANIMALS + VEHICLES, "topic": topics, "number": range(14)})
    return Texts(name, "Things", frame, labels=("topic",))


def draw(session, texts, task="clustering", route=None, **options):
    return list(draw_maps(session, task=task, route=route, texts=texts, **options))


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


def test_pca_maps_come_first_and_umap_moves_the_points_alone(session, texts, projections):
    first, second = draw(session, texts)
    assert (first.method, second.method) == ("PCA", "UMAP")
    assert not np.allclose(first.mote.points, second.mote.points)
    assert first.mote.rows is second.mote.rows
    assert first.overlap is second.overlap


def test_umap_of_mote_starts_from_the_baselines_map_and_gets_the_neighbourhood(session, texts, projections):
    maps = draw(session, texts, neighbours=7)[-1]
    baseline, mote = projections
    assert baseline["start"] is None
    np.testing.assert_array_equal(mote["start"], maps.baseline.points)
    assert baseline["neighbours"] == mote["neighbours"] == 7


def test_vectors_and_receipts_are_those_of_the_tasks_document_route(session, texts, projections, tiny_encoder):
    maps = draw(session, texts, task="retrieval")[0]
    expected = tiny_encoder.encode(texts.passages, route="document")
    np.testing.assert_allclose(projections_vectors(session, maps, "mote"), expected, atol=1e-6)
    assert (maps.mote.route, maps.mote.query_route, maps.mote.expert) == ("document", "query", "document")
    assert (maps.baseline.expert, maps.baseline.instruction) == (None, ROUTES["document"].instruction)
    assert maps.mote.checkpoint == tiny_encoder.fingerprint("document")


def projections_vectors(session, maps, side):
    return session.vectors(side, maps.side(side).route, maps.texts)


def test_neighbours_are_found_among_the_vectors_and_exclude_the_text_itself(session, texts, projections):
    maps = draw(session, texts)[0]
    vectors = session.vectors("mote", "clustering", texts)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    np.testing.assert_array_equal(maps.mote.rows[:, 0], similarity.argmax(axis=1))
    assert maps.mote.rows.shape == (14, 10)


def test_agreement_measures_each_label_column_on_both_sides(session, texts, projections):
    maps = draw(session, texts)[0]
    topics = texts.frame["topic"].to_numpy()
    for side, measured in zip(("baseline", "mote"), maps.agreement["topic"], strict=True):
        same = topics[maps.side(side).rows] == topics[:, None]
        assert measured == pytest.approx(same.mean())
    assert set(maps.agreement) == {"topic"}


def test_maps_are_not_computed_twice(session, texts, projections):
    first = draw(session, texts)[-1]
    again = draw(session, texts)[-1]
    assert len(projections) == 2
    np.testing.assert_array_equal(first.mote.points, again.mote.points)
    draw(session, texts, neighbours=5)
    assert len(projections) == 4


@pytest.mark.parametrize(("name", "files"), [("samples", 4), ("upload-1", 0)])
def test_only_what_is_made_of_built_in_texts_goes_to_disk(session, projections, name, files):
    draw(session, make_texts(name))
    assert len(list(session.registry.store.folder.glob("*.npz"))) == files


def test_a_trained_expert_maps_its_own_side_and_stays_in_memory(session, projections):
    grow(session)
    maps = draw(session, make_texts("samples"), route="mine")[-1]
    assert (maps.baseline.route, maps.mote.route) == ("clustering", "mine")
    assert len(list(session.registry.store.folder.glob("*.npz"))) == 2


def grow(session):
    session.experts.add(copied_expert(session.mote, task="clustering", instruction="mine: "))


def test_a_stop_before_and_between_the_fits_ends_the_work(session, texts, projections):
    stop = threading.Event()
    steps = draw_maps(session, task="clustering", route=None, texts=texts, stop=stop)
    assert next(steps).method == "PCA"
    stop.set()
    with pytest.raises(Stopped):
        next(steps)
    assert projections == []


def test_progress_names_both_models(session, texts, projections):
    reports = []
    draw(session, texts, report=lambda *step: reports.append(step))
    stages = [stage for stage, _, _ in reports]
    assert any("tiny baseline" in stage for stage in stages)
    assert any("tiny MoTE" in stage for stage in stages)
    assert ("Encoding with tiny MoTE", 14, 14) in reports


def test_few_texts_and_unknown_tasks_are_refused(session, texts):
    with pytest.raises(UserError, match="2 texts"):
        draw(session, Texts("few", "Few", texts.frame.iloc[:2]))
    with pytest.raises(UserError, match="'retrieval'"):
        draw(session, texts, task="bogus")
    with pytest.raises(UserError, match="No task"):
        draw(session, texts, task=None)


def test_small_sets_are_mapped_by_pca_alone(session, texts):
    first, second = draw(session, texts)
    assert second.method == "PCA"
    np.testing.assert_allclose(first.baseline.points, second.baseline.points, atol=1e-5)


def test_large_sets_are_sampled_repeatably_and_say_so(texts):
    part, again = sample(texts, most=5), sample(texts, most=5)
    assert len(part) == 5
    assert part.fingerprint == again.fingerprint
    assert "sample of 5 of 14" in part.notes[-1]
    assert sample(texts, most=14) is texts
    kept = part.frame.merge(texts.frame)
    assert len(kept) == 5


def test_a_point_is_described_with_what_both_spaces_share(session, texts, projections):
    maps = draw(session, texts)[0]
    detail = describe_point(maps, 3)
    assert (detail.text, detail.labels) == ("fish and cat", {"topic": "animal"})
    common = set(maps.baseline.rows[3]) & set(maps.mote.rows[3])
    for side, near in (("baseline", detail.baseline), ("mote", detail.mote)):
        assert [each.row for each in near] == maps.side(side).rows[3].tolist()
        assert {each.row for each in near if each.shared} == common
    assert sum(each.shared for each in detail.mote) / 10 == pytest.approx(maps.overlap[3])


@pytest.mark.parametrize("row", [-1, 14])
def test_a_row_that_is_not_on_the_maps_is_refused(session, texts, projections, row):
    with pytest.raises(UserError, match="no text"):
        describe_point(draw(session, texts)[0], row)


def test_a_query_lands_near_the_text_that_it_repeats(session, texts, projections):
    maps = draw(session, texts)[-1]
    placed = place_query(session, maps, "  the red car ")
    for side, part in (("baseline", placed.baseline), ("mote", placed.mote)):
        assert part.near[0].row == texts.passages.index("the red car")
        assert part.near[0].score == pytest.approx(1, abs=1e-5)
        points = maps.side(side).points
        assert (part.place >= points.min(axis=0)).all()
        assert (part.place <= points.max(axis=0)).all()


def test_a_query_runs_the_query_route_and_an_empty_one_is_refused(session, texts, projections):
    maps = draw(session, texts, task="retrieval")[0]
    placed = place_query(session, maps, "cat")
    assert placed.mote.receipt.text_sent == "query: cat"
    assert placed.mote.receipt.expert == "query"
    with pytest.raises(UserError, match="empty"):
        place_query(session, maps, "   ")


def test_a_query_is_as_long_as_one_to_search_with_at_most(session, texts, projections):
    with pytest.raises(UserError, match="10,001 characters"):
        place_query(session, draw(session, texts)[0], "a" * 10_001)


@pytest.mark.parametrize("base", [None, "sts"])
def test_a_query_is_not_placed_among_what_an_expert_made_before_it_changed(session, texts, projections, base):
    def grow(base):
        session.experts.add(copied_expert(session.registry.mote, task="clustering", layers_of=base))

    grow("clustering")
    maps = draw(session, texts, task="clustering", route="mine")[0]
    assert place_query(session, maps, "cat").query == "cat"
    session.experts.remove("mine")
    if base is not None:
        grow(base)
    with pytest.raises(UserError, match="'mine' changed since these maps were drawn. Please draw them again"):
        place_query(session, maps, "cat")


def test_points_can_be_coloured_by_labels_other_columns_and_agreement(session, texts, projections):
    maps = draw(session, texts)[0]
    assert colour_choices(texts) == ["topic", "number", SHARED]
    assert colour_values(maps, "topic").tolist() == texts.frame["topic"].tolist()
    np.testing.assert_array_equal(colour_values(maps, SHARED), maps.overlap)
    with pytest.raises(UserError, match="'topic', 'number'"):
        colour_values(maps, "bogus")
