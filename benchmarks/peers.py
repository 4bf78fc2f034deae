"""What a user would pick instead: sentence-transformers as it comes, other runtimes fed in batches that suit them."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from benchmarks.inputs import documents, encoder
from benchmarks.machine import has_vnni
from benchmarks.rows import seconds
from mote_demo.model.folding import fold
from mote_demo.model.pooling import pool
from mote_demo.settings import ROOT

Encode = Callable[[Sequence[str]], np.ndarray]

_BATCHES = (8, 16, 32, 64)
_TRIED = 64


def sentence_transformers(model: str, route: str) -> Encode:
    """Return ``SentenceTransformer.encode`` of the route as a plain dense model (see ``fold``)."""
    from sentence_transformers import SentenceTransformer

    with tempfile.TemporaryDirectory() as aside:
        fold(ROOT / "checkpoints" / model, route, Path(aside) / route)
        dense = SentenceTransformer(str(Path(aside) / route), device="cpu")
    return lambda texts: dense.encode(list(texts), show_progress_bar=False)


def onnx_runtime(model: str, route: str, *, int8: bool = False) -> Encode:
    """Return ONNX Runtime on the route's dense view; ``int8`` as ready-made int8 models are: dynamic."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as aside:
        file = _export_onnx(model, route, Path(aside), int8=int8)
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def run(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0])

    return _encode_with(model, route, run)


def openvino(model: str, route: str) -> Encode:
    """Return OpenVINO, in float32, on the route's dense view."""
    import openvino as ov

    example = {name: torch.ones(2, 8, dtype=torch.int64) for name in ("input_ids", "attention_mask")}
    converted = ov.convert_model(_Hidden(model, route), example_input=example)
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = ov.Core().compile_model(converted, "CPU", hints)

    def run(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(compiled([ids.numpy(), mask.numpy()])[0])

    return _encode_with(model, route, run)


class _Hidden(torch.nn.Module):
    """The dense view of a route with positional tensors in and one tensor out, for exporters."""

    def __init__(self, model: str, route: str) -> None:
        super().__init__()
        self.view = encoder(model).model.dense(route)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.view(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def _export_onnx(model: str, route: str, folder: Path, *, int8: bool) -> Path:
    file = folder / "model.onnx"
    example = torch.ones(2, 8, dtype=torch.int64)
    axes = {0: "texts", 1: "tokens"}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    torch.onnx.export(
        _Hidden(model, route).eval(),
        (example, example),
        str(file),
        input_names=["input_ids", "attention_mask"],
        output_names=["hidden"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "hidden": axes},
        dynamo=False,
    )
    if not int8:
        return file
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = folder / "int8.onnx"
    # Without VNNI the products of eight bits overflow, so that one bit is given up there.
    quantize_dynamic(file, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=not has_vnni())
    return small


def _encode_with(model: str, route: str, run: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Encode:
    """Feed a runtime texts sorted by tokens, which pads least, in batches of the size that suits it."""
    ours = encoder(model)

    def encode(texts: Sequence[str], batch: int) -> np.ndarray:
        ids = ours.tokenize(texts, route)
        vectors = np.empty((len(ids), ours.dimension), np.float32)
        for rows in _by_length(ids, batch):
            tokens = pad_sequence([torch.tensor(ids[row]) for row in rows], batch_first=True)
            mask = pad_sequence([torch.ones(len(ids[row]), dtype=torch.int64) for row in rows], batch_first=True)
            vectors[rows] = pool(run(tokens, mask), mask, ours.config.pooling).numpy()
        return vectors

    tried = documents(_TRIED)
    encode(tried, _BATCHES[0])
    best = min(_BATCHES, key=lambda batch: min(seconds(partial(encode, tried, batch)) for _ in range(2)))
    return partial(encode, batch=best)


def _by_length(ids: Sequence[Sequence[int]], batch: int) -> Iterator[list[int]]:
    order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
    for start in range(0, len(order), batch):
        yield order[start : start + batch]
