"""What a MoTE checkpoint says about itself."""

import copy
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from torch import nn
from transformers import AutoConfig, PretrainedConfig

from mote_demo.errors import UserError, unknown_choice
from mote_demo.model.backbones import POOLINGS, positions
from mote_demo.tasks import TASKS, Route

CODE = {"AutoConfig": "configuration_mote.MoteConfig", "AutoModel": "modeling_mote.MoteModel"}
"""Where ``transformers`` finds the classes in a checkpoint that travels without this package; it never changes."""
AVERAGE = "average"
"""What a route names as its expert to run the mean of all experts (WAVE); no expert has this name."""
_FEWEST_TOKENS = 3  # two special ones, and one of the text
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")


class MoteConfig(PretrainedConfig):
    """Hold the backbone's config, the blocks that carry experts, and the routes.

    A dense model, such as the instruction-conditioned baseline, is a config whose
    ``expert_layers`` is empty: its routes differ by their instruction alone.

    Args:
        backbone_config: config of the encoder, or its dictionary.
        expert_layers: indices (from 0) of the blocks whose MLP is one expert per task.
        routes: route name to ``Route`` or to its dictionary, or a list of dictionaries that have a
            name too; the order is kept.
        pooling: "mean" over the tokens (instruction included), "cls" for the first or "last" for the last one.
        max_tokens: most tokens of a text, with instruction and special tokens: 3 or more, and no more than the
            backbone has positions for.
        limits: fewer tokens than ``max_tokens``, by route.
    """

    model_type = "mote"

    def __init__(
        self,
        backbone_config: PretrainedConfig | dict[str, Any] | None = None,
        expert_layers: Iterable[int] = (),
        routes: Mapping[str, Route | dict[str, str]] | Collection[dict[str, str]] | None = None,
        pooling: str = "mean",
        max_tokens: int = 256,
        limits: Mapping[str, int] | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(backbone_config, dict):
            values = dict(backbone_config)
            if "model_type" not in values:
                raise UserError("The backbone_config has no model_type, such as 'bert'.")
            backbone_config = AutoConfig.for_model(values.pop("model_type"), **values)
        self.backbone_config: Any = backbone_config
        self.expert_layers = sorted(set(expert_layers))
        self.routes = {name: _as_dict(name, route) for name, route in _named(routes or {})}
        self.pooling = pooling
        self.max_tokens = max_tokens
        self.limits = dict(limits or {})
        super().__init__(**kwargs)
        if backbone_config is not None:  # transformers also builds an empty config, to compare against
            self._check()

    def _check(self) -> None:
        depth = self.backbone_config.num_hidden_layers
        outside = [layer for layer in self.expert_layers if not 0 <= layer < depth]
        if outside:
            raise UserError(f"Blocks {outside} cannot carry experts: the backbone has blocks 0 to {depth - 1}.")
        if self.pooling not in POOLINGS:
            raise unknown_choice("pooling", self.pooling, POOLINGS)
        self.check_tokens(self.max_tokens)
        for name, most in self.limits.items():
            self.resolve(name)
            self.check_tokens(most)
        for name, route in self.routes.items():
            check_name("route", name)
            check_name("expert", route["expert"])

    def check_tokens(self, number: int) -> None:
        """Refuse a largest number of tokens that leaves no room for a text, or that the backbone cannot count."""
        most = positions(self.backbone_config) or number
        if not _FEWEST_TOKENS <= number <= most:
            raise UserError(
                f"The most tokens of a text, max_tokens, cannot be {number}: it must be at least "
                f"{_FEWEST_TOKENS}, and the backbone has {most} positions."
            )

    def most_tokens(self, route: str) -> int:
        """Return the most tokens of a text on a route."""
        return min(self.max_tokens, self.limits.get(route, self.max_tokens))

    def to_dict(self) -> dict[str, Any]:
        """Return the config as plain data; the routes are a list, since ``config.json`` sorts its keys."""
        values = super().to_dict()
        backbone = values["backbone_config"]
        if isinstance(backbone, dict):
            # Where the backbone once lay on somebody's disk says nothing to anyone else.
            backbone.pop("_name_or_path", None)
        if not self.limits:
            values.pop("limits", None)
        routes = [{"name": name, **route} for name, route in self.routes.items()]
        return values | {"routes": routes, "auto_map": dict(CODE)}

    @property
    def hidden_size(self) -> int:
        """Return the width of the vectors."""
        return self.backbone_config.hidden_size

    @property
    def experts(self) -> tuple[str, ...]:
        """Return the names of the experts, each once, in the order of the routes."""
        return tuple(dict.fromkeys(route["expert"] for route in self.routes.values()))

    def resolve(self, name: str | None) -> str:
        """Return the route called ``name``, which may also name a task that has one route.

        There is no default: a missing or unknown name is a ``UserError`` that lists the routes.
        """
        if name is not None and name in self.routes:
            return name
        if name is not None and name in TASKS:
            routes = TASKS[name].routes
            if len(routes) == 1 and routes[0] in self.routes:
                return routes[0]
        raise unknown_choice("route", name, self.routes)

    def route(self, name: str | None) -> Route:
        """Return the route called ``name`` (see ``resolve``)."""
        return Route(**self.routes[self.resolve(name)])

    def with_route(self, name: str, route: Route) -> "MoteConfig":
        """Return a config with one more route; names that ``check_new`` refuses are a ``UserError``."""
        self.check_new(name, route.expert)
        twin = copy.deepcopy(self)
        twin.routes[name] = _as_dict(name, route)
        return twin

    def with_experts(self, experts: Mapping[str, str]) -> "MoteConfig":
        """Return a config whose routes name other experts, by route, or ``AVERAGE``.

        Raises:
            UserError: a route or an expert is unknown, or the model has no experts.
        """
        if not self.expert_layers:
            raise UserError("A dense model has no experts to choose from. Leave the expert out, or use a MoTE model.")
        twin = copy.deepcopy(self)
        for route, expert in experts.items():
            if expert != AVERAGE and expert not in self.experts:
                raise unknown_choice("expert", expert, [*self.experts, AVERAGE])
            twin.routes[self.resolve(route)]["expert"] = expert
        return twin

    def check_new(self, name: str, expert: str) -> None:
        """Refuse a new route, or its expert, by a name that is taken or not usable."""
        if name in self.routes:
            raise UserError(f"There is a route {name!r} already. Please choose another name.")
        if expert in self.experts:
            raise UserError(f"There is an expert {expert!r} already. Please choose another name.")
        if name in TASKS:  # ``resolve`` takes it for the task's own route
            raise UserError(f"{name!r} is the name of a task. Please choose another name.")
        if expert == AVERAGE:
            raise UserError(f"{expert!r} stands for the mean of all experts. Please choose another name.")
        check_name("route", name)
        check_name("expert", expert)


def check_name(kind: str, name: str) -> None:
    """Refuse a name of a "route" or an "expert" that cannot be part of a tensor's name, or that modules use."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"The {kind} name {name!r} is not usable: start with a small letter, then small letters, "
            "digits, '-' or '_', at most 48 in all."
        )
    if kind == "expert" and is_reserved(name):
        raise UserError(f"The expert name {name!r} is reserved. Please choose another one.")


def is_reserved(name: str) -> bool:
    """Tell whether no expert can have this name, because every module has an attribute of it: type, half, train."""
    return hasattr(nn.Module(), name)


def _named(
    routes: Mapping[str, Route | dict[str, str]] | Collection[dict[str, str]],
) -> Iterable[tuple[str, Route | dict[str, str]]]:
    if isinstance(routes, Mapping):
        return routes.items()
    nameless = sum("name" not in route for route in routes)
    if nameless:
        raise UserError(f"{nameless} of the routes have no name. Please give each its name, expert and instruction.")
    return [(route["name"], {key: value for key, value in route.items() if key != "name"}) for route in routes]


def _as_dict(name: str, route: Route | dict[str, str]) -> dict[str, str]:
    if isinstance(route, Route):
        return asdict(route)
    if set(route) != {field.name for field in fields(Route)}:
        raise UserError(f"The route {name!r} needs an expert and an instruction, not {', '.join(route) or 'nothing'}.")
    return dict(route)


AutoConfig.register(MoteConfig.model_type, MoteConfig)
