"""A corpus report as one HTML file: no script, nothing loaded from outside, in light and in dark.

The template escapes whatever it is given (hosts, files and reasons come from the crawl); only the plots, drawn here, go in
as they are, and their labels are escaped by matplotlib.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .report_figures import PALETTE, p_value_figure, verdict_figure
from .report_wording import caveats, count, headline, length_text, p_text, percent

# What HTML or UTF-8 cannot hold, and line ends, which in a table cell mean nothing.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_PLOTTED = 12


def page(data: Mapping[str, Any]) -> str:
    """Return the report (what report.json holds) as HTML."""
    source = files("assay.corpus").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_printable
    )
    environment.filters |= {"count": count, "percent": percent, "p": p_text}
    return environment.from_string(source).render(
        data=data,
        headline=headline(data),
        caveats=caveats(data),
        palette=PALETTE,
        overall=Markup(p_value_figure(data["p_values"], "overall")) if data["discoveries"]["tested"] else "",
        plots=_detector_plots(data),
        lengths=_verdicts([length_text(row) for row in data["lengths"]], data["lengths"], "lengths"),
        languages=_languages(data),
    )


def _detector_plots(data: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Any]]:
    """Return each detector that tested something, with its p-values; of one alone the overall plot says it."""
    tested = [one for one in data["detectors"] if one["tested"]]
    if len(tested) < 2:
        return []
    return [(one, Markup(p_value_figure(one["p_values"], f"detector{i}"))) for i, one in enumerate(tested)]


def _languages(data: Mapping[str, Any]) -> Any:
    rows = sorted(data["languages"]["rows"], key=lambda row: (-row["documents"], row["name"]))[:_PLOTTED]
    return _verdicts([row["name"] or "unknown" for row in rows], rows, "languages")


def _verdicts(names: list[str], rows: list[Mapping[str, int]], name: str) -> Any:
    return Markup(verdict_figure(names, rows, name)) if rows else ""


def _printable(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    return value
