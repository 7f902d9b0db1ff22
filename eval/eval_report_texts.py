"""The sections of an evaluation report on the texts themselves: what a mark costs in quality, and what an attack does to a text."""

from collections.abc import Mapping, Sequence
from typing import Any

from .eval_figures import Style, key
from .eval_figures_points import Dot, dot, scatter_panel
from .eval_report_parts import Block, Cell, Figure, Key, Panel, Section, Table, in_sight
from .eval_report_view import Line, Measured, tpr
from .eval_wording import attack_name, count, length_name, number_estimate, rate_estimate, rate_name

Record = Mapping[str, Any]
_DRAWN = ("perplexity", "log_diversity", "repetition", "similarity")
_MOST_PANELS = 4


def quality_section(measured: Measured, styles: Mapping[str, Style]) -> Section | None:
    """Return quality against detectability, and quality with paired differences from the unmarked twins."""
    records = measured.part("quality")
    names = list(dict.fromkeys(name for record in records for name in record.get("measures") or {}))
    if not names:
        return None
    blocks: list[Block] = []
    if figure := _scatter(measured, records, names, styles):
        blocks.append(figure)
    rows: list[list[Cell | str]] = []
    for record in records:
        measures = record["measures"]
        values = [number_estimate((measures.get(name) or {}).get("value")) for name in names]
        rows.append([record["source"], count(int(record["n"])), *values])
    blocks.append(
        Table(
            ["texts", "n", *map(_words, names)], rows, caption="Quality of each source, 95 % intervals over clusters."
        )
    )
    twins: list[list[Cell | str]] = []
    for record in records:
        found = [(record["measures"].get(name) or {}).get("difference") for name in names]
        if record.get("twin") and any(found):
            twins.append([record["source"], str(record["twin"]), count(int(record["n"])), *map(_difference, found)])
    if twins:
        caption = "Marked minus unmarked text of the same prompts and seeds, paired. \N{BLACK UP-POINTING TRIANGLE} or \N{BLACK DOWN-POINTING TRIANGLE}: the interval excludes 0."
        blocks.append(Table(["texts", "unmarked twin", "n", *map(_words, names)], twins, words=2, caption=caption))
    return Section("quality", "What marking costs in quality", blocks)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _difference(estimate: Record | None) -> Cell:
    text = number_estimate(estimate)
    if estimate is None or estimate.get("value") is None:
        return Cell(text, tone="absent")
    low, high = estimate.get("low"), estimate.get("high")
    if low is not None and low > 0:
        return Cell(f"\N{BLACK UP-POINTING TRIANGLE} {text}", tone="odd")
    if high is not None and high < 0:
        return Cell(f"\N{BLACK DOWN-POINTING TRIANGLE} {text}", tone="odd")
    return Cell(text)


def _scatter(
    measured: Measured, records: Sequence[Record], names: Sequence[str], styles: Mapping[str, Style]
) -> Figure | None:
    """Return, a measure a panel, the share of a mark's texts found against its paired difference in quality."""
    marks = next((view for view in measured.views if view.is_marks), None)
    if marks is None:
        return None
    of = {record["source"]: record for record in records}
    panels: list[Panel] = []
    drawn: dict[str, Key] = {}
    found = [name for name in _DRAWN if name in names] + [name for name in names if name not in _DRAWN]
    for name in found:
        points = [p for line in marks.lines if (p := _point(measured, line, of, name, marks.rate, styles[line.label]))]
        if points and len(panels) < _MOST_PANELS:
            drawn |= {label: key(label, styles[label], line=False) for _, _, label in points}
            y = f"found at FPR {rate_name(marks.rate)}"
            panels.append(
                scatter_panel(
                    _words(name), f"{_words(name)}: marked minus unmarked", y, points, f"quality{len(panels)}"
                )
            )
    if not panels:
        return None
    caption = (
        f"Each mark where its quality (left to right: difference from unmarked text of the same prompts) and detectability (unattacked, {length_name(measured.length)}) "
        "meet; crosses are 95 % intervals, dashed is no difference. n stands in the tables."
    )
    return Figure(panels, list(drawn.values()), caption)


def _point(
    measured: Measured, line: Line, of: Mapping[str, Record], name: str, rate: float, look: Style
) -> tuple[Dot, Dot, str] | None:
    record = of.get(line.source)
    x = dot(((record or {}).get("measures") or {}).get(name, {}).get("difference"), look)
    y = dot(tpr(measured.cell(line), rate), look)
    return (x, y, line.label) if x and y else None


def damage_section(measured: Measured) -> Section | None:
    """Return what each attack did to the texts."""
    records = measured.part("damage")
    if not records:
        return None
    head = [
        "attack",
        "texts",
        "n",
        "emptied",
        "words edited",
        "1-grams kept",
        "2-grams kept",
        "3-grams kept",
        "4-grams kept",
        "length",
        "similarity",
    ]
    rows: list[list[Cell | str]] = []
    for r in records:
        kept = [rate_estimate(e) for e in r.get("ngram_survival") or [None] * 4]
        edited = r.get("token_edit_rate")
        value = (edited or {}).get("value")
        shade = Cell(rate_estimate(edited), min(float(value), 1.0) if value is not None else None, "seen")
        emptied = int(r.get("emptied") or 0)
        rows.append(
            [attack_name(r["attack"], r["strength"]), r["source"], count(int(r["n"])), Cell(count(emptied), tone="odd" if emptied else ""), shade, *kept, number_estimate(r.get("length_ratio")), number_estimate(r.get("similarity"))]
        )  # fmt: skip
    caption = (
        "Words edited: fewest insertions, deletions and replacements of words over the words of the original. n-grams kept: distinct ones of the original "
        "that are still there. Length: words after over before. Similarity: cosine under a sentence encoder, where one was given. Emptied texts are kept as texts not found."
    )
    return Section("damage", "What each attack did to the texts", in_sight(Table(head, rows, words=2, caption=caption)))
