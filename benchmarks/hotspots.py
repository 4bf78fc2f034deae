"""Where the time of encoding goes, beside the machine's peak.

Usage: python -m benchmarks.hotspots
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.inputs import ROUTE, documents, encoder
from benchmarks.machine import describe, peak_flops
from benchmarks.rows import ALTERNATIONS, seconds
from mote_demo.evaluation.markdown import table
from mote_demo.files import replacing
from mote_demo.runtime.bert import PackedBert
from mote_demo.runtime.int8 import int8_kind
from mote_demo.runtime.linear import Make, linear_kind
from mote_demo.runtime.precision import EXACT, INT8

FOLDER = Path(__file__).parent
_TEXTS = 200
_ROWS = PackedBert.tokens_at_once
_SHOWN = (EXACT, INT8)
_PARTS = {
    "linear layers, with what is fused into them": ("mkldnn::", "onednn::", "aten::linear", "aten::addmm"),
    "attention": ("attention", "bmm", "softmax"),
    "GELU": ("aten::gelu",),
    "layer norms": ("layer_norm",),
}
_REST = "everything else: tokens, embeddings, rounding to integers, copies, pooling, Python"


def main() -> None:
    """Profile, and write ``hotspots.md``."""
    machine, before = describe(), peak_flops()
    exact, small = map(_shares, _SHOWN)
    floats, integers = _rates(linear_kind()), _rates(int8_kind())
    # A machine that is shared may be slow for a while.
    peak = max(before, peak_flops())
    parts = [
        "# Where the time of encoding goes",
        f"Written by `python -m benchmarks.hotspots` on {machine['processor']}, {machine['threads']} threads, "
        f"{machine['instructions']}: {_TEXTS} documentation texts, after one run that does not count.",
        table(["part", *_SHOWN], [[name, f"{exact[name]:.1%}", f"{small[name]:.1%}"] for name in exact], left=1),
        f"Linear layers alone, on {_ROWS} rows, in billions of operations a second, beside the best product of float32 "
        f"matrices ({peak / 1e9:.1f}); those of int8 with the rounding of their input:",
        table(
            ["layer", "exact", "share of the peak", "int8"],
            [
                [name, f"{rate / 1e9:.1f}", f"{rate / peak:.2f}", f"{integers[name] / 1e9:.1f}"]
                for name, rate in floats.items()
            ],
            left=1,
        ),
    ]
    with replacing(FOLDER / "hotspots.md") as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _shares(precision: str) -> Mapping[str, float]:
    mote, texts = encoder("mote").with_precision(precision), documents(_TEXTS)
    mote.encode(texts, route=ROUTE)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        spent = seconds(lambda: mote.encode(texts, route=ROUTE))
    shares = dict.fromkeys(_PARTS, 0.0)
    for operation in profiled.key_averages():
        part = next((name for name, signs in _PARTS.items() if any(sign in operation.key for sign in signs)), None)
        if part is not None:
            shares[part] += operation.self_cpu_time_total / 1e6 / spent
    return shares | {_REST: 1 - sum(shares.values())}


def _rates(make: Make) -> Mapping[str, float]:
    """Return the operations a second of the layers of a block, in their order, and of one with its GELU."""
    config = encoder("mote").config.backbone_config
    width, inner = config.hidden_size, config.intermediate_size
    rates = {}
    for name, inputs, outputs in (
        ("query, key and value", width, 3 * width),
        ("attention output, added", width, width),
        ("up", width, inner),
        ("down, added", inner, width),
    ):
        layer, rows = make(torch.randn(outputs, inputs), torch.randn(outputs)), torch.randn(_ROWS, inputs)
        operations, residual = 2 * _ROWS * inputs * outputs, torch.randn(_ROWS, outputs)
        added = partial(layer.add, residual=residual)
        rates[name] = operations / _fastest(added if "added" in name else layer, rows)
        if name == "up":
            rates["up, with its GELU"] = operations / _fastest(layer.gelu, rows)
    return rates


def _fastest(layer: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor) -> float:
    with torch.inference_mode():
        return min(seconds(lambda: layer(rows)) for _ in range(4 * ALTERNATIONS))


if __name__ == "__main__":
    main()
