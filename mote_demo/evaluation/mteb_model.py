"""A checkpoint as a model of the ``mteb`` package, which brings hundreds of public tasks where the Hub is reached."""

import hashlib
import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.evaluation.reference import load_encoder
from mote_demo.tasks import MTEB_TASKS, TASKS

_ORGANISATION = "mote-demo"


def load_mteb_model(path: str | Path, name: str | None = None) -> "MtebModel":
    """Load a checkpoint for ``mteb.evaluate``; ``mteb.get_model`` knows only the models on mteb's own list.

    Args:
        path: a MoTE or baseline checkpoint, a plain encoder folder, or a Hub name where a network exists.
        name: what mteb calls the model; None takes the folder's name or the Hub name.
    """
    return MtebModel(load_encoder(path, name or (Path(path).name if Path(path).is_dir() else str(path))))


def route_for(task_type: str, prompt_type: str | None) -> str:
    """Return the route of a text; an unknown task type, or a missing side of retrieval, is a ``UserError``.

    Args:
        task_type: type of the mteb task, such as "Reranking".
        prompt_type: "query" or "document"; it decides where the two have routes of their own.
    """
    if task_type not in MTEB_TASKS:
        raise unknown_choice("mteb task type", task_type, MTEB_TASKS)
    task = TASKS[MTEB_TASKS[task_type]]
    if len(task.routes) == 1:
        return task.query_route
    sides = {"query": task.query_route, "document": task.document_route}
    if prompt_type not in sides:
        raise unknown_choice("prompt type", prompt_type, sides)
    return sides[prompt_type]


class MtebModel:
    """Answer mteb's encoder protocol with an ``Encoder``, each text on the route of its task.

    A document is title and text as mteb joins them. mteb's own prompts are not used: the route brings
    the instruction.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.mteb_model_meta = model_meta(encoder)

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: str | None = None,
        precision: str = "float32",
        **_: Any,
    ) -> np.ndarray:
        """Encode the batches of ``inputs`` on one route.

        Args:
            inputs: batches with the column ``text``.
            task_metadata: of the mteb task; its ``type`` decides the route.
            hf_split: not used.
            hf_subset: not used.
            prompt_type: "query" or "document", needed for retrieval.
            precision: of the vectors; only float32 is known.

        Returns:
            float32 [texts, dimension], rows of unit length.
        """
        if precision != "float32":
            raise unknown_choice("precision", precision, ["float32"])
        route = route_for(task_metadata.type, prompt_type)
        return self.encoder.encode([text for batch in inputs for text in batch["text"]], route=route)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Tensor:
        """Return the cosine of every vector with every other: float32 [n, m]."""
        from sentence_transformers.util import cos_sim

        return cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Tensor:
        """Return the cosine of each vector with the same row of the other: float32 [n]."""
        from sentence_transformers.util import pairwise_cos_sim

        return pairwise_cos_sim(embeddings1, embeddings2)


def model_meta(encoder: Encoder) -> Any:
    """Return mteb's ``ModelMeta`` of an encoder.

    mteb demands an organisation: a name without one gets "mote-demo/". The revision is a hash of the routes'
    fingerprints, so mteb never takes its stored results of one checkpoint for those of another.
    """
    fingerprints = "".join(encoder.fingerprint(route) for route in encoder.routes)
    return _mteb_models().ModelMeta(
        name=encoder.name if "/" in encoder.name else f"{_ORGANISATION}/{encoder.name}",
        revision=hashlib.sha256(fingerprints.encode()).hexdigest()[:16],
        loader=None,
        release_date=None,
        languages=None,
        n_parameters=encoder.network.count_parameters()["stored"],
        memory_usage_mb=None,
        max_tokens=encoder.config.max_tokens,
        embed_dim=encoder.dimension,
        license=None,
        open_weights=True,
        public_training_code=None,
        public_training_data=None,
        framework=["PyTorch"],
        similarity_fn_name="cosine",
        use_instructions=any(encoder.config.route(route).instruction for route in encoder.routes),
        training_datasets=None,
    )


def _mteb_models() -> Any:
    """Import mteb where it is used: it takes seconds, and the app and the other measures do without it."""
    try:
        return importlib.import_module("mteb.models")
    except ModuleNotFoundError as error:
        raise UserError("This needs the package mteb. Please install it: pip install 'mteb>=2.0'.") from error
