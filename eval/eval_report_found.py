"""The sections of an evaluation report on what is found: by attack, length, strength and rate, and every cell."""

from collections.abc import Mapping, Sequence
from typing import Any

from .eval_figures import Style, key
from .eval_figures_curves import chosen, length_panel, roc_panel, strength_panel
from .eval_report_headline import attacked_cell, found_cell
from .eval_report_parts import Block, Cell, Figure, Key, Notes, Panel, Section, Table
from .eval_report_view import Line, Measured, View, tpr
from .eval_wording import (
    attack_name,
    auroc_estimate,
    auroc_of,
    count,
    length_name,
    listed,
    number,
    rate_estimate,
    rate_name,
    short_percent,
)  # fmt: skip
from .score_table import UNATTACKED

Styles = Mapping[str, Style]
_VIEWS = 6
_ATTACKS = 12
_HEATS = 3
_STRENGTH_VIEWS = 3


def heat_section(measured: Measured) -> Section | None:
    """Return attack by detector: every attack at its strongest, and each strength with intervals in a fold."""
    blocks: list[Block] = [_heat(measured, view, at >= _HEATS) for at, view in enumerate(measured.views)]
    if not blocks or not measured.attacks:
        return None
    blocks += [_every_strength(measured, view) for view in measured.views if view.lines]
    return Section("attacks", "What each attack leaves: the strongest strength of each", blocks)


def _heat(measured: Measured, view: View, folded: bool) -> Table:
    rows: list[list[Cell | str]] = [
        ["no attack", *(_heat_cell(measured, view, line, UNATTACKED, 0.0) for line in view.lines)]
    ]
    for attack in measured.attacks:
        strength = measured.strengths(attack)[-1]
        cells = [_heat_cell(measured, view, line, attack, strength) for line in view.lines]
        if any(cell.text != "not run" for cell in cells):
            rows.append([attack_name(attack, strength), *cells])
    caption = f"{view.title}: % of machine texts found; {length_name(measured.length)}; {sizes(measured, view)}."
    return Table(
        ["attack", *(line.label for line in view.lines)],
        rows,
        caption=caption,
        heat=True,
        folded=view.title if folded else "",
    )


def _heat_cell(measured: Measured, view: View, line: Line, attack: str, strength: float) -> Cell:
    return attacked_cell(measured, view, line, attack, strength, lambda entry: short_percent(entry.get("value")))


def _every_strength(measured: Measured, view: View) -> Table:
    rows: list[list[Cell | str]] = []
    steps = [(UNATTACKED, 0.0), *((a, s) for a in measured.attacks for s in measured.strengths(a))]
    for attack, strength in steps:
        cells = [attacked_cell(measured, view, line, attack, strength, rate_estimate) for line in view.lines]
        if any(cell.text != "not run" for cell in cells):
            rows.append([attack_name(attack, strength), *cells])
    folded = f"Every strength with its interval: {view.title[0].lower()}{view.title[1:]}"
    return Table(["attack", *(line.label for line in view.lines)], rows, folded=folded)


def sizes(measured: Measured, *views: View) -> str:
    """Return how many texts stand behind views: `n = 200 machine texts a column (150 clusters), 300 human`."""
    cells = [cell for view in views for line in view.lines if (cell := measured.cell(line))]
    machine, clusters, human = (
        sorted({int(c.get(name) or 0) for c in cells}) for name in ("n_machine", "clusters", "n_human")
    )
    if not cells:
        return "n differs by cell"
    return f"n = {_range(machine)} machine texts each, {_range(human)} human; {_range(clusters)} clusters"


def _range(values: Sequence[int]) -> str:
    return count(values[0]) if values[0] == values[-1] else f"{count(values[0])} to {count(values[-1])}"


