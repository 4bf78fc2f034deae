"""An index as a collection of Milvus: a cluster by its address, or one file by Milvus Lite."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mote_demo.bulk.parts import ROW, VECTOR, Manifest
from mote_demo.errors import UserError

_OF_A_FILE = "mote"
"""Name of the collection in a file, which holds one."""

_MANIFEST = "mote.manifest"
"""Property of a collection; a file does not keep the description of one."""

_VECTORS_AT_ONCE = 1000
_SECONDS = 10.0
_MOST_HITS = 16_384


class MilvusCollection:
    """Search a collection by inner product; the primary key of an entity is the number of its row."""

    def __init__(self, client: Any, name: str, address: str, manifest: Manifest) -> None:  # noqa: ANN401 - of pymilvus
        """Hold an open collection of a client."""
        self.address, self.manifest = address, manifest
        self._client, self._name = client, name

    @classmethod
    def create(cls, place: str, manifest: Manifest) -> "MilvusCollection":
        """Begin a collection, or go on with one of the same vectors; one of others is a ``UserError``.

        Args:
            place: "FILE.db", or "//HOST:PORT/COLLECTION"; MILVUS_TOKEN in the environment signs in.
            manifest: what the vectors are, kept as a property of the collection.
        """
        client, name, address = _connect(place)
        with _answering(address):
            if not client.has_collection(name, timeout=_SECONDS):
                _make(client, name, manifest)
        there = cls._of(client, name, address)
        if there.manifest != manifest:
            raise UserError(f"The collection {name!r} in {address} holds other vectors. Please choose another one.")
        return there

    @classmethod
    def open(cls, place: str) -> "MilvusCollection":
        """Open a collection; one that is not there, or a server that does not answer, is a ``UserError``."""
        if not place.startswith("//") and not Path(place).exists():
            raise UserError(f"There is no index {place}. Please run 'mote index'.")
        client, name, address = _connect(place)
        with _answering(address):
            if not client.has_collection(name, timeout=_SECONDS):
                raise UserError(f"{address} has no collection {name!r}. Please run 'mote index'.")
        return cls._of(client, name, address)

    @classmethod
    def _of(cls, client: Any, name: str, address: str) -> "MilvusCollection":  # noqa: ANN401 - of pymilvus
        with _answering(address):
            properties = client.describe_collection(name, timeout=_SECONDS).get("properties", {})
            client.load_collection(name)
        try:
            return cls(client, name, address, Manifest(**json.loads(properties.get(_MANIFEST, ""))))
        except (ValueError, TypeError) as error:
            raise UserError(f"The collection {name!r} in {address} was not made by 'mote index'.") from error

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Put in vectors float32 [n, d] with the numbers of their rows, int64 [n]; a row that is there is replaced."""
        for start in range(0, len(rows), _VECTORS_AT_ONCE):
            part = slice(start, start + _VECTORS_AT_ONCE)
            entities = [
                {ROW: row, VECTOR: vector} for row, vector in zip(rows[part].tolist(), vectors[part], strict=True)
            ]
            with _answering(self.address):
                self._client.upsert(self._name, entities)

    def finish(self) -> None:
        """Make what was added last."""
        with _answering(self.address):
            self._client.flush(self._name)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (scores float32 [q, k], rows int64 [q, k]), best first; k is at most 16,384."""
        k = min(k, self.manifest.rows, _MOST_HITS)
        with _answering(self.address):
            found = self._client.search(
                self._name,
                data=list(np.asarray(queries, np.float32)),
                limit=k,
                search_params={"metric_type": "IP"},
                consistency_level="Strong",
            )
        k = max((len(hits) for hits in found), default=0)
        scores, rows = np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1, np.int64)
        for at, hits in enumerate(found):
            scores[at, : len(hits)] = [hit["distance"] for hit in hits]
            rows[at, : len(hits)] = [hit[ROW] for hit in hits]
        return scores, rows


def _make(client: Any, name: str, manifest: Manifest) -> None:  # noqa: ANN401 - of pymilvus
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False)
    schema.add_field(ROW, DataType.INT64, is_primary=True)
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=manifest.dimension)
    fields = client.prepare_index_params()
    fields.add_index(VECTOR, index_type="AUTOINDEX", metric_type="IP")
    properties = {_MANIFEST: json.dumps(asdict(manifest))}
    client.create_collection(name, schema=schema, index_params=fields, properties=properties)


def _connect(place: str) -> tuple[Any, str, str]:
    """Return (client, collection, address in words)."""
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise UserError("An index in Milvus needs pymilvus. Please run: pip install 'mote-demo[milvus]'.") from error
    if not place.startswith("//"):
        if not place.endswith(".db"):
            raise UserError(f"A file of Milvus Lite ends in .db, unlike {place!r}.")
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        with _answering(place):
            return MilvusClient(place), _OF_A_FILE, place
    match = re.fullmatch(r"//([^/]+)/([A-Za-z_]\w*)", place)
    if match is None:
        raise UserError(f"A collection of Milvus is milvus://HOST:PORT/COLLECTION, not 'milvus:{place}'.")
    address = match[1]
    with _answering(address):
        token = os.environ.get("MILVUS_TOKEN", "")
        return MilvusClient(f"http://{address}", token=token, timeout=_SECONDS), match[2], address


@contextmanager
def _answering(address: str) -> Iterator[None]:
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"Milvus at {address} does not answer as it should: {reason}") from error
