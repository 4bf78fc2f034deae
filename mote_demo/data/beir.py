"""A set of texts with known answers, as the BEIR benchmark packs them: corpus, queries, and which answers which."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pandas as pd

from mote_demo.data.archive import Archive
from mote_demo.data.file_kinds import SUPPORTED
from mote_demo.data.formats import parse
from mote_demo.data.nested import unnest
from mote_demo.data.notes import Note
from mote_demo.data.options import ReadOptions
from mote_demo.data.records import Records
from mote_demo.data.sampling import reservoir
from mote_demo.errors import UserError
from mote_demo.limits import MAX_UNPACKED

_PART = re.compile(r"(?P<folder>.*?)(?P<part>corpus|queries)\.(?:jsonl|json|ndjson)(?:\.gz)?", re.IGNORECASE)
_JUDGED = re.compile(r"(?P<folder>.*?)qrels/[^/]+\.(?:tsv|txt|csv)", re.IGNORECASE)


@dataclass(frozen=True)
class KnownAnswers:
    """Hold texts, questions, and which texts answer which question.

    Attributes:
        corpus: the columns ``id``, ``title`` and ``text``, one row a text.
        queries: the text of each question, by its id.
        relevance: grades above 0 of the texts that answer a question, by the ids of question and text.
        notes: what was left out, with counts.
        source: the archive's name.
    """

    corpus: pd.DataFrame
    queries: Mapping[str, str]
    relevance: Mapping[str, Mapping[str, float]]
    notes: tuple[Note, ...]
    source: str

    def pairs(self) -> Records:
        """Return one row a question and a text that answers it: what can be trained on."""
        texts = self.corpus.set_index("id")
        rows = [
            (number, [self.queries[query], texts.at[text, "title"], texts.at[text, "text"]])
            for number, (query, text) in enumerate(self._judged(), start=1)
        ]
        return Records(["query", "title", "positive"], rows, len(rows), self.notes)

    def _judged(self) -> Iterator[tuple[str, str]]:
        for query, grades in self.relevance.items():
            yield from ((query, text) for text in grades)


def is_beir(archive: Archive) -> bool:
    """Tell whether an archive has the three parts, at its top or in a folder."""
    return _parts(archive) is not None


def read_beir(archive: Archive, source: str, options: ReadOptions) -> KnownAnswers:
    """Read the three parts, judgements of all splits together.

    Of more than ``max_rows`` judgements or texts a sample is kept: texts that answer a question first.

    Raises:
        UserError: a part is damaged or lacks a column, or no judgement names a text and a question that are there.
    """
    parts = _parts(archive)
    if parts is None:
        raise UserError(f"{source} has no corpus, queries and qrels. Please pack the three in one zip.")
    whole = replace(options, max_rows=MAX_UNPACKED, header=None, delimiter=None)
    corpus = _texts(_read(archive, parts["corpus"][0], source, whole), parts["corpus"][0])
    queries = _texts(_read(archive, parts["queries"][0], source, whole), parts["queries"][0])
    known = queries.set_index("id")["text"].to_dict()
    texts = set(corpus["id"])
    judged: dict[tuple[str, str], float] = {}
    for name in parts["qrels"]:
        judged |= _judgements(_read(archive, name, source, whole), name)
    found = [pair for pair in judged if pair[0] in known and pair[1] in texts and judged[pair] > 0]
    if not found:
        raise UserError(f"{source}: no judgement names a query and a text that are there. Please check their ids.")
    notes = _left_out(len(judged) - len(found), "judgements that name no answer, or what is not there")
    kept, total = reservoir(found, options.max_rows, options.seed)
    notes += _left_out(total - len(kept), "judgements beyond the limit, at random")
    relevance: dict[str, dict[str, float]] = {}
    for query, text in kept:
        relevance.setdefault(query, {})[text] = judged[query, text]
    chosen = _some_texts(corpus, {text for _, text in kept}, options)
    notes += _left_out(len(corpus) - len(chosen), "texts beyond the limit that answer no query, at random")
    return KnownAnswers(chosen, {query: known[query] for query in relevance}, relevance, tuple(notes), source)


def _parts(archive: Archive) -> dict[str, list[str]] | None:
    """Return the names of the parts, all in one folder; None where one is missing."""
    parts: dict[str, list[str]] = {}
    for name in archive.names:
        path = str(PurePosixPath(name))
        if part := _PART.fullmatch(path):
            parts.setdefault(part["folder"] + "\0" + part["part"].lower(), []).append(name)
        elif judged := _JUDGED.fullmatch(path):
            parts.setdefault(judged["folder"] + "\0qrels", []).append(name)
    for folder in {key.split("\0")[0] for key in parts}:
        found = {part: parts.get(f"{folder}\0{part}", []) for part in ("corpus", "queries", "qrels")}
        if all(found.values()):
            return found
    return None


def _read(archive: Archive, name: str, source: str, options: ReadOptions) -> pd.DataFrame:
    records = unnest(parse(archive.read(name), f"{source}/{name}", options), options).records
    columns = [column.strip().lower().replace("_", "-") for column in records.columns]
    return pd.DataFrame([cells for _, cells in records.rows], columns=columns, dtype="str").map(str.strip)


def _texts(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    ids = next((column for column in ("-id", "id", "doc-id", "query-id") if column in frame), None)
    if ids is None or "text" not in frame:
        raise UserError(
            f"{name} needs _id and text in each line. Please write them as BEIR does, or upload {SUPPORTED}."
        )
    texts = pd.DataFrame({"id": frame[ids], "title": frame.get("title", ""), "text": frame["text"]})
    return texts[(texts["text"] != "") & ~texts["id"].duplicated()].reset_index(drop=True)


def _judgements(frame: pd.DataFrame, name: str) -> dict[tuple[str, str], float]:
    """Return grades by (query, text): three columns with BEIR's names or in its order, or the four of TREC."""
    if frame.shape[1] == 4 and "query-id" not in frame:
        frame = frame.iloc[:, [0, 2, 3]]
    if frame.shape[1] < 3:
        raise UserError(f"{name} needs the columns query-id, corpus-id and score. Please write them as BEIR does.")
    names = ("query-id", "corpus-id", "score")
    queries, texts, scores = (frame.get(each, frame.iloc[:, place]) for place, each in enumerate(names))
    grades = pd.to_numeric(scores, errors="coerce").fillna(0.0)
    return {(query, text): float(grade) for query, text, grade in zip(queries, texts, grades, strict=True)}


def _some_texts(corpus: pd.DataFrame, needed: set[str], options: ReadOptions) -> pd.DataFrame:
    answers = corpus["id"].isin(needed)
    others, _ = reservoir(corpus.index[~answers], max(1, options.max_rows - int(answers.sum())), options.seed)
    return corpus[answers | corpus.index.isin(others)].reset_index(drop=True)


def _left_out(count: int, what: str) -> list[Note]:
    return [Note(f"Left out {count:,} {what}.")] if count else []
