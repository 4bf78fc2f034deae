"""Texts from the Hugging Face Hub, or from a folder of Parquet files downloaded from it."""

import bisect
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mote_demo.data.class_names import class_names, named
from mote_demo.data.columns import Columns, question_of, recognise
from mote_demo.data.notes import Note
from mote_demo.data.options import ReadOptions
from mote_demo.data.parquet import count_rows, read_parquet
from mote_demo.data.records import Records, from_mappings
from mote_demo.data.sampling import reservoir
from mote_demo.data.tables import Table, make_table
from mote_demo.data.texts import Texts
from mote_demo.data.uploads import to_texts
from mote_demo.errors import UserError
from mote_demo.plain_text import shown_label

_HUB_NAME = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)
_ELSEWHERE = re.compile(r"^[/\\~]|://|::|(?:^|[/\\])\.\.(?:[/\\]|$)")
_SPLITS = ("test", "validation", "corpus", "train")
_READ_WHOLE = 50_000
"""Rows that are read to draw from: a sample is as good as one from all where parts of the set are read."""
_PARTS = 25
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
    trusted: bool = True,
    seed: int = 0,
) -> Texts:
    """Load ``limit`` texts of a data set, drawn over all of it and in its order.

    Args:
        name: a key of ``HUB_SETS``, a Hub name such as "owner/name", or a folder of Parquet files.
        limit: rows to keep at most; the Hub is streamed, and of a large set only parts spread over it are read.
        columns: its text, title and label columns; None takes those of ``HUB_SETS`` or recognises them.
        config: configuration of a Hub data set, where it has several.
        split: its split; None takes test, validation, corpus or train, whichever is first there.
        trusted: whether whoever asks may use this machine: ``name`` may be a folder of it, and private sets are read
            with its Hub token. A public app says False.
        seed: the same seed draws the same rows.

    Raises:
        UserError: no network, no such data set, no right to read it, or no text; it says what to do.
    """
    name = name.strip()
    if limit < 1:
        raise UserError(f"The number of texts must be at least 1, not {limit}.")
    options = ReadOptions(max_rows=limit, seed=seed)
    known = HUB_SETS.get(name)
    if known is not None:
        records = _stream(known.path, config or known.config, split or known.split, options, trusted)
        table = make_table(records, known.title, options)
        return _to_texts(table, columns or known.columns, name, known.queries)
    if trusted and _is_path(name):
        records, source = _read_folder(Path(name).expanduser(), options), Path(name).name
    else:
        _check_hub_name(name)
        records, source = _stream(name, config, split, options, trusted), name
    table = make_table(records, source, options)
    return _to_texts(table, columns or recognise(table.plain), name, ())


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
        mend = f"Please give one such as owner/name, or one of: {', '.join(HUB_SETS)}."
        raise UserError(f"{shown_label(name)!r} is no name of a Hub data set. {mend}")


def _read_folder(folder: Path, options: ReadOptions) -> Records:
    """Read a sample of the rows of all Parquet files: of each as many as its share of the rows."""
    files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else []
    if not files:
        raise UserError(
            f"There are no Parquet files in {str(folder)!r}. Please give the folder of a downloaded data set."
        )
    ends = list(itertools.accumulate(count_rows(file, file.name) for file in files))
    total = ends[-1]
    drawn, _ = reservoir(range(total), options.max_rows, options.seed)
    shares = Counter(bisect.bisect_right(ends, row) for row in drawn)
    parts = [
        read_parquet(file, file.name, replace(options, max_rows=shares[number]), trusted=True)
        for number, file in enumerate(files)
        if shares[number]
    ]
    rows = (dict(zip(part.columns, cells, strict=True)) for part in parts for _, cells in part.rows)
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return replace(from_mappings(enumerate(rows, 1), folder.name, options, notes), total=total)


