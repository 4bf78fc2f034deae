"""A route as a file for other runtimes: ONNX, ONNX in 8-bit integers, OpenVINO."""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn
from transformers import AutoModel

from mote_demo.errors import UserError, unknown_choice
from mote_demo.files import write_json
from mote_demo.model.checkpoint import replacing_folder
from mote_demo.model.folding import fold

INPUTS, OUTPUT = ("input_ids", "attention_mask"), "last_hidden_state"
_OPSET = 17


class Hidden(nn.Module):
    """A dense encoder with positional tensors in and one tensor out, for exporters."""

    def __init__(self, view: nn.Module) -> None:
        super().__init__()
        self.view = view

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the vectors of the tokens: [texts, tokens, d] of ids and mask [texts, tokens]."""
        return self.view(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def write_onnx(view: nn.Module, file: Path) -> None:
    """Write a dense encoder as ONNX, in float32, for any number of texts and tokens."""
    axes = {0: "texts", 1: "tokens"}
    file.parent.mkdir(parents=True, exist_ok=True)
    with _needs("onnx"), _quiet():
        torch.onnx.export(
            Hidden(view).eval(),
            (_example(), _example()),
            str(file),
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={name: axes for name in (*INPUTS, OUTPUT)},
            opset_version=_OPSET,
            dynamo=False,  # the newer exporter needs one package more
        )


def write_int8_onnx(view: nn.Module, file: Path, *, reduce_range: bool = True) -> None:
    """Write a dense encoder as ONNX with weights of 8-bit integers; activations are rounded as it runs.

    Args:
        view: the encoder.
        file: to write.
        reduce_range: give one bit up, since products of eight overflow on processors without VNNI.
    """
    with _needs("onnx", "onnxruntime"):
        from onnxruntime.quantization import QuantType, quantize_dynamic
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as aside, _quiet():
        whole = Path(aside) / "model.onnx"
        write_onnx(view, whole)
        quantize_dynamic(whole, file, weight_type=QuantType.QInt8, per_channel=True, reduce_range=reduce_range)


def write_openvino(view: nn.Module, file: Path) -> None:
    """Write a dense encoder for OpenVINO, in float32: an XML file and a .bin file beside it."""
    with _needs("openvino"):
        import openvino
    example = dict.fromkeys(INPUTS, _example())
    with _quiet():
        converted = openvino.convert_model(Hidden(view).eval(), example_input=example)
    for port, name in zip((*converted.inputs, *converted.outputs), (*INPUTS, OUTPUT), strict=True):
        port.get_tensor().set_names({name})
    file.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(converted, str(file), compress_to_fp16=False)


FORMATS: Mapping[str, tuple[str, Callable[[nn.Module, Path], None]]] = MappingProxyType(
    {
        "onnx": ("onnx/model.onnx", write_onnx),
        "onnx-int8": ("onnx/model_quantized.onnx", write_int8_onnx),
        "openvino": ("openvino/openvino_model.xml", write_openvino),
    }
)
"""Name to the file that fastembed, text-embeddings-inference, transformers.js and sentence-transformers look for, and
what writes it."""


def export(path: str | Path, route: str | None, form: str, out: str | Path) -> None:
    """Write one route of a checkpoint for another runtime.

    The folder is that of ``fold``, whose tokenizer, configs and pooling it has, with the network as a file of the
    format in place of the weights. The network gives the vectors of tokens; 1_Pooling says how they become one.

    Args:
        path: checkpoint folder or Hub name.
        route: name of the route; a missing or unknown one is a ``UserError``.
        form: one of ``FORMATS``.
        out: folder to write; a model that is there is replaced.

    Raises:
        UserError: an unknown format, or a package that it needs is missing.
    """
    if form not in FORMATS:
        raise unknown_choice("format", form, FORMATS)
    name, write = FORMATS[form]
    with tempfile.TemporaryDirectory() as aside:
        folded = Path(aside) / "folded"
        fold(path, route, folded)
        view = AutoModel.from_pretrained(folded, dtype=torch.float32, attn_implementation="eager").eval()
        for weights in folded.glob("*.safetensors*"):
            weights.unlink()
        with replacing_folder(out) as folder:
            shutil.copytree(folded, folder, dirs_exist_ok=True)
            _write_special_tokens(folder)
            write(view, folder / name)


def _write_special_tokens(folder: Path) -> None:
    """Write the file of special tokens that transformers no longer does and fastembed does not start without."""
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    roles = {role: token for role, token in config.items() if role.endswith("_token") and isinstance(token, str)}
    write_json(folder / "special_tokens_map.json", roles, indent=2)


def _example() -> Tensor:
    return torch.ones(2, 8, dtype=torch.int64)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what exporters warn of: that they are old, and that shapes were traced, which the tests vary."""
    level, torch_log = logging.getLogger().level, logging.getLogger("torch.onnx")
    torch_level = torch_log.level
    logging.getLogger().setLevel(logging.ERROR)
    torch_log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger().setLevel(level)
        torch_log.setLevel(torch_level)


@contextmanager
def _needs(*packages: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        # torch wraps what it lacks into an error of its own.
        raise UserError(
            f"This format needs {' and '.join(packages)}. Please run: pip install 'mote-demo[export]'."
        ) from error
