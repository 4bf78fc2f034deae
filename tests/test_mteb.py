import sys
from pathlib import Path

import mteb
import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskClassification, AbsTaskClustering, AbsTaskRetrieval, AbsTaskSTS
from mteb.cache import ResultCache
from mteb.types import PromptType
from sentence_transformers import SentenceTransformer

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.evaluation.mteb_model import MTEB_TASKS, MtebModel, load_mteb_model, route_for
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.tasks import ROUTES

TEXTS = [f"{mood} {thing}" for mood in ("happy", "angry") for thing in ("cat", "dog", "bird", "train", "book", "card")]
QUERIES = {"q0": "where is my cat", "q1": "my card was late"}
DOCUMENTS = {"d0": "the cat is in the house", "d1": "the bank sent the card", "d2": "a red train"}


def metadata(task_type, main_score):
    return mteb.TaskMetadata(
        name=f"Local{task_type}",
        description="Texts of the test suite.",
        dataset={"path": "local/texts", "revision": "1"},
        type=task_type,
        category="t2t",
        eval_langs=["eng-Latn"],
        main_score=main_score,
    )


class LocalTask:
    """Takes its data from ``rows`` instead of the Hub."""

    def load_data(self, **_):
        self.dataset = self.rows()
        self.data_loaded = True


class LocalRetrieval(LocalTask, AbsTaskRetrieval):
    metadata = metadata("Retrieval", "ndcg_at_10")

    def rows(self):
        split = {
            "queries": Dataset.from_list([{"id": id, "text": text} for id, text in QUERIES.items()]),
            "corpus": Dataset.from_list([{"id": id, "title": "Note", "text": text} for id, text in DOCUMENTS.items()]),
            "relevant_docs": {"q0": {"d0": 1}, "q1": {"d1": 1}},
            "top_ranked": None,
        }
        return {"default": {"test": split}}


class LocalReranking(LocalRetrieval):
    metadata = metadata("Reranking", "map_at_1000")

    def rows(self):
        dataset = super().rows()
        dataset["default"]["test"]["top_ranked"] = dict.fromkeys(QUERIES, list(DOCUMENTS))
        return dataset


