# A copy of mote_demo/tasks.py, written by `mote refresh`. Licence: Apache-2.0.
"""The one table of tasks: it drives the model, the command line, the app and the tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .errors_mote import unknown_choice


@dataclass(frozen=True)
class Route:
    """Name the expert and the instruction that a text of this route gets.

    ``expert`` is the name of the expert MLP that runs; two routes may share one.
    ``instruction`` is put before the text, literally, and may be empty.
    """

    expert: str
    instruction: str


@dataclass(frozen=True)
class Task:
    """Describe what a person picks: its routes, its metric and its data columns.

    ``routes`` holds one route for symmetric tasks and (query, document) for retrieval.
    ``near`` says in plain words what "near" means for the task.
    """

    name: str
    title: str
    routes: tuple[str, ...]
    metric: str
    columns: tuple[str, ...]
    near: str

    @property
    def query_route(self) -> str:
        """Return the route of the text that is asked about."""
        return self.routes[0]

    @property
    def document_route(self) -> str:
        """Return the route of the texts that are searched."""
        return self.routes[-1]


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task(
                "retrieval",
                "Retrieval",
                ("query", "document"),
                "nDCG@10",
                ("query", "positive"),
                "a document that answers the query",
            ),
            Task(
                "classification",
                "Classification",
                ("classification",),
                "accuracy",
                ("text", "label"),
                "a text with the same label",
            ),
            Task(
                "clustering",
                "Clustering",
                ("clustering",),
                "V-measure",
                ("text", "label"),
                "a text about the same topic",
            ),
            Task(
                "similarity",
                "Similarity",
                ("sts",),
                "Spearman",
                ("sentence1", "sentence2", "score"),
                "a text that means the same",
            ),
        )
    }
)

ROUTES: Mapping[str, Route] = MappingProxyType(
    {
        "query": Route("query", "query: "),
        "document": Route("document", "document: "),
        "classification": Route("classification", "classification: "),
        "clustering": Route("clustering", "clustering: "),
        "sts": Route("sts", "similarity: "),
    }
)

MTEB_TASKS: Mapping[str, str] = MappingProxyType(
    {
        "Retrieval": "retrieval",
        "InstructionRetrieval": "retrieval",
        "Reranking": "retrieval",
        "InstructionReranking": "retrieval",
        "Classification": "classification",
        "MultilabelClassification": "classification",
        "Clustering": "clustering",
        "STS": "similarity",
        "PairClassification": "similarity",
        "BitextMining": "similarity",
        "Summarization": "similarity",
    }
)
"""Type of an mteb task to the task whose routes it uses; all other types are refused."""

DENSE = "dense"
"""What the MLPs of a model without experts are called where experts are named."""


def find_task(name: str | None) -> Task:
    """Return the task called ``name``; a missing or unknown one is an error that lists the tasks."""
    if name is None or name not in TASKS:
        raise unknown_choice("task", name, TASKS)
    return TASKS[name]
