"""The demo as one HTML file: no script, nothing loaded from outside, readable on a phone, in light and in dark.

The template escapes whatever it is given; only the charts, drawn here, go in as they are.
"""

import re
import shlex
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import assay
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .figure import PALETTE, chart_svg
from .findings import Findings
from .trace import GREEN, RED, Piece
from .wording import LABELS, headline, p_text, reading, surprises

# Line ends that HTML would count otherwise, and characters that HTML or UTF-8 cannot hold.
_UNPRINTABLE = re.compile("\r\n|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_ENDS = {"\r\n": " \n", "\r": "\n"}


@dataclass(frozen=True)
class Token:
    """A token of the text as the page shows it.

    Attributes:
        blank: the white space it begins with, which is not coloured.
        text: the rest of it.
        color: class for its colour: `green`, `red` or `grey`.
        lines: classes for the lines above and below it: `found`, `pasted`.
        tooltip: what it says about the mark.
    """

    blank: str
    text: str
    color: str
    lines: str
    tooltip: str


def write_page(findings: Findings, path: Path, folder: Path) -> None:
    """Write the page; `folder` is where the demo's files lie, for the commands to try."""
    path.write_text(render(findings, folder), encoding="utf-8")


def render(findings: Findings, folder: Path) -> str:
    """Return the page as HTML."""
    return fill(
        "report.html.j2",
        findings=findings,
        tokens=tokens(findings),
        headline=headline(findings),
        surprises=surprises(findings),
        reading=reading(findings),
        palette=PALETTE,
        wide=_chart(findings, 8.2, 4.3, "wide"),
        narrow=_chart(findings, 4.1, 4.6, "narrow"),
        folder=shlex.quote(str(folder)),
        version=assay.__version__,
    )


def fill(template: str, **values: Any) -> str:
    """Return a template of this package, filled in; what is filled in is made printable, then escaped, unless it is `Markup`."""
    source = files("assay.eval").joinpath(template).read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_printable_value
    )
    environment.filters["p"] = p_text
    return environment.from_string(source).render(**values)


def printable(text: str) -> str:
    """Return the text, as long as before, with line ends as line feeds and what HTML cannot hold as replacement characters."""
    return _UNPRINTABLE.sub(lambda found: _LINE_ENDS.get(found[0], "\N{REPLACEMENT CHARACTER}"), text)


def split_blank(content: str) -> tuple[str, str]:
    """Return the white space that a token begins with, and the rest; all of it is the rest where it is nothing but white space."""
    word = content.lstrip() or content
    return content[: len(content) - len(word)], word


def tokens(findings: Findings) -> list[Token]:
    """Return the spliced text as tokens with their classes."""
    text = printable(findings.trace.text)
    found = [(span.start, span.stop) for span in findings.spans]
    shown: list[Token] = []
    for piece in findings.trace.pieces():
        color = piece.label if piece.label in (GREEN, RED) else "grey"
        lines = ["found"] if any(_touches(piece, stretch) for stretch in found) else []
        lines += ["pasted"] if _touches(piece, findings.truth) else []
        blank, word = split_blank(text[piece.start : piece.stop])
        shown.append(Token(blank, word, color, " ".join(lines), LABELS[piece.label]))
    return shown


def _touches(piece: Piece, stretch: tuple[int, int]) -> bool:
    return stretch[0] < piece.stop and piece.start < stretch[1]


def _printable_value(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _chart(findings: Findings, width: float, height: float, name: str) -> Markup:
    """Return a chart whose colours are the page's CSS variables."""
    svg = chart_svg(findings, width, height, name)
    for color, code in PALETTE.items():
        svg = svg.replace(code, f"var(--{color})")
    return Markup(svg)  # drawn by us, labels escaped by matplotlib
