"""The demo on one picture: the coloured text, the chart, the table, and how to read them.

The text is set in a fixed-width font, so that a token's box is its columns; characters that the font lacks show as □.
Everything is drawn in points from the top left corner, on a figure as high as its content.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Rectangle

from .figure import PALETTE, draw_chart
from .findings import Findings, Row
from .trace import GREEN, RED, Piece
from .wording import headline, p_text, reading, surprises

_WIDTH, _MARGIN, _DPI = 880.0, 30.0, 110
_MONO = "DejaVu Sans Mono"
_TEXT_SIZE, _LINE = 10.0, 20.0
_ADVANCE = 0.602051  # of DejaVu Sans Mono, in em
_BOXES = {GREEN: ("#17754a", "#ffffff"), RED: ("#fad7cb", "#56200f")}
_CHART_HEIGHT = 330.0
_ROW = 19.5
_READING = 510.0  # where the explanation begins


@dataclass(frozen=True)
class _Line:
    """A line of the explanation, y points below its title."""

    y: float
    text: str
    weight: str


@dataclass(frozen=True)
class _Pen:
    """Draws in points, y downwards."""

    figure: Figure
    height: float

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        color: str = "ink",
        weight: str = "normal",
        family: str = "DejaVu Sans",
    ) -> None:
        """Write one line with its baseline at y; `color` is a name in `PALETTE` or a code."""
        self.figure.text(
            x / _WIDTH,
            1 - y / self.height,
            text,
            fontsize=size,
            color=PALETTE.get(color, color),
            weight=weight,
            family=family,
            va="baseline",
            parse_math=False,
        )

    def box(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """Fill a rectangle whose upper left corner is (x, y)."""
        corner = (x / _WIDTH, 1 - (y + height) / self.height)
        shown = PALETTE.get(color, color)
        self.figure.add_artist(
            Rectangle(
                corner, width / _WIDTH, height / self.height, color=shown, lw=0, transform=self.figure.transFigure
            )
        )


def write_poster(findings: Findings, path: Path) -> None:
    """Draw the picture and write it as PNG."""
    columns = int((_WIDTH - 2 * _MARGIN) / (_TEXT_SIZE * _ADVANCE))
    lines = wrap(findings.trace.text, columns)
    said = [line for sentence in headline(findings) + surprises(findings) for line in textwrap.wrap(sentence, 150)]
    text_top = 80.0 + 15.0 * len(said)
    chart_top = text_top + 40.0 + _LINE * len(lines) + 26.0
    table_top = chart_top + _CHART_HEIGHT + 62.0
    explained = _explained(findings)
    height = table_top + max(22.0 + _ROW * (len(findings.rows) + 1), explained[-1].y) + 30.0
    figure = Figure((_WIDTH / 72, height / 72), dpi=_DPI, facecolor=PALETTE["paper"])
    pen = _Pen(figure, height)
    pen.text(_MARGIN, 42, "A mark written, found, and located", 20, weight="bold")
    for i, line in enumerate(said):
        pen.text(_MARGIN, 64 + 15 * i, line, 10.5)
    _draw_text(pen, findings, lines, text_top)
    _title(pen, _MARGIN, chart_top, "p along the text: the lower, the less it can be luck")
    place = (82 / _WIDTH, 1 - (chart_top + _CHART_HEIGHT) / height, (_WIDTH - 82 - _MARGIN) / _WIDTH, 0.0)
    draw_chart(figure, findings, (*place[:3], (_CHART_HEIGHT - 50) / height), 9.5)
    _draw_table(pen, findings, table_top)
    _title(pen, _READING, table_top, "How to read it")
    for line in explained:
        pen.text(_READING, table_top + line.y, line.text, 8.6, weight=line.weight)
    figure.savefig(path, format="png", metadata={"Software": None})


def wrap(text: str, columns: int) -> list[tuple[int, int]]:
    """Return the lines of `text` as character ranges of at most `columns`, broken at blanks where there are any.

    Together they hold every character but the line ends.
    """
    lines: list[tuple[int, int]] = []
    start = 0
    for paragraph in text.split("\n"):
        stop = start + len(paragraph)
        while stop - start > columns:
            blank = text.rfind(" ", start, start + columns)
            cut = blank + 1 if blank >= start else start + columns
            lines.append((start, cut))
            start = cut
        lines.append((start, stop))
        start = stop + 1
    return lines


def _draw_text(pen: _Pen, findings: Findings, lines: list[tuple[int, int]], top: float) -> None:
    _title(pen, _MARGIN, top, f"Half of {findings.pasted.source}, pasted into {findings.pasted.host}")
    _draw_key(pen, top + 18)
    first = top + 44
    text, pieces = findings.trace.text, findings.trace.pieces()
    found = [(span.start, span.stop) for span in findings.spans]
    for row, line in enumerate(lines):
        y = first + _LINE * row
        for start, stop in (_common(line, stretch) for stretch in found):
            _rail(pen, start - line[0], stop - start, y - 12.6, "found")
        start, stop = _common(line, findings.truth)
        _rail(pen, start - line[0], stop - start, y + 3.6, "pasted")
        for piece in pieces:
            start, stop = _common(line, (piece.start, piece.stop))
            if start < stop:
                _draw_piece(pen, start - line[0], y, text[start:stop], piece)


def _draw_piece(pen: _Pen, column: int, y: float, text: str, piece: Piece) -> None:
    advance, word = _TEXT_SIZE * _ADVANCE, text.strip()  # white space around a token is not coloured
    if not word:
        return
    x = _MARGIN + (column + text.index(word)) * advance
    box, color = _BOXES.get(piece.label, ("", "muted"))
    if box:
        pen.box(x + 0.4, y - 9.6, len(word) * advance - 0.8, 12.6, box)
    pen.text(x, y, _drawable(word), _TEXT_SIZE, color, family=_MONO)


def _draw_key(pen: _Pen, y: float) -> None:
    x = _MARGIN
    for label, name in ((GREEN, "green: for the mark"), (RED, "red: against it"), ("", "grey: not scored")):
        box, color = _BOXES.get(label, ("", "muted"))
        width = 5.4 * len(name) + 8
        if box:
            pen.box(x, y - 10, width, 13.5, box)
        pen.text(x + 4, y, name, 9.4, color)
        x += width + 16
    for rail, name in (("found", "line above: found by the test"), ("pasted", "line below: really pasted")):
        pen.box(x, y - (10 if rail == "found" else -2), 26, 2.4, rail)
        pen.text(x + 32, y, name, 9.4)
        x += 200


def _rail(pen: _Pen, column: int, length: int, y: float, color: str) -> None:
    if length > 0:
        advance = _TEXT_SIZE * _ADVANCE
        pen.box(_MARGIN + column * advance, y, length * advance, 2.2, color)


def _draw_table(pen: _Pen, findings: Findings, top: float) -> None:
    _title(pen, _MARGIN, top, "Every text, under two keys")
    columns = (_MARGIN, 118.0, 186.0, 256.0, 326.0, 406.0)
    heads = ("text", "green / scored", "p, whole text", "best stretch", "the mark's key", "another key")
    for x, head in zip(columns, heads, strict=True):
        pen.text(x, top + 19, head, 8.6, "muted")
    for i, row in enumerate(findings.rows):
        y = top + 22 + _ROW * (i + 1)
        for x, cell in zip(columns, _cells(row), strict=True):
            pen.text(x, y, cell, 9.6, weight="bold" if cell == "detected" else "normal")


def _cells(row: Row) -> tuple[str, ...]:
    right, wrong = row.right, row.wrong
    return (
        row.name,
        f"{right.detection.statistic:.0f} / {right.detection.n_scored}",
        p_text(right.whole_log10_p),
        p_text(right.stretch_log10_p),
        right.decision.verdict.replace("_", " "),
        wrong.decision.verdict.replace("_", " "),
    )


def _explained(findings: Findings) -> list[_Line]:
    """Return the lines of the explanation; a term stands a little apart from what is above it."""
    lines: list[_Line] = []
    y = 0.0
    for term, words in reading(findings):
        y += 19.0
        lines.append(_Line(y, term, "bold"))
        for line in textwrap.wrap(words, 75):
            y += 12.6
            lines.append(_Line(y, line, "normal"))
    return lines


def _title(pen: _Pen, x: float, y: float, text: str) -> None:
    pen.text(x, y, text, 12, weight="bold")


def _common(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    start = max(a[0], b[0])
    return start, max(start, min(a[1], b[1]))


def _drawable(text: str) -> str:
    font = get_font(findfont(FontProperties(family=_MONO)))
    return "".join(c if c == " " or font.get_char_index(ord(c)) else "□" for c in text)