def length_section(measured: Measured, styles: Styles) -> Section | None:
    """Return what is found against the number of tokens."""
    made = [(v, length_panel(measured, v, styles, f"length{i}")) for i, v in enumerate(measured.views[:_VIEWS])]
    drawn = [(view, panel) for view, panel in made if panel]
    if not drawn:
        return None
    whole = " The open marker is the whole text, at its median number of tokens." if 0 in measured.lengths else ""
    n = sizes(measured, *(view for view, _ in drawn))
    caption = f"Tokens on a logarithmic axis; bands or bars are 95 % intervals.{whole} At {length_name(measured.length)} {n}. A text shorter than a length is not counted at it, so n falls along a curve; it stands in the table."
    figure = Figure([panel for _, panel in drawn], _keys(measured, [view for view, _ in drawn], styles), caption)
    tables = [_length_table(measured, view) for view in measured.views]
    notes = [Notes([note])] if (note := _cut_first_note(measured)) else []
    return Section("lengths", "How many tokens it takes", [figure, *notes, *_undrawn(measured), *tables])


def _cut_first_note(measured: Measured) -> str:
    """Return which attacks are given texts that were cut before, so that a length is not that of what was scored."""
    said = measured.signature.get("attacks") or {}
    first = [attack for attack in measured.attacks if (said.get(attack) or {}).get("cut_first")]
    if not first or measured.lengths == [0]:
        return ""
    return f"A length is that of the scored text, cut after the attack. Under {listed(first)} it is that of the text before: it is cut first, and what is scored is longer or shorter (median tokens stand in “Every cell”)."


def _length_table(measured: Measured, view: View) -> Table:
    rows: list[list[Cell | str]] = []
    for length in measured.lengths:
        cells = [measured.cell(line, length=length) for line in view.lines]
        if any(cells):
            shown = [found_cell(e, rate_estimate(e)) for e in (tpr(cell, view.rate) for cell in cells)]
            n = sorted({int(cell["n_machine"]) for cell in cells if cell})
            human = sorted({int(cell["n_human"]) for cell in cells if cell})
            rows.append([length_name(length), _range(n), _range(human), *shown])
    head = ["length", "n machine", "n human", *(line.label for line in view.lines)]
    return Table(head, rows, folded=f"Numbers: {view.title[0].lower()}{view.title[1:]}")


def strength_section(measured: Measured, styles: Styles) -> Section | None:
    """Return what is found against the strength of each attack, one panel an attack."""
    blocks: list[Block] = []
    for at, view in enumerate(measured.views[:_STRENGTH_VIEWS]):
        made = [strength_panel(measured, view, a, styles, f"strength{at}-{i}") for i, a in enumerate(measured.attacks)]
        panels = [panel for panel in made if panel]
        if panels:
            blocks += _small(panels, _keys(measured, [view], styles), view, measured, folded=at > 1)
    if not blocks:
        return None
    note = "What a strength measures differs from attack to attack, and so do the axes; 0 is the text as it was. The numbers are in the fold “Every strength” above."
    return Section("strengths", "How strong an attack must be", [*blocks, *_undrawn(measured), Notes([note])])


def _small(panels: Sequence[Panel], keys: Sequence[Key], view: View, measured: Measured, folded: bool) -> list[Block]:
    caption = (
        f"{view.title}; {length_name(measured.length)}; {sizes(measured, view)}. Bands or bars are 95 % intervals."
    )
    first, rest = panels[:_ATTACKS], panels[_ATTACKS:]
    blocks: list[Block] = [Figure(first, keys, caption, small=True, folded=view.title if folded else "")]
    if rest:
        blocks.append(Figure(rest, keys, caption, small=True, folded=f"{count(len(rest))} more attacks: {view.title}"))
    return blocks


