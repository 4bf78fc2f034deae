"""A checkpoint as a model of the ``mteb`` package, which brings hundreds of public tasks where the Hub is reached."""

import hashlib
import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mote_demo.encoder import Encoder
from mote_demo.errors import unknown_choice
from mote_demo.evaluation.reference import load_encoder
from mote_demo.extras import missing_extra
from mote_demo.model.checkpoint import local_folder
from mote_demo.settings import REPOSITORY
from mote_demo.tasks import MTEB_TASKS, TASKS

_ORGANISATION = "mote-demo"


def load_mteb_model(path: str | Path, name: str | None = None) -> "MtebModel":
    """Load a checkpoint for ``mteb.evaluate``; ``mteb.get_model`` knows only the models on mteb's own list.

    Args:
        path: a MoTE or baseline checkpoint, a plain encoder folder, or a Hub name where a network exists.
        name: what mteb calls the model; None takes the folder's name or the Hub name.
    """
    folder = local_folder(path)
    encoder = load_encoder(path, name or (Path(path).name if Path(path).is_dir() else str(path)))
    return MtebModel(encoder, folder)


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

    def __init__(self, encoder: Encoder, folder: Path | None = None) -> None:
        """Encode with ``encoder``; the card in ``folder`` tells what it started from, its language and licence."""
        self.encoder = encoder
        self.mteb_model_meta = model_meta(encoder, folder)

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


def model_meta(encoder: Encoder, folder: Path | None = None) -> Any:
    """Return mteb's ``ModelMeta`` of an encoder.

    mteb demands an organisation: a name without one gets "mote-demo/". The revision is a hash of the routes'
    fingerprints, so mteb never takes its stored results of one checkpoint for those of another. Which of mteb's tasks
    a model was trained on is not told, since nobody knows them by mteb's names.

    Args:
        encoder: the model.
        folder: that of its checkpoint, whose card and files tell the rest.
    """
    fingerprints = "".join(encoder.fingerprint(route) for route in encoder.routes)
    card, size = _card(folder), _size(folder)
    parameters = encoder.network.count_parameters()
    return _mteb_models().ModelMeta(
        name=encoder.name if "/" in encoder.name else f"{_ORGANISATION}/{encoder.name}",
        revision=hashlib.sha256(fingerprints.encode()).hexdigest()[:16],
        loader=None,
        release_date=None,
        languages=["eng-Latn"] if card.get("language") in ("en", ["en"]) else None,
        n_parameters=parameters["stored"],
        n_active_parameters_override=parameters["active"],
        memory_usage_mb=size,
        max_tokens=encoder.config.max_tokens,
        embed_dim=encoder.dimension,
        license=None if card.get("license") == "other" else card.get("license"),
        open_weights=True,
        public_training_code=REPOSITORY,
        public_training_data=None,
        framework=["PyTorch", "Sentence Transformers", "safetensors", "Transformers"],
        reference=REPOSITORY,
        similarity_fn_name="cosine",
        use_instructions=any(encoder.config.route(route).instruction for route in encoder.routes),
        training_datasets=None,
        adapted_from=card.get("base_model"),
    )


def _card(folder: Path | None) -> dict[str, Any]:
    """Return the front matter of a checkpoint's card, nothing where there is none."""
    file = folder / "README.md" if folder is not None else None
    if file is None or not file.is_file():
        return {}
    from huggingface_hub import ModelCard

    return ModelCard.load(file).data.to_dict()


def _size(folder: Path | None) -> float | None:
    """Return the size of the weights in MiB, None where they lie in no folder."""
    if folder is None:
        return None
    return round(sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 2**20, 1)


def _mteb_models() -> Any:
    """Import mteb where it is used: it takes seconds, and the app and the other measures do without it."""
    try:
        return importlib.import_module("mteb.models")
    except ModuleNotFoundError as error:
        raise missing_extra(error.name) or error from error
