"""Two maps of the same texts, one a lens, and what their neighbourhoods share."""

import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from mote_demo.data.groups import text_hash
from mote_demo.data.texts import Texts
from mote_demo.encoder import Receipt, Stopped
from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.cluster_words import clusters_of
from mote_demo.explore.colouring import Colouring
from mote_demo.explore.export import map_png, write_csv, write_map_png
from mote_demo.explore.figures import Figure, extent_of, map_figure, side_by_side
from mote_demo.explore.index import nearest
from mote_demo.explore.lens import Lens
from mote_demo.explore.linked_maps import Side, colours_json, points_json, texts_json, write_page
from mote_demo.explore.measures import chance_agreement, label_agreement, neighbour_overlap
from mote_demo.explore.progress import OnStage, silent
from mote_demo.explore.projection import EPOCHS, Projection, align, pca, project, told

if TYPE_CHECKING:
    from mote_demo.store import VectorStore

NEIGHBOURS = 10
"""Neighbours of a text that are compared and listed."""

MOST_TEXTS = 20_000
"""Beyond this many texts a browser without a graphics card no longer moves the maps smoothly: a sample is drawn."""

SHARED = "neighbours shared"
"""Name of the colouring that shows where both spaces agree."""

_FEWEST_TEXTS = 3
FILE_TYPES = (".html", ".png", ".csv")
"""How the name of a file of maps may end."""


@dataclass(frozen=True)
class LensMap:
    """Hold what one lens makes of the texts.

    Attributes:
        lens: what looked.
        receipt: of an empty text as a document: expert and instruction.
        checkpoint: fingerprint of all that decides the vectors.
        points: float32 [n, 2].
        scores: float32 [n, k], cosines of the nearest other texts of each text, best first.
        rows: int64 [n, k], which texts these are; found among the vectors, never on the map.
    """

    lens: Lens
    receipt: Receipt
    checkpoint: str
    points: np.ndarray
    scores: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Maps:
    """Hold both maps of the same texts; the right one is aligned with the left one, so a move means something.

    Attributes:
        texts: what is drawn, which may be a sample; row numbers refer to it.
        left: what the left lens makes of them.
        right: what the right lens makes of them.
        method: how the points were found, "PCA" or "UMAP".
        overlap: float32 [n], share of each text's neighbours that both spaces have in common.
        agreement: for each label column the share of neighbours with the same label, (left, right).
        chance: for each label column what that share is when neighbours are drawn at random.
        left_out: number of texts that an expert of either lens was trained on; agreement and chance leave them out.
    """

    texts: Texts
    left: LensMap
    right: LensMap
    method: str
    overlap: np.ndarray
    agreement: dict[str, tuple[float, float]]
    chance: dict[str, float]
    left_out: int = 0

    @property
    def sides(self) -> tuple[LensMap, LensMap]:
        """Return (left, right)."""
        return self.left, self.right

    @property
    def space(self) -> str:
        """Return a name of what is drawn, which stays when only the points move."""
        return "/".join([self.texts.fingerprint, *(side.checkpoint for side in self.sides)])

    def to_frame(self) -> pd.DataFrame:
        """Return one row a text: its columns, ``neighbours_shared``, and its places: ``LENS x``, ``LENS y``."""
        names = [str(side.lens) for side in self.sides]
        if names[0] == names[1]:
            names[1] += " (right)"
        places = {
            f"{name} {axis}": side.points[:, column]
            for name, side in zip(names, self.sides, strict=True)
            for column, axis in enumerate("xy")
        }
        return self.texts.frame.assign(neighbours_shared=self.overlap, **places)

    def select(self, rows: Sequence[int]) -> pd.DataFrame:
        """Return some rows of ``to_frame``: those whose neighbours changed most come first.

        Raises:
            UserError: there is no such row.
        """
        wrong = [row for row in rows if not 0 <= row < len(self.texts)]
        if wrong:
            raise unknown_row(wrong[0], len(self.texts))
        return self.to_frame().iloc[sorted(rows)].sort_values("neighbours_shared", kind="stable")

    def colours(self, colour: str | None = None) -> str:
        """Say what the points look like, for ``linked_maps``: a JSON value.

        Args:
            colour: one of ``colour_choices``; None takes the first.
        """
        colour = colour or colour_choices(self.texts)[0]
        colouring = Colouring.of(colour_values(self, colour), len(self.texts), colour)
        maps = [side.points for side in self.sides]
        return colours_json(colouring, clusters_of(self.texts.passages, maps, colouring))

    def properties(self, colour: str | None = None) -> dict[str, str]:
        """Say where the points are, what their texts are and what they look like, for ``linked_maps``."""
        left, right = (Side(side.lens.title, side.points, _receipt(side)) for side in self.sides)
        return {
            "points": points_json((left, right), view=f"{self.space}/{self.method}", churn=1 - self.overlap),
            "texts": texts_json(self.texts.passages),
            "colours": self.colours(colour),
        }

    def figures(self, colour: str | None = None) -> tuple[Figure, Figure]:
        """Draw both maps with the same axes and colours.

        Args:
            colour: one of ``colour_choices``; None takes the first.
        """
        colour = colour or colour_choices(self.texts)[0]
        labels, extent = colour_values(self, colour), extent_of(*(side.points for side in self.sides))
        left, right = (
            map_figure(
                side.points,
                labels=labels,
                label_title=colour,
                hover=self.texts.passages,
                title=side.lens.title,
                extent=extent,
            )
            for side in self.sides
        )
        return left, right

    def figure(self, colour: str | None = None) -> Any:  # noqa: ANN401 - plotly's Figure, which is imported late
        """Return both maps in one plotly figure, for a notebook (see ``figures``)."""
        return side_by_side(self.figures(colour))

    def save(self, path: str | Path, colour: str | None = None) -> None:
        """Write the maps to a file whose name ends in .html, .png or .csv (see ``figures``)."""
        path = Path(path)
        check_file_type(path)
        if path.suffix == ".csv":
            write_csv(path, self.to_frame(), index_label="row")
            return
        title = f"{self.texts.title}: {self.left.lens.title} | {self.right.lens.title}"
        if path.suffix == ".html":
            write_page(path, self.properties(colour), title)
        else:
            write_map_png(path, self.figures(colour), title)

    def __repr__(self) -> str:
        """Say what is drawn and how much both spaces share."""
        lenses = " | ".join(str(side.lens) for side in self.sides)
        shared = float(self.overlap.mean())
        return f"Maps({lenses}, {len(self.texts)} texts by {self.method}, {shared:.0%} of neighbours shared)"

    def _repr_html_(self) -> str:
        # A picture: plotly's script is 5 MB in each notebook, or asks a host for itself. ``figure`` is interactive.
        picture = b64encode(map_png(self.figures(), dpi=60)).decode()
        said = escape(repr(self))
        return f'<p>{said}</p><img alt="{said}" src="data:image/png;base64,{picture}">'


