"""Work on a stranger's bytes in a process of its own, which has limits and lives no longer than the work.

A server beside the app has the readers loaded and forks a child for each piece of work, which costs some ten
milliseconds. What a child finds comes back as files in a folder and one line of JSON: nothing is unpickled. Where there
is no fork, as on Windows, each piece starts an interpreter of its own, and only its time is limited.
"""

import atexit
import contextlib
import errno
import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mote_demo.errors import UserError

Work = Callable[..., None]
"""What a child does: it takes a folder to write into, and arguments that JSON can say."""


@dataclass(frozen=True)
class Limits:
    """Hold what one piece of work may take.

    Attributes:
        memory: bytes beyond what a fresh child has; a file of the largest size that is read takes half of it.
        seconds: by the clock; so long a person waits without doubting that anything happens.
        cpu_seconds: of a processor, so that what never sleeps ends even if nobody looks at the clock any more.
        written: bytes of each file that it leaves.
    """

    memory: int = 768_000_000
    seconds: float = 18.0
    cpu_seconds: int = 15
    written: int = 256_000_000


_MOST_ANSWERED = 1_000_000
_MOST_WORDS = 2_000
_LONGEST_START = 120.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_SIZE = struct.Struct("!I")
# One thread, and one heap: others map memory that is never used, which the limit counts as well.
_QUIET = {
    **{name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS")},
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
# What a reader needs to start; keys and tokens of the app are none of its business.
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "SYSTEMROOT")


@contextlib.contextmanager
def confined(work: Work, what: str, *, limits: Limits = Limits(), **arguments: Any) -> Iterator[Path]:  # noqa: B008
    """Do ``work(folder, **arguments)`` in a child, and give the folder with the files that it wrote.

    Args:
        work: a function at the top of a module of this package. What the module lists as ``PRELOADED`` is imported
            once, by the server.
        what: is read, for messages: the name of a file.
        limits: of this piece of work.
        **arguments: values that JSON can say.

    Raises:
        UserError: the work raised one, or took more than the limits allow.
        RuntimeError: it has a fault, whose type and place are named; none of the values is.
    """
    with _folder(what) as folder:
        request = {
            "work": f"{work.__module__}:{work.__qualname__}",
            "arguments": {"folder": folder, **arguments},
            "limits": asdict(limits),
        }
        started = time.monotonic()
        answer = (_ask_server if _FORKS else _ask_alone)(request, limits)
        if "refused" in answer:
            raise UserError(str(answer["refused"])[:_MOST_WORDS])
        if "fault" in answer:
            raise RuntimeError(f"A fault in {request['work']}: {str(answer['fault'])[:_MOST_WORDS]}")
        if "full" in answer:
            raise _full(what)
        if "done" not in answer:
            raise _beyond(limits, what, time.monotonic() - started)
        yield Path(folder)


@contextlib.contextmanager
def _folder(what: str) -> Iterator[str]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="mote-reading-")
    except OSError as error:
        raise _full(what) from error
    with folder:
        yield folder.name


def _full(what: str) -> UserError:
    return UserError(f"There is no room on the disk of this machine to read {what}. Please try again later.")


def prepare(work: Work) -> None:
    """Start the server and import what ``work`` needs, so that the first piece of work is as quick as the next."""
    if _FORKS:
        _server.ask({"work": f"{work.__module__}:{work.__qualname__}"})[0].close()


def _beyond(limits: Limits, what: str, seconds: float) -> UserError:
    if seconds >= min(limits.seconds, limits.cpu_seconds):
        return UserError(
            f"{what} takes more than {limits.seconds:g} seconds to read, the most that an upload may. Please upload a "
            "part of it, or try again when there is less to do here."
        )
    return UserError(
        f"{what} takes more than {limits.memory / 1e6:,.0f} MB of memory to read, the most that an upload may. "
        "Please upload a part of it, or save it as CSV."
    )


# The app's side