def _stream(path: str, config: str | None, split: str | None, options: ReadOptions, trusted: bool) -> Records:
    """Read rows from the Hub; whatever stops that is told as one ``UserError``."""
    try:
        from datasets import load_dataset_builder

        if not trusted:
            _check_card(path)
        builder = load_dataset_builder(path, config, token=None if trusted else False)
        _check_files(path, builder.config.data_files)
        return _sample_stream(_choose(builder.as_streaming_dataset(), split, path), path, options)
    except UserError:
        raise
    # Beneath are HTTP clients, file systems and decoders, each with error types of its own, and
    # they change by version: at this border every failure is the network's or the data set's.
    except Exception as error:
        raise _hub_error(path, error) from error


def _check_card(path: str) -> None:
    """Refuse a data set whose description names files elsewhere, before anything looks for them."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        told = HfApi(token=False).dataset_info(path)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(path) from error
    card = {} if told.card_data is None else told.card_data.to_dict()
    described_elsewhere = any(file.rfilename == ".huggingface.yaml" for file in told.siblings or ())
    if described_elsewhere or any(map(_ELSEWHERE.search, _strings(card.get("configs")))):
        raise _foreign(path)


def _strings(value: object) -> Iterator[str]:
    """Go through all texts in what was read from YAML."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, Mapping)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(each)


def _foreign(path: str) -> UserError:
    return UserError(f"{path} names files that are not its own, so it is not read. {_DOWNLOAD}")


def _check_files(path: str, data_files: Mapping[str, Sequence[str]] | None) -> None:
    """Refuse a data set that names files elsewhere: those of this machine, or of networks that only it can reach."""
    for file in itertools.chain.from_iterable((data_files or {}).values()):
        # Within an archive, the file is named before the archive: zip://part.csv::hf://datasets/...
        if not str(file).rpartition("::")[2].startswith(f"hf://datasets/{path}@"):
            raise _foreign(path)


def _choose(loaded: Mapping[str, Any], split: str | None, path: str) -> Any:
    for name in (split,) if split else (*_SPLITS, *loaded):
        if name in loaded:
            return loaded[name]
    raise UserError(f"{path} has no split {split!r}. Please choose one of: {', '.join(loaded) or 'none'}.")


def _sample_stream(stream: Any, path: str, options: ReadOptions) -> Records:
    """Draw rows from a whole split or, where it is large, from parts spread over it, so that little is downloaded."""
    total = _stated_rows(stream)
    parts = _parts(stream) if total is None or total > _READ_WHOLE else [stream]
    share, most = -(-options.max_rows // len(parts)), max(options.max_rows, _READ_WHOLE // len(parts))
    names = class_names(stream.features or {})
    drawn: list[tuple[int, Mapping[str, Any]]] = []
    read, ended = 0, True
    for number, part in enumerate(parts):
        rows, seen = reservoir(itertools.islice(part, most + 1), share, options.seed + number)
        drawn += [(read + place, named(row, names)) for place, row in enumerate(rows, 1)]
        read, ended = read + seen, ended and seen <= most
    notes = []
    if len(parts) > 1 or not ended:
        of = f"{total:,}" if total else f"more than {read:,}"
        where = f"from {len(parts)} parts spread over the set" if len(parts) > 1 else "from its beginning"
        notes.append(Note(f"Drew from {read:,} of {of} rows, {where}."))
    whole = read if len(parts) == 1 and ended else max(total or 0, read)
    return replace(from_mappings(drawn, path, options, notes), total=whole)


def _stated_rows(stream: Any) -> int | None:
    """Return how many rows a split has by its own word, if it says so."""
    splits = getattr(getattr(stream, "info", None), "splits", None) or {}
    stated = splits.get(str(getattr(stream, "split", "")))
    return getattr(stated, "num_examples", None) or None


def _parts(stream: Any) -> list[Any]:
    """Cut a stream where its files allow, and return parts that are spread evenly over it, in order."""
    if not hasattr(stream, "reshard"):
        return [stream]
    cut = stream.reshard()
    count = cut.num_shards
    if count == 1:
        return [stream]
    chosen = sorted({place * (count - 1) // max(1, _PARTS - 1) for place in range(_PARTS)})
    return [cut.shard(num_shards=count, index=place) for place in chosen]


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
