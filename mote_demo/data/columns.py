"""Which column of a table is the text, the label, the question: by name first, then by content, with the reason."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from mote_demo.data.cells import look_at
from mote_demo.data.column_names import Meaning, meaning, tokens
from mote_demo.data.scores import LEAST_READABLE, number_of, read_share, reads_as_words
from mote_demo.tasks import find_task

_ROLE_KINDS = ("label", "text", "title", "query", "positive", "negative", "likeness", "grade")
_NO_CONTENT = ("id", "date", "link", "split", "person", "status")
"""Kinds of names that are never a text or a label."""

_RETRIEVAL_ROLES = ("query", "positive", "negative", "score")
_FIRST_AND_SECOND = (
    *(("1", "2"), ("a", "b"), ("x", "y"), ("0", "1"), ("left", "right"), ("first", "second"), ("source", "target")),
    *(("src", "tgt"), ("original", "paraphrase"), ("text", "paraphrase"), ("sentence", "paraphrase")),
    *(("reference", "candidate"), ("premise", "hypothesis"), ("claim", "evidence"), ("links", "rechts")),
    *(("premisse", "hypothese"), ("pramisse", "hypothese"), ("premisa", "hipotesis"), ("premessa", "ipotesi")),
    *(
        ("premissa", "hipotese"),
        ("посылка", "гипотеза"),
        ("przesłanka", "hipoteza"),
        ("前提", "假设"),
        ("前提", "仮説"),
    ),
    ("전제", "가설"),
)
_INFERENCE = ("hypo", "hipo", "ipotesi", "гипотеза", "假设", "仮説", "가설", "entail", "nli", "inference")
_FEW_LEFT = 0.5
_NEARLY_AS_LONG = 0.75
_TIMES_LONGER = 2.0
_MOST_DISTINCT_NUMBERS = 20
_WORDS_OF_A_SENTENCE = 5
_A_MERE_ATTRIBUTE = 4


@dataclass(frozen=True)
class Columns:
    """Name the column of each role; None where there is none."""

    text: str | None = None
    title: str | None = None
    label: str | None = None
    query: str | None = None
    positive: str | None = None
    negative: str | None = None
    sentence1: str | None = None
    sentence2: str | None = None
    score: str | None = None


@dataclass(frozen=True)
class Found:
    """Name the column of a role, and say in one short sentence why."""

    column: str
    reason: str


def is_role_name(name: str) -> bool:
    """Tell whether a column name is a usual name of some role."""
    known = meaning(name)
    return known.exact and any(kind in known for kind in _ROLE_KINDS)


def recognise(frame: pd.DataFrame, **named: str) -> Columns:
    """Guess the column of each role in a frame of str cells, but for the ``named`` ones; the caller may correct it."""
    return Columns(**{role: found.column for role, found in find_columns(frame, **named).items()})


def find_columns(frame: pd.DataFrame, **named: str) -> dict[str, Found]:
    """Guess the column of each role, where there is one, with the reason.

    Roles of one task have different columns: (text, title, label), (query, positive, negative) and (sentence1,
    sentence2, score). Those of different tasks may share one.

    Args:
        frame: str cells, "" where one is blank.
        **named: columns that a person chose, by role.
    """
    return _Search(frame, named).find()


def question_of(columns: Columns, text: str | None, used: Iterable[str | None] = ()) -> str | None:
    """Return the column of questions that the texts of the column ``text`` answer, if one seems to be among the rest.

    Args:
        columns: what was guessed.
        text: the column of texts.
        used: columns that are something else, such as titles and labels.
    """
    if columns.query in (None, text, *used):
        return None
    # A column may be taken for queries because it is the shorter one of two: then the longer one has the answers.
    is_named = "query" in meaning(columns.query or "")
    return columns.query if is_named or columns.positive == text else None


def roles_of(task: str) -> tuple[str, ...]:
    """List the roles that columns can have for ``task``; those that the task does not list are optional."""
    columns = find_task(task).columns
    return _RETRIEVAL_ROLES if "positive" in columns else columns


def suggest_task(columns: Columns) -> str:
    """Return the task that a table with these columns is made for."""
    for task in ("similarity", "retrieval"):
        if all(getattr(columns, role) for role in find_task(task).columns):
            return task
    return "classification"


def speaks_of_inference(names: Iterable[str | None]) -> bool:
    """Tell whether names of columns say that one text follows from the other, as in premise and hypothesis."""
    return any(word in "".join(tokens(name)) for name in names if name for word in _INFERENCE)


class _Search:
    """Find the columns of one table."""

    def __init__(self, frame: pd.DataFrame, named: Mapping[str, str]) -> None:
        self._names = [str(name) for name in frame.columns]
        self._cells = {name: frame.iloc[:, position] for position, name in enumerate(self._names)}
        self._looks = {name: look_at(cells) for name, cells in self._cells.items()}
        self._meanings = {name: meaning(name) for name in self._names}
        self._found = {role: Found(column, "You chose it.") for role, column in named.items()}

    def find(self) -> dict[str, Found]:
        self._find_scored_pair()
        self._find_question()
        self._find_text()
        self._find_label()
        self._find_title()
        self._find_pair_by_content()
        return self._found

    # Pairs with a score

    def _find_scored_pair(self) -> None:
        pair = self._named_pair()
        if pair is None:
            return
        score = self._column("score") or self._find_score(pair)
        for role, name in zip(("sentence1", "sentence2"), pair, strict=True):
            self._found.setdefault(role, Found(name, "One text of a pair, by the names of both."))
        if score is None:
            return
        self._found.setdefault("score", Found(score, self._score_reason(score)))
        if not any(self._column(role) for role in ("query", "positive")):
            self._found["query"], self._found["positive"] = (Found(name, "One text of a pair.") for name in pair)

    def _named_pair(self) -> tuple[str, str] | None:
        first, second = self._column("sentence1"), self._column("sentence2")
        if first and second:
            return first, second
        words = {name: tokens(name) for name in self._names if self._may_be_text(name) and not self._is_answer(name)}
        pairs = [
            (one, two)
            for position, one in enumerate(words)
            for two in list(words)[position + 1 :]
            if _are_twins(words[one], words[two]) and {first or one, second or two} == {one, two}
            if self._are_alike((one, two))
        ]
        known = max(pairs, key=lambda pair: sum(self._looks[name].words for name in pair), default=None)
        if known is not None or first or second:
            return known
        question, answer = self._by_name("query"), self._by_name("positive")
        if question and answer and not self._by_name("negative") and self._find_score((question, answer)):
            return question, answer
        return self._pair_beside_score()

    def _is_answer(self, name: str) -> bool:
        """Tell one of several answers or negatives, which are no pair with each other."""
        known = self._meanings[name]
        return ("positive" in known or "negative" in known) and "text" not in known

    def _are_alike(self, pair: tuple[str, str]) -> bool:
        """Tell two texts from a text and a label: both are long, or about as short and a score says what they are."""
        if all(self._looks[name].reads_like_text for name in pair):
            return True
        return self._times_longer(pair) <= _TIMES_LONGER and self._find_score(pair) is not None

    def _times_longer(self, pair: tuple[str, str]) -> float:
        shorter, longer = sorted(self._looks[name].words for name in pair)
        return longer / max(shorter, 1.0)

    def _pair_beside_score(self) -> tuple[str, str] | None:
        """Return the two columns of texts where a third says by its name, or by its numbers, how alike they are."""
        prose = [name for name in self._names if self._may_be_text(name) and self._looks[name].reads_like_text]
        if len(prose) != 2:
            return None
        said = any("text" in self._meanings[name] or "title" in self._meanings[name] for name in prose)
        pair = (prose[0], prose[1])
        return pair if self._find_score(pair, sure=said) else None

    def _find_score(self, pair: tuple[str, str], *, sure: bool = False) -> str | None:
        """Return the column of scores beside a pair.

        Args:
            pair: the columns of its texts.
            sure: whether only a name that speaks of two texts will do, such as "similarity": a rating may be that of
                one text.
        """
        free = [name for name in self._names if name not in pair and self._looks[name].distinct]
        inference = speaks_of_inference(pair)
        kinds = ("likeness",) if sure else ("likeness", "grade", "label")
        for kind in kinds:
            named = sorted((name for name in free if kind in self._meanings[name]), key=self._order(kind))
            for name in sorted(named, key=lambda name: not self._looks[name].is_numeric):
                if self._says_how_alike(name, inference) and (kind != "label" or self._is_grade_of(pair, name)):
                    return name
        # Scores that cannot be read are told in full, and never left out so that another task can take the table.
        refused = ("likeness", "grade") if _are_twins(*map(tokens, pair)) else ("likeness",)
        unreadable = [name for name in free if any(self._is_called(name, kind) for kind in refused)]
        if unreadable or sure or self._column("query") or not self._is_unnamed(pair):
            return next(iter(unreadable), None)
        return next((name for name in free if not self._meanings[name].kinds and self._is_plain_scale(name)), None)

    def _is_called(self, name: str, kind: str) -> bool:
        return self._meanings[name].exact and kind in self._meanings[name]

    def _says_how_alike(self, name: str, inference: bool) -> bool:
        if self._looks[name].is_numeric:
            return True
        cells = self._cells[name][self._cells[name] != ""]
        words = reads_as_words(cells.unique().tolist(), inference=inference or speaks_of_inference([name]))
        return words or read_share(cells.tolist()) >= LEAST_READABLE

    def _is_grade_of(self, pair: tuple[str, str], name: str) -> bool:
        """Tell a score called "label" from a class: beside a question and its answer only yes and no are one."""
        asked = any("query" in self._meanings[each] or "positive" in self._meanings[each] for each in pair)
        twins = _are_twins(*map(tokens, pair))
        usual = tokens(name)[0] in ("label", "labels", "class", "target", "annotation", "choice", "etikett", "метка")
        return (usual or not self._looks[name].is_numeric) and (
            twins or not asked or self._looks[name].distinct <= 2 or not self._looks[name].is_numeric
        )

    def _is_unnamed(self, pair: tuple[str, str]) -> bool:
        """Tell whether nothing but their length speaks for or against a pair: that of a title and its text differs."""
        named = any(self._meanings[name].kinds for name in pair)
        return _are_twins(*map(tokens, pair)) or (not named and self._times_longer(pair) <= _TIMES_LONGER)

    def _is_plain_scale(self, name: str) -> bool:
        """Tell a scale of some kind from numbers of the rows."""
        look = self._looks[name]
        numbers = [number for number in map(number_of, self._cells[name].unique()) if number is not None]
        if look.kind == "scale":
            return True
        counted = all(number.is_integer() for number in numbers) and look.distinct > _MOST_DISTINCT_NUMBERS
        return look.kind == "number" and not counted and min(numbers) >= -1 and max(numbers) <= 100

    def _score_reason(self, name: str) -> str:
        return (
            "It says how alike the two texts are." if self._looks[name].is_numeric else "Words for how alike they are."
        )

    # Questions and answers

    def _find_question(self) -> None:
        roles = ("query", "positive", "negative")
        for role in roles:
            self._set(role, self._by_name(role, self._taken(roles)), "By its name.")
        question, answer = self._column("query"), self._column("positive")
        if question and not answer:
            free = [name for name in self._prose() if name not in self._taken(roles) and name != question]
            self._set("positive", self._longest(free), "The longest texts beside the questions.")
        elif answer and not question and self._best_label((answer,), named=True) is None:
            free = [name for name in self._prose() if name not in self._taken(roles)]
            self._set("query", self._longest(free), "Texts beside the answers.")

    def _find_pair_by_content(self) -> None:
        """Take two columns of texts for questions and answers where nothing speaks for labels."""
        label = self._column("label")
        if self._column("query") or self._column("positive") or (label and self._is_telling(label)):
            return
        pair = (self._column("sentence1"), self._column("sentence2"))
        if pair[0] and pair[1]:
            first, second = pair[0], pair[1]
        else:
            prose = [name for name in self._prose() if self._looks[name].filled >= _FEW_LEFT]
            if len(prose) != 2:
                return
            first, second = sorted(prose, key=lambda name: self._looks[name].words)
        self._found["query"] = Found(first, "The shorter of two columns of texts.")
        self._found["positive"] = Found(second, "The longer of two columns of texts.")

    # Texts and labels

    def _find_text(self) -> None:
        taken = self._taken(("title", "label"))
        free = [name for name in self._names if name not in taken]
        pool = [name for name in free if self._may_be_text(name)]
        pool = pool or [name for name in free if self._looks[name].is_words or self._looks[name].kind == "link"]
        pool = _narrow(pool, lambda name: self._looks[name].filled >= _FEW_LEFT)
        pool = _narrow(pool, lambda name: not self._is_named_otherwise(name))
        pool = _narrow(pool, lambda name: not self._looks[name].repeated)
        longest = max((self._looks[name].words for name in pool), default=0.0)
        pool = _narrow(pool, lambda name: self._looks[name].reads_like_text)
        pool = _narrow(
            pool,
            lambda name: self._looks[name].reads_like_text or self._looks[name].words >= _NEARLY_AS_LONG * longest,
        )
        named = sorted((name for name in pool if "text" in self._meanings[name]), key=self._order("text"))
        named = _narrow(named, lambda name: "title" not in self._meanings[name])
        if named:
            self._set("text", named[0], "By its name.")
        else:
            name = self._longest(pool)
            self._set("text", name, f"The longest texts: {self._looks[name].words:.0f} words each." if name else "")

    def _is_named_otherwise(self, name: str) -> bool:
        """Tell whether the name is one of a label or a score, and of no text."""
        known = self._meanings[name]
        return known.exact and "text" not in known and any(kind in known for kind in ("label", "likeness", "grade"))

    def _find_label(self) -> None:
        if "label" in self._found:
            return
        found = self._best_label(self._taken(("text", "title")))
        if found is not None:
            self._found["label"] = found

    def _best_label(self, taken: Iterable[str], *, named: bool = False) -> Found | None:
        """Return the best label: by name, then words, grades, yes or no, numbers; ``named`` allows names only."""
        free = [name for name in self._names if name not in taken and self._looks[name].distinct]
        usable = [name for name in free if self._looks[name].repeated and not self._is_no_content(name)]
        by_name = sorted((name for name in usable if "label" in self._meanings[name]), key=self._order("label"))
        by_name.sort(key=lambda name: self._looks[name].is_numeric)
        if by_name:
            return Found(by_name[0], "By its name.")
        # One of a table too small, or with too many labels, to tell by its cells.
        unsure = sorted((name for name in free if self._is_called_label(name)), key=self._order("label"))
        others = [] if named else [name for name in usable if self._may_be_label(name)]
        if unsure and not others:
            return Found(unsure[0], "By its name.")
        if not others:
            return None
        best = min(others, key=self._doubt)
        return Found(best, f"{self._looks[best].distinct:,} values that come again and again.")

    def _is_telling(self, label: str) -> bool:
        """Tell a label from a column that merely has few values, such as a source or a count."""
        known = self._meanings[label]
        return "label" in known or "grade" in known or self._doubt(label)[0] < _A_MERE_ATTRIBUTE

    def _is_called_label(self, name: str) -> bool:
        is_title = "title" in self._meanings[name]
        return self._is_called(name, "label") and not is_title and self._looks[name].kind != "object"

    def _doubt(self, name: str) -> tuple[int, int]:
        """Return what to sort unnamed labels by: the kind of their cells, then how near they are to the text."""
        look, known = self._looks[name], self._meanings[name]
        text = self._names.index(self._column("text") or self._names[0])
        away = self._names.index(name) - text
        kinds = (  # as many as _A_MERE_ATTRIBUTE
            look.is_words and not look.flag and "attribute" not in known,
            "grade" in known,
            look.flag,
            look.is_numeric and "attribute" not in known,
        )
        return next((order for order, true in enumerate(kinds) if true), len(kinds)), abs(away) * 2 + (away < 0)

    def _may_be_label(self, name: str) -> bool:
        """Tell labels without a name from sentences that occur twice, from titles, and from counts of something."""
        look, known = self._looks[name], self._meanings[name]
        paired = name in self._taken(("sentence1", "sentence2", "query", "positive", "negative"))
        counts = look.is_numeric and look.distinct > _MOST_DISTINCT_NUMBERS
        return not (paired or counts or look.words >= _WORDS_OF_A_SENTENCE or "title" in known)

    def _find_title(self) -> None:
        taken = self._taken(("text", "label"))
        named = [name for name in self._names if "title" in self._meanings[name] and name not in taken]
        usable = [name for name in named if self._looks[name].is_words]
        self._set("title", min(usable, key=self._order("title"), default=None), "By its name.")

    # What all of them need

    def _column(self, role: str) -> str | None:
        """Return the column of a role; whoever reads one that a person misspelt refuses it."""
        column = self._found[role].column if role in self._found else None
        return column if column in self._looks else None

    def _set(self, role: str, name: str | None, reason: str) -> None:
        if name is not None:
            self._found.setdefault(role, Found(name, reason))

    def _taken(self, roles: Iterable[str]) -> set[str]:
        return {self._found[role].column for role in roles if role in self._found}

    def _by_name(self, role: str, taken: Iterable[str] = ()) -> str | None:
        """Return the column whose name is that of a question, an answer or a negative; texts before single words."""
        named = [
            name
            for name in self._names
            if role in self._meanings[name] and name not in taken and self._may_be_text(name)
        ]
        named = _narrow(named, lambda name: self._looks[name].reads_like_text)
        return min(named, key=self._order(role), default=None)

    def _order(self, kind: str) -> Callable[[str], tuple[bool, int]]:
        return lambda name: self._meanings[name].order(kind)

    def _may_be_text(self, name: str) -> bool:
        return self._looks[name].is_words and not self._is_no_content(name)

    def _is_no_content(self, name: str) -> bool:
        """Tell ids, dates, links, splits, people and states by name or by content; a name of a text as well is one."""
        known: Meaning = self._meanings[name]
        told = any(kind in known for kind in _NO_CONTENT) and not any(kind in known for kind in _ROLE_KINDS)
        kinds = ("date", "link", "object", "split", "blank", *(() if known.exact and known.kinds else ("code",)))
        return told or self._looks[name].kind in kinds

    def _prose(self) -> list[str]:
        return [
            name
            for name in self._names
            if self._may_be_text(name) and self._looks[name].reads_like_text and not self._looks[name].repeated
        ]

    def _longest(self, names: Iterable[str]) -> str | None:
        return max(names, key=lambda name: self._looks[name].words, default=None)


def _narrow(names: list[str], keep: Callable[[str], bool]) -> list[str]:
    """Keep some of the names, or all where none would be left."""
    return [name for name in names if keep(name)] or names


def _are_twins(one: list[str], two: list[str]) -> bool:
    """Tell whether two names differ in one word only, and by it are the first and the second of a pair."""
    if len(one) == len(two):
        differing = [(first, second) for first, second in zip(one, two, strict=True) if first != second]
        if len(differing) == 1 and differing[0] in _FIRST_AND_SECOND:
            return True
    return ("".join(one), "".join(two)) in {
        *(("sentencea", "sentenceb"), ("texta", "textb"), ("sentence", "sentence2"), ("text", "text2"))
    }
