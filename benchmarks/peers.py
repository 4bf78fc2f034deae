"""What a user would pick instead: sentence-transformers as it comes, other runtimes fed in batches that suit them."""

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
from mote_demo.model.exporting import write_int8_onnx, write_onnx, write_openvino
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
    view = encoder(model).model.dense(route)
    with tempfile.TemporaryDirectory() as aside:
        file = Path(aside) / "model.onnx"
        if int8:
            write_int8_onnx(view, file, reduce_range=not has_vnni())
        else:
            write_onnx(view, file)
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def run(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0])

    return _encode_with(model, route, run)


def openvino(model: str, route: str) -> Encode:
    """Return OpenVINO, in float32, on the route's dense view."""
    import openvino as ov

    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    with tempfile.TemporaryDirectory() as aside:
        file = Path(aside) / "model.xml"
        write_openvino(encoder(model).model.dense(route), file)
        compiled = ov.Core().compile_model(str(file), "CPU", hints)

    def run(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(compiled([ids.numpy(), mask.numpy()])[0])

    return _encode_with(model, route, run)


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
