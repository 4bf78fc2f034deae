"""Work out hours, machines and cost of large sources from the measured throughput, and write ``docs/scale.md``.

Usage: python -m benchmarks.scale [--cpu-price 0.08] [--gpu-price 2.50] [--gpu-tflops 100] [--gpu-use 0.2] [--hours 24]
"""

import argparse
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mote_demo.files import replacing
from mote_demo.settings import ROOT

RESULTS = Path(__file__).parent / "results.json"
PAGE = ROOT / "docs" / "scale.md"
SIZES = (10**6, 10**7, 10**8, 10**9)
WIDTH = 384
_BYTES = {"float16": 2, "float32": 4}


@dataclass(frozen=True)
class Assumed:
    """Hold what nobody measured here.

    Attributes:
        cpu_price: dollars an hour of a machine like the measured one.
        gpu_price: dollars an hour of a machine with one GPU.
        gpu_tflops: peak of the GPU in the numbers it multiplies, 10^12 operations a second.
        gpu_use: share of the peak that small encoders reach.
        hours: how long a run may take.
    """

    cpu_price: float = 0.08
    gpu_price: float = 2.5
    gpu_tflops: float = 100.0
    gpu_use: float = 0.2
    hours: float = 24.0


@dataclass(frozen=True)
class Measured:
    """Hold what ``make bench`` measured: texts a second, share of the peak, and the peak in GFLOP/s."""

    rate: float
    use: float
    peak: float

    @classmethod
    def of(cls, results: Mapping[str, Any]) -> "Measured":
        """Read the rows of ``results.json``."""
        rows = results["rows"]
        fast = next(row for row in rows if row["name"] == "Encode throughput, exact")
        arithmetic = next(row for row in rows if row["measure"] == "arithmetic")
        return cls(_number(r"([\d.]+) texts/s", fast), arithmetic["ratio"], _number(r"peak ([\d.]+)", arithmetic))

    @property
    def operations(self) -> float:
        """Return the 10^9 operations of one text."""
        return self.use * self.peak / self.rate


def _number(pattern: str, row: Mapping[str, Any]) -> float:
    match = re.search(pattern, row["note"])
    if match is None:
        raise ValueError(f"The note of {row['name']!r} has changed: {row['note']!r}.")
    return float(match[1])


def runs(measured: Measured, assumed: Assumed) -> Iterator[dict[str, Any]]:
    """Yield a row for each number of texts and kind of machine."""
    on_gpu = assumed.gpu_tflops * 1000 * assumed.gpu_use / measured.operations
    kinds = {"processor": (measured.rate, assumed.cpu_price), "GPU": (on_gpu, assumed.gpu_price)}
    for kind, (rate, price) in kinds.items():
        for texts in SIZES:
            hours = texts / rate / 3600
            yield {
                "kind": kind,
                "texts": f"{texts:.0e}".replace("e+0", "e"),
                "rate": _rounded(rate),
                "hours": _rounded(hours),
                "machines": math.ceil(hours / assumed.hours),
                "cost": _rounded(hours * price),
            }


def storage() -> Iterator[dict[str, Any]]:
    """Yield a row for each number of texts: bytes of the parts, and of an exact index in memory."""
    for texts in SIZES:
        sizes = {name: _size(texts * WIDTH * width) for name, width in _BYTES.items()}
        yield {"texts": f"{texts:.0e}".replace("e+0", "e"), "index": _size(texts * (WIDTH * 4 + 8)), **sizes}


def page(results: Mapping[str, Any], assumed: Assumed) -> str:
    """Return the page as Markdown."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown of numbers
    )
    measured = Measured.of(results)
    return templates.get_template("scale.md.jinja").render(
        machine=results["machine"], measured=measured, assumed=assumed, runs=runs(measured, assumed), storage=storage()
    )


def main(arguments: list[str] | None = None) -> None:
    """Write the page with the prices of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="Write docs/scale.md.")
    for name, words in {
        "cpu-price": "dollars an hour of a machine like the measured one",
        "gpu-price": "dollars an hour of a machine with one GPU",
        "gpu-tflops": "peak of the GPU, 10^12 operations a second",
        "gpu-use": "share of the peak that is reached",
        "hours": "how long a run may take",
    }.items():
        default = getattr(Assumed, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{words} (default %(default)s)")
    options = parser.parse_args(arguments)
    text = page(json.loads(RESULTS.read_text(encoding="utf-8")), Assumed(**vars(options)))
    with replacing(PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _rounded(number: float) -> str:
    """Return two digits that count, no more: nothing here is known better."""
    if number <= 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(number)))
    return f"{round(number, 1 - math.floor(math.log10(number))):,.{digits}f}"


def _size(size: float) -> str:
    return f"{_rounded(size / 1e12)} TB" if size >= 1e12 else f"{_rounded(size / 1e9)} GB"


if __name__ == "__main__":
    main()
