"""Make ordinary dense encoders out of a MoTE model."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoModel

from mote_demo.errors import UserError, unknown_choice
from mote_demo.files import write_json
from mote_demo.model.checkpoint import load_model, load_tokenizer, replacing_folder, write_tokenizer
from mote_demo.model.configuration import MoteConfig
from mote_demo.model.modeling import MoteModel
from mote_demo.model.network import Network
from mote_demo.model.tensor_model import WHOLE
from mote_demo.tasks import Route

WAVE = "wave"

# Files, names and keys are the oldest that every version reads.
_LIBRARY = "sentence_transformers.models"
_PARTS = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
_POOLING_KEYS = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "last": "pooling_mode_lasttoken"}
_PROBES = ("a word", "", " two  spaces", "Don't!", "3.5 %", "## [x]", "naïve Ünïcode", "日本語", "👍 ok", "\n\tline")
"""Texts before which an instruction must become the same tokens in the tokenizer as it does in the text."""

_FIRST: dict[str, Any] = {"Sequence": {"id": "A", "type_id": 0}}
_SECOND: dict[str, Any] = {"Sequence": {"id": "B", "type_id": 1}}


def fold(path: str | Path, route: str | None, out: str | Path) -> None:
    """Write one route of a checkpoint as a plain sentence-transformers model (see ``fold_model``)."""
    fold_model(load_model(path), load_tokenizer(path), route, out)


def fold_model(model: Network, tokenizer: Tokenizer, route: str | None, out: str | Path) -> None:
    """Write one route of a model as a plain sentence-transformers model in half precision.

    It holds the trunk and that route's expert, and runs wherever dense encoders run, without this package. Its
    tokenizer puts the route's instruction before every text: no caller can leave it out, or put it twice by a prompt.
    A tokenizer that cannot do so leaves that to the default prompt.

    Args:
        model: the model; it stays as it is.
        tokenizer: of its backbone; it stays as it is.
        route: name of the route; a missing or unknown one is a ``UserError``.
        out: folder to write; a model that is there is replaced.
    """
    name = model.config.resolve(route)
    with replacing_folder(out) as folder:
        prompts = _write_dense(model, tokenizer, name, folder)
        modules = [
            {"idx": number, "name": str(number), "path": part, "type": f"{_LIBRARY}.{kind}"}
            for number, (kind, part) in enumerate(_PARTS.items())
        ]
        write_json(folder / "modules.json", modules, indent=2)
        _write_pooling(model.config, folder / _PARTS["Pooling"])
        _write_about(folder, prompts, name)


def fold_router(model: Network, tokenizer: Tokenizer, out: str | Path) -> None:
    """Write all routes of a model as one plain sentence-transformers model, whose ``Router`` needs a task.

    Each route is a dense encoder of its own, as ``fold_model`` writes it. So the folder is as large as all of them.

    Args:
        model: the model; it stays as it is.
        tokenizer: of its backbone; it stays as it is.
        out: folder to write; a model that is there is replaced.

    Raises:
        UserError: the tokenizer cannot hold the instruction of a route, which a prompt of the folder could not save.
    """
    with replacing_folder(out) as folder:
        types: dict[str, str] = {}
        structure: dict[str, list[str]] = {}
        for route in model.config.routes:
            names = {kind: f"{route}_{number}_{kind}" for number, kind in enumerate(_PARTS)}
            if _write_dense(model, tokenizer, route, folder / names["Transformer"]):
                raise UserError(f"The tokenizer cannot hold the instruction of the route {route!r}. Fold it by itself.")
            _write_pooling(model.config, folder / names["Pooling"])
            structure[route] = list(names.values())
            types |= {name: f"{_LIBRARY}.{kind}" for kind, name in names.items()}
        parameters = {"default_route": None, "allow_empty_key": False}
        router = {"types": types, "structure": structure, "parameters": parameters}
        write_json(folder / "router_config.json", router, indent=2)
        write_json(folder / "config.json", {"model_type": "router"}, indent=2)
        write_json(
            folder / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": f"{_LIBRARY}.Router"}], indent=2
        )
        _write_about(folder, {}, None)


def _piece(token: str, type_id: int = 0) -> dict[str, dict[str, object]]:
    return {"SpecialToken": {"id": token, "type_id": type_id}}


def with_instruction(tokenizer: Tokenizer, instruction: str) -> Tokenizer | None:
    """Return a tokenizer that puts the tokens of an instruction before those of every text.

    Args:
        tokenizer: stays as it is.
        instruction: as it would stand before a text.

    Returns:
        None where the tokens would not be those of the instruction and the text in one, as where the first word of
        the text would be another after a space.
    """
    if not instruction:
        return Tokenizer.from_str(tokenizer.to_str())
    told = tokenizer.encode(instruction, add_special_tokens=False)
    text = tokenizer.encode("a")
    first = text.special_tokens_mask.index(0)
    last = len(text.ids) - text.special_tokens_mask[::-1].index(0)
    before, after = [*text.tokens[:first], *told.tokens], text.tokens[last:]
    single = [*map(_piece, before), _FIRST, *map(_piece, after)]
    # Each token under its own name: transformers.js looks the names up among the tokens.
    ids = dict(zip([*before, *after], [*text.ids[:first], *told.ids, *text.ids[last:]], strict=True))
    processor = {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, _SECOND, *(_piece(token, 1) for token in after)],
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]} for token, number in ids.items()},
    }
    baked = Tokenizer.from_str(json.dumps({**json.loads(tokenizer.to_str()), "post_processor": processor}))
    same = all(baked.encode(text).ids == tokenizer.encode(instruction + text).ids for text in _PROBES)
    return baked if same else None


def _write_dense(model: Network, tokenizer: Tokenizer, route: str, folder: Path) -> dict[str, str]:
    """Write the encoder of a route and its tokenizer; return the prompts that it needs, none as a rule."""
    folder.mkdir(exist_ok=True)
    backbone, most = model.config.backbone_config, model.config.most_tokens(route)
    with torch.device("meta"):
        whole = AutoModel.from_config(backbone)
    # What the library builds around the encoder and nothing reads, such as BERT's own pooler, is zero.
    own = model.dense_tensors(route)
    lacking = [name for name in whole.state_dict() if name not in own and not name.startswith("pooler.")]
    if lacking:
        raise UserError(f"The route {route!r} has no {lacking[0]}. Please get the checkpoint again.")
    tensors = {
        name: own.get(name, torch.zeros(tensor.shape)).detach().cpu().half().contiguous()
        for name, tensor in whole.state_dict().items()
    }
    save_file(tensors, folder / WHOLE, metadata={"format": "pt"})
    config: dict[str, Any] = backbone.to_dict()
    for key in ("_name_or_path", "transformers_version"):
        config.pop(key, None)
    about = {"architectures": [type(whole).__name__], "model_type": backbone.model_type, "dtype": "float32"}
    write_json(folder / "config.json", config | about, indent=2)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": most, "do_lower_case": False}, indent=2)
    instruction = model.config.route(route).instruction
    baked = with_instruction(tokenizer, instruction)
    write_tokenizer(baked or tokenizer, folder, most)
    # Whatever side a caller says it is for, it is this route's.
    return {} if baked else dict.fromkeys((route, "query", "document"), instruction)


def _write_pooling(config: MoteConfig, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    modes = {key: mode == config.pooling for mode, key in _POOLING_KEYS.items()}
    values = {"word_embedding_dimension": config.hidden_size, **modes, "include_prompt": True}
    write_json(folder / "config.json", values, indent=2)


def _write_about(folder: Path, prompts: Mapping[str, str], default: str | None) -> None:
    values = {"prompts": prompts, "default_prompt_name": default if prompts else None, "similarity_fn_name": "cosine"}
    write_json(folder / "config_sentence_transformers.json", values, indent=2)


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
        limits=model.config.limits,
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
