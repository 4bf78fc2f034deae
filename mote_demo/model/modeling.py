"""The Mixture of Task Experts encoder."""

import copy
import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.utils import cached_file

from mote_demo.errors import UserError
from mote_demo.model.backbones import find_backbone
from mote_demo.model.configuration import AVERAGE, MoteConfig
from mote_demo.model.experts import TaskExperts, expert_paths, replace_modules
from mote_demo.model.integrity import INTEGRITY, check_hashes
from mote_demo.model.pooling import pool
from mote_demo.tasks import Route


class MoteModel(PreTrainedModel):
    """Encode texts with the expert of their task (MoTE, Romero Calvo et al., Findings of ACL 2025).

    In the blocks ``config.expert_layers`` the MLP is one MLP per task expert; everything else is
    shared by all tasks. Because the route is known before the forward pass, ``dense(route)`` is an
    ordinary encoder that shares its tensors with this model, and ``forward`` runs that view. So no
    state is kept between calls, and threads may use different routes at once. Importing this file lets
    ``AutoModel`` load MoTE checkpoints.
    """

    config_class = MoteConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _supports_sdpa = True
    _supports_flash_attn = True
    supports_gradient_checkpointing = True

    def __init__(self, config: MoteConfig) -> None:
        # None and "sdpa" leave the choice to the backbone: not each one has that kernel.
        asked = config._attn_implementation
        super().__init__(config)
        self._views: dict[str, PreTrainedModel] = {}
        spec = find_backbone(config.backbone_config.model_type)
        self.backbone = AutoModel.from_config(
            config.backbone_config,
            dtype=torch.get_default_dtype(),
            attn_implementation=None if asked == "sdpa" else asked,
            **spec.init,
        )
        for path in self.expert_paths:
            dense = self.backbone.get_submodule(path)
            copies = {expert: copy.deepcopy(dense) for expert in config.experts}
            self.backbone.set_submodule(path, TaskExperts(copies))
        self.post_init()

    @classmethod
    def from_pretrained(cls, *args: Any, output_loading_info: bool = False, **kwargs: Any) -> Any:
        """Load as ``PreTrainedModel`` does, but refuse a checkpoint that lacks tensors or is damaged."""
        model, found = super().from_pretrained(*args, output_loading_info=True, **kwargs)
        missing = sorted(found["missing_keys"])
        if missing:
            raise UserError(f"{args[0]} lacks {len(missing)} tensors, such as {missing[0]}. Please get it again.")
        check_hashes_of(*args[:1], **kwargs)
        return (model, found) if output_loading_info else model

    def _set_gradient_checkpointing(self, *args: Any, **kwargs: Any) -> None:
        super()._set_gradient_checkpointing(*args, **kwargs)
        self._views.clear()  # made anew, they have what was set

    @property
    def expert_paths(self) -> list[str]:
        """Return the dotted paths, inside the backbone, of the layers that have one copy per expert."""
        return self.paths_of(self.config.expert_layers)

    def paths_of(self, blocks: Iterable[int]) -> list[str]:
        """Return those of ``expert_paths`` that lie in some blocks (from 0)."""
        spec = find_backbone(self.config.backbone_config.model_type)
        return expert_paths(spec.blocks, spec.mlp, blocks)

    def get_input_embeddings(self) -> nn.Module:
        """Return the word embeddings."""
        return self.backbone.get_input_embeddings()

    def _init_weights(self, module: nn.Module) -> None:
        self.backbone._init_weights(module)

    def dense(self, route: str | None) -> PreTrainedModel:
        """Return the route as an ordinary dense encoder that shares its tensors with this model."""
        name = self.config.resolve(route)
        if name not in self._views:
            expert = self.config.routes[name]["expert"]
            chosen = {path: self.backbone.get_submodule(path)[expert] for path in self.expert_paths}
            self._views[name] = replace_modules(self.backbone, chosen).train(self.training)
        return self._views[name]

    def dense_tensors(self, route: str | None) -> dict[str, Tensor]:
        """Return the tensors of ``dense(route)``, by their names in it: those held, not copies."""
        return self.dense(route).state_dict(keep_vars=True)

    def for_inference(self) -> "MoteModel":
        """Return this model, switched to evaluation and to float32."""
        return self.eval().float()

    def as_module(self) -> "MoteModel":
        """Return this model, which is a module."""
        return self

    def train(self, mode: bool = True) -> "MoteModel":
        """Switch to training or evaluation, the dense views included."""
        super().train(mode)
        for view in self._views.values():
            view.train(mode)
        return self

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, route: str | None = None, **kwargs: Any
    ) -> BaseModelOutputWithPooling:
        """Encode one batch of token ids, all of one route.

        Args:
            input_ids: int64, [batch, tokens], instruction included.
            attention_mask: int64, [batch, tokens], 0 where padded.
            route: name of the route for the whole batch; missing or unknown is a ``UserError``.
            **kwargs: what else the backbone takes.

        Returns:
            ``last_hidden_state`` [batch, tokens, hidden] and ``pooler_output``, the vectors of the
            texts at unit length [batch, hidden].
        """
        hidden = self.dense(route)(input_ids=input_ids, attention_mask=attention_mask, **kwargs).last_hidden_state
        return BaseModelOutputWithPooling(
            last_hidden_state=hidden, pooler_output=pool(hidden, attention_mask, self.config.pooling)
        )

    def expert_parameters(self, expert: str) -> dict[str, nn.Parameter]:
        """Return the parameters of one expert, by their name in the state dict."""
        if expert not in self.config.experts:
            raise UserError(f"No expert {expert!r}; there are {', '.join(self.config.experts)}.")
        return {
            f"backbone.{path}.{expert}.{name}": parameter
            for path in self.expert_paths
            for name, parameter in self.backbone.get_submodule(path)[expert].named_parameters()
        }

    def with_route(self, name: str, route: Route, experts: dict[str, nn.Module]) -> "MoteModel":
        """Return a model with one more route and its expert; every other tensor is shared.

        ``experts`` holds, by the paths of ``expert_paths``, the new expert's layers. This model
        stays as it is, so visitors can each have routes of their own over one loaded model.
        """
        twin = self._twin()
        twin.config = self.config.with_route(name, route)
        grown = {
            path: TaskExperts({**self.backbone.get_submodule(path)._modules, route.expert: experts[path]})
            for path in self.expert_paths
        }
        twin.backbone = replace_modules(self.backbone, grown)
        return twin

    def with_layers(self, layers: Mapping[str, nn.Module]) -> "MoteModel":
        """Return a model without experts that has other layers, by their paths in the backbone, on all of its routes.

        Every other tensor is shared, and this model stays as it is.
        """
        if self.config.expert_layers:
            raise UserError("Layers of all routes can be replaced in a model without task experts only.")
        twin = self._twin()
        twin.backbone = replace_modules(self.backbone, layers)
        return twin

    def with_experts(self, experts: Mapping[str, str]) -> "MoteModel":
        """Return a model whose routes run other experts, by route, or their mean; every other tensor is shared."""
        twin = self._twin()
        twin.config = self.config.with_experts(experts)
        if AVERAGE in experts.values():
            twin.backbone = replace_modules(
                self.backbone, {path: _with_mean(self.backbone.get_submodule(path)) for path in self.expert_paths}
            )
        return twin

    def _twin(self) -> "MoteModel":
        """Return a model with a config of its own over the same tensors."""
        twin = copy.copy(self)
        twin._modules = dict(self._modules)
        twin._views = {}
        twin.config = copy.deepcopy(self.config)
        return twin

    def count_parameters(self) -> dict[str, int]:
        """Count the parameters stored, and those active for a text of any one route."""
        view = self.dense(next(iter(self.config.routes)))
        return {
            kind: sum(parameter.numel() for parameter in module.parameters())
            for kind, module in (("stored", self), ("active", view))
        }


def check_hashes_of(path: str | os.PathLike[str] | None = None, **kwargs: Any) -> None:
    """Check the files (see ``check_hashes``) of a folder, or those that came from the Hub with these options."""
    hub = {key: kwargs[key] for key in ("cache_dir", "token", "revision", "local_files_only") if key in kwargs}
    quiet = {f"_raise_exceptions_for_{what}": False for what in ("missing_entries", "gated_repo", "connection_errors")}
    found = path and cached_file(path, INTEGRITY, subfolder=kwargs.get("subfolder", ""), **hub, **quiet)
    if found:
        check_hashes(os.path.dirname(found))


def _with_mean(experts: nn.Module) -> TaskExperts:
    copies = dict(experts.named_children())
    mean = copy.deepcopy(next(iter(copies.values())))
    with torch.no_grad():
        for name, parameter in mean.named_parameters():
            parameter.copy_(torch.stack([one.get_parameter(name) for one in copies.values()]).mean(0))
    return TaskExperts({**copies, AVERAGE: mean})


AutoModel.register(MoteConfig, MoteModel)