def draw(
    left: Lens,
    right: Lens,
    texts: Texts,
    store: "VectorStore",
    *,
    neighbours: int = 15,
    on_stage: OnStage = silent,
    stop: threading.Event | None = None,
) -> Iterator[Maps]:
    """Map the texts through two lenses: by PCA at once, then by UMAP.

    Args:
        left: its map comes first.
        right: its map starts from the left one and is aligned with it.
        texts: what to map; above ``MOST_TEXTS`` a seeded sample is drawn, and its notes say so.
        store: what was computed before.
        neighbours: size of the neighbourhood that UMAP keeps together.
        on_stage: called as the work goes on.
        stop: set it from another thread to end early with ``Stopped``.

    Yields:
        The PCA maps, then the UMAP maps; only points and method differ between them.
    """
    if len(texts) < _FEWEST_TEXTS:
        raise UserError(f"{texts.title} has {len(texts)} texts, a map needs at least {_FEWEST_TEXTS}. Add some.")
    texts, stop = sample(texts), stop or threading.Event()
    vectors = []
    for lens in (left, right):
        _go_on(stop)
        vectors.append(lens.vectors(texts, store, partial(on_stage, f"Encoding with {lens.encoder.name}"), stop))
    on_stage("Comparing neighbours", 0, 0)
    reference = pca(vectors[0])
    maps = _compared(
        texts, _side(left, vectors[0], reference), _side(right, vectors[1], align(pca(vectors[1]), reference))
    )
    yield maps
    first, second = _umaps(maps, vectors[0], vectors[1], store, neighbours, on_stage, stop)
    yield replace(
        maps,
        left=replace(maps.left, points=first.points),
        right=replace(maps.right, points=second.points),
        method=second.method,
    )


def sample(texts: Texts, most: int = MOST_TEXTS, seed: int = 0) -> Texts:
    """Return ``texts``, or a seeded random sample of ``most`` of them that says so in its notes."""
    if len(texts) <= most:
        return texts
    rows = np.sort(np.random.default_rng(seed).choice(len(texts), most, replace=False))
    note = f"The maps show a random sample of {most:,} of {len(texts):,} texts."
    return replace(texts, frame=texts.frame.iloc[rows].reset_index(drop=True), notes=(*texts.notes, note))