class LocalClassification(LocalTask, AbsTaskClassification):
    metadata = metadata("Classification", "accuracy")

    def rows(self):
        rows = Dataset.from_dict({"text": TEXTS, "label": [row // 6 for row in range(12)]})
        return DatasetDict({"train": rows, "test": rows})


class LocalClustering(LocalTask, AbsTaskClustering):
    metadata = metadata("Clustering", "v_measure")
    max_fraction_of_documents_to_embed = None
    n_clusters = 2

    def rows(self):
        labels = [row // 6 for row in range(12)]
        return DatasetDict({"test": Dataset.from_dict({"sentences": TEXTS, "labels": labels})})


class LocalSTS(LocalTask, AbsTaskSTS):
    metadata = metadata("STS", "cosine_spearman")
    min_score, max_score = 0, 5

    def rows(self):
        columns = {"sentence1": TEXTS[:6], "sentence2": TEXTS[6:], "score": [float(row) for row in range(6)]}
        return DatasetDict({"test": Dataset.from_dict(columns)})


class Recorder:
    """Encodes with another encoder and keeps the texts of each route."""

    def __init__(self, encoder):
        self.sent = {}
        self._encoder = encoder

    def encode(self, texts, *, route):
        self.sent.setdefault(route, set()).update(texts)
        return self._encoder.encode(texts, route=route)

    def __getattr__(self, name):
        return getattr(self._encoder, name)


@pytest.fixture
def recorder(tiny_encoder):
    return Recorder(tiny_encoder)


def run(encoder, task, cache=None):
    return mteb.evaluate(MtebModel(encoder), task, cache=cache, co2_tracker=False, show_progress_bar=False)


def main_score(results):
    return results.task_results[0].get_score()


@pytest.mark.parametrize("task", [LocalRetrieval, LocalReranking])
def test_queries_and_documents_take_their_own_routes(recorder, task):
    score = main_score(run(recorder, task()))
    assert recorder.sent == {
        "query": set(QUERIES.values()),
        "document": {f"Note {text}" for text in DOCUMENTS.values()},
    }
    assert 0 < score <= 1


@pytest.mark.parametrize(
    ("task", "route"), [(LocalClassification, "classification"), (LocalClustering, "clustering"), (LocalSTS, "sts")]
)
def test_every_text_of_another_task_takes_its_one_route(recorder, task, route):
    score = main_score(run(recorder, task()))
    assert recorder.sent == {route: set(TEXTS)}
    assert -1 <= score <= 1


def test_mteb_ranks_as_the_encoder_does(tiny_encoder):
    documents = tiny_encoder.encode([f"Note {text}" for text in DOCUMENTS.values()], route="document")
    queries = tiny_encoder.encode(list(QUERIES.values()), route="query")
    ranks = [int((row > row[right]).sum()) for right, row in enumerate(queries @ documents.T)]
    expected = np.mean([1 / np.log2(rank + 2) for rank in ranks])
    assert main_score(run(tiny_encoder, LocalRetrieval())) == pytest.approx(expected, abs=1e-4)


@pytest.fixture(scope="module")
def checkpoint(tiny_mote, tiny_tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mteb") / "mote"
    save_checkpoint(tiny_mote, tiny_tokenizer, folder)
    return folder


@pytest.mark.parametrize("task", [LocalRetrieval, LocalReranking, LocalClassification, LocalClustering, LocalSTS])
def test_the_prompts_of_a_checkpoint_choose_the_routes_without_a_wrapper(checkpoint, task):
    model = SentenceTransformer(str(checkpoint), trust_remote_code=True, device="cpu")
    results = mteb.evaluate(model, task(), cache=None, co2_tracker=False, show_progress_bar=False)
    expected = main_score(run(Encoder.from_pretrained(checkpoint), task()))
    assert main_score(results) == pytest.approx(expected, abs=1e-4)


def test_the_sides_of_a_pair_do_not_matter_where_the_task_has_one_route():
    assert {route_for("PairClassification", side) for side in (None, *PromptType)} == {"sts"}


def test_every_route_has_a_task_type():
    assert {route_for(one, side) for one in MTEB_TASKS for side in PromptType} == set(ROUTES)


@pytest.mark.parametrize("task_type", ["Regression", "ZeroShotClassification", "", None])
def test_another_task_type_is_refused_and_the_known_ones_are_listed(task_type):
    with pytest.raises(UserError, match="mteb task type.*'Retrieval'.*'Clustering'.*'Summarization'"):
        route_for(task_type, "query")


def test_retrieval_without_a_side_is_refused():
    with pytest.raises(UserError, match="No prompt type was given.*'query', 'document'"):
        route_for("Retrieval", None)


def test_another_task_type_stops_the_evaluation(recorder, monkeypatch):
    task = LocalSTS()
    task.metadata = metadata("Regression", "kendalltau")
    with pytest.raises(UserError, match="Unknown mteb task type 'Regression'"):
        run(recorder, task)
    assert recorder.sent == {}


def test_another_precision_is_refused(recorder):
    with pytest.raises(UserError, match="Unknown precision 'int8'.*'float32'"):
        mteb.evaluate(MtebModel(recorder), LocalSTS(), cache=None, encode_kwargs={"precision": "int8"})


def test_results_are_kept_under_name_and_weights(tiny_encoder, tiny_baseline_encoder, tmp_path):
    cache = ResultCache(tmp_path)
    results = [run(encoder, LocalSTS(), cache) for encoder in (tiny_encoder, tiny_baseline_encoder)]
    assert [one.model_name for one in results] == ["mote-demo/tiny MoTE", "mote-demo/tiny baseline"]
    assert results[0].model_revision != results[1].model_revision
    assert len(list(tmp_path.rglob("LocalSTS.json"))) == 2


def test_a_folder_is_loaded_under_its_name_or_another(tiny_backbone_path):
    assert load_mteb_model(tiny_backbone_path).mteb_model_meta.name == f"mote-demo/{Path(tiny_backbone_path).name}"
    model = load_mteb_model(tiny_backbone_path, "lab/plain")
    assert (model.mteb_model_meta.name, model.mteb_model_meta.embed_dim) == ("lab/plain", 32)
    assert isinstance(model, mteb.EncoderProtocol)


def test_without_mteb_the_error_has_the_line_that_installs_it(tiny_encoder, monkeypatch):
    monkeypatch.setitem(sys.modules, "mteb.models", None)
    with pytest.raises(UserError, match=r"pip install 'mote-demo\[eval\]'"):
        MtebModel(tiny_encoder)
