"""What ``docs/places.md`` shows works, and prints what stands there."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from ecosystem.snippets import run, sections
from mote_demo.serving.shelf import Shelf
from mote_demo.ui.app import build_app, launch_options

ROOT = Path(__file__).parent.parent
APP = "http://localhost:7860"
SECTIONS = {section.name: section for section in sections(ROOT / "docs" / "places.md")}
MODULES = {
    **{"langchain-huggingface": "langchain_huggingface", "chromadb": "chromadb", "lancedb": "lancedb"},
    **{"llama-index-embeddings-huggingface": "llama_index", "qdrant-client": "qdrant_client", "pymilvus": "pymilvus"},
    **{"milvus-lite": "milvus_lite", "openai": "openai", "mcp<2": "mcp"},
}
"""Name of the module that each package brings."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The app with the shipped checkpoints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_MCP_SERVER", "True")
        demo = build_app(Shelf.open(ROOT / "checkpoints", tmp_path_factory.mktemp("cache")))
        _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield address.rstrip("/")
    demo.close()


@pytest.mark.parametrize("section", SECTIONS.values(), ids=lambda section: section.name)
def test_a_section_prints_what_it_says(section, request):
    lacking = [package for package in section.packages if find_spec(MODULES[package]) is None]
    if lacking:
        pytest.skip(f"make ecosystem runs it with {', '.join(lacking)}")
    if "prompt_name" in section.code and not _prompts():
        pytest.skip("the shipped checkpoints have no prompts")
    replaced = {APP: request.getfixturevalue("address")} if APP in section.code else {}
    # A trainer reports before.
    printed = run(section, replaced)
    assert printed.endswith(section.output), printed


def test_there_is_a_section_for_every_place():
    assert set(SECTIONS) >= {
        *("sentence-transformers", "Evaluators of sentence-transformers", "Trainer of sentence-transformers"),
        *("LangChain", "LlamaIndex", "Chroma", "LanceDB", "Qdrant", "Milvus", "mteb", "gradio_client"),
        *("OpenAI client", "MCP"),
    }


def _prompts():
    file = ROOT / "checkpoints" / "mote" / "config_sentence_transformers.json"
    return json.loads(file.read_text("utf-8"))["prompts"]
