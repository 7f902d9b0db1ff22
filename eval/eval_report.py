"""The report of an evaluation, as one HTML file with pictures and as Markdown with the same tables.

Everything stands in `metrics.json`; the report adds words and pictures, and no number. The page loads nothing, runs no script and escapes what it is
given; the same metrics and timing give the same bytes. What the plan did not ask for is left out, what could not be measured says why.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .eval_figures import DARK, PALETTE, Style, style
from .eval_markdown import markdown
from .eval_report_abstention import abstention_section
from .eval_report_false import calibration_section, false_section
from .eval_report_found import cells_section, heat_section, length_section, roc_section, strength_section
from .eval_report_headline import alarms_section, headline_section
from .eval_report_parts import Figure, Section, Table
from .eval_report_record import cost_section, paired_section, reading_sections, signature_section
from .eval_report_texts import damage_section, quality_section
from .eval_report_view import Measured
from .eval_wording import cleaned

_MOST_ROWS = 2000


def write_report(metrics: Mapping[str, Any], timing: Mapping[str, Any] | None, out: Path) -> list[Path]:
    """Write `report.html` and `report.md` into the folder `out` and return their paths.

    Args:
        metrics: what metrics.json holds; parts that are missing or empty have no section.
        timing: what timing.json holds, for the cost of each detector.
        out: an existing folder.
    """
    measured = Measured(cleaned(metrics))
    sections = report_sections(measured, cleaned(timing) if timing else None)
    title = f"Evaluation: {name}" if (name := measured.signature.get("plan")) else "Evaluation"
    html, text = out / "report.html", out / "report.md"
    html.write_text(page(title, sections, _foot(measured)), encoding="utf-8", newline="\n")
    text.write_text(markdown(title, sections), encoding="utf-8", newline="\n")
    return [html, text]


def _foot(measured: Measured) -> str:
    version, plan = measured.signature.get("assay"), measured.signature.get("plan_sha256")
    made = f"Assay {version}. " if version else ""
    return f"{made}Every number on this page is in metrics.json{f'; plan {plan}' if plan else ''}."


def report_sections(measured: Measured, timing: Mapping[str, Any] | None) -> list[Section]:
    """Return the sections of a report in the reader's order; those with nothing to say are left out."""
    styles = line_styles(measured)
    found = [
        alarms_section(measured),
        headline_section(measured),
        heat_section(measured),
        length_section(measured, styles),
        strength_section(measured, styles),
        roc_section(measured, styles),
        false_section(measured),
        calibration_section(measured),
        quality_section(measured, styles),
        damage_section(measured),
        abstention_section(measured),
        paired_section(measured),
        cost_section(timing),
        cells_section(measured),
        signature_section(measured),
        *reading_sections(),
    ]
    return [section for section in found if section is not None]


def line_styles(measured: Measured) -> dict[str, Style]:
    """Return one style for each line, the same in every picture."""
    names = dict.fromkeys(line.label for view in measured.views for line in view.lines)
    return {name: style(at) for at, name in enumerate(names)}


def page(title: str, sections: Sequence[Section], foot: str, lead: Sequence[str] = ()) -> str:
    """Return sections as an HTML page, with sentences under its title and under all."""
    from markupsafe import Markup

    from .page import fill

    return fill(
        "eval_page.html.j2",
        title=title,
        sections=sections,
        foot=foot,
        lead=lead,
        palette=PALETTE,
        dark=DARK,
        kind_of=kind_of,
        svg=Markup,
        wrapped=wrapped,
        kept=kept,
        most_rows=_MOST_ROWS,
    )


def wrapped(name: str) -> Any:
    """Return a name for the head of a narrow column, escaped, that may break after its punctuation, or anywhere in a very long word."""
    from markupsafe import Markup, escape

    pieces = re.findall(r"\s*[^\s/_:-]{1,16}[/_:-]*|\s*[/_:-]+|\s+", name)
    return Markup("<wbr>").join(escape(piece) for piece in pieces)


def kept(cell: Any) -> str:
    """Return the text of a number whose only places to break are before its interval and before its n."""
    if str(cell)[:1].isalpha():  # why there is no number, in words
        return str(cell)
    return (
        str(cell)
        .replace(" ", "\N{NO-BREAK SPACE}")
        .replace("\N{NO-BREAK SPACE}[", " [")
        .replace("\N{NO-BREAK SPACE}(n", " (n")
    )


def kind_of(block: Any) -> str:
    """Return what a block is, for the template."""
    return {Figure: "figure", Table: "table"}.get(type(block), type(block).__name__.lower())
