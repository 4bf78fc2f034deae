"""The tools of ``docs/places.md`` that have packages of their own, each section run without this package."""

import json
from collections.abc import Iterator, Mapping

from ecosystem.environments import ROOT, answer, environment
from ecosystem.rows import Row
from ecosystem.snippets import sections

VERSIONS: Mapping[str, str] = {
    "sentence-transformers": "5.7.0",
    "transformers": "5.23.0",
    "datasets": "5.2.0",
    "accelerate": "1.15.0",
    "langchain-huggingface": "1.2.3",
    "llama-index-embeddings-huggingface": "0.8.0",
    "chromadb": "1.5.9",
    "lancedb": "0.40.0",
    "qdrant-client": "1.20.0",
    "pymilvus": "3.0.2",
    "milvus-lite": "3.2.2",
}
"""What all sections share, and the version of each tool."""

_RUN = """
import contextlib, importlib.metadata, io, json, os, sys
code, packages = sys.argv[1], json.loads(sys.argv[2])
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    exec(compile(code, "section", "exec"), {"__name__": "__snippet__"})
versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
print(json.dumps({"printed": printed.getvalue(), "version": versions}))
"""
_CHECKPOINT = '"checkpoints/mote"'


def places() -> Iterator[Row]:
    """Yield a row for each section that names a checkpoint; what needs the running app or this package is not tried."""
    page = [each for each in sections(ROOT / "docs" / "places.md") if _CHECKPOINT in each.code]
    tried = [each for each in page if "mote_demo" not in each.code]
    python = environment([f"{name}=={version}" for name, version in VERSIONS.items()])
    for section in tried:
        code = section.code.replace(_CHECKPOINT, json.dumps(str(ROOT / "checkpoints" / "mote")))
        packages = section.packages or ("sentence-transformers",)
        try:
            said = answer(python, _RUN, code, json.dumps(packages))
        except RuntimeError as error:
            yield Row(section.name, ", ".join(packages), False, str(error)[:300])
            continue
        same = said["printed"].endswith(section.output)
        detail = "prints what docs/places.md says" if same else f"prints {said['printed'][:200]!r}"
        yield Row(section.name, said["version"], same, detail)
