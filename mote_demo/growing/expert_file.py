"""A grown expert as one small file that plugs into the model it was grown on, and into no other."""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.files import replacing
from mote_demo.growing.grow import copy_expert
from mote_demo.model.configuration import check_name
from mote_demo.serving.sessions import GrownRoute
from mote_demo.tasks import Route, find_task

_KEY = "mote_expert"
_VERSION = 1
_MOST_CHARACTERS = 500


@dataclass(frozen=True)
class ExpertFile:
    """Hold what a file of a grown expert says.

    Attributes:
        grown: its route.
        fingerprint: of the model it was grown on (see ``model_fingerprint``).
        tensors: float32, by layer path and parameter name.
        facts: settings and measurements, as they were saved.
    """

    grown: GrownRoute
    fingerprint: str
    tensors: dict[str, Tensor]
    facts: Mapping[str, Any]

    def experts_for(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Return the layers, by the paths of ``MoteModel.expert_paths``, if ``encoder`` is the right model."""
        actual = model_fingerprint(encoder, self.grown.task)
        if actual != self.fingerprint:
            raise UserError(
                f"The expert {self.grown.name!r} was grown on the model {self.fingerprint}, but this is the model "
                f"{actual}. Please use that model, or grow the expert again on this one."
            )
        experts = copy_expert(encoder, find_task(self.grown.task).document_route)
        wanted = _tensors_of(experts)
        shapes = {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}
        if shapes != {name: tuple(tensor.shape) for name, tensor in wanted.items()}:
            raise UserError(f"The layers of the expert {self.grown.name!r} do not fit. Please export it again.")
        with torch.no_grad():
            for name, parameter in wanted.items():
                parameter.copy_(self.tensors[name])
        return experts


def model_fingerprint(encoder: Encoder, task: str) -> str:
    """Return a hash of what a grown expert of ``task`` builds on: the shared layers and the task's document route.

    A grown query expert is of use only with the document vectors it was trained for.
    """
    return encoder.weights_fingerprint(find_task(task).document_route)


def save_expert(
    path: str | Path,
    encoder: Encoder,
    grown: GrownRoute,
    experts: Mapping[str, nn.Module],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write an expert as safetensors in half precision, with what it is as JSON metadata.

    Args:
        path: the file; it appears complete or not at all.
        encoder: the model it was grown on.
        grown: its route.
        experts: its layers, by the paths of ``MoteModel.expert_paths``.
        facts: settings and measurements, of plain JSON values.
    """
    about = {
        "version": _VERSION,
        "fingerprint": model_fingerprint(encoder, grown.task),
        **asdict(grown),
        "facts": dict(facts or {}),
    }
    tensors = {name: tensor.detach().half().contiguous() for name, tensor in _tensors_of(experts).items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={_KEY: json.dumps(about)})


def load_expert(path: str | Path) -> ExpertFile:
    """Read a file that ``save_expert`` wrote; nothing in it is executed.

    Raises:
        UserError: the file is not one of those, or is damaged.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a mapping
        grown, fingerprint, facts = _read_about(about)
    except (SafetensorError, OSError, struct.error, KeyError, TypeError, json.JSONDecodeError, RecursionError) as error:
        raise UserError(
            f"{path.name} is not an expert that was downloaded here, or it is damaged. Please choose another file."
        ) from error
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise UserError(f"{path.name} holds numbers that are not finite. Please export the expert again.")
    return ExpertFile(grown, fingerprint, tensors, facts)


def _read_about(about: Any) -> tuple[GrownRoute, str, dict[str, Any]]:  # noqa: ANN401 - JSON
    """Check the metadata; a ``TypeError`` or ``KeyError`` tells that it is something else."""
    if about["version"] != _VERSION:
        raise UserError(
            f"The expert has the format {about['version']!r}; this version reads {_VERSION}. Please update."
        )
    words = [about[key] for key in ("name", "task", "base", "fingerprint")]
    words += [about["route"][key] for key in ("expert", "instruction")]
    if not all(isinstance(word, str) and len(word) <= _MOST_CHARACTERS for word in words):
        raise TypeError("the metadata holds something other than short strings")
    name, task, base, fingerprint, expert, instruction = words
    check_name("route", name)
    check_name("expert", expert)
    return GrownRoute(name, find_task(task).name, base, Route(expert, instruction)), fingerprint, dict(about["facts"])


def _tensors_of(experts: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    return {
        f"{path}.{name}": parameter for path, module in experts.items() for name, parameter in module.named_parameters()
    }
