"""Two evaluations beside each other, as one HTML file and as Markdown: what they were made from, and which cells differ.

The figures are those of `compare`: differences are B less A, and clear where they differ from 0 after correction for how many were compared. Clear ones come first, largest
first; the picture shows the headline rate of each detector (that of A: 1e-5 by law for marks, 1 % or the nearest that A can measure for others), or AUROC where neither run has it.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .eval_figures import key, style
from .eval_figures_points import dot, dumbbell_panel
from .eval_markdown import markdown
from .eval_report import page
from .eval_report_parts import Block, Cell, Figure, Notes, Panel, Section, Table, in_sight
from .eval_report_view import Measured, tpr
from .eval_wording import (
    NONE,
    attack_name,
    auroc_estimate,
    cleaned,
    count,
    length_name,
    plural,
    rate_estimate,
    rate_name,
)

Record = Mapping[str, Any]
_A, _B = style(0), style(1)
_DRAWN = 24


def write_comparison(compared: Record, a: Record, b: Record, out: Path) -> list[Path]:
    """Write `compare.html` and `compare.md` into the folder `out` and return their paths.

    Args:
        compared: what `compare(a, b)` gives.
        a: the content of one metrics.json.
        b: the content of the other.
        out: an existing folder.
    """
    compared, a, b = cleaned(compared), cleaned(a), cleaned(b)
    sections = comparison_sections(compared, Measured(a), Measured(b))
    html, text = out / "compare.html", out / "compare.md"
    lead = [f"A: {_named(a)}", f"B: {_named(b)}"]
    title = "Two evaluations compared"
    foot = "Every number on this page is in the two metrics.json, or follows from them."
    html.write_text(page(title, sections, foot, lead), encoding="utf-8", newline="\n")
    text.write_text(
        markdown(title, [Section("runs", "The two runs", [Notes(lead)]), *sections]), encoding="utf-8", newline="\n"
    )
    return [html, text]


def _named(metrics: Record) -> str:
    signature = metrics.get("signature") or {}
    return f"plan {signature.get('plan') or 'unnamed'}, Assay {signature.get('assay') or 'unknown'}, seed {signature.get('seed', 'unknown')}"


def comparison_sections(compared: Record, a: Measured, b: Measured) -> list[Section]:
    """Return the sections of a comparison: the summary, the cells, what stands in one only, and the signatures."""
    cells = sorted(compared.get("cells") or [], key=lambda cell: _order(cell, a))
    clear = [cell for cell in cells if cell.get("clear")]
    sections = [
        Section("summary", "What differs", [Notes(_summary(compared, cells, clear))]),
        Section("signatures", "What they were made from", [_signatures(compared)]),
    ]
    if cells:
        blocks: list[Block] = [*_figure(cells, a), *in_sight(_table(cells, a), 40)]
        sections.insert(1, Section("cells", "Cells of both, clear differences first", blocks))
    only = (
        [Table(["only in", "detector", "machine text", "attack", "length"], _only(compared), words=5)]
        if _only(compared)
        else []
    )
    return [*sections, Section("only", "Cells of one run only", only)] if only else sections


def _summary(compared: Record, cells: Sequence[Record], clear: Sequence[Record]) -> list[str]:
    figures = "" if not compared.get("same_figures") else " All figures are equal to the last digit."
    lines = [
        f"{plural(len(cells), 'cell')} in both runs; in {count(len(clear))} the difference is clear.{figures}",
        f"{str(compared.get('note') or 'Differences are B less A').rstrip('.')}.",
    ]
    if tested := int(compared.get("figures_compared") or 0):
        outside = sum(len(cell.get("uncorrected_in") or []) for cell in cells)
        lines.append(
            f"Without correction the intervals of {count(outside)} of {plural(tested, 'figure')} exclude 0. If nothing truly differed about {count(tested / 20)} would by chance, fewer where both runs are on the same texts."
        )
    if compared.get("same"):
        lines = ["The two runs are the same: signatures and all figures are equal.", *lines]
    return lines


def _rate(cell: Record, measured: Measured) -> float:
    return measured.rate_of(measured.kinds.get(cell["detector"], ""))


def _headline(cell: Record, measured: Measured) -> tuple[float | None, bool]:
    """Return the difference at the headline rate, or of AUROC where there is none, and whether it is the former."""
    rate = _rate(cell, measured)
    for name, value in (cell.get("tpr_difference") or {}).items():
        if value is not None and math.isclose(float(name), rate, rel_tol=1e-6):
            return float(value), True
    value = cell.get("auroc_difference")
    return (None if value is None else float(value)), False


def _order(cell: Record, measured: Measured) -> tuple[bool, float]:
    value, _ = _headline(cell, measured)
    return not cell.get("clear"), -abs(value or 0.0)


def _name(cell: Record) -> str:
    where = "" if cell.get("kind") == "mark" else f" on {cell['source']}"
    return f"{cell['detector']}{where}, {attack_name(cell['attack'], cell['strength'])}, {length_name(int(cell['length']))}"


def _figure(cells: Sequence[Record], measured: Measured) -> list[Block]:
    """Return the dumbbells of the first cells, found and AUROC apart; both are shares from 0 to 100 %."""
    panels: list[Panel] = []
    for found, title in (
        (True, "Machine texts found at the headline rate"),
        (False, "AUROC, where there is no headline rate"),
    ):
        rows: list[Any] = []
        for cell in cells:
            rate = _rate(cell, measured)
            pair = [tpr(cell.get(run), rate) if found else (cell.get(run) or {}).get("auroc") for run in ("a", "b")]
            left, right = dot(pair[0], _A), dot(pair[1], _B)
            if _headline(cell, measured)[1] == found and left and right:
                rows.append(
                    (
                        _name({**cell, "kind": measured.kinds.get(cell["detector"], "")}),
                        left,
                        right,
                        bool(cell.get("clear")),
                    )
                )
        if rows:
            unit = "machine texts found" if found else "AUROC, % of pairs in the right order"
            panels.append(dumbbell_panel(title, rows[:_DRAWN], f"dumbbell{len(panels)}", unit))
    caption = f"The first {_DRAWN} cells at most, n in the table. A thick line: some figure of the cell clearly differs, after correction. Thin bars: 95 % intervals."
    keys = [key("A", _A, line=False), key("B", _B, line=False)]
    return [Figure(panels, keys, caption)] if panels else []


def _table(cells: Sequence[Record], measured: Measured) -> Table:
    rows: list[list[Cell | str]] = []
    for cell in cells:
        rate = _rate(cell, measured)
        a, b = cell.get("a") or {}, cell.get("b") or {}
        value, found = _headline(cell, measured)
        tone = "odd" if cell.get("clear") else ""
        ends = next(
            (e for r, e in (cell.get("tpr_interval") or {}).items() if math.isclose(float(r), rate, rel_tol=1e-6)), None
        )
        sizes = [f"{count(int(one.get('n_machine') or 0))}, {count(int(one.get('n_human') or 0))}" for one in (a, b)]
        rows.append([
            cell["detector"], cell["source"], attack_name(cell["attack"], cell["strength"]), length_name(int(cell["length"])),
            Cell(_clear(cell), tone=tone), rate_name(rate), rate_estimate(tpr(a, rate)), rate_estimate(tpr(b, rate)),
            _points(value if found else None, ends), auroc_estimate(a.get("auroc")), auroc_estimate(b.get("auroc")), _area(cell), *sizes,
        ])  # fmt: skip
    head = [
        "detector",
        "machine text",
        "attack",
        "length",
        "difference",
        "FPR",
        "found, A",
        "found, B",
        "B less A, % points",
    ]
    head += ["AUROC, A", "AUROC, B", "B less A", "n machine, human, A", "n machine, human, B"]
    caption = "Clear: AUROC or what is found at some rate differs after correction over all figures compared. Intervals are not corrected: some exclude 0 by chance. Numbers at all rates stand in the two metrics.json."
    return Table(head, rows, words=5, caption=caption)


def _clear(cell: Record) -> str:
    """Return whether, and in which figures, a cell clearly differs."""
    if cell.get("clear"):
        figures = _figure_names(cell.get("clear_in") or [])
        return f"clear: {figures}" if figures else "clear"
    figures = _figure_names(cell.get("uncorrected_in") or [])
    return f"not clear after correction; interval excludes 0: {figures}" if figures else "not clear"


def _figure_names(names: Sequence[str]) -> str:
    return ", ".join("AUROC" if name == "auroc" else rate_name(float(name)) for name in names)


def _points(value: float | None, ends: Any) -> str:
    if value is None:
        return NONE
    interval = f" [{100 * ends[0]:+.1f}, {100 * ends[1]:+.1f}]" if ends and None not in ends else ""
    return f"{100 * value:+.1f}{interval}"


def _area(cell: Record) -> str:
    value, ends = cell.get("auroc_difference"), cell.get("auroc_interval")
    if value is None:
        return NONE
    return f"{value:+.3f}" + (f" [{ends[0]:+.3f}, {ends[1]:+.3f}]" if ends and None not in ends else "")


def _only(compared: Record) -> list[list[Cell | str]]:
    return [
        [run, cell["detector"], cell["source"], attack_name(cell["attack"], cell["strength"]), length_name(int(cell["length"]))]
        for run in ("A", "B") for cell in compared.get(f"only_{run.lower()}") or []
    ]  # fmt: skip


def _signatures(compared: Record) -> Notes:
    lines = [_line(one) for one in compared.get("signature_differences") or []]
    return Notes(lines or ["Nothing: the signatures are equal."])


def _line(one: Any) -> str:
    if isinstance(one, Mapping):
        return "; ".join(f"{name} {value}" for name, value in one.items())
    return str(one)
