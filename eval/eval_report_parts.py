"""What a report is made of: sections of figures, tables and notes, which the page and Markdown render each in their way.

Whoever adds a section says every number once, in a table; the page may shade it or fold it, Markdown prints it. Nothing here knows HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what it says.
        shade: from 0 to 1, how strongly the page colours it; None for no colour.
        tone: `seen` (blue: found), `bad` (orange: false positives), `odd` (stands out), or `absent` (could not be measured).
    """

    text: str
    shade: float | None = None
    tone: Literal["", "seen", "bad", "odd", "absent"] = ""

    def __str__(self) -> str:
        return self.text

    @property
    def style(self) -> str:
        """Return its shade in per cent for CSS."""
        return "" if self.shade is None else f"--v: {100.0 * min(max(self.shade, 0.0), 1.0):.0f}"


@dataclass(frozen=True)
class Table:
    """A table of words and numbers.

    Attributes:
        head: names of the columns.
        rows: cells by row, as many as the head has.
        words: how many of the first columns hold words; the others are numbers.
        also_words: which other columns hold words.
        caption: what it shows, of how many texts.
        folded: what stands on the fold that hides it on the page; empty for a table in sight.
        heat: whether it is a heat map: equal columns, every cell shaded.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    words: int = 1
    caption: str = ""
    folded: str = ""
    heat: bool = False
    also_words: Sequence[int] = ()

    def is_word(self, column: int) -> bool:
        """Return whether a column holds words."""
        return column < self.words or column in self.also_words


@dataclass(frozen=True)
class Panel:
    """One picture: an SVG element made by us, with what it says in words for who cannot see it."""

    title: str
    svg: str
    alt: str


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a sample of the line (an SVG element made by us) and its name."""

    sample: str
    label: str


@dataclass(frozen=True)
class Figure:
    """Panels with one legend and a caption; `small` ones stand three in a row, `folded` as for tables."""

    panels: Sequence[Panel]
    keys: Sequence[Key]
    caption: str
    small: bool = False
    folded: str = ""


@dataclass(frozen=True)
class Notes:
    """Sentences."""

    sentences: Sequence[str]


@dataclass(frozen=True)
class Terms:
    """Terms and their explanations."""

    pairs: Sequence[tuple[str, str]]


Block = Figure | Table | Notes | Terms


def in_sight(table: Table, most: int = 24) -> list[Table]:
    """Return a table whose rows beyond the first `most` are in a fold of their own."""
    rest = table.rows[most:]
    if not rest:
        return [table]
    first = replace(table, rows=table.rows[:most])
    return [first, replace(table, rows=rest, caption="", folded=f"{len(rest):,} more rows")]


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        anchor: id of its heading.
        title: its heading, which says what it shows.
        blocks: in order.
        loud: whether it must not be overlooked (alarms).
    """

    anchor: str
    title: str
    blocks: Sequence[Block]
    loud: bool = False