class _Server:
    """Keep the process that forks children; it is started when it is first needed, and again if it ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._asking = threading.Lock()

    def ask(self, request: Mapping[str, Any]) -> tuple[socket.socket, int]:
        """Send a request; return the connection on which a child answers, and its id (0 where none was needed)."""
        said = json.dumps(request).encode()
        with self._asking:
            try:
                return self._open(said)
            except TimeoutError as error:
                raise UserError("This machine is too busy to read a file now. Please try again later.") from error
            except (OSError, EOFError):
                self.end()
                return self._open(said)

    def end(self) -> None:
        """End the server: it does when its connection does."""
        if self._control is not None and self._process is not None:
            self._control.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._process = self._control = None

    def _open(self, said: bytes) -> tuple[socket.socket, int]:
        if self._control is None:
            self._control, control = socket.socketpair()
            with control:
                self._process = _start("serve", control.fileno(), pass_fds=[control.fileno()])
        here, there = socket.socketpair()
        try:
            with there:
                socket.send_fds(self._control, [b"+"], [there.fileno()])
            here.settimeout(_LONGEST_START)
            here.sendall(_SIZE.pack(len(said)) + said)
            # The child waits until the server has named it: no stranger's bytes choose what is killed.
            return here, _SIZE.unpack(_read(here, _SIZE.size))[0]
        except BaseException:
            here.close()
            raise


def _ask_server(request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    connection, child = _server.ask(request)
    ends = time.monotonic() + limits.seconds
    answered = bytearray()
    with connection:
        try:
            while len(answered) < _MOST_ANSWERED:
                connection.settimeout(max(0.001, ends - time.monotonic()))
                part = connection.recv(1 << 16)
                if not part:
                    return _answer(answered)
                answered += part
        except OSError:  # its time is over
            pass
        finally:
            if not _has_ended(connection):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
    return {}


def _has_ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _ask_alone(request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    with _start("work_alone", 0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            said, _ = process.communicate(json.dumps(request).encode(), limits.seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return {}
    return _answer(said)


def _start(function: str, argument: int, **options: Any) -> "subprocess.Popen[bytes]":
    """Start an interpreter that imports what this one does, but runs no main module of anybody's."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    code = f"import sys; sys.path[:] = {sys.path!r}; from mote_demo import confined; confined.{function}({argument})"
    return subprocess.Popen([sys.executable, "-c", code], env={**kept, **_QUIET}, **options)


def _answer(said: bytes | bytearray) -> dict[str, Any]:
    try:
        answer = json.loads(said)
    except ValueError:  # it ended before it could say anything, or in the middle
        return {}
    return answer if isinstance(answer, dict) else {}


_FORKS = hasattr(os, "fork") and hasattr(socket, "send_fds")
_server = _Server()
atexit.register(_server.end)


# The server's side and the child's


def serve(control: int) -> None:
    """Fork a child for each connection that arrives on the socket with this number, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the app that a key in the terminal ends, and this then follows
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=control) as app:
        while received := socket.recv_fds(app, 1, 1)[1]:
            with socket.socket(fileno=received[0]) as connection:
                _fork(connection, app)


def _fork(connection: socket.socket, app: socket.socket) -> None:
    request = json.loads(_read(connection, _SIZE.unpack(_read(connection, _SIZE.size))[0]))
    work = _find(request["work"])
    if "limits" not in request:
        connection.sendall(_SIZE.pack(0))
        return
    gc.freeze()
    go_on, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            app.close()
            os.close(told)
            os.read(go_on, 1)
            _confine(Limits(**request["limits"]))
            connection.sendall(json.dumps(_do(work, request["arguments"])).encode())
        finally:
            os._exit(0)
    connection.sendall(_SIZE.pack(child))
    os.close(go_on)
    os.close(told)


def work_alone(_: int) -> None:
    """Do the one piece of work that standard input asks for, and answer on standard output."""
    request = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w") as app:
        _silence()
        app.write(json.dumps(_do(_find(request["work"]), request["arguments"])))


def _read(connection: socket.socket, size: int) -> bytes:
    said = bytearray()
    while len(said) < size:
        part = connection.recv(size - len(said))
        if not part:
            raise EOFError("the app ended in the middle of a request")
        said += part
    return bytes(said)


def _find(name: str) -> Work:
    module_name, _, function = name.partition(":")
    module = import_module(module_name)
    for needed in getattr(module, "PRELOADED", ()):
        import_module(needed)
    return getattr(module, function)


def _confine(limits: Limits) -> None:
    """Limit what this process takes."""
    import resource

    gc.disable()  # it ends before garbage matters
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _silence()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.written, limits.written))
    with contextlib.suppress(OSError):  # where there is no such file, as on macOS, nothing heeds the limit either
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with contextlib.suppress(OSError):  # if the machine runs out of memory, this is what goes first
        Path("/proc/self/oom_score_adj").write_text("1000")


def _silence() -> None:
    """Send what libraries print nowhere: it may hold a stranger's words."""
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silent, stream)


def _do(work: Work, arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        work(Path(arguments["folder"]), **{name: value for name, value in arguments.items() if name != "folder"})
    except UserError as error:
        return {"refused": str(error)[:_MOST_WORDS]}
    except MemoryError:
        return {}
    except OSError as error:
        if error.errno == errno.EFBIG:
            return {}
        return {"full": True} if error.errno in _NO_ROOM else _fault(error)
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return _fault(error)
    return {"done": True}


def _fault(error: BaseException) -> dict[str, Any]:
    """Say what kind of error came up where, and nothing of what was read."""
    places = [f"{Path(each.filename).name}:{each.lineno}" for each in traceback.extract_tb(error.__traceback__)]
    return {"fault": f"{type(error).__name__} at {' '.join(places[-4:])}"}
