"""The model of an arm: untrained, from the backbone or the arm that it starts from, and what it keeps of a training."""

import re
from dataclasses import replace
from pathlib import Path

from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from mote_demo.errors import UserError
from mote_demo.model import MoteModel, upcycle
from mote_demo.model.backbones import backbone_path, find_backbone
from mote_demo.model.checkpoint import load_model, local_folder
from mote_demo.model.experts import expert_paths
from mote_demo.model.merging import part_way
from mote_demo.model.sentence_files import SentenceFiles
from mote_demo.tasks import ROUTES, Route
from mote_demo.training.recipe import Recipe


def build_arm(recipe: Recipe, name: str, start: Path | None = None) -> tuple[MoteModel, PreTrainedTokenizerBase]:
    """Upcycle the backbone into the untrained model of the arm ``name``, with its frozen weights frozen.

    ``start`` is the checkpoint of the arm that it starts from; None starts from the backbone.
    """
    arm = recipe.arms[name]
    backbone, files = _load_backbone(recipe)
    tokenizer = AutoTokenizer.from_pretrained(backbone.name_or_path)
    if start is not None:
        backbone = load_model(start).backbone
    for key, value in backbone.config.to_dict().items():
        if "dropout" in key and isinstance(value, float):
            setattr(backbone.config, key, recipe.dropout)
    routes = {
        key: Route(arm.experts.get(key, route.expert), route.instruction * arm.instructions)
        for key, route in ROUTES.items()
    }
    model = upcycle(
        backbone, routes, expert_layers=arm.expert_layers, pooling=files.pooling, max_tokens=files.max_tokens
    )
    experts = re.compile(expert_pattern(recipe, name, model))
    for key, parameter in model.named_parameters():
        rate = recipe.expert_rate(name) if experts.search(key) else recipe.learning_rate
        parameter.requires_grad_(rate > 0 and not any(part in key for part in recipe.frozen))
    return model, tokenizer


def expert_pattern(recipe: Recipe, arm: str, model: MoteModel) -> str:
    """Return a regular expression for the names of the parameters that learn at the expert rate."""
    spec = find_backbone(model.config.backbone_config.model_type)
    paths = expert_paths(spec.blocks, spec.mlp, recipe.trained_layers(arm))
    return rf"\.({'|'.join(map(re.escape, paths))})\."


def pull_back(recipe: Recipe, arm: str, model: MoteModel) -> MoteModel:
    """Return the trained model with its MLPs moved back towards the backbone's, as far as ``Arm.keep`` says."""
    shares = recipe.arms[arm].keep
    if not shares:
        return model
    trained = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    start, _ = build_arm(replace(recipe, arms={arm: replace(recipe.arms[arm], expert_layers=())}), arm)
    kept = part_way(model, start, shares, recipe.trained_layers(arm))
    for name, parameter in kept.named_parameters():
        parameter.requires_grad_(trained[name])
    return kept


def _load_backbone(recipe: Recipe) -> tuple[PreTrainedModel, SentenceFiles]:
    folder = local_folder(backbone_path(recipe.backbone))
    try:
        return AutoModel.from_pretrained(folder), SentenceFiles.read(folder)
    except OSError as error:
        raise UserError(f"Cannot load the backbone {recipe.backbone!r}: {error}") from error
