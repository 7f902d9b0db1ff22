"""An evaluation report as Markdown: the sentences and tables of the page, without its pictures, for pasting."""

import re
from collections.abc import Sequence

from .eval_report_parts import Cell, Notes, Section, Table, Terms

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")
_MOST_ROWS = 300


def markdown(title: str, sections: Sequence[Section]) -> str:
    """Return sections as GitHub-flavoured Markdown."""
    lines = [f"# {plain(title)}"]
    for section in sections:
        lines += ["", f"## {plain(section.title)}"]
        for block in section.blocks:
            if isinstance(block, Table):
                lines += _table(block)
            elif isinstance(block, Notes):
                lines += ["", *(f"- {plain(sentence)}" for sentence in block.sentences if sentence)]
            elif isinstance(block, Terms):
                lines += ["", *(f"- **{plain(term)}**: {plain(words)}" for term, words in block.pairs)]
            else:
                titles = ", ".join(plain(panel.title) for panel in block.panels)
                lines += ["", f"Pictures in report.html: {titles}. {plain(block.caption)}"]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> list[str]:
    lines = [""]
    if table.folded or table.caption:
        lines += [plain(table.folded or table.caption), ""]
    lines.append(f"| {' | '.join(plain(name) or ' ' for name in table.head)} |")
    lines.append(f"|{'|'.join('---' if table.is_word(at) else '---:' for at in range(len(table.head)))}|")
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table.rows[:_MOST_ROWS]]
    if len(table.rows) > _MOST_ROWS:
        lines += ["", f"The first {_MOST_ROWS} of {len(table.rows):,} rows; all are in metrics.json."]
    return lines


def _cell(cell: Cell | str) -> str:
    text = plain(str(cell)) or " "
    return f"**{text}**" if isinstance(cell, Cell) and cell.tone == "odd" else text


def plain(text: str) -> str:
    """Return text that Markdown shows as it is, in a line or a table cell."""
    return _SPECIAL.sub(r"\\\1", text)
