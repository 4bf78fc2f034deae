"""Trainings on threads of the server: one at a time, in turn, whether or not somebody looks on."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mote_demo.limits import SECONDS_ALONE, SECONDS_IN_THE_WAY
from mote_demo.ui.shared.threads import start

_SECONDS_BETWEEN_LOOKS = 0.25


@dataclass(frozen=True)
class Waiting:
    """Say how many trainings are before this one."""

    before: int


class TrainingQueue:
    """Let one training run at a time; the others wait in the order they came."""

    def __init__(self) -> None:
        self._turns: list[object] = []
        self._changed = threading.Condition()

    def enter(self, who: object) -> None:
        """Take the last place."""
        with self._changed:
            self._turns.append(who)

    def leave(self, who: object) -> None:
        """Give the place up, whether it is one's turn or not."""
        with self._changed:
            if who in self._turns:
                self._turns.remove(who)
            self._changed.notify_all()

    def before(self, who: object) -> int:
        """Count those whose turn comes first; none where one's own turn is over."""
        with self._changed:
            return self._turns.index(who) if who in self._turns else 0

    def is_awaited(self) -> bool:
        """Tell whether anyone waits for the one whose turn it is."""
        with self._changed:
            return len(self._turns) > 1

    def wait(self, who: object, stop: threading.Event) -> bool:
        """Wait for one's turn; tell whether it came before ``stop`` was set."""
        with self._changed:
            while not stop.is_set() and self._turns[0] is not who:
                self._changed.wait(_SECONDS_BETWEEN_LOOKS)
        return not stop.is_set()


class TrainingRun:
    """Do one training, and keep what it said for whoever looks on, from the start or from a page that was reloaded."""

    def __init__(
        self,
        queue: TrainingQueue,
        work: Callable[[threading.Event], Iterator[object]],
        stop: threading.Event,
        *,
        alone: float = SECONDS_ALONE,
        in_the_way: float = SECONDS_IN_THE_WAY,
    ) -> None:
        """Take a place in the queue and begin as soon as it is free.

        Args:
            queue: what all trainings of the app share.
            work: called with ``stop``; what it yields is kept.
            stop: asks the work to end, or takes it out of the queue.
            alone: seconds after which it is stopped where nobody looks on.
            in_the_way: the same where another training waits.
        """
        self._queue, self._work, self._stop = queue, work, stop
        self._alone, self._in_the_way = alone, in_the_way
        self._said: list[object] = []
        self._error: Exception | None = None
        self._ended = False
        self._looked = time.monotonic()
        queue.enter(self)
        start(self._run, stop)

    @property
    def ended(self) -> bool:
        """Tell whether it is over."""
        return self._ended

    def follow(self) -> Iterator[object]:
        """Yield what was said from the start, then what is said, and ``Waiting`` while it is not its turn.

        Raises:
            Exception: what the work raised.
        """
        seen, before = 0, 0
        while True:
            self._looked = time.monotonic()
            ended = self._ended  # before looking at what was said, which is complete by then
            if seen < len(self._said):
                seen += 1
                yield self._said[seen - 1]
                continue
            if ended:
                break
            now = self._queue.before(self)
            if now and now != before:
                yield Waiting(now)
            before = now
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            if not self._queue.wait(self, self._stop):
                return
            for event in self._work(self._stop):
                self._said.append(event)
                most = self._in_the_way if self._queue.is_awaited() else self._alone
                if time.monotonic() - self._looked > most:
                    self._stop.set()
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            self._error = error
        finally:
            self._queue.leave(self)
            self._ended = True
