"""Work in a child process: what it leaves, and what becomes of work that takes too much, fails or lies."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mote_demo import confined as module
from mote_demo.confined import Limits, confined
from mote_demo.errors import UserError
from mote_demo.validation import read_json
from tests import work

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="limits need a system that forks")


def do(piece, **options):
    with confined(piece, "a.csv", **options):
        pass


def has_ended(process: int) -> bool:
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(params=[pytest.param("server", marks=forks), "alone"])
def way(request, monkeypatch):
    """Both ways to a child: forked by the server, and an interpreter of its own."""
    monkeypatch.setattr(module, "_FORKS", request.param == "server")


@pytest.mark.usefixtures("way")
def test_what_a_child_writes_is_there_until_the_block_ends_and_what_it_prints_is_not(capfd):
    with confined(work.write, "a.csv", words="hällo") as folder:
        assert (folder / "words.txt").read_text("utf-8") == "hällo"
    assert not folder.exists()
    assert "hällo" not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("way")
def test_a_refusal_comes_back_as_it_is_and_a_fault_without_what_was_read():
    with pytest.raises(UserError, match="^a.csv is empty. Please choose another.$"):
        do(work.refuse, words="a.csv is empty. Please choose another.")
    with pytest.raises(RuntimeError, match=r"tests.work:fail: KeyError at .*work\.py:\d+") as error:
        do(work.fail, secret="private words")
    assert "private" not in str(error.value)


@pytest.mark.usefixtures("way")
def test_a_child_knows_nothing_of_the_apps_secrets_and_none_of_its_modules(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "private")
    with confined(work.tell_surroundings, "a.csv") as folder:
        told = read_json(folder / "told.json", dict, mend="")
    assert told["pid"] != os.getpid()
    assert "private" not in told["variables"].values()
    assert not {"pytest", "gradio", "torch"} & set(told["modules"])


@pytest.mark.usefixtures("way")
def test_what_takes_too_long_is_ended_and_says_so(tmp_path):
    started, told = time.monotonic(), tmp_path / "pid"
    with pytest.raises(UserError, match="a.csv takes more than 0.5 seconds to read.*upload a part"):
        do(work.sleep, limits=Limits(seconds=0.5), told=str(told))
    assert time.monotonic() - started < 30
    # Where an interpreter has to start first, it may not have come so far.
    assert not told.exists() or has_ended(int(told.read_text()))


@forks
@pytest.mark.parametrize(
    ("name", "limits", "message"),
    [
        ("fill_memory", Limits(memory=50_000_000), "a.csv takes more than 50 MB of memory.*upload a part"),
        ("fill_the_disk", Limits(written=1_000_000), "a.csv"),
        ("compute", Limits(cpu_seconds=1), "a.csv takes more than"),
        ("die", Limits(), "a.csv takes more than"),
        ("answer_with_lies", Limits(), "a.csv"),
    ],
)
def test_what_takes_too_much_or_dies_is_a_message_and_the_next_work_is_done(name, limits, message):
    with pytest.raises(UserError, match=message):
        do(getattr(work, name), limits=limits)
    with confined(work.write, "b.csv", words="b") as folder:
        assert (folder / "words.txt").is_file()


@forks
def test_a_server_that_was_killed_is_started_again():
    with confined(work.write, "a.csv", words="a"):
        pass
    module._server._process.kill()
    module._server._process.wait()
    with confined(work.write, "a.csv", words="b") as folder:
        assert (folder / "words.txt").read_text() == "b"


@forks
def test_pieces_of_work_run_beside_each_other():
    def write(number):
        with confined(work.write, "a.csv", words=str(number)) as folder:
            return (folder / "words.txt").read_text()

    sleeper = threading.Thread(target=lambda: pytest.raises(UserError, do, work.sleep, limits=Limits(seconds=0.4)))
    sleeper.start()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(24))) == [str(number) for number in range(24)]
    sleeper.join()
