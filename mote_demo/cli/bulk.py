"""Verbs for texts by the million: vectors of a large file, and indexes of these."""

import argparse
from pathlib import Path

from mote_demo.cli.verbs import Verbs, add_model, add_verb, model_name, say
from mote_demo.runtime.precision import EXACT, PRECISIONS
from mote_demo.tasks import ROUTES

_INDEX = "faiss:FILE, milvus:FILE.db (Milvus Lite), or milvus://HOST:PORT/COLLECTION"


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs of this group."""
    _add_embed(verbs)
    _add_index(verbs)
    _add_lookup(verbs)


def _add_embed(verbs: Verbs) -> None:
    words = "Turn a column of a large file into Parquet parts of vectors; a stopped run goes on where it was."
    parser = add_verb(verbs, "embed", _embed, words)
    parser.add_argument("source", type=Path, help="a Parquet, CSV or JSON Lines file, or a folder of such files")
    parser.add_argument("--column", required=True, help="the column of texts")
    parser.add_argument("--route", required=True, help=f"one of {', '.join(ROUTES)}, or an expert of the model")
    parser.add_argument("--out", type=Path, required=True, help="folder for the parts")
    add_model(parser)
    parser.add_argument("--keep", action="append", default=[], metavar="COLUMN", help="write it too (may be repeated)")
    parser.add_argument("--dtype", default="float32", help="of the vectors: float32 (default) or float16")
    parser.add_argument("--precision", default=EXACT, choices=list(PRECISIONS), help=f"of computing ({EXACT})")
    parser.add_argument("--device", default="cpu", help="such as cuda (default: cpu)")
    parser.add_argument("--batch-rows", type=int, default=4096, metavar="N", help="rows of a part (default 4096)")
    parser.add_argument("--shard", default="1/1", metavar="i/n", help="embed the i-th of n shares, from 1/n to n/n")
    parser.add_argument("--engine", default="local", help="local (default), or ray: workers on a cluster")
    parser.add_argument("--workers", type=int, help="of the engine ray (default: as many as the cluster has room for)")
    parser.add_argument("--threads", type=int, help="of a process on the CPU (default: all; with ray 1)")


def _add_index(verbs: Verbs) -> None:
    parser = add_verb(verbs, "index", _index, "Put the vectors of 'mote embed' into an index that answers queries.")
    parser.add_argument("folder", type=Path, help="what 'mote embed' wrote")
    parser.add_argument("--to", required=True, metavar="INDEX", help=_INDEX)


def _add_lookup(verbs: Verbs) -> None:
    parser = add_verb(verbs, "lookup", _lookup, "Find the rows nearest to a query in an index of 'mote index'.")
    parser.add_argument("query")
    parser.add_argument("--index", required=True, help=_INDEX)
    parser.add_argument("--lens", required=True, help="MODEL/TASK, such as mote/retrieval, whose documents are indexed")
    parser.add_argument("--folder", type=Path, help="what 'mote embed' wrote, to show the columns it kept")
    parser.add_argument("-k", type=int, default=10, help="results (default 10)")


def _embed(options: argparse.Namespace) -> None:
    from mote_demo.bulk.embed import Job, embed, parse_shard
    from mote_demo.bulk.source import Source

    job = Job(
        source=Source(options.source, options.column, tuple(options.keep)),
        out=options.out,
        model=model_name(options),
        route=options.route,
        dtype=options.dtype,
        precision=options.precision,
        device=options.device,
        batch_rows=options.batch_rows,
        threads=options.threads,
    )
    shard = parse_shard(options.shard)
    done = embed(job, shard=shard, engine=options.engine, workers=options.workers, say=say)
    say(
        f"Wrote {done.written:,} parts, {done.rows:,} rows in {done.seconds:,.1f} s, to {options.out}; "
        f"{done.found:,} parts were there."
    )


def _index(options: argparse.Namespace) -> None:
    from mote_demo.bulk.index import build_index

    done = build_index(options.folder, options.to, say)
    say(f"Put {done:,} vectors of {options.folder} into {options.to}.")


def _lookup(options: argparse.Namespace) -> None:
    from mote_demo.bulk.index import check_model, open_index
    from mote_demo.bulk.parts import kept_of_rows
    from mote_demo.explore.lens import Lens

    index = open_index(options.index)
    lens = Lens.load(options.lens)
    check_model(index, lens.encoder, lens.document)
    scores, rows = index.search(lens.encode_query([options.query]), options.k)
    kept = kept_of_rows(options.folder, rows[0].tolist()) if options.folder else [""] * options.k
    for rank, (score, row, cells) in enumerate(zip(scores[0].tolist(), rows[0].tolist(), kept, strict=False), 1):
        say(f"{rank:4} {score:.3f} {row:10} {cells}".rstrip())
