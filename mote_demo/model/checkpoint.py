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
from mote_demo.files import write_json
from mote_demo.model.configuration import CODE, MoteConfig
from mote_demo.model.integrity import write_hashes
from mote_demo.model.remote_code import SENTENCE_MODULE, write_code
from mote_demo.model.tensor_model import INDEX, WHOLE
from mote_demo.tasks import MTEB_TASKS, TASKS

if TYPE_CHECKING:
    from mote_demo.model.modeling import MoteModel

# The names that loaders expect of two shards: a plain model.safetensors would be read alone.
_FROZEN, _TRAINED = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
_MODULES = [{"idx": 0, "name": "0", "path": "", "type": SENTENCE_MODULE}]
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
        write_tokenizer(tokenizer, temporary, model.config.max_tokens)
        _write_companions(model.config, temporary)
        for name, values in (extra or {}).items():
            write_json(temporary / name, values, indent=2)


def refresh(folder: str | Path) -> None:
    """Write all of a checkpoint folder anew that lies beside its weights: code, prompts, module names and hashes.

    The weights, the tokenizer and the model card stay as they are. A folder of experts gets their hashes alone.

    Raises:
        UserError: it is not a folder with a checkpoint that loads.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
        write_hashes(folder)
        return
    config = read_config(folder)
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_json(folder / "config.json", dict(sorted((values | {"auto_map": CODE}).items())), indent=2)
    _write_companions(config, folder)


def prompts_of(config: MoteConfig) -> dict[str, str]:
    """Return the prompts of a model: the instruction of each route by its name, and by the tasks' names in ``mteb``."""
    prompts = {name: route["instruction"] for name, route in config.routes.items()}
    for title, task in MTEB_TASKS.items():
        routes = TASKS[task].routes
        if len(routes) == 1 and routes[0] in prompts:
            prompts[title] = prompts[routes[0]]
    return prompts


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


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Load the tokenizer of a checkpoint folder, or of a Hub name; a missing or damaged one is a ``UserError``."""
    folder = local_folder(path)
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise UserError(f"{folder} has no tokenizer.json. Please point at a complete folder of an encoder.")
    try:
        tokenizer = Tokenizer.from_file(str(file))
    # The tokenizers package raises nothing more precise.
    except Exception as error:
        raise UserError(
            f"Cannot read {file}: {error}. Please get the checkpoint again, with its large files."
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


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


def frozen_names(folder: Path) -> list[str]:
    """Return the names of the tensors that a checkpoint folder holds in the shard of what training left alone."""
    index = folder / INDEX
    where = json.loads(index.read_text(encoding="utf-8"))["weight_map"] if index.is_file() else {}
    return [name for name, file in where.items() if file == _FROZEN]


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
    write_json(folder / INDEX, {"metadata": {"total_size": size}, "weight_map": where}, indent=2)


def write_tokenizer(tokenizer: Tokenizer, folder: Path, max_tokens: int) -> None:
    """Write a tokenizer as every version of transformers reads it; it pads and truncates only when it is asked to."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    special = {
        role: token for role, tokens in _SPECIAL.items() for token in tokens if tokenizer.token_to_id(token) is not None
    }
    values = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_tokens, **special}
    write_json(folder / "tokenizer_config.json", values, indent=2)


def _write_companions(config: MoteConfig, folder: Path) -> None:
    """Write what lies beside weights, config and tokenizer; the hashes come last, since they are of all others."""
    write_code(folder)
    write_json(folder / "modules.json", _MODULES, indent=2)
    about = {"model_type": "SentenceTransformer", "prompts": prompts_of(config), "similarity_fn_name": "cosine"}
    write_json(folder / "config_sentence_transformers.json", {**about, "mote_demo": __version__}, indent=2)
    write_hashes(folder)
