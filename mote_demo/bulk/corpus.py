"""Texts that lie beside their vectors and are searched in an index, as the app looks at texts."""

from pathlib import Path
from typing import TYPE_CHECKING

from mote_demo.bulk.index import open_index
from mote_demo.bulk.parts import Manifest, part_file
from mote_demo.data.texts import Texts
from mote_demo.errors import UserError

if TYPE_CHECKING:
    from mote_demo.store import VectorStore

MOST_ROWS = 1_000_000


def attach(folder: Path, to: str, store: "VectorStore") -> Texts:
    """Return the texts of a folder that ``mote embed`` wrote; whoever searches them asks the index.

    A lens of the model and route that made the index encodes none of them; another lens encodes them as it does any.

    Args:
        folder: finished parts that keep the column of texts.
        to: the index that ``mote index`` made of them.
        store: where lenses look for the index.

    Raises:
        UserError: the parts lack the texts, they are too many to hold in memory, or the index is of other vectors.
    """
    manifest, index = Manifest.read(folder), open_index(to)
    if index.manifest != manifest:
        raise UserError(f"The index {to} holds other vectors than {folder}. Please run 'mote index' again.")
    texts = _read(folder, manifest)
    store.indexes[store.key_of(manifest.fingerprint, texts)] = index
    return texts


def _read(folder: Path, manifest: Manifest) -> Texts:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    column, keep = manifest.source["column"], list(manifest.source["keep"])
    if column not in keep:
        raise UserError(f"{folder} does not hold its texts. Please run 'mote embed' with --keep {column}.")
    if manifest.rows > MOST_ROWS:
        raise UserError(
            f"{folder} has {manifest.rows:,} texts; the app holds at most {MOST_ROWS:,}. Please use 'mote lookup'."
        )
    try:
        parts = [pq.read_table(part_file(folder, number), columns=keep) for number in range(manifest.parts)]
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"Cannot read the parts in {folder}. Please run the same 'mote embed' again.") from error
    frame = pa.concat_tables(parts, promote_options="permissive").to_pandas()
    labels = tuple(name for name in keep if name not in (column, "title", "text"))
    # A title would stand before each text, which the vectors know nothing of.
    own = pd.DataFrame({"title": "", "text": frame[column].fillna("").astype(object), **frame[list(labels)]})
    return Texts(folder.name, folder.name, own, labels)
