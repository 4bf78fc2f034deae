"""A new task expert: it plugs into the model it was grown on, and into no other, and is a small file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mote_demo.data.groups import text_hash
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.files import replacing
from mote_demo.growing.expert_file import (
    HASH,
    KEY,
    NO_HASH,
    VERSION,
    WITHOUT_HASH,
    ExpertFile,
    Facts,
    digest,
    read_expert_file,
    receive_expert_file,
)
from mote_demo.growing.heldout import Guess
from mote_demo.growing.intervals import Intervals
from mote_demo.growing.settings import GrowthSettings
from mote_demo.model.backbones import find_backbone
from mote_demo.model.configuration import check_name
from mote_demo.model.experts import expert_paths
from mote_demo.model.integrity import check_hashes
from mote_demo.tasks import Route, find_task

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Expert:
    """Hold a task expert that was grown on a model, with what it brought.

    Attributes:
        name: of the expert, and of its route.
        task: name of its task.
        base: route whose expert and instruction it started from.
        instruction: put before each text, literally.
        layers: linear layers in float32, by the paths of ``MoteModel.expert_paths``.
        fingerprint: of the model it was grown on (see ``model_fingerprint``).
        settings: how it was trained, where that is known.
        steps: of the training that were done; 0 where that is not known.
        losses: of each step; none of an expert from a file.
        before: metrics of the base's route on held-out rows, by what they say in plain words; higher is better.
        after: its own, on the same rows.
        held_out_rows: how many rows are behind them.
        intervals: of the metrics and of their change.
        guesses: what the metrics are without any model.
        train_rows: how many rows it was trained on; 0 where that is not known.
        trained_on: hashes (``text_hash``) of the texts it was trained on; none where they are not known (see
            ``has_seen``).
    """

    name: str
    task: str
    base: str
    instruction: str
    layers: Mapping[str, nn.Module]
    fingerprint: str
    settings: GrowthSettings | None = None
    steps: int = 0
    losses: tuple[float, ...] = ()
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    held_out_rows: int = 0
    intervals: Mapping[str, Intervals] = field(default_factory=dict)
    guesses: Mapping[str, Guess] = field(default_factory=dict)
    train_rows: int = 0
    trained_on: frozenset[str] = frozenset()

    @property
    def route(self) -> Route:
        """Return its route."""
        return Route(self.name, self.instruction)

    @property
    def routes(self) -> tuple[str, str]:
        """Return the routes of (query, document) where it serves its task."""
        return route_pair(self.task, self.name)

    def plugged_into(self, encoder: Encoder) -> Encoder:
        """Return an encoder with the expert as one more route; every other tensor is shared.

        Raises:
            UserError: it was grown on another model, or this one has a route or an expert of its name.
        """
        actual = model_fingerprint(encoder, self.task)
        if actual != self.fingerprint:
            raise UserError(
                f"The expert {self.name!r} was grown on the model {self.fingerprint}, but this is the model "
                f"{actual}. Please use that model, or grow the expert again on this one."
            )
        shapes = {name: tuple(tensor.shape) for name, tensor in self._tensors().items()}
        if shapes != _expected_shapes(encoder, find_task(self.task).document_route):
            raise UserError(f"The layers of the expert {self.name!r} do not fit. Please export it again.")
        return encoder.with_route(self.name, self.route, dict(self.layers))

    def has_seen(self, texts: Sequence[str]) -> np.ndarray:
        """Tell which texts it was trained on, bool [texts], but for case and spaces: a map may leave them out."""
        return np.array([text_hash(text) in self.trained_on for text in texts], dtype=bool)

    def card(self) -> str:
        """Return what is known of the expert as a page of Markdown."""
        lines = [f"# {self.name}", "", f"A task expert of {self.task}, grown from the route `{self.base}`.", ""]
        lines += [f"- Instruction: {json.dumps(self.instruction)}", f"- Fits the model {self.fingerprint} only"]
        if self.settings is not None:
            words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in vars(self.settings).items())
            lines += [f"- Trained on {self.train_rows:,} rows, {self.steps:,} steps: {words}"]
        if self.before:
            lines += ["", f"On {self.held_out_rows:,} held-out rows; 1 is best, 95 % intervals in brackets.", ""]
            lines += ["| metric | before | after | change |", "|---|---|---|---|"]
            lines += [f"| {name} | {' | '.join(self._cells(name))} |" for name in self.before]
        return "\n".join([*lines, ""])

    def _cells(self, metric: str) -> list[str]:
        before, after = self.before[metric], self.after[metric]
        cells = [f"{before:.3f}", f"{after:.3f}", f"{after - before:+.3f}"]
        if metric in self.intervals:
            found = self.intervals[metric]
            sides = (found.before, found.after, found.change)
            cells = [f"{cell} ({low:.3f} to {high:.3f})" for cell, (low, high) in zip(cells, sides, strict=True)]
        return cells

    def save(self, path: str | Path) -> None:
        """Write a file that ``load_expert`` reads: safetensors in half precision, and what it is as JSON metadata.

        They hold a card to read, too. The file appears complete or not at all.
        """
        about = {
            "version": VERSION,
            HASH: NO_HASH,
            "fingerprint": self.fingerprint,
            **{key: getattr(self, key) for key in ("name", "task", "base")},
            "route": asdict(self.route),
            "facts": self._facts(),
            "card": self.card(),
        }
        tensors = {name: tensor.detach().half().contiguous() for name, tensor in self._tensors().items()}
        told = json.dumps(about)
        with replacing(path) as temporary:
            named = ((name, "F16", list(tensor.shape), tensor.numpy().data) for name, tensor in tensors.items())
            save_file(tensors, temporary, metadata={KEY: told.replace(NO_HASH, digest(told, named))})

    def to_frame(self) -> "pd.DataFrame":
        """Return the metrics before and after, one a row, with the change."""
        import pandas as pd

        frame = pd.DataFrame({"before": self.before, "after": self.after}, dtype="float64")
        return frame.assign(change=frame["after"] - frame["before"])

    def __repr__(self) -> str:
        metrics = "; ".join(f"{name} {value:.3f} -> {self.after[name]:.3f}" for name, value in self.before.items())
        return f"Expert {self.name!r} of {self.task}, grown from {self.base!r}" + (f": {metrics}" if metrics else "")

    def _repr_html_(self) -> str:
        title = f"<p>Expert <b>{escape(self.name)}</b> of {escape(self.task)}, grown from {escape(self.base)}</p>"
        if not self.before:
            return title
        table = self.to_frame().to_html(float_format="{:.3f}".format, escape=True)
        return f"{title}{table}<p>{self.held_out_rows:,} held-out rows; 1 is best.</p>"

    def _tensors(self) -> dict[str, nn.Parameter]:
        return {
            f"{path}.{part}": parameter
            for path, layer in self.layers.items()
            for part, parameter in layer.named_parameters()
        }

    def _facts(self) -> dict[str, Any]:
        if self.settings is None:
            return {}
        return {
            "settings": {"name": self.name, "task": self.task, "base": self.base, **asdict(self.settings)},
            "steps": self.steps,
            "held_out_rows": self.held_out_rows,
            "before": dict(self.before),
            "after": dict(self.after),
            "intervals": {name: asdict(found) for name, found in self.intervals.items()},
            "guesses": {name: asdict(found) for name, found in self.guesses.items()},
            "train_rows": self.train_rows,
            "trained_on": sorted(self.trained_on),
        }


def load_expert(path: str | Path) -> Expert:
    """Read a file that ``Expert.save`` wrote; nothing in it is executed.

    Raises:
        UserError: the file is not one of those, or is damaged.
    """
    file = read_expert_file(path)
    if file.about.version == WITHOUT_HASH:
        check_hashes(Path(path).parent, (Path(path).name,))
    return to_expert(file)


def receive_expert(path: str | Path) -> Expert:
    """Read such a file from a stranger, in a child process with limits of memory and time."""
    return to_expert(receive_expert_file(path))


def to_expert(file: ExpertFile) -> Expert:
    """Make an expert of a file that was checked; a name or a task that cannot be used is a ``UserError``."""
    about = file.about
    check_name("route", about.name)
    check_name("expert", about.name)
    return Expert(
        name=about.name,
        task=find_task(about.task).name,
        base=about.base,
        instruction=about.route.instruction,
        layers=_linear_layers({name: torch.from_numpy(array).float() for name, array in file.tensors.items()}),
        fingerprint=about.fingerprint,
        **_known(about.facts),
    )


def model_fingerprint(encoder: Encoder, task: str) -> str:
    """Return a hash of what an expert of ``task`` builds on: the shared layers and the task's document route.

    A query expert is of use only with the document vectors it was trained for.
    """
    return encoder.weights_fingerprint(find_task(task).document_route)


def route_pair(task: str, route: str) -> tuple[str, str]:
    """Return the routes of (query, document) where ``route`` serves ``task``; documents of retrieval keep theirs."""
    chosen = find_task(task)
    return route, chosen.document_route if len(chosen.routes) > 1 else route


def _expected_shapes(encoder: Encoder, route: str) -> dict[str, tuple[int, ...]]:
    config = encoder.config
    spec = find_backbone(config.backbone_config.model_type)
    inside = tuple(f"{path}." for path in expert_paths(spec.blocks, spec.mlp, config.expert_layers))
    tensors = encoder.network.dense_tensors(route)
    return {name: tuple(tensor.shape) for name, tensor in tensors.items() if name.startswith(inside)}


def _known(facts: Facts) -> dict[str, Any]:
    """Return the settings and measurements, as far as a file has them."""
    saved = facts.settings
    same = ("steps", "held_out_rows", "before", "after", "train_rows")
    return {
        **{name: getattr(facts, name) for name in same},
        "settings": saved
        and GrowthSettings(**{each.name: getattr(saved, each.name) for each in fields(GrowthSettings)}),
        "intervals": {
            name: Intervals(found.before, found.after, found.change)
            for name, found in facts.intervals.items()
            if name in facts.before
        },
        "guesses": {
            name: Guess(found.commonest, found.chance) for name, found in facts.guesses.items() if name in facts.before
        },
        "trained_on": frozenset(facts.trained_on),
    }


def _linear_layers(tensors: Mapping[str, Tensor]) -> dict[str, nn.Module]:
    """Return the tensors as the layers that they are the weight [out, in] and the bias [out] of."""
    layers: dict[str, nn.Module] = {}
    for path in dict.fromkeys(name.rpartition(".")[0] for name in tensors):
        weight, bias = tensors[f"{path}.weight"], tensors.get(f"{path}.bias")
        wide_out, wide_in = weight.shape
        layer = nn.Linear(wide_in, wide_out, bias=bias is not None, device="meta")
        parts = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
        layer.load_state_dict(parts, assign=True)
        layers[path] = layer.requires_grad_(False)
    return layers
