"""Standalone checkpoints: fp16 safetensors, with the frozen tensors in a shard of their own."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from mote_demo import __version__
from mote_demo.model.modeling import MoteModel

# The names that loaders expect of two shards: a plain model.safetensors would be read alone.
_FROZEN, _TRAINED = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
_WHOLE = "model.safetensors"
_MODULES = [{"idx": 0, "name": "0", "path": "", "type": "mote_demo.model.sentence.MoteTransformer"}]


def save_checkpoint(
    model: MoteModel,
    tokenizer: Tokenizer,
    folder: str | Path,
    *,
    frozen: Iterable[str] = (),
    dtype: torch.dtype = torch.float16,
    extra: Mapping[str, object] | None = None,
) -> None:
    """Write a checkpoint that ``AutoModel``, ``SentenceTransformer`` and ``Encoder`` load.

    Tensors whose name contains one of ``frozen`` go to a shard of their own: models trained from one
    backbone then share that file byte for byte. Loaders upcast to float32. The folder appears
    complete or not at all.

    Args:
        model: the model; its own tensors are not changed.
        tokenizer: of the backbone.
        folder: where to write; an existing checkpoint is replaced.
        frozen: parts of names of tensors that training left alone.
        dtype: of the tensors on disk.
        extra: further JSON files of the folder, by name.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_weights(model, temporary, tuple(frozen), dtype)
        model.config.architectures = ["MoteModel"]
        model.config.dtype = "float32"
        model.config.save_pretrained(temporary)
        _write_tokenizer(tokenizer, temporary, model.config.max_tokens)
        _write_json(temporary / "modules.json", _MODULES)
        _write_json(
            temporary / "config_sentence_transformers.json",
            {
                "model_type": "SentenceTransformer",
                "prompts": {},
                "similarity_fn_name": "cosine",
                "mote_demo": __version__,
            },
        )
        for name, values in (extra or {}).items():
            _write_json(temporary / name, values)
        for path in (temporary, *temporary.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_weights(model: MoteModel, folder: Path, frozen: tuple[str, ...], dtype: torch.dtype) -> None:
    tensors = {name: tensor.detach().to(dtype).contiguous() for name, tensor in model.state_dict().items()}
    still = {name: tensor for name, tensor in tensors.items() if any(part in name for part in frozen)}
    if not still:
        save_file(tensors, folder / _WHOLE, metadata={"format": "pt"})
        return
    trained = {name: tensor for name, tensor in tensors.items() if name not in still}
    for file, part in ((_FROZEN, still), (_TRAINED, trained)):
        save_file(part, folder / file, metadata={"format": "pt"})
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    where = {name: _FROZEN if name in still else _TRAINED for name in tensors}
    _write_json(folder / f"{_WHOLE}.index.json", {"metadata": {"total_size": size}, "weight_map": where})


def _write_tokenizer(tokenizer: Tokenizer, folder: Path, max_tokens: int) -> None:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    _write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_tokens, **special},
    )


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
