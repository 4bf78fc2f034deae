import copy

import pytest
import yaml

from mote_demo.evaluation.report import Report, Score, SetResult
from mote_demo.tasks import Route
from mote_demo.training.card import LICENCE_NAME, inherit_card, write_card, write_folded_card

FACTS = {
    "base_model": "someone/some-encoder",
    "parameters": {"stored": 1234567, "active": 890123},
    "routes": {
        "query": {"expert": "query", "instruction": "query: "},
        "clustering": {"expert": "topics", "instruction": ""},
    },
    "expert_layers": [1, 3],
    "data": [
        {"name": "open_set", "task": "retrieval", "rows": 4321, "licence": "CC BY 4.0"},
        {"name": "closed_set", "task": "clustering", "rows": 10, "licence": "none stated; research use"},
        {"name": "nc_set", "task": "clustering", "rows": 1, "licence": "CC BY-NC-SA 3.0"},
    ],
    "settings": {
        "learning_rate": 0.00071,
        "frozen": ("embeddings",),
        "tasks": {"retrieval": {"batch_size": 77}, "clustering": {"batch_size": 33}},
    },
    "steps": 987,
    "seed": 13,
    "hardware": "2 CPU threads",
    "minutes": 45.6,
}


@pytest.fixture
def card(tmp_path):
    def write(report=None, **changes):
        facts = copy.deepcopy(FACTS) | changes
        return write_card(tmp_path / "mote", facts, report).read_text(encoding="utf-8")

    return write


def front_matter(text):
    return yaml.safe_load(text.split("---")[1])


def test_the_front_matter_is_what_the_hub_reads(card):
    values = front_matter(card())
    assert (values["license"], values["license_name"]) == ("other", LICENCE_NAME)
    assert values["datasets"] == ["open_set", "closed_set", "nc_set"]
    assert values["base_model_relation"] == "finetune"
    assert values["library_name"] == "sentence-transformers"
    assert values["pipeline_tag"] == "sentence-similarity"
    assert values["base_model"] == "someone/some-encoder"
    assert {"mixture-of-experts", "mote"} <= set(values["tags"])


def test_the_base_model_is_minilm_where_the_facts_name_none(card):
    assert front_matter(card(base_model=None))["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_every_fact_is_told(card):
    text = card()
    for fact in ("1,234,567 stored", "890,123 active", "blocks 1, 3", "| 987 |", "| 13 |", "2 CPU threads", "45.6"):
        assert fact in text
    assert "| learning rate | 0.00071 |" in text
    assert "| frozen | embeddings |" in text
    assert "| retrieval | 77 |" in text
    assert "| `query` | `query: ` | `query` |" in text
    assert "| `clustering` | none | `topics` |" in text
    assert "| open_set | retrieval | CC BY 4.0 | 4,321 |" in text
    assert "**4,332**" in text


def test_data_with_restricted_terms_is_listed_under_the_limits(card):
    limits = card().split("## Intended use and limits")[1]
    assert "closed_set, nc_set" in limits
    assert "open_set" not in limits
    assert "commercial" not in card(data=FACTS["data"][:1]).split("## Intended use and limits")[1]


def test_only_data_for_any_use_leave_the_licence_as_it_is(card):
    text = card(data=FACTS["data"][:1])
    assert front_matter(text)["license"] == "apache-2.0"
    assert text.split("## Licence")[1].split("##")[0].strip() == "Apache-2.0."
    assert "closed_set, nc_set" in card().split("## Licence")[1]
    assert "@inproceedings" in text


def test_a_folded_route_keeps_licence_and_base_and_says_which_route_it_is(card, tmp_path):
    card()
    (tmp_path / "plain").mkdir()
    route = Route("clustering", "clustering: ")
    text = write_folded_card(tmp_path / "plain", tmp_path / "mote", route, "# more").read_text("utf-8")
    values = front_matter(text)
    assert [values[key] for key in ("license", "base_model")] == ["other", "someone/some-encoder"]
    assert values["datasets"] == ["open_set", "closed_set", "nc_set"]
    assert 'SentenceTransformer("plain")' in text
    assert "`clustering: ` before it" in text
    assert text.rstrip().endswith("# more")


def test_a_fine_tuned_model_inherits_licence_and_data(card, tmp_path):
    card()
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    (tuned / "README.md").write_text("---\ntags: [a]\ndatasets: [mine]\nlicense: mit\n---\n# tuned\n", "utf-8")
    text = inherit_card(tuned, tmp_path / "mote").read_text("utf-8")
    values = front_matter(text)
    assert (values["license"], values["tags"], values["base_model"]) == ("other", ["a"], "someone/some-encoder")
    assert values["datasets"] == ["open_set", "closed_set", "nc_set", "mine"]
    assert "# tuned" in text


def test_a_dense_checkpoint_is_not_called_moe(card):
    text = card(expert_layers=[])
    assert "no task experts" in text
    assert "| expert |" not in text


def test_the_snippet_names_the_model_and_a_route_it_has(card):
    assert 'SentenceTransformer("mote", trust_remote_code=True)' in card()
    assert 'task="clustering"' in card()
    assert 'task="query"' in card(routes={"query": FACTS["routes"]["query"]})


def test_the_snippet_is_valid_python(card):
    compile(card().split("```python\n")[1].split("```")[0], "snippet", "exec")


def test_scores_come_from_the_report(card):
    one = SetResult("tiny", "sts", "Spearman", "", "hash", "", {"mote": Score((81.25,), 5, 1.0)})
    text = card(Report("Told protocol.", 6, {"mote": {}}, (one,)))
    assert "| tiny | Spearman | 81.25 |" in text
    assert "Told protocol." in text
    assert "seed 6" in text


def test_the_scores_are_in_the_model_index_too(card):
    one = SetResult("tiny", "sts", "Spearman", "", "hash", "", {"mote": Score((81.25,), 5, 1.0)})
    (entry,) = front_matter(card(Report("protocol", 0, {"mote": {}}, (one,))))["model-index"]
    assert entry["name"] == "mote"
    (result,) = entry["results"]
    assert (result["task"]["type"], result["dataset"]["type"]) == ("semantic-similarity", "tiny")
    assert result["metrics"] == [{"type": "spearman_cosine", "value": 81.25, "name": "Spearman"}]


def test_the_teachers_are_told_with_their_shares(card):
    text = card(teachers={"some/teacher": 0.6, "some/backbone": 0.4})
    assert "| teachers, by their share | some/teacher 0.6, some/backbone 0.4 |" in text


def test_without_a_report_the_card_says_so(card):
    assert "Not measured yet." in card()
    assert "model-index" not in front_matter(card())


def test_a_card_is_replaced_whole(card, tmp_path):
    card()
    assert "| 1 |" in card(steps=1)
    assert [file.name for file in (tmp_path / "mote").iterdir()] == ["README.md"]