def roc_section(measured: Measured, styles: Styles) -> Section | None:
    """Return the ROC curves of unattacked texts."""
    made = [(v, roc_panel(measured, v, styles, f"roc{i}")) for i, v in enumerate(measured.views[:_VIEWS])]
    drawn = [(view, panel) for view, panel in made if panel]
    if not drawn:
        return None
    caption = (
        f"Unattacked texts, {length_name(measured.length)}; {sizes(measured, *(view for view, _ in drawn))}. The axis of human texts flagged is logarithmic and ends at one "
        "human text: smaller rates cannot be seen with these texts, whatever a curve would say. Dotted: chance."
    )
    figure = Figure([panel for _, panel in drawn], _keys(measured, [view for view, _ in drawn], styles), caption)
    return Section(
        "roc",
        "Found against falsely flagged (ROC)",
        [figure, *_undrawn(measured), *map(_roc_table(measured), measured.views)],
    )


def _roc_table(measured: Measured) -> Any:
    def table(view: View) -> Table:
        rows: list[list[Cell | str]] = []
        for line in view.lines:
            cell = measured.cell(line) or {}
            entries = [tpr(cell, rate) for rate in measured.rates]
            rows.append([line.label, auroc_of(cell), *(found_cell(e, rate_estimate(e)) for e in entries)])
        head = [
            "detector" if view.is_marks else "line",
            "AUROC",
            *(f"found at {rate_name(rate)}" for rate in measured.rates),
        ]
        return Table(head, rows, folded=f"Numbers: {view.title.rsplit(', at FPR', 1)[0]}")

    return table


def cells_section(measured: Measured) -> Section | None:
    """Return every cell."""
    if not measured.cells:
        return None
    head = [
        "detector",
        "machine text",
        "attack",
        "length",
        "n machine",
        "n human",
        "clusters",
        "AUROC",
        "AUROC, attacked humans",
    ]
    head += [f"found at {rate_name(rate)}" for rate in measured.rates] + ["median tokens"]
    rows: list[list[Cell | str]] = []
    for c in measured.cells:
        numbers = [_with_scored(c, "machine"), _with_scored(c, "human"), count(int(c.get("clusters") or 0))]
        line = Line(c["detector"], c["source"], "", c["kind"])
        gone = measured.none_left(line, c["attack"], float(c["strength"]), int(c["length"]))
        row: list[Cell | str] = [
            c["detector"],
            c["source"],
            attack_name(c["attack"], c["strength"]),
            length_name(int(c["length"])),
            *numbers,
        ]
        row += [auroc_estimate(c.get("auroc")), auroc_estimate(c.get("auroc_attacked"))]
        entries = [tpr(c, rate) for rate in measured.rates]
        row += [Cell(gone, tone="absent") if gone else found_cell(e, rate_estimate(e)) for e in entries]
        rows.append([*row, number(c.get("median_tokens"))])
    return Section("cells", "Every cell", [Table(head, rows, words=4, folded=f"All {count(len(rows))} cells")])


def _with_scored(cell: Mapping[str, Any], side: str) -> str:
    """Return how many texts a cell has, and how many of them have a score where that is fewer."""
    n, scored = int(cell.get(f"n_{side}") or 0), cell.get(f"n_scored_{side}")
    return count(n) if scored is None or int(scored) == n else f"{count(n)} ({count(int(scored))} scored)"


def _keys(measured: Measured, views: Sequence[View], styles: Styles) -> list[Key]:
    drawn = dict.fromkeys(line.label for view in views for line in chosen(measured, view))
    return [key(label, styles[label]) for label in drawn]


def _undrawn(measured: Measured) -> list[Block]:
    """Return what is in the tables and not in the pictures."""
    lines = max((len(view.lines) - len(chosen(measured, view)) for view in measured.views), default=0)
    said: list[str] = []
    if lines > 0:
        said.append(
            f"Of many lines the {len(chosen(measured, max(measured.views, key=lambda v: len(v.lines))))} that find most without attack are drawn; all are in the tables."
        )
    if len(measured.views) > _VIEWS:
        said.append(f"The first {_VIEWS} of {len(measured.views)} panels are drawn; all are in the tables.")
    return [Notes(said)] if said else []
