"""Make ordinary dense encoders out of a MoTE model."""

import copy
import tempfile
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoTokenizer

from mote_demo.errors import unknown_choice
from mote_demo.model.checkpoint import load_model, replacing_folder
from mote_demo.model.configuration import MoteConfig
from mote_demo.model.modeling import MoteModel
from mote_demo.tasks import Route

WAVE = "wave"


def fold(path: str | Path, route: str | None, out: str | Path) -> None:
    """Write one route of a checkpoint as a plain sentence-transformers model (see ``fold_model``)."""
    fold_model(load_model(path), path, route, out)


def fold_model(model: MoteModel, path: str | Path, route: str | None, out: str | Path) -> None:
    """Write one route of a model as a plain sentence-transformers model.

    It holds the trunk and that route's expert, puts the route's instruction before every text by
    default, and runs wherever dense encoders run, without this package.

    Args:
        model: the model; it stays as it is.
        path: the checkpoint that has its tokenizer.
        route: name of the route; a missing or unknown one is a ``UserError``.
        out: folder to write; a model that is there is replaced.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    name = model.config.resolve(route)
    with tempfile.TemporaryDirectory() as folder:
        copy.deepcopy(model.dense(name)).save_pretrained(folder)
        AutoTokenizer.from_pretrained(path).save_pretrained(folder)
        transformer = Transformer(folder, max_seq_length=model.config.max_tokens)
    _blank_pooler(transformer)
    folded = SentenceTransformer(
        modules=[transformer, Pooling(model.config.hidden_size, model.config.pooling), Normalize()],
        prompts={name: model.config.route(name).instruction},
        default_prompt_name=name,
    )
    with replacing_folder(out) as temporary:
        folded.save(str(temporary), create_model_card=False)


def _blank_pooler(module: torch.nn.Module) -> None:
    # Loading adds BERT's own pooler, which nothing here uses, with random weights: the file would differ every time.
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if ".pooler." in name:
                parameter.zero_()


def wave(model: MoteModel, experts: Iterable[str] | None = None) -> MoteModel:
    """Average experts into one that serves every route (WAVE), a dense model of the original size.

    Args:
        model: the model; it stays as it is.
        experts: names of the experts to average; None is all of them.
    """
    chosen = list(model.config.experts if experts is None else experts)
    for expert in chosen or [None]:
        if expert not in model.config.experts:
            raise unknown_choice("expert", expert, model.config.experts)
    routes = {name: Route(WAVE, route["instruction"]) for name, route in model.config.routes.items()}
    config = MoteConfig(
        model.config.backbone_config.to_dict(),
        model.config.expert_layers,
        routes,
        pooling=model.config.pooling,
        max_tokens=model.config.max_tokens,
    )
    averaged = MoteModel(config)
    shared = {name: tensor for name, tensor in model.state_dict().items() if name in averaged.state_dict()}
    averaged.load_state_dict(shared | _means(model, chosen))
    return averaged.eval()


def _means(model: MoteModel, experts: Iterable[str]) -> dict[str, Tensor]:
    means = {}
    for path in model.expert_paths:
        layers = [model.backbone.get_submodule(path)[expert].state_dict() for expert in experts]
        for name in layers[0]:
            means[f"backbone.{path}.{WAVE}.{name}"] = torch.stack([layer[name] for layer in layers]).mean(0)
    return means
