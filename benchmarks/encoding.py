"""Encoding: throughput, one query, experts against the dense model, arithmetic against the machine's peak."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from transformers import PretrainedConfig

from benchmarks.inputs import QUERY, ROUTE, documents, encoder
from benchmarks.machine import has_vnni, peak_flops
from benchmarks.peers import Encode, onnx_runtime, openvino, sentence_transformers
from benchmarks.rows import ALTERNATIONS, Row, alternate, median_ms, median_s, seconds
from mote_demo.runtime.precision import INT8
from mote_demo.tasks import ROUTES

_TEXTS = 300
_COMPARED = 150  # by six ways to encode them, in turns
_QUERIES = 40
_SAME = 0.9999


def throughput() -> Iterator[Row]:
    """Compare with sentence-transformers and with the fastest other runtime of equal quality."""
    texts, mote = documents(_COMPARED), encoder("mote")

    def ours() -> np.ndarray:
        return mote.encode(texts, route=ROUTE)

    dense = sentence_transformers("mote", ROUTE)
    expected = dense(texts)
    own, theirs = alternate(ours, lambda: dense(texts))
    note = f"{len(texts) / np.median(own):.0f} texts/s, lowest cosine {_lowest_cosine(ours(), expected):.6f}"
    yield Row("Encode throughput, exact", "SentenceTransformer.encode", tuple(theirs / own), 1.7, "higher", note)

    small = partial(mote.with_precision(INT8).encode, texts, route=ROUTE)
    quality = f"lowest cosine {_lowest_cosine(small(), expected):.4f}"
    why = "" if has_vnni() else "; this processor has no dot products of 8-bit integers (VNNI)"
    own, theirs = alternate(small, partial(dense, texts))
    peer = "SentenceTransformer.encode, float32"
    yield Row("Encode throughput, int8", peer, tuple(theirs / own), 3.0, "higher", quality + why)

    dynamic = onnx_runtime("mote", ROUTE, int8=True)
    runtimes: dict[str, Encode] = {
        "ONNX Runtime fp32": onnx_runtime("mote", ROUTE),
        "OpenVINO fp32": openvino("mote", ROUTE),
        "ONNX Runtime dynamic int8": dynamic,
    }
    cosines = {name: _lowest_cosine(run(texts), expected) for name, run in runtimes.items()}
    equal = {name: run for name, run in runtimes.items() if cosines[name] >= _SAME}
    # Ratios close to 1 need more turns to stand out from the noise.
    found = {name: alternate(ours, partial(run, texts), times=2 * ALTERNATIONS) for name, run in equal.items()}
    fastest = min(found, key=lambda name: np.median(found[name][1]))
    own, theirs = found[fastest]
    left_out = ", ".join(f"{name} {cosines[name]:.3f}" for name in cosines if name not in equal)
    note = "; ".join(f"{name} {_COMPARED / np.median(times[1]):.0f} texts/s" for name, times in found.items())
    note += f"; left out for its lowest cosine: {left_out}" if left_out else ""
    yield Row("Encode throughput, exact", f"the fastest runtime: {fastest}", tuple(theirs / own), 1.0, "higher", note)

    own, theirs = alternate(small, partial(dynamic, texts))
    note = f"{quality} against {cosines['ONNX Runtime dynamic int8']:.4f}"
    yield Row("Encode throughput, int8", "ONNX Runtime dynamic int8", tuple(theirs / own), 1.0, "higher", note)


def one_query() -> Iterator[Row]:
    """Compare one short query with a bare forward pass of the same model."""
    mote = encoder("mote")
    view = mote.model.dense("query")
    ids = torch.tensor(mote.tokenize([QUERY], "query"))
    mask = torch.ones_like(ids)

    def bare() -> None:
        with torch.inference_mode():
            view(input_ids=ids, attention_mask=mask)

    ratios: list[float] = []
    own: list[float] = []
    for _ in range(ALTERNATIONS):
        times = alternate(lambda: mote.encode([QUERY], route="query"), bare, times=_QUERIES)
        ratios.append(float(np.median(times[0]) / np.median(times[1])))
        own.extend(times[0])
    yield Row("One short query, p50", "one bare forward pass", tuple(ratios), 1.15, "lower", median_ms(own))


def experts() -> Iterator[Row]:
    """Compare MoTE with the dense model, and a list of mixed tasks with its tasks one after the other."""
    few, baseline, mote = documents(_TEXTS // 6), encoder("baseline"), encoder("mote")
    # A ratio that close to 1 needs many turns to stand out from the noise.
    own, dense = alternate(
        lambda: mote.encode(few, route=ROUTE), lambda: baseline.encode(few, route=ROUTE), times=4 * ALTERNATIONS
    )
    note = f"{median_s(own)} for {len(few)} texts"
    yield Row("MoTE, one task", "the dense baseline, same task", tuple(own / dense), 1.01, "lower", note)

    texts = documents(_TEXTS // 3)
    routes = [tuple(ROUTES)[number % len(ROUTES)] for number in range(len(texts))]
    parts = {name: [text for text, route in zip(texts, routes, strict=True) if route == name] for name in ROUTES}

    def apart() -> None:
        for name, part in parts.items():
            mote.encode(part, route=name)

    own, sums = alternate(lambda: mote.encode_mixed(texts, routes), apart)
    yield Row("A list of mixed tasks", "the sum of its tasks", tuple(own / sums), 1.05, "lower", median_s(own))


def arithmetic() -> Iterator[Row]:
    """Compare the useful operations of encoding (no padding, no norms) with the peak of matrix products."""
    texts, mote = documents(_TEXTS), encoder("mote")
    useful = _operations(mote.tokenize(texts, ROUTE), mote.config.backbone_config)
    mote.encode(texts[:20], route=ROUTE)
    ratios, peaks = [], []
    for _ in range(ALTERNATIONS):
        peaks.append(peak_flops())
        ratios.append(useful / seconds(lambda: mote.encode(texts, route=ROUTE)) / peaks[-1])
    note = f"peak {np.median(peaks) / 1e9:.0f} GFLOP/s"
    yield Row("Useful arithmetic while encoding", "measured sgemm peak", tuple(ratios), 0.75, "higher", note)


def _operations(ids: Sequence[Sequence[int]], config: PretrainedConfig) -> float:
    """Count multiplications and additions of the linear layers and of attention."""
    width, inner, blocks = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    linear = 2 * (4 * width * width + 2 * width * inner)
    return float(sum(len(text) * blocks * (linear + 4 * len(text) * width) for text in ids))


def _lowest_cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.einsum("nd,nd->n", one, other).min())
