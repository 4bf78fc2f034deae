"""What ran the benchmarks, and the most it can multiply."""

import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks.rows import seconds

_SIZE = 1536
_PACKAGES = ("torch", "transformers", "sentence-transformers", "faiss-cpu", "umap-learn", "gradio")
_PEERS = ("onnxruntime", "openvino")


def describe() -> dict[str, Any]:
    """Return the processor, its threads and features, and the versions that matter."""
    return {
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability() + (" with VNNI" if has_vnni() else ", no VNNI"),
        "sgemm_gflops": round(peak_flops() / 1e9, 1),
        "python": platform.python_version(),
        "packages": _versions(),
    }


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two descriptions are of one machine with one set of packages; its speed may vary."""
    return {**one, "sgemm_gflops": 0} == {**other, "sgemm_gflops": 0}


def peak_flops(tries: int = 25) -> float:
    """Return the best rate of float32 matrix products, in operations a second."""
    one, other = torch.randn(_SIZE, _SIZE), torch.randn(_SIZE, _SIZE)
    return 2 * _SIZE**3 / min(seconds(lambda: one @ other) for _ in range(tries))


def has_vnni() -> bool:
    """Tell whether this processor has dot products of 8-bit integers."""
    return getattr(torch.cpu, "_is_vnni_supported", lambda: False)()


def _versions() -> dict[str, str]:
    found = {}
    for name in (*_PACKAGES, *_PEERS):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
