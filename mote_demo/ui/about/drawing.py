"""A drawing of a dense block beside a MoTE block, as SVG."""

from collections.abc import Iterable

from mote_demo.tasks import ROUTES

_TITLE = "A dense block and a MoTE block"
_CHOSEN = "clustering"
_MOTE = "var(--mote-right)"


def block_drawing() -> str:
    """Return an SVG: a dense block with one MLP, and a MoTE block with one MLP per task, of which one runs."""
    parts = [
        *_stem(110, "Dense block"),
        *_dense(),
        *_ends(110),
        *_stem(490, "MoTE block"),
        *_experts(),
        *_ends(490),
    ]
    return (
        f'<svg viewBox="0 0 760 330" role="img" aria-label="{_TITLE}: in the MoTE block the task chooses one of '
        f'{len(ROUTES)} MLPs" xmlns="http://www.w3.org/2000/svg" font-size="13" text-anchor="middle">'
        f"{''.join(parts)}</svg>"
    )


def _stem(x: int, title: str) -> Iterable[str]:
    yield _text(x, 16, title, "bold")
    yield _box(x - 70, 240, 140, 44, "Attention", "currentColor", False)
    yield _line(x, 308, x, 284)
    yield _text(x, 324, "tokens of “instruction + text”", "normal")
    yield _box(x - 70, 200, 140, 24, "Add &amp; norm", "currentColor", False)
    yield _line(x, 240, x, 224)


def _ends(x: int) -> Iterable[str]:
    yield _box(x - 70, 62, 140, 24, "Add &amp; norm", "currentColor", False)
    yield _line(x, 62, x, 32)


def _dense() -> Iterable[str]:
    yield _line(110, 200, 110, 166)
    yield _box(40, 122, 140, 44, "MLP", "var(--mote-left)", True)
    yield _line(110, 122, 110, 86)


def _experts() -> Iterable[str]:
    width, gap = 96, 8
    left = 490 - (len(ROUTES) * (width + gap) - gap) / 2
    for number, route in enumerate(ROUTES):
        chosen = route == _CHOSEN
        x = left + number * (width + gap)
        if chosen:
            yield _line(490, 200, x + width / 2, 166, _MOTE)
            yield _line(x + width / 2, 122, 490, 86, _MOTE)
        yield _box(x, 122, width, 44, route, _MOTE if chosen else "currentColor", chosen)


def _box(x: float, y: float, width: float, height: float, label: str, colour: str, strong: bool) -> str:
    fill = f'fill="{colour}" fill-opacity="0.18"' if strong else 'fill="none"'
    opacity = "1" if strong else "0.55"
    return (
        f'<g><rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" {fill} stroke="{colour}" '
        f'stroke-opacity="{opacity}" stroke-width="{2 if strong else 1}"/>'
        f'<text x="{x + width / 2}" y="{y + height / 2 + 4.5}" fill="currentColor">{label}</text></g>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = "currentColor") -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-opacity="0.7"/>'


def _text(x: float, y: float, words: str, weight: str) -> str:
    return f'<text x="{x}" y="{y}" fill="currentColor" font-weight="{weight}">{words}</text>'
