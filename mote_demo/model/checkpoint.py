"""Standalone checkpoints: fp16 safetensors, with the frozen tensors in a shard of their own; loading checks them."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoConfig

from mote_demo import __version__
from mote_demo.errors import UserError
from mote_demo.model.configuration import MoteConfig
from mote_demo.model.tensor_model import INDEX, WHOLE

if TYPE_CHECKING:
    from mote_demo.model.modeling import MoteModel

# The names that loaders expect of two shards: a plain model.safetensors would be read alone.
_FROZEN, _TRAINED = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
_MODULES = [{"idx": 0, "name": "0", "path": "", "type": "mote_demo.model.sentence.MoteTransformer"}]
_SENTENCE = {"model_type": "SentenceTransformer", "prompts": {}, "similarity_fn_name": "cosine"}
_SPECIAL = {
    "pad_token": ("[PAD]", "<pad>"),
    "unk_token": ("[UNK]", "<unk>"),
    "cls_token": ("[CLS]", "<s>"),
    "sep_token": ("[SEP]", "</s>"),
    "mask_token": ("[MASK]", "<mask>"),
}


def save_checkpoint(
    model: "MoteModel",
    tokenizer: Tokenizer,
    folder: str | Path,
    *,
    frozen: Iterable[str] = (),
    dtype: torch.dtype = torch.float16,
    extra: Mapping[str, object] | None = None,
) -> None:
    """Write a checkpoint that ``AutoModel``, ``SentenceTransformer`` and ``Encoder`` load.

    The tensors called ``frozen`` go to a shard of their own: models trained from one backbone then share that
    file byte for byte. Loaders upcast to float32. The folder appears complete or not at all.

    Args:
        model: the model; its own tensors are not changed.
        tokenizer: of the backbone.
        folder: where to write; an existing checkpoint is replaced.
        frozen: names, in the state dict, of the tensors that training left alone.
        dtype: of the tensors on disk.
        extra: further JSON files of the folder, by name.
    """
    with replacing_folder(folder) as temporary:
        _write_weights(model, temporary, set(frozen), dtype)
        model.config.architectures = ["MoteModel"]
        model.config.dtype = "float32"
        model.config.save_pretrained(temporary)
        _write_tokenizer(tokenizer, temporary, model.config.max_tokens)
        _write_json(temporary / "modules.json", _MODULES)
        _write_json(temporary / "config_sentence_transformers.json", {**_SENTENCE, "mote_demo": __version__})
        for name, values in (extra or {}).items():
            _write_json(temporary / name, values)


def read_config(path: str | Path) -> MoteConfig:
    """Read the config of a checkpoint folder, or of a Hub name where a network exists.

    One that is damaged, names no backbone or has no routes is a ``UserError``.
    """
    try:
        config = AutoConfig.from_pretrained(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"Cannot load the checkpoint {path}: {error}") from error
    if not isinstance(config, MoteConfig):
        raise UserError(f"{path} is not a MoTE checkpoint but a model of type {config.model_type!r}.")
    if config.backbone_config is None or not config.routes:
        lacking = "routes" if config.backbone_config is not None else "backbone_config"
        raise UserError(f"The config.json of {path} has no {lacking}. Please get the checkpoint again.")
    return config


def load_model(path: str | Path) -> "MoteModel":
    """Load the model of a checkpoint folder, or of a Hub name where a network exists, as float32.

    Whatever is missing or of another shape is a ``UserError`` that names it; nothing is initialised at random.
    """
    from mote_demo.model.modeling import MoteModel

    try:
        return MoteModel.from_pretrained(path, config=read_config(path), dtype=torch.float32)
    except UserError:
        raise
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"Cannot load the checkpoint {path}: {error}") from error


def local_folder(path: str | Path) -> Path:
    """Return the folder itself, or where the files of that name on the Hub were downloaded to."""
    if Path(path).is_dir():
        return Path(path)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(path), allow_patterns=["*.json", "*.safetensors"]))
    # Below are an HTTP client and a cache, each with errors of many types.
    except Exception as error:
        raise UserError(f"{path} is no folder, and cannot be read from the Hub ({type(error).__name__}).") from error


@contextmanager
def replacing_folder(folder: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside ``folder``; it takes the place of ``folder`` when the block succeeds.

    After an exception the old folder is as it was. A folder that holds no model is a ``UserError``.
    """
    folder = Path(folder)
    holds_no_model = folder.is_dir() and any(folder.iterdir()) and not (folder / "config.json").is_file()
    if holds_no_model or folder.is_file():
        raise UserError(f"{folder} exists and is not a model. Please choose another folder to write to.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as aside:
        new, old = Path(aside) / "new", Path(aside) / "old"
        new.mkdir()
        yield new
        for path in new.rglob("*"):  # safetensors writes files that their owner alone can read
            path.chmod(0o755 if path.is_dir() else 0o644)
        if folder.exists():
            os.replace(folder, old)
        try:
            os.replace(new, folder)
        except OSError:
            if old.exists():
                os.replace(old, folder)
            raise


def _write_weights(model: "MoteModel", folder: Path, frozen: set[str], dtype: torch.dtype) -> None:
    tensors = {name: tensor.detach().to(dtype).contiguous() for name, tensor in model.state_dict().items()}
    still = {name: tensor for name, tensor in tensors.items() if name in frozen}
    if not still:
        save_file(tensors, folder / WHOLE, metadata={"format": "pt"})
        return
    trained = {name: tensor for name, tensor in tensors.items() if name not in still}
    for file, part in ((_FROZEN, still), (_TRAINED, trained)):
        save_file(part, folder / file, metadata={"format": "pt"})
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    where = {name: _FROZEN if name in still else _TRAINED for name in tensors}
    _write_json(folder / INDEX, {"metadata": {"total_size": size}, "weight_map": where})


def _write_tokenizer(tokenizer: Tokenizer, folder: Path, max_tokens: int) -> None:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    special = {
        role: token for role, tokens in _SPECIAL.items() for token in tokens if tokenizer.token_to_id(token) is not None
    }
    _write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_tokens, **special},
    )


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
