"""The folder of training files and labelled sets: on this machine, or a data set repository of the Hub."""

from pathlib import Path

from mote_demo.errors import UserError

_HUB = "hub:"


def data_folder(name: str) -> Path:
    """Return the folder that ``name`` means; a repository of the Hub is downloaded to its cache first.

    Args:
        name: a folder, or "hub:OWNER/NAME" or "hub:OWNER/NAME@REVISION", a data set repository with the same files.

    Raises:
        UserError: no such folder or repository, or it cannot be read.
    """
    if name.startswith(_HUB):
        return _download(name.removeprefix(_HUB))
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. Please give a folder, or hub:OWNER/NAME for one on the Hub.")
    return folder


def _download(repository: str) -> Path:
    from huggingface_hub import snapshot_download

    name, _, revision = repository.partition("@")
    try:
        return Path(
            snapshot_download(name, repo_type="dataset", revision=revision or None, allow_patterns=["*.parquet"])
        )
    # Below are an HTTP client and a cache, each with errors of many types.
    except Exception as error:
        raise UserError(
            f"The data set repository {repository} cannot be read from the Hub ({type(error).__name__}: {error}). "
            "Please check its name, the network, and HF_TOKEN where it is private."
        ) from error
