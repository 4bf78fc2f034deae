"""Texts from the Hugging Face Hub, or from a folder of Parquet files downloaded from it."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mote_demo.data.columns import Columns, question_of, recognise
from mote_demo.data.parquet import read_parquet
from mote_demo.data.records import Records, from_mappings
from mote_demo.data.tables import Table, make_table
from mote_demo.data.texts import Texts
from mote_demo.data.uploads import to_texts
from mote_demo.errors import UserError

_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_SPLITS = ("test", "validation", "corpus", "train")
_DOWNLOAD = "Or download its Parquet files in a browser and upload one, or give the folder they are in."


@dataclass(frozen=True)
class HubSet:
    """Say where a data set is on the Hub and which of its columns are what."""

    title: str
    path: str
    config: str | None
    split: str
    columns: Columns
    queries: tuple[str, ...]


HUB_SETS: Mapping[str, HubSet] = MappingProxyType(
    {
        "scifact": HubSet(
            "SciFact: scientific abstracts",
            "mteb/scifact",
            "corpus",
            "corpus",
            Columns(text="text", title="title"),
            ("vitamin D deficiency and mortality", "how do stem cells decide their fate", "aspirin and cancer risk"),
        ),
        "nfcorpus": HubSet(
            "NFCorpus: nutrition and health",
            "mteb/nfcorpus",
            "corpus",
            "corpus",
            Columns(text="text", title="title"),
            ("does coffee raise blood pressure", "benefits of eating nuts", "diet after breast cancer"),
        ),
        "banking77": HubSet(
            "Banking77: questions to a bank",
            "mteb/banking77",
            None,
            "test",
            Columns(text="text", label="label_text"),
            ("my card has not arrived", "why was I charged twice", "change the PIN"),
        ),
        "stsb": HubSet(
            "STS-B: sentences with similar ones",
            "mteb/stsbenchmark-sts",
            None,
            "test",
            Columns(text="sentence1", label="genre"),
            ("a man plays the guitar", "the stock market fell", "a dog runs through the snow"),
        ),
        "ag-news": HubSet(
            "AG News: short news",
            "fancyzhx/ag_news",
            None,
            "test",
            Columns(text="text", label="label"),
            ("oil prices rise", "a new phone is announced", "the coach resigned after the match"),
        ),
    }
)


def load_hub(
    name: str,
    limit: int = 2000,
    *,
    columns: Columns | None = None,
    config: str | None = None,
    split: str | None = None,
    folders: bool = True,
) -> Texts:
    """Load the first ``limit`` texts of a data set.

    Args:
        name: a key of ``HUB_SETS``, a Hub name such as "owner/name", or a folder of Parquet files.
        limit: rows to read at most; the Hub is streamed, so no more is downloaded.
        columns: its text, title and label columns; None takes those of ``HUB_SETS`` or recognises them.
        config: configuration of a Hub data set, where it has several.
        split: its split; None takes test, validation, corpus or train, whichever is first there.
        folders: whether ``name`` may be a folder of this machine; a public app says False.

    Raises:
        UserError: no network, no such data set, no right to read it, or no text; it says what to do.
    """
    name = name.strip()
    if limit < 1:
        raise UserError(f"The number of texts must be at least 1, not {limit}.")
    known = HUB_SETS.get(name)
    if known is not None:
        records = _stream(known.path, config or known.config, split or known.split, limit)
        table = make_table(records, known.title, max_rows=limit)
        return _to_texts(table, columns or known.columns, name, known.queries)
    if folders and _is_path(name):
        records, source = _read_folder(Path(name).expanduser(), limit), Path(name).name
    else:
        _check_hub_name(name)
        records, source = _stream(name, config, split, limit), name
    table = make_table(records, source, max_rows=limit)
    return _to_texts(table, columns or recognise(table.frame), name, ())


def _to_texts(table: Table, columns: Columns, name: str, queries: tuple[str, ...]) -> Texts:
    labels = (columns.label,) if columns.label is not None else ()
    question = question_of(columns, columns.text, (columns.title, *labels))
    return to_texts(
        table, text=columns.text, title=columns.title, labels=labels, name=name, queries=queries, question=question
    )


def _is_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or "\\" in name or Path(name).is_dir()


def _check_hub_name(name: str) -> None:
    """Refuse what is not owner/name.

    ``datasets`` reads files of this machine by the name of a folder, and by that of a format, such as text or csv.
    """
    if not _HUB_NAME.fullmatch(name) or Path(name).exists():
        listed = ", ".join(HUB_SETS)
        raise UserError(
            f"{name!r} is no name of a Hub data set. Please give one such as owner/name, or one of: {listed}."
        )


def _read_folder(folder: Path, limit: int) -> Records:
    files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else []
    if not files:
        raise UserError(
            f"There are no Parquet files in {str(folder)!r}. Please give the folder of a downloaded data set."
        )
    parts: list[Records] = []
    for file in files:
        parts.append(read_parquet(file, file.name, limit - sum(len(part.rows) for part in parts)))
        if sum(len(part.rows) for part in parts) >= limit:
            break
    rows = (dict(zip(part.columns, row, strict=True)) for part in parts for row in part.rows)
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return from_mappings(rows, folder.name, limit, tuple(notes))


def _stream(path: str, config: str | None, split: str | None, limit: int) -> Records:
    """Read rows from the Hub; whatever stops that is told as one ``UserError``."""
    try:
        from datasets import load_dataset

        loaded = load_dataset(path, config, streaming=True)
        return from_mappings(_named_rows(_choose(loaded, split, path), limit), path, limit)
    except UserError:
        raise
    # Beneath are HTTP clients, file systems and decoders, each with error types of its own, and
    # they change by version: at this border every failure is the network's or the data set's.
    except Exception as error:
        raise _hub_error(path, error) from error


def _choose(loaded: Mapping[str, Any], split: str | None, path: str) -> Any:
    for name in (split,) if split else (*_SPLITS, *loaded):
        if name in loaded:
            return loaded[name]
    raise UserError(f"{path} has no split {split!r}. Please choose one of: {', '.join(loaded) or 'none'}.")


def _named_rows(stream: Any, limit: int) -> Iterator[Mapping[str, object]]:
    """Yield rows with the names of classes instead of their numbers."""
    names = {key: kind.names for key, kind in (stream.features or {}).items() if hasattr(kind, "names")}
    for row in itertools.islice(stream, limit):
        yield {key: _class_name(value, names[key]) if key in names else value for key, value in row.items()}


def _class_name(value: object, names: list[str]) -> object:
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def _hub_error(path: str, error: Exception) -> UserError:
    """Tell the usual causes apart by the text of the error, which is all that the layers beneath have in common."""
    described = f"{type(error).__name__}: {error}".lower()
    if "gated" in described or "401" in described or "403" in described:
        problem = "needs permission. Please accept its terms on the Hub and set HF_TOKEN."
    elif "config name" in described or "builderconfig" in described:
        problem = f"has several configurations, or not this one. Please choose one. {str(error).splitlines()[0][:300]}"
    elif isinstance(error, OSError) and not isinstance(error, FileNotFoundError) or "offline" in described:
        problem = "cannot be reached. Please check the network, and that HF_HUB_OFFLINE is not set."
    elif isinstance(error, FileNotFoundError):
        problem = "was not found on the Hub. Please check the spelling (owner/name)."
    else:
        problem = f"cannot be read ({type(error).__name__})."
    return UserError(f"{path} {problem} {_DOWNLOAD}")
