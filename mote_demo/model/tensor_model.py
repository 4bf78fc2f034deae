"""A MoTE model as the tensors of its files: all that inference needs, without transformers' modeling code."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mote_demo.errors import UserError
from mote_demo.model.backbones import find_backbone
from mote_demo.model.configuration import AVERAGE, MoteConfig
from mote_demo.model.experts import expert_paths
from mote_demo.tasks import Route

if TYPE_CHECKING:
    from mote_demo.model.modeling import MoteModel

WHOLE = "model.safetensors"
INDEX = f"{WHOLE}.index.json"


class TensorModel:
    """Hold tensors by their names in ``MoteModel``, in the precision they are stored in.

    Those of a file are mapped into memory, so that what nobody reads costs nothing. Read-only: threads may share it.
    """

    def __init__(
        self, config: MoteConfig, tensors: Mapping[str, Tensor], build: "Callable[[], MoteModel] | None" = None
    ) -> None:
        """Hold a model.

        Args:
            config: of the model.
            tensors: all of its tensors, by name.
            build: makes the module; None makes it of the tensors.
        """
        self.config = config
        self.tensors = tensors
        self._dense: dict[str, dict[str, Tensor]] = {}
        self._build = build or self._built_of_tensors
        self._module: MoteModel | None = None
        self._building = threading.Lock()

    @classmethod
    def read(cls, folder: str | Path, config: MoteConfig) -> "TensorModel":
        """Map the safetensors of a checkpoint folder; one that is damaged or missing is a ``UserError``."""
        folder = Path(folder)
        try:
            return cls(config, {name: tensor for file in _files(folder) for name, tensor in _tensors(file)})
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"Cannot load the checkpoint {folder}: {error}") from error

    @classmethod
    def read_plain(cls, folder: str | Path, config: MoteConfig) -> "TensorModel":
        """Map the safetensors of a plain encoder, whose tensors have their names inside the backbone."""
        plain = cls.read(folder, config)
        return cls(config, {f"backbone.{name}": tensor for name, tensor in plain.tensors.items()})

    def dense_tensors(self, route: str | None) -> Mapping[str, Tensor]:
        """Return the tensors of the route's dense encoder, by their names in it: those held, not copies."""
        name = self.config.resolve(route)
        if name not in self._dense:
            self._dense[name] = dict(self._dense_of(self.config.routes[name]["expert"]))
        return self._dense[name]

    def count_parameters(self) -> dict[str, int]:
        """Count the parameters stored, and those active for a text of any one route."""
        view = self.dense_tensors(next(iter(self.config.routes)))
        return {
            kind: sum(tensor.numel() for tensor in tensors.values())
            for kind, tensors in (("stored", self.tensors), ("active", view))
        }

    def with_route(self, name: str, route: Route, experts: dict[str, nn.Module]) -> "TensorModel":
        """Return a model with one more route and its expert; every other tensor is shared.

        ``experts`` holds, by the paths of ``MoteModel.expert_paths``, the new expert's layers.
        """
        added = {
            f"backbone.{path}.{route.expert}.{part}": parameter
            for path, layer in experts.items()
            for part, parameter in layer.named_parameters()
        }
        return TensorModel(
            self.config.with_route(name, route),
            {**self.tensors, **added},
            lambda: self.as_module().with_route(name, route, experts),
        )

    def with_experts(self, experts: Mapping[str, str]) -> "TensorModel":
        """Return a model whose routes run other experts, by route, or their mean; every other tensor is shared."""
        added = self._mean_expert() if AVERAGE in experts.values() else {}
        return TensorModel(
            self.config.with_experts(experts),
            {**self.tensors, **added},
            lambda: self.as_module().with_experts(experts),
        )

    def sharing(self, other: "TensorModel") -> "TensorModel":
        """Return this model with the tensors of ``other`` in place of those that are equal, as of a frozen trunk."""
        return TensorModel(
            self.config, {name: _either(other.tensors.get(name), tensor) for name, tensor in self.tensors.items()}
        )

    def for_inference(self) -> "TensorModel":
        """Return the model itself: it does nothing but inference."""
        return self

    def as_module(self) -> "MoteModel":
        """Return the model as a module in float32, built on first use: it needs four bytes a parameter."""
        with self._building:
            if self._module is None:
                self._module = self._build()
            return self._module

    def _mean_expert(self) -> dict[str, Tensor]:
        first, *_ = experts = self.config.experts
        mean = {}
        for path in self._expert_paths():
            own = f"backbone.{path}.{first}."
            for part in [name.removeprefix(own) for name in self.tensors if name.startswith(own)]:
                same = [self.tensors[f"backbone.{path}.{expert}.{part}"].float() for expert in experts]
                mean[f"backbone.{path}.{AVERAGE}.{part}"] = torch.stack(same).mean(0)
        return mean

    def _expert_paths(self) -> list[str]:
        spec = find_backbone(self.config.backbone_config.model_type)
        return expert_paths(spec.blocks, spec.mlp, self.config.expert_layers)

    def _dense_of(self, expert: str) -> list[tuple[str, Tensor]]:
        paths = self._expert_paths()
        names = {f"backbone.{path}.{expert}.": f"{path}." for path in paths}
        others = tuple(f"backbone.{path}." for path in paths)
        found = []
        for name, tensor in self.tensors.items():
            own, _, part = name.rpartition(".")
            if f"{own}." in names:
                found.append((names[f"{own}."] + part, tensor))
            elif not name.startswith(others):
                found.append((name.removeprefix("backbone."), tensor))
        return found

    def _built_of_tensors(self) -> "MoteModel":
        from mote_demo.model.modeling import MoteModel

        model = MoteModel(self.config)
        tensors = {name: tensor.float() for name, tensor in self.tensors.items()}
        # Older checkpoints hold more than is read, such as the numbers of the positions.
        missing = model.load_state_dict(tensors, strict=False).missing_keys
        if missing:
            raise UserError(f"The model lacks {len(missing)} tensors, such as {missing[0]}. Please get it again.")
        return model.eval()


def _files(folder: Path) -> list[Path]:
    # Where both are, transformers reads the whole file too.
    if (folder / WHOLE).is_file() or not (folder / INDEX).is_file():
        return [folder / WHOLE]
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    return [folder / name for name in sorted(set(index["weight_map"].values()))]


def _tensors(file: Path) -> list[tuple[str, Tensor]]:
    with safe_open(file, framework="pt") as opened:
        return [(name, opened.get_tensor(name)) for name in opened.keys()]  # noqa: SIM118 - not a mapping


def _either(one: Tensor | None, tensor: Tensor) -> Tensor:
    return one if one is not None and one.dtype == tensor.dtype and torch.equal(one, tensor) else tensor
