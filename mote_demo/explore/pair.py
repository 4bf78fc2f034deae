"""Two lenses over the same texts."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mote_demo.data.texts import Texts
from mote_demo.explore.classes import NEIGHBOURS, Classes, compare_classes
from mote_demo.explore.lens import Lens, are_alike, ways_to_look
from mote_demo.explore.maps import Maps, draw
from mote_demo.explore.matrix import TaskMatrix, found_by
from mote_demo.explore.near import QueryPlace, place_query
from mote_demo.explore.progress import OnStage, silent
from mote_demo.explore.queries import Disagreement, ask_all
from mote_demo.explore.search import Answer, Question, compare, rank
from mote_demo.explore.similarity import Similarities, TaskSimilarities, similarities, similarities_by_task
from mote_demo.store import VectorStore


@dataclass(frozen=True)
class Pair:
    """Look at texts through two lenses, and say what differs.

    Attributes:
        left: the first lens.
        right: the second lens; the vectors of both may differ in width, since each searches its own.
        store: vectors and maps that were computed before; by default in memory only.

    Example:
        >>> pair = Pair(Lens.load("baseline/retrieval"), Lens.load("mote/retrieval"))  # doctest: +SKIP
        >>> answer = pair.ask("charged twice", texts, k=5)  # doctest: +SKIP
        >>> answer.overlap.shared, answer.to_frame()["lens"].unique()  # doctest: +SKIP
    """

    left: Lens
    right: Lens
    store: VectorStore = field(default_factory=lambda: VectorStore(None), repr=False, compare=False)

    @classmethod
    def load(cls, left: str, right: str) -> "Pair":
        """Load two lenses by their names (see ``Lens.load``)."""
        return cls(Lens.load(left), Lens.load(right))

    @property
    def lenses(self) -> tuple[Lens, Lens]:
        """Return (left, right)."""
        return self.left, self.right

    @property
    def title(self) -> str:
        """Return what is compared, in words."""
        return f"{self.left.title} | {self.right.title}"

    def ask(
        self,
        query: str,
        texts: Texts,
        k: int = 10,
        *,
        second: str = "",
        label: str | None = None,
        on_stage: OnStage = silent,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Find the texts nearest to a query through both lenses.

        Args:
            query: plain text.
            texts: what is searched; its vectors are computed first where they are not known.
            k: number of hits, from 1 to ``MOST_HITS``.
            second: a text to compare the query with directly, as a document; "" for none.
            label: column whose values the hits vote on.
            on_stage: called as the work goes on.
            stop: set it from another thread to end early with ``Stopped``.

        Raises:
            UserError: a text is empty or too long, ``k`` is out of range, or there is no such column.
        """
        question = Question(query, k, second, label).checked(texts)
        left, right = (rank(lens, texts, question, self.store, on_stage, stop) for lens in self.lenses)
        return compare(texts, question, left, right)

    def ask_all(
        self,
        queries: Sequence[str],
        texts: Texts,
        answers: Sequence[str | int | None] | None = None,
        k: int = 10,
        *,
        on_stage: OnStage = silent,
        stop: threading.Event | None = None,
    ) -> Disagreement:
        """Ask both lenses many queries: where do they disagree, and which finds the known answers?

        Texts that differ in case or spaces only count as one, so that an answer is found wherever one of them is.

        Args:
            queries: at most ``MOST_QUERIES``; one that is repeated is asked once, and each of its answers will do.
            texts: what is searched.
            answers: what answers each query: a text, its title, or the number of its row; None or "" where unknown.
            k: depth of the lists that are compared, from 1 to ``MOST_HITS``. Answers are ranked among all texts.
            on_stage: called as the work goes on.
            stop: set it from another thread to end early with ``Stopped``.

        Raises:
            UserError: there are no queries or too many, one is empty or too long, or no answer is one of the texts.

        Example:
            >>> found = pair.ask_all(["charged twice"], texts, ["I was billed two times."])  # doctest: +SKIP
            >>> found.to_frame(), found.scores_frame()  # doctest: +SKIP
        """
        return ask_all(self.lenses, queries, texts, answers, k, self.store, on_stage, stop)

    def similarities(self, texts: Sequence[str]) -> Similarities:
        """Compare 2 to 50 texts with each other, as documents; nothing else is encoded.

        Raises:
            UserError: there are fewer or more, or one is empty or too long.
        """
        return similarities(self.lenses, texts)

    def similarity(
        self,
        first: str,
        second: str,
        *,
        placed: bool = True,
        on_stage: OnStage = silent,
        stop: threading.Event | None = None,
    ) -> TaskSimilarities:
        """Compare two texts under every task and expert of the left model, and of the right one.

        Args:
            first: plain text, encoded as a query.
            second: plain text, encoded as a document.
            placed: whether each cosine is placed among those of the pairs of sample texts, since cosines of different
                models are not comparable; what is not known of the sample texts is computed then.
            on_stage: called as the work goes on.
            stop: set it from another thread to end early with ``Stopped``.

        Raises:
            UserError: a text is empty or too long.
        """
        sides = _all_looks(self.left), _all_looks(self.right)
        return similarities_by_task(sides, first, second, self.store, placed=placed, on_stage=on_stage, stop=stop)

    def map(self, texts: Texts, *, neighbours: int = 15) -> Maps:
        """Map the texts through both lenses by UMAP (see ``draw``)."""
        *_, maps = self.draw(texts, neighbours=neighbours)
        return maps

    def draw(
        self,
        texts: Texts,
        *,
        neighbours: int = 15,
        on_stage: OnStage = silent,
        stop: threading.Event | None = None,
    ) -> Iterator[Maps]:
        """Map the texts through both lenses: by PCA at once, then by UMAP (see ``maps.draw``)."""
        return draw(self.left, self.right, texts, self.store, neighbours=neighbours, on_stage=on_stage, stop=stop)

    def place(self, query: str, maps: Maps) -> QueryPlace:
        """Find a query's nearest texts and its place on maps of these lenses."""
        return place_query(maps, query, self.store)

    def classes(
        self,
        texts: Texts,
        *,
        label: str,
        k: int = NEIGHBOURS,
        on_stage: OnStage = silent,
        stop: threading.Event | None = None,
    ) -> Classes:
        """Measure how well each lens tells the classes of labelled texts apart (see ``compare_classes``)."""
        return compare_classes(self.left, self.right, texts, label, self.store, k=k, on_stage=on_stage, stop=stop)

    def matrix(
        self,
        text: str,
        texts: Texts,
        k: int = 10,
        *,
        looks: tuple[Sequence[Lens], Sequence[Lens]] | None = None,
        on_stage: OnStage = silent,
        stop: threading.Event | None = None,
    ) -> tuple[TaskMatrix, TaskMatrix]:
        """Ask the same under every task and expert of the left model, and of the right one.

        Both list the same texts: those among the first ``k`` of any task of either model.

        Args:
            text: plain text.
            texts: what is searched.
            k: number of hits of each task.
            looks: the lenses of each side; None takes all tasks and routes of its model.
            on_stage: called as the work goes on.
            stop: set it from another thread to end early with ``Stopped``.
        """
        question = Question(text, k).checked(texts)
        left, right = (
            [rank(lens, texts, question, self.store, on_stage, stop) for lens in lenses]
            for lenses in looks or map(_all_looks, self.lenses)
        )
        rows = found_by([*left, *right], k)
        return TaskMatrix.of(left, texts, k, rows), TaskMatrix.of(right, texts, k, rows)


def _all_looks(lens: Lens) -> list[Lens]:
    """Return lenses through the same model for each task, and for each expert that belongs to none."""
    if are_alike(lens.encoder):
        return [lens]
    return [
        Lens.of(lens.encoder, look, instruction=lens.instruction, model=lens.model, public=lens.public)
        for look in ways_to_look(lens.encoder)
    ]