def colour_choices(texts: Texts) -> list[str]:
    """List what points can be coloured by: label columns, other columns with repeating values or numbers, overlap."""
    others = [
        str(name)
        for name, column in texts.frame.items()
        if name not in ("title", "text", *texts.labels) and (is_numeric_dtype(column) or not column.is_unique)
    ]
    return [*texts.labels, *others, SHARED]


def check_colour(texts: Texts, name: str | None) -> None:
    """Refuse a name that is not one of ``colour_choices``; None is the first of them."""
    choices = colour_choices(texts)
    if name is not None and name not in choices:
        raise unknown_choice("column", name, choices)


def colour_values(maps: Maps, name: str | None) -> pd.Series:
    """Return one value a point for a choice of ``colour_choices``."""
    choices = colour_choices(maps.texts)
    if name not in choices:
        raise unknown_choice("column", name, choices)
    return pd.Series(maps.overlap) if name == SHARED else maps.texts.frame[name]


def check_file_type(path: Path) -> None:
    """Refuse a name of a file that says nothing of how to write maps."""
    if path.suffix not in FILE_TYPES:
        raise UserError(f"Cannot write a map to {path}. The name must end in .html, .png or .csv.")


def unknown_row(row: int, count: int) -> UserError:
    """Return the error that says that a row is not on the maps."""
    return UserError(f"There is no text {row} on the maps, which show {count}. Please draw them again.")


def _receipt(side: LensMap) -> tuple[tuple[str, str], ...]:
    expert = side.receipt.expert
    return (
        ("lens", str(side.lens)),
        ("route", side.receipt.route),
        ("expert", expert) if expert else ("dense, no experts", ""),
        ("instruction", side.receipt.text_sent.strip() or "none"),
        ("checkpoint", side.checkpoint[:8]),
    )


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped("Stopped while drawing the maps.")


def _side(lens: Lens, vectors: np.ndarray, points: np.ndarray) -> LensMap:
    scores, rows = nearest(vectors, NEIGHBOURS)
    return LensMap(lens, lens.document_receipt(), lens.document_fingerprint, points, scores, rows)


def _compared(texts: Texts, left: LensMap, right: LensMap) -> Maps:
    trained = left.lens.trained_on | right.lens.trained_on
    known = texts.frame["text"].map(lambda text: bool(trained) and text_hash(text) in trained).astype(bool)
    judged = {
        str(name): list(labels.astype(object).mask(known)) for name, labels in texts.frame[list(texts.labels)].items()
    }
    agreement = {
        name: (label_agreement(left.rows, labels), label_agreement(right.rows, labels))
        for name, labels in judged.items()
    }
    chance = {name: chance_agreement(labels) for name, labels in judged.items()}
    return Maps(
        texts, left, right, "PCA", neighbour_overlap(left.rows, right.rows), agreement, chance, int(known.sum())
    )


def _umaps(
    maps: Maps,
    left: np.ndarray,
    right: np.ndarray,
    store: "VectorStore",
    neighbours: int,
    on_stage: OnStage,
    stop: threading.Event,
) -> tuple[Projection, Projection]:
    """Project the left side, then the right one from there; what is public is kept for the next visitor."""
    public = maps.texts.public and maps.left.lens.public
    key = f"{maps.texts.fingerprint}/{neighbours}/{maps.left.checkpoint}"
    with _epochs(maps.left, on_stage, stop):
        first = _kept(store, key, left, neighbours, None, public, stop)
    public = public and maps.right.lens.public
    with _epochs(maps.right, on_stage, stop):
        second = _kept(store, f"{key}/{maps.right.checkpoint}", right, neighbours, first.points, public, stop)
    return first, second


@contextmanager
def _epochs(side: LensMap, on_stage: OnStage, stop: threading.Event) -> Iterator[None]:
    """Say how far UMAP is, one's own or that of another visitor who asked before, and end it when asked to."""
    stage = f"Drawing the UMAP of {side.lens.title}, epoch"

    def on_epoch(done: int) -> None:
        _go_on(stop)
        on_stage(stage, done, EPOCHS)

    _go_on(stop)
    on_stage(f"Drawing the UMAP of {side.lens.title}", 0, 0)
    with told(on_epoch):
        yield
    _go_on(stop)


def _kept(
    store: "VectorStore",
    key: str,
    vectors: np.ndarray,
    neighbours: int,
    start: np.ndarray | None,
    public: bool,
    stop: threading.Event,
) -> Projection:
    def compute() -> dict[str, np.ndarray]:
        made = project(vectors, neighbours=neighbours, start=start)
        return {"points": made.points, "method": np.array(made.method)}

    entry = store.arrays(f"projection/{key}", ("points", "method"), compute, public, stop)
    return Projection(entry["points"], str(entry["method"]))
