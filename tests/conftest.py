"""Tiny models, and a browser where the machine has one. Nothing here touches a network."""

import os
import sys
import threading
import time
import traceback

os.environ.update(HF_HUB_OFFLINE="1", GRADIO_ANALYTICS_ENABLED="False", TOKENIZERS_PARALLELISM="false")
# Processes that test side by side look for free ports in ranges of their own.
os.environ["GRADIO_SERVER_PORT"] = str(7860 + 100 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))

import pytest
import torch
from tokenizers import Tokenizer

from mote_demo.encoder import Encoder
from mote_demo.evaluation.reference import untouched
from mote_demo.model import MoteModel
from mote_demo.serving.shelf import Shelf
from mote_demo.store import VectorStore
from reliability import tiny_models
from reliability.browser import find_chromium, launched, text_of, watch

torch.set_num_threads(1)  # more only slow such small models down

_FAILED = pytest.StashKey[bool]()
_NO_BROWSER = "no Chromium or Chrome was found, so nothing was tested in a browser"


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Tokenizer:
    """A lower-casing WordPiece tokenizer that can spell every ASCII word."""
    return tiny_models.tiny_tokenizer()


@pytest.fixture(scope="session")
def tiny_backbone_path(tmp_path_factory, tiny_tokenizer) -> str:
    """Folder of a random dense BERT with 4 blocks and 32 dimensions, with its tokenizer."""
    folder = str(tmp_path_factory.mktemp("backbone"))
    tiny_models.save_tiny_backbone(folder, tiny_tokenizer)
    return folder


@pytest.fixture
def fresh_mote(tiny_backbone_path) -> MoteModel:
    """A MoTE model to change at will; its experts differ."""
    return tiny_models.tiny_mote(tiny_backbone_path)


@pytest.fixture(scope="session")
def tiny_mote(tiny_backbone_path) -> MoteModel:
    """A MoTE model whose experts differ, shared by all tests: read it only, or take ``fresh_mote``."""
    return tiny_models.tiny_mote(tiny_backbone_path)


@pytest.fixture
def batch():
    """Ids and mask of three texts, two of them padded."""
    ids = torch.randint(5, 50, (3, 9), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(ids)
    mask[1, 5:] = mask[2, 3:] = 0
    return ids, mask


@pytest.fixture(scope="session")
def tiny_encoder(tiny_mote, tiny_backbone_path) -> Encoder:
    """Encoder of ``tiny_mote``."""
    return Encoder(tiny_mote, _read_tokenizer(tiny_backbone_path), "tiny MoTE")


@pytest.fixture(scope="session")
def tiny_baseline_encoder(tiny_backbone_path) -> Encoder:
    """Encoder of the dense model with the same routes: only their instructions differ."""
    return Encoder(tiny_models.tiny_baseline(tiny_backbone_path), _read_tokenizer(tiny_backbone_path), "tiny baseline")


@pytest.fixture(scope="session")
def tiny_untouched_encoder(tiny_backbone_path) -> Encoder:
    """Encoder of the backbone as it is: all routes are alike, without instructions."""
    return untouched(tiny_backbone_path, "tiny untouched")


@pytest.fixture(scope="session")
def open_shelf(tiny_untouched_encoder, tiny_baseline_encoder, tiny_encoder):
    """Put the tiny models on a shelf, as ``open_shelf(FOLDER)``; what is computed is kept in the folder."""
    models = {"untouched": tiny_untouched_encoder, "baseline": tiny_baseline_encoder, "mote": tiny_encoder}
    return lambda folder: Shelf.of(VectorStore(folder), **models)


@pytest.fixture
def shelf(open_shelf, tmp_path) -> Shelf:
    """A shelf of its own for one test."""
    return open_shelf(tmp_path / "store")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of Chromium. Without one, tests that need it fail in continuous integration and skip elsewhere."""
    path = find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(_NO_BROWSER)
    return path


@pytest.fixture(scope="session")
def browser(chromium_path):
    """A headless Playwright browser."""
    with launched(chromium_path) as browser:
        yield browser


@pytest.fixture
def open_page(browser, request):
    """Open pages, as ``open_page(viewport=..., color_scheme=...)``; any fault on one fails the test at its end."""
    contexts, faults = [], []

    def open_one(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)
        faults.append(watch(page))
        return page

    yield open_one
    if request.node.stash.get(_FAILED, False):
        pages = [page for context in contexts for page in context.pages]
        request.node.add_report_section("teardown", "state", _state(pages, faults))
    for context in contexts:
        context.close()
    found = [fault for one in faults for fault in one]
    assert not found, "\n".join(found)


@pytest.fixture
def page(open_page):
    """One page at the size of a laptop's screen (see ``open_page``)."""
    return open_page(viewport={"width": 1280, "height": 800})


def pytest_collection_modifyitems(items):
    """Give a browser a second chance in CI: a busy machine may lose a key or a click, which says nothing of the app."""
    for item in items:
        if item.get_closest_marker("browser") and os.environ.get("CI"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember for the fixtures that the test failed."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


def _state(pages, faults) -> str:
    """Say what the pages show and what every thread does, to be read beside the failure of a test."""
    lines = []
    for page, found in zip(pages, faults, strict=True):
        lines += [page.url, *found, text_of(page)]
    for thread, frame in sys._current_frames().items():
        lines += [f"thread {thread}", *traceback.format_stack(frame)[-6:]]
    return "\n".join(lines)


def pytest_sessionfinish():
    """Let the app's handlers that still compute come to an end: native code in a thread aborts an ending process."""
    longest = time.monotonic() + 120
    while time.monotonic() < longest and _runs_the_package():
        time.sleep(0.2)


def _runs_the_package() -> bool:
    own = threading.get_ident()
    return any(_is_in_package(frame) for thread, frame in sys._current_frames().items() if thread != own)


def _is_in_package(frame) -> bool:
    while frame is not None:
        if f"{os.sep}mote_demo{os.sep}" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def pytest_terminal_summary(terminalreporter):
    """Say loudly, once, that the browser tests did not run."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if _NO_BROWSER in str(report.longrepr)]
    if skipped:
        line = f"{len(skipped)} BROWSER TESTS DID NOT RUN: {_NO_BROWSER}."
        terminalreporter.write_line(line, red=True, bold=True)


def _read_tokenizer(path: str) -> Tokenizer:
    return Tokenizer.from_file(os.path.join(path, "tokenizer.json"))
