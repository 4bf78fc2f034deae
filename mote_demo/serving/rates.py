"""How much one address may ask for in a time: token buckets."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_KEPT = 10_000


class Rates:
    """Give everyone a bucket of so many tokens that fills again at a steady rate.

    Those who were not seen for longest are forgotten beyond ten thousand, so that the buckets need little memory.
    """

    def __init__(self, at_once: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Let ``at_once`` tokens be taken together, and ``per_second`` in the long run; ``clock`` tells seconds."""
        self._at_once, self._per_second, self._clock = at_once, per_second, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str, tokens: float = 1.0) -> bool:
        """Take tokens out of one's bucket; tell whether there were as many. Otherwise none is taken."""
        with self._lock:
            now = self._clock()
            left, seen = self._buckets.pop(who, (self._at_once, now))
            left = min(self._at_once, left + (now - seen) * self._per_second)
            enough = left >= tokens
            self._buckets[who] = (left - tokens if enough else left, now)
            if len(self._buckets) > _MOST_KEPT:
                self._buckets.popitem(last=False)
            return enough
