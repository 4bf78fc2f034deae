"""What the About tab shows, as HTML of its templates."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from mote_demo.evaluation.report import Report
from mote_demo.limits import LIMITS, SECONDS_CLOSED
from mote_demo.runtime.precision import PRECISIONS
from mote_demo.serving.shelf import Shelf
from mote_demo.study.arms import TITLES
from mote_demo.tasks import ROUTES
from mote_demo.ui.experts.html import gain_lines, seeds_line
from mote_demo.ui.shared.templates import render
from mote_demo.ui.shared.titles import capitalized, scope_title


def page(
    shelf: Shelf,
    report: Report | None,
    summary: Mapping[str, Any] | None = None,
    *,
    report_problem: str = "",
) -> Markup:
    """Return the whole page: what MoTE is, what is loaded, what was measured.

    Args:
        shelf: what is loaded.
        report: what was measured, if anything was.
        summary: what the study of the experts found, if it ran.
        report_problem: why there is no report although there is a file of one, or "".
    """
    return render(
        "mote_demo.ui.about",
        "page.html.jinja",
        shelf=shelf,
        routes=ROUTES,
        precisions=PRECISIONS,
        report=report,
        problem=report_problem,
        titles=[capitalized(TITLES.get(model, model)) for model in (report.models if report else ())],
        scope_title=scope_title,
        seeds="" if summary is None else seeds_line(summary["seeds"]),
        gains="" if summary is None else gain_lines(summary),
        minutes=SECONDS_CLOSED // 60,
        limits=LIMITS,
    )
