"""The limits of the app in one table: what is bounded, where, and why."""

from typing import Any

MB = 1_000_000


class Limit(int):
    """A whole number that says what it bounds, and why; it counts and compares as any other."""

    what: str
    unit: str
    why: str

    def __new__(cls, value: int, what: str, unit: str, why: str) -> "Limit":
        """Bound ``what``, counted in ``unit``, for the reason ``why``."""
        limit = super().__new__(cls, value)
        limit.what, limit.unit, limit.why = what, unit, why
        return limit

    def __getnewargs__(self) -> Any:  # noqa: ANN401 - what pickle and copy make it again from
        return int(self), self.what, self.unit, self.why

    @property
    def shown(self) -> str:
        """Return the number with its unit, as a person writes it."""
        if self.unit == "bytes":
            return f"{self / MB:,.0f} MB"
        if self.unit == "seconds" and self >= 120 and self % 60 == 0:
            return f"{self // 60} minutes"
        if self >= 10 * MB:
            return f"{self / MB:,.0f} million {self.unit}"
        return f"{int(self):,} {self.unit}"


# Files that are read
MAX_BYTES = Limit(20 * MB, "An uploaded file", "bytes", "Larger tables are a sample in any case.")
MAX_ROWS = Limit(20_000, "Rows of a table", "rows", "More points make a map slow to draw; a sample shows the same.")
MAX_UNPACKED = Limit(100 * MB, "An archive, unpacked", "bytes", "Text of the largest upload is rarely more.")
MAX_UPLOADS = Limit(5, "Sets of texts of a visitor", "sets", "They lie in memory; the oldest makes room.")
MAX_OWN_TEXT = Limit(100 * MB, "Letters of all texts of a visitor", "letters", "As much as five large files hold.")
MAX_ALL_TEXT = Limit(1000 * MB, "Letters of all visitors' texts", "letters", "They lie in memory until they go.")

# Questions
LONGEST_QUERY = Limit(10_000, "A query, or a text that is encoded", "letters", "Models read only its beginning.")
MOST_HITS = Limit(50, "Results of a query", "results", "A list of more is not read.")
MOST_QUERIES = Limit(500, "Queries that are asked together", "queries", "More would hold up those who wait.")
MOST_ENCODED = Limit(256, "Texts that a program encodes in one call", "texts", "Others get their turn in between.")

# Trainings
MAX_EXPERTS = Limit(5, "Trained experts of a visitor", "experts", "They lie in memory.")
TRAINED_ROWS = Limit(5000, "Rows of a training", "rows", "More would keep a visitor, and those who wait, for long.")
STEP_TOKENS = Limit(
    32_768, "Tokens that one step of a training reads", "tokens", "Stop works between two steps, so none may take long."
)
TRAINING_SECONDS = Limit(15 * 60, "A training", "seconds", "One runs at a time, and others wait for their turn.")
SECONDS_ALONE = Limit(120, "A training that no page looks at", "seconds", "Its page was closed, and did not come back.")
SECONDS_IN_THE_WAY = Limit(20, "The same where another training waits", "seconds", "Nobody waits for a closed page.")

# Visits
MAX_SESSIONS = Limit(100, "Visitors that are remembered", "visitors", "Those with nothing of their own go first.")
SECONDS_CLOSED = Limit(
    15 * 60, "A closed page may come back for", "seconds", "A phone cuts off pages in the background."
)
EXPORT_SECONDS = Limit(3600, "A downloaded file stays on disk for", "seconds", "Long enough to fetch it again.")

# Requests; a class of 30 behind one address stays below
REQUESTS_AT_ONCE = Limit(
    1200,
    "Requests of one address at once",
    "requests",
    "Thirty people who open the page together make half of it.",
)
REQUESTS_A_SECOND = Limit(30, "Requests of one address in the long run", "a second", "As fast as thirty people click.")
REQUEST_BYTES = Limit(16 * MB, "A request that is no file", "bytes", "Holds the longest texts that can be encoded.")
UPLOADED_BYTES = Limit(
    1000 * MB, "Uploads of one address in an hour", "bytes", "Holds the largest file for each of a class of fifty."
)
ALL_UPLOADED_BYTES = Limit(4000 * MB, "Uploads of all in an hour", "bytes", "Files lie on disk until they are read.")
QUEUED = Limit(64, "Questions that wait for their turn", "questions", "The last would wait for minutes.")

LONGEST_LABEL = Limit(60, "A label, where it is shown", "letters", "Longer ones break a chip or a legend apart.")

LIMITS: tuple[Limit, ...] = tuple(each for each in list(globals().values()) if isinstance(each, Limit))
"""All of them, in the order above."""
