"""The top of an evaluation report: alarms, what was measured, and what a paraphrase leaves of each detector."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .eval_report_parts import Cell, Notes, Section, Table, in_sight
from .eval_report_view import Line, Measured, Record, View, tpr
from .eval_wording import (
    IN_SAMPLE,
    attack_name,
    auroc_estimate,
    count,
    length_name,
    listed,
    on_average,
    percent,
    plural,
    rate_estimate,
    rate_name,
    scored_of,
)  # fmt: skip
from .hardest_attack import hardest, lowers
from .headline_rate import SCORE_RATE
from .score_table import HUMAN, UNATTACKED
from .texts_left import ENOUGH

_PLACES = 6
_UNATTACKED = (0, 1, 3, 4, 6)  # columns of the headline without those of attacks
_SHORT_HOW = {"law": "by law", "empirical": "of these humans", "calibration": "carried over"}


def alarms_section(measured: Measured) -> Section | None:
    """Return what makes figures of the report worthless or doubtful; None if nothing does."""
    places: dict[str, list[str]] = {}
    for alarm in measured.part("alarms"):
        places.setdefault(str(alarm["what"]), []).append(str(alarm.get("where") or ""))
    if not measured.part("alarms"):
        for cell in measured.cells:
            for what in cell.get("alarms") or []:
                places.setdefault(str(what), []).append(_place(cell))
    if not places:
        return None
    sentences = [_alarm(what, list(dict.fromkeys(filter(None, where)))) for what, where in places.items()]
    title = f"{plural(len(places), 'alarm')}: read these before any figure"
    return Section("alarms", title, [Notes(sentences)], loud=True)


def _alarm(what: str, where: Sequence[str]) -> str:
    more = f"; and {count(len(where) - _PLACES)} more" if len(where) > _PLACES else ""
    return f"{what.rstrip('.?!:')}. Where: {'; '.join(where[:_PLACES])}{more}" if where else what


def _place(cell: Mapping[str, Any]) -> str:
    at = attack_name(cell["attack"], cell["strength"])
    return f"{cell['detector']} on {cell['source']}, {at}, {length_name(int(cell['length']))}"


def headline_section(measured: Measured) -> Section:
    """Return what was measured in three sentences, and the table of robustness to paraphrase."""
    attacks = [attack for attack in measured.attacks if measured.is_paraphrase(attack)]
    blocks: list[Any] = [Notes([*_measured(measured), length_note(measured)])]
    rows = [_row(measured, view, line, attacks or measured.attacks) for view in measured.views for line in view.lines]
    if not rows:
        return Section("headline", "What was measured", [*blocks, Notes(["No detector scored a machine text."])])
    strongest = "strongest paraphrase" if attacks else "strongest attack"
    head = [
        "detector",
        "found, no attack",
        f"found, {strongest}",
        "FPR",
        "machine text",
        "that attack",
        "AUROC, no attack",
        "AUROC, that attack",
    ]
    words = f"Found: share of machine texts (TPR) at {length_name(measured.length)}, 95 % interval in brackets. "
    if measured.attacks:
        words += f"The {strongest} is the one under which least is found, of equal ones that of the lowest AUROC; its interval does not know that it was picked."
    else:
        head, rows = [head[at] for at in _UNATTACKED], [[row[at] for at in _UNATTACKED] for row in rows]
    words += _scored_note(measured)
    if not attacks:
        words += " The plan has no paraphrase attack." if measured.attacks else "The plan has no attack."
    blocks += in_sight(Table(head, rows, also_words=(3, 4, 5) if measured.attacks else (2, 3), caption=words))
    title = "What paraphrase leaves" if attacks else "What was found"
    return Section("headline", title, blocks)


def _scored_note(measured: Measured) -> str:
    """Return of how many texts an AUROC is where some have no score; empty where all have one."""
    lines = [(line, measured.cell(line)) for view in measured.views for line in view.lines]
    fewer = [f"{line.detector} on {line.source}: {said}" for line, cell in lines if (said := scored_of(cell))]
    return (
        f" AUROC is of the texts that have a score ({'; '.join(fewer[:_PLACES])}; all in “Every cell”)."
        if fewer
        else ""
    )


def _measured(measured: Measured) -> list[str]:
    counts = [
        c for c in measured.part("counts") if c["attack"] == UNATTACKED and int(c.get("length") or 0) == measured.length
    ]
    human = sum(int(c["n"]) for c in counts if c["label"] == HUMAN and c.get("role") != "calibration")
    machine = sum(int(c["n"]) for c in counts if c["label"] != HUMAN and c.get("role") != "calibration")
    if not counts:
        human = max((int(c["n_human"]) for c in measured.cells), default=0)
        machine = sum({c["source"]: int(c["n_machine"]) for c in measured.cells}.values())
    sources = len({c["source"] for c in measured.cells})
    marks = sum(kind == "mark" for kind in measured.kinds.values())
    others = len(measured.kinds) - marks
    attacks = [attack for attack in measured.attacks if measured.is_paraphrase(attack)]
    attacked = f" and after {plural(len(measured.attacks), 'attack')}" if measured.attacks else ""
    if attacks:
        attacked += f" ({listed(attacks)} as paraphrase)"
    lengths = "" if len(measured.lengths) < 2 else f", at {len(measured.lengths)} lengths"
    kinds = [plural(marks, "mark")] * bool(marks) + [f"{count(others)} without a law"] * bool(others)
    who = f"{plural(len(measured.kinds), 'detector')} ({', '.join(kinds)})"
    by_law = f"A mark finds a text if its exact p is at most {rate_name(measured.rate_of('mark'))}: by law, no threshold is fitted. "
    optimistic = f"{'The others' if marks else 'Detectors'} are read at {rate_name(measured.rate_of(''))} of the human texts flagged: {IN_SAMPLE}."
    others_rate = measured.rate_of("")
    if others_rate != SCORE_RATE and SCORE_RATE in measured.rates:
        optimistic += f" {rate_name(SCORE_RATE)} needs more human texts than there are."
    draws = measured.settings.get("draws")
    resampled = f" ({count(draws)} draws)" if draws else ""
    return [
        f"{who} scored {plural(machine, 'machine text')} from {plural(sources, 'source')} and {plural(human, 'human text')}, as they were{attacked}{lengths}.",
        by_law * bool(marks) + optimistic * bool(others),
        f"Every interval is a 95 % one over clusters of texts that belong together{resampled}; a detector without texts enough says how many it needs.",
    ]


def _row(measured: Measured, view: View, line: Line, attacks: list[str]) -> list[Cell | str]:
    clean = measured.cell(line)
    worst, attack = strongest(measured, view, line, attacks)
    before, after = tpr(clean, view.rate), tpr(worst, view.rate)
    shown = rate_estimate(after)
    if worst is not None and (n := measured.other_n(line, worst["attack"], float(worst["strength"]))):
        shown += f" (n = {count(n)})"
    how = str((before or after or {}).get("how") or ("law" if line.kind == "mark" else "empirical"))
    return [
        line.detector,
        found_cell(before, rate_estimate(before)),
        found_cell(after, shown),
        f"{rate_name(view.rate)} {_SHORT_HOW.get(how, how)}{on_average(clean, before or after)}",
        line.source,
        attack or percent(None),
        auroc_estimate((clean or {}).get("auroc")),
        auroc_estimate((worst or {}).get("auroc") if attack else None),
    ]


def strongest(measured: Measured, view: View, line: Line, attacks: list[str]) -> tuple[Mapping[str, Any] | None, str]:
    """Return the cell of these attacks in which least is found, and its name, which says so if none lowers what is found.

    A cell without a figure stands, unnamed, where none has one, because it says why; (None, "") if nothing was attacked.
    """
    steps = [(attack, strength) for attack in attacks for strength in measured.strengths(attack)]
    cells = [cell for step in steps if (cell := measured.cell(line, *step))]
    worst = hardest(cells, view.rate)
    if worst is None:
        return (cells[-1] if cells else None), ""
    name = attack_name(worst["attack"], worst["strength"])
    return worst, name if lowers(measured.cell(line), worst, view.rate) else f"none lowers it (shown: {name})"


def length_note(measured: Measured) -> str:
    """Return why the length of the report is not the longest, and which attacks leave too few texts of it; empty if neither."""
    lines = [line for view in measured.views for line in view.lines]
    lost = dict.fromkeys(
        attack_name(*attack)
        for line in lines
        for attack in measured.left.lost(line.detector, line.source, measured.length)
    )
    at, enough = length_name(measured.length), rate_name(ENOUGH)
    if lost:
        return f"At {at}, as at every length, some attacks leave less than {enough} of the texts long enough: {listed(list(lost))}. What is found of the rest is of texts that were long before, and n stands beside it."
    if measured.lengths and measured.length != measured.lengths[-1]:
        return f"Attacks are compared at {at}: the longest length at which each leaves at least {enough} of the texts long enough. All lengths stand in “Every cell”."
    return ""


def attacked_cell(
    measured: Measured, view: View, line: Line, attack: str, strength: float, shown: Callable[[Record], str]
) -> Cell:
    """Return what is found under an attack: with n where it is not that of the unattacked texts, and why where none is left."""
    if gone := measured.none_left(line, attack, strength):
        return Cell(gone, tone="absent")
    entry = tpr(measured.cell(line, attack, strength), view.rate)
    if not entry:
        return Cell("not run", tone="absent")
    n = measured.other_n(line, attack, strength)
    return found_cell(entry, f"{shown(entry)} (n = {count(n)})" if n else shown(entry))


def found_cell(entry: Mapping[str, Any] | None, text: str) -> Cell:
    """Return a shaded cell for a share found; one that could not be measured says why."""
    value = (entry or {}).get("value")
    if value is None:
        none = "no machine text" if (entry or {}).get("n") == 0 else text
        return Cell(str((entry or {}).get("why") or none), tone="absent")
    return Cell(text, float(value), "seen")
