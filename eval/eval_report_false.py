"""The sections of an evaluation report on what is wrongly flagged: groups of people, attacked and foreign texts, and whether p-values hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from .eval_figures import MOST_LINES, key, style
from .eval_figures_calibration import calibration_ends, calibration_panel, null_keys
from .eval_figures_points import dot, rows_panel
from .eval_report_parts import Block, Cell, Figure, Notes, Panel, Section, Table, in_sight
from .eval_report_view import Measured
from .eval_wording import (
    attack_name,
    count,
    how_name,
    length_name,
    listed,
    number,
    percent,
    rate_estimate,
    rate_name,
    short_percent,
)  # fmt: skip
from .score_table import UNATTACKED

Record = Mapping[str, Any]
_DRAWN_GROUPS, _DRAWN_DETECTORS, _SHOWN_MATRICES, _SHOWN_PANELS = 16, 4, 6, 12
_RATE = 0.01
_BY = {"lang": "language"}


def false_section(measured: Measured) -> Section | None:
    """Return false positives by group, under attack, and with thresholds carried over."""
    blocks = [*_groups(measured), *_attacked(measured), *_moved(measured)]
    return Section("false", "Human texts wrongly flagged", blocks) if blocks else None


def _nearest(records: Sequence[Record]) -> float:
    """Return the rate of the records that is nearest to 1 %."""
    rates = {float(record["rate"]) for record in records}
    return min(rates, key=lambda rate: (abs(rate - _RATE), rate))


def _groups(measured: Measured) -> list[Block]:
    """Return a figure with a panel for each way of grouping, and a table each."""
    records = measured.part("groups")
    if not records:
        return []
    rate = _nearest(records)
    found = dict.fromkeys(str(r["detector"]) for r in records)
    detectors = sorted(
        found, key=lambda d: measured.kinds.get(d) == "mark"
    )  # those without a law first: they are less sure
    drawn = {d: style(at) for at, d in enumerate(detectors[:_DRAWN_DETECTORS])}
    panels: list[Panel] = []
    tables: list[Table] = []
    complete = len(drawn) == len(detectors)
    for by in dict.fromkeys(str(r["by"]) for r in records):
        kept = {(r["detector"], str(r["value"])): r for r in records if r["by"] == by and float(r["rate"]) == rate}
        values = list(dict.fromkeys(value for _, value in kept))
        rows = [
            (v or "unknown", [dot((kept.get((d, v)) or {}).get("fpr"), look) for d, look in drawn.items()])
            for v in values
        ]
        rows = [row for row in rows if any(row[1])]
        complete = complete and len(rows) <= _DRAWN_GROUPS
        title = f"By {_BY.get(by, by)}"
        if rows:
            alt = f"{title}: share of human texts flagged. {_spoken(kept, next(iter(drawn)))}"
            panels.append(rows_panel(title, rows[:_DRAWN_GROUPS], rate, f"groups{len(panels)}", alt))
        tables.append(_group_table(kept, values, detectors, rate, _BY.get(by, by)))
    caption = f"Human texts flagged at FPR {rate_name(rate)} (dashed) with 95 % intervals; n stands in the tables."
    caption += "" if complete else " Not all are drawn; all are in the tables."
    keys = [key(d, look, line=False) for d, look in drawn.items()]
    how: dict[str, dict[str, None]] = {}
    for r in records:
        how.setdefault(how_name(str(r.get("how") or "")), {})[r["detector"]] = None
    note = "; ".join(f"{words} ({listed(list(names), MOST_LINES)})" for words, names in how.items())
    return [
        *([Figure(panels, keys, caption)] if panels else []),
        *tables,
        Notes([f"How a text of these groups is flagged: {note}."]),
    ]


def _spoken(kept: Mapping[tuple[str, str], Record], detector: str) -> str:
    said = [f"{value} {percent((r.get('fpr') or {}).get('value'))}" for (d, value), r in kept.items() if d == detector]
    return f"{detector}: {', '.join(said)}."


def _group_table(
    kept: Mapping[tuple[str, str], Record], values: Sequence[str], detectors: Sequence[str], rate: float, by: str
) -> Table:
    rows: list[list[Cell | str]] = []
    for value in values:
        found = [(kept.get((d, value)) or {}).get("fpr") or {} for d in detectors]
        n = [int(e.get("n") or 0) for e in found if e]
        rows.append(
            [value or "unknown", count(max(n, default=0)), *(flagged(e, rate, rate_estimate(e)) for e in found)]
        )
    caption = f"Human texts flagged at FPR {rate_name(rate)}. \N{BLACK UP-POINTING TRIANGLE}: clearly more than asked for (its interval lies above)."
    return Table([by, "n", *detectors], rows, caption=caption)


def flagged(estimate: Record, rate: float, text: str) -> Cell:
    """Return a false-positive rate; where its interval lies above the one asked for it has a mark and a shade, by how far it is above."""
    value = estimate.get("value")
    if value is None:
        return Cell(text if estimate else "not at this rate", tone="absent")
    clear = estimate.get("low") is not None and float(estimate["low"]) > rate
    shade = min(1.0, max(0.0, (float(value) - rate) / max(9.0 * rate, 0.04))) if clear else 0.0
    return Cell(f"\N{BLACK UP-POINTING TRIANGLE} {text}" if clear else text, shade, "bad")


def _attacked(measured: Measured) -> list[Block]:
    """Return human texts flagged under the same attack, by the same thresholds: the strongest strength of each."""
    first = {d: next(c["source"] for c in measured.cells if c["detector"] == d) for d in measured.kinds}
    rates = [{"rate": rate} for c in measured.cells for rate in c.get("fpr_attacked") or {}]
    if not rates:
        return []
    rate = _nearest(rates)
    rows: list[list[Cell | str]] = []
    for attack in measured.attacks:
        strength = measured.strengths(attack)[-1]
        cells = {
            c["detector"]: c
            for c in measured.cells
            if (c["attack"], c["strength"], c["length"]) == (attack, strength, measured.length)
            and c["source"] == first[c["detector"]]
        }
        found = [
            next(
                (e for r, e in ((cells.get(d) or {}).get("fpr_attacked") or {}).items() if abs(float(r) - rate) < 1e-9),
                None,
            )
            for d in measured.kinds
        ]
        if any(found):
            rows.append([attack_name(attack, strength), *(flagged(e or {}, rate, rate_estimate(e)) for e in found)])
    caption = f"Human texts flagged after the same attack, at the threshold for FPR {rate_name(rate)} on unattacked ones ({length_name(measured.length)}). An attack that makes human texts look machine-made finds nothing: its share of machine texts found is an artefact."
    return [Table(["attack on humans", *measured.kinds], rows, caption=caption)]


def _moved(measured: Measured) -> list[Block]:
    """Return thresholds carried over: from calibration sets in one table, from domain to domain in a matrix a detector."""
    records = measured.part("moved")
    if not records:
        return []
    rates = {
        d: _nearest([r for r in records if r["detector"] == d]) for d in dict.fromkeys(r["detector"] for r in records)
    }
    records = [r for r in records if float(r["rate"]) == rates[r["detector"]]]
    carried = [r for r in records if not str(r["from"]).startswith("domain ")]
    # Unattacked texts first, then each attack at the length of the report: what is in sight is what the headline is of.
    carried.sort(key=lambda r: (_attack(r) != (UNATTACKED, 0.0), int(r.get("length") or 0) != measured.length))
    rows = [_moved_row(r) for r in carried]
    head = [
        "detector",
        "threshold set on",
        "used on",
        "attack",
        "length",
        "FPR asked for",
        "n set on",
        "threshold",
        "human texts flagged",
        "machine texts found",
    ]
    caption = (
        "Thresholds set on unattacked human texts of one set and used on another, under attack too: what a user gets."
    )
    blocks: list[Block] = [*in_sight(Table(head, rows, words=5, caption=caption))] if rows else []
    domains = [r for r in records if str(r["from"]).startswith("domain ")]
    for at, detector in enumerate(dict.fromkeys(r["detector"] for r in domains)):
        of = [r for r in domains if r["detector"] == detector]
        blocks.append(_matrix(detector, of, rates[detector], at >= _SHOWN_MATRICES))
    return blocks


def _attack(record: Record) -> tuple[str, float]:
    """Return the attack and strength of a record; one that names none is of unattacked texts."""
    return str(record.get("attack") or UNATTACKED), float(record.get("strength") or 0.0)


def _moved_row(record: Record) -> list[Cell | str]:
    rate, fpr, tpr = float(record["rate"]), record.get("fpr") or {}, record.get("tpr") or {}
    place = [record["detector"], str(record["from"]), str(record["to"]), attack_name(*_attack(record))]
    place.append(length_name(int(record.get("length") or 0)))
    numbers = [rate_name(rate), count(int(record.get("n_from") or 0)), number(record.get("threshold"))]
    return [*place, *numbers, flagged(fpr, rate, _share(fpr, "human")), _share(tpr, "machine")]


def _share(estimate: Record, side: str) -> str:
    """Return a share with its n, or that there is no text of this side."""
    if estimate.get("value") is None:
        return str(estimate.get("why") or f"no {side} text here")
    return (
        f"{rate_estimate(estimate)} (n = {count(int(estimate['n']))})" if estimate.get("n") else rate_estimate(estimate)
    )


def _matrix(detector: str, records: Sequence[Record], rate: float, folded: bool) -> Table:
    at = {(str(r["from"]).removeprefix("domain "), str(r["to"]).removeprefix("domain ")): r for r in records}
    sources = dict.fromkeys(a for a, _ in at)
    targets = dict.fromkeys([*(a for a in sources if any(b == a for _, b in at)), *(b for _, b in at)])
    rows: list[list[Cell | str]] = []
    for source in sources:
        cells: list[Cell | str] = []
        for target in targets:
            fpr = (at.get((source, target)) or {}).get("fpr") or {}
            missing = "itself" if source == target else str(fpr.get("why") or "not run")
            cells.append(
                flagged(fpr, rate, short_percent(fpr["value"]))
                if fpr.get("value") is not None
                else Cell(missing, tone="absent")
            )
        rows.append([f"set on {source}", *cells])
    caption = f"{detector}: % of human texts flagged on the domain of the column by the {rate_name(rate)} threshold of the domain of the row."
    return Table(
        ["", *(f"used on {target}" for target in targets)],
        rows,
        caption=caption,
        heat=True,
        folded=caption if folded else "",
    )


def calibration_section(measured: Measured) -> Section | None:
    """Return whether p-values are what they say on texts that carry nothing to find."""
    records = [r for r in measured.part("calibration") if r.get("nominal")]
    if not records:
        return None
    detectors = dict.fromkeys(r["detector"] for r in records)
    ends = calibration_ends(records)
    panels = [
        calibration_panel(d, [r for r in records if r["detector"] == d], f"calibration{i}", ends)
        for i, d in enumerate(detectors)
    ]
    caption = "Share of null texts whose p is at most the nominal one, both logarithmic, with 95 % intervals; dashed: as it should be; above it are false alarms, below it is conservative. The axes are the same in all panels and end where no share of the texts can be; what is lower stands at the end. An open triangle is a share of 0. n stands in the table."
    keys = null_keys(records)
    blocks: list[Block] = [Figure(panels[:_SHOWN_PANELS], keys, caption)]
    if panels[_SHOWN_PANELS:]:
        rest = panels[_SHOWN_PANELS:]
        blocks.append(Figure(rest, keys, caption, folded=f"{count(len(rest))} more detectors"))
    rows: list[list[Cell | str]] = []
    for r in records:
        for p, observed, low, high in zip(r["nominal"], r["observed"], r["low"], r["high"], strict=True):
            shown = rate_estimate({"value": observed, "low": low, "high": high})
            rows.append(
                [
                    r["detector"],
                    str(r.get("null") or "human"),
                    rate_name(float(p)),
                    shown,
                    count(int(r["n"])),
                    count(int(r.get("clusters") or r["n"])),
                ]
            )
    head = ["detector", "null texts", "p at most", "observed", "n", "clusters"]
    blocks.append(Table(head, rows, words=2, folded="Numbers"))
    return Section("calibration", "Whether a p-value is what it says", blocks)
