"""No upload has two owners, though Gradio keeps identical ones at one path."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio.utils import get_upload_folder

from mote_demo.ui.app import build_app
from mote_demo.ui.shared.uploads import own_uploads, uploaded

VISITORS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        yield Path(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def address(folder):
    """Serve an app that reads an upload slowly."""

    def read(file):
        with uploaded(file) as path:
            time.sleep(0.05)
            return Path(path).read_text("utf-8")

    with gr.Blocks() as demo:
        file, words = gr.File(), gr.Textbox()
        file.upload(read, [file], [words], api_name="read", concurrency_limit=2)
    own_uploads(demo)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True)
    yield f"{url}gradio_api"
    demo.close()


def upload(client, address, content=b"text\none\n"):
    response = client.post(f"{address}/upload", files={"files": ("same.csv", content)})
    (path,) = response.raise_for_status().json()
    return path


def read(client, address, path):
    data = {"path": path, "orig_name": "same.csv", "meta": {"_type": "gradio.FileData"}}
    call = client.post(f"{address}/call/read", json={"data": [data]}).raise_for_status().json()["event_id"]
    answer = client.get(f"{address}/call/read/{call}").text
    assert "event: complete" in answer, answer
    return answer


def test_identical_files_of_many_visitors_are_all_read_and_then_gone(address):
    def visit(_):
        with httpx.Client(timeout=60) as client:
            path = upload(client, address)
            return path, read(client, address, path)

    with ThreadPoolExecutor(VISITORS) as pool:
        answers = list(pool.map(visit, range(VISITORS)))
    assert all('"text\\none\\n"' in answer for _, answer in answers)
    paths = [Path(path) for path, _ in answers]
    assert len(set(paths)) == VISITORS
    assert {path.name for path in paths} == {"same.csv"}
    assert not any(path.parent.exists() for path in paths)


def test_an_upload_is_served_at_its_own_path_and_noted_for_deletion(address):
    with httpx.Client(timeout=60) as client:
        path = upload(client, address, b"another")
        assert client.get(f"{address}/file={path}").text == "another"
        assert upload(client, address, b"another") != path


def test_the_app_reads_uploads_in_places_of_their_own_and_owns_them(shelf, folder):
    demo = build_app(shelf)
    readers = [event for event in demo.fns.values() if any(isinstance(each, gr.File) for each in event.inputs)]
    assert {event.fn.__name__ for event in readers} == {"upload", "read_file", "give_test"}
    assert {(event.concurrency_id, event.concurrency_limit) for event in readers} == {("upload", 2)}
    shared = Path(get_upload_folder(), "hash", "same.csv")
    shared.parent.mkdir()
    shared.write_text("text\n")
    files = [str(shared)]
    demo.upload_file_set.update(files)
    assert files != [str(shared)]
    assert Path(files[0]).read_text() == "text\n"
    assert files[0] in demo.temp_file_sets[0]
