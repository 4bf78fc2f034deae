"""Make a MoTE model out of a dense one."""

from collections.abc import Iterable, Mapping

from transformers import AutoModel, PreTrainedModel

from mote_demo.model.backbones import find_backbone, positions
from mote_demo.model.configuration import MoteConfig
from mote_demo.model.modeling import MoteModel
from mote_demo.tasks import Route


def every_other(depth: int) -> list[int]:
    """Return the blocks that carry experts by default: every other one, the last included."""
    return list(range(depth - 1, -1, -2))[::-1]


def upcycle(
    backbone: PreTrainedModel | str,
    routes: Mapping[str, Route],
    *,
    expert_layers: Iterable[int] | None = None,
    pooling: str = "mean",
    max_tokens: int = 256,
) -> MoteModel:
    """Copy a dense encoder into a MoTE model whose experts all start as the dense MLP.

    Untrained, every route gives the backbone's own vectors (sparse upcycling, one expert a task).

    Args:
        backbone: a dense encoder, or the path or Hub name of one.
        routes: the routes the model gets.
        expert_layers: blocks (from 0) that carry experts; None is every other one, the last
            included, and an empty list makes a dense model with routes (the baseline).
        pooling: one of ``POOLINGS``.
        max_tokens: most tokens of a text, or fewer where the backbone has fewer positions.
    """
    if isinstance(backbone, str):
        backbone = AutoModel.from_pretrained(backbone)
    if expert_layers is None:
        expert_layers = every_other(backbone.config.num_hidden_layers)
    config = MoteConfig(
        backbone.config.to_dict() | {"model_type": backbone.config.model_type, "dtype": "float32", "use_cache": False},
        expert_layers,
        routes,
        pooling=pooling,
        max_tokens=min(max_tokens, positions(backbone.config) or max_tokens),
    )
    spec = find_backbone(config.backbone_config.model_type)
    model = MoteModel(config)
    dense = backbone.state_dict()
    for path in model.expert_paths:
        for expert in config.experts:
            module = model.backbone.get_submodule(path)[expert]
            module.load_state_dict(backbone.get_submodule(path).state_dict())
        for key in [key for key in dense if key.startswith(path + ".")]:
            del dense[key]
    wanted = {name for name, _ in model.backbone.named_parameters()}
    model.backbone.load_state_dict({key: value for key, value in dense.items() if key in wanted}, strict=False)
    _check_complete(wanted, dense, model, spec.blocks)
    return model.eval()


def _check_complete(wanted: set[str], dense: Mapping[str, object], model: MoteModel, blocks: str) -> None:
    experts = tuple(path + "." for path in model.expert_paths)
    missing = sorted(name for name in wanted if name not in dense and not name.startswith(experts))
    if missing:
        raise ValueError(f"The backbone has no weights for {missing[:3]} (blocks at {blocks!r}).")
