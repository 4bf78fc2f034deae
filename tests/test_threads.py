"""What still runs when the process ends is stopped and awaited."""

import subprocess
import sys
import threading

from mote_demo.ui.shared import threads

SCRIPT = """
import threading
from mote_demo.ui.shared.threads import start

stop = threading.Event()


def work():
    stop.wait(30)
    print("ended" if stop.is_set() else "cut off", flush=True)


start(work, stop)
"""


def test_the_end_of_the_process_stops_a_running_thread_and_waits_for_it():
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout.strip()) == (0, "ended")


def test_a_thread_that_fails_is_forgotten_as_one_that_ends(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    for work in (lambda: None, lambda: 1 / 0):
        thread = threads.start(work, threading.Event())
        thread.join(10)
        assert not thread.is_alive()
        assert thread not in threads._running
