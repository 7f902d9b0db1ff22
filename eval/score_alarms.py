"""What is wrong with scores before any figure is read: constant, saturated, upside down, missing, too few, one class only, p-values that are not.

Two submissions to a public leaderboard had a constant score for a year, and one saturated at 1.0 so that no threshold could be set on some domains;
their tables looked like any other. An alarm changes no figure. It says what was seen and what it means, in the cell and, once for each detector, in
the list of a report.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .estimates import Record
from .score_rows import UNATTACKED, Side

FEW_CLUSTERS = 30  # below, a bootstrap over clusters is rough
MISSING = 0.05
MOST_ABSTAIN = 0.5
SATURATED = 0.2


@dataclass(frozen=True)
class Alarm:
    """One alarm.

    Attributes:
        code: its kind, one word.
        what: in words, with figures.
        detector: whose scores.
        where: the cell or texts, in words.
    """

    code: str
    what: str
    detector: str
    where: str


def cell_alarms(cell: Record, machine: Side, humans: Side, rates: tuple[float, ...]) -> list[Alarm]:
    """Return the alarms of one cell; `rates` are those at which its humans set a threshold, none for a mark."""
    found: list[tuple[str, str]] = [*_one_class(machine, humans)]
    if not found:
        found += _few(machine, humans)
        constant = list(_constant(machine, humans))
        found += constant or [*_saturated(machine, humans, rates, cell["kind"]), *_inverted(cell)]
    for what, side in (("machine", machine), ("human", humans)):
        found += _silent(what, side)
    return [Alarm(code, what, cell["detector"], _where(cell)) for code, what in found]


def calibration_alarms(record: Record) -> list[Alarm]:
    """Return the alarms of one record of `calibration`: p-values too small, or much too large."""
    where = f"{record['null']} texts, n = {record['n']}"
    strict, levels = record["strict"], range(len(record["nominal"]))
    small = [i for i in levels if strict["low"][i] > record["nominal"][i]]
    if small:
        i = max(small, key=lambda i: record["observed"][i] / record["nominal"][i])
        what = f"p-values are too small: {_percent(record['observed'][i])} of null texts have p <= {record['nominal'][i]:g}"
        return [Alarm("calibration", what, record["detector"], where)]
    large = [i for i in levels if record["nominal"][i] >= 0.05 and strict["high"][i] < record["nominal"][i] / 2]
    if large:
        what = f"p-values are too large: {_percent(record['observed'][large[0]])} of null texts have p <= {record['nominal'][large[0]]:g}; power is lost"
        return [Alarm("cautious", what, record["detector"], where)]
    return []


def alarm_records(alarms: Iterable[Alarm]) -> list[Record]:
    """Return the list of a report: each kind of alarm once for each detector, with where it was first and how often."""
    grouped: dict[tuple[str, str], list[Alarm]] = {}
    for alarm in alarms:
        grouped.setdefault((alarm.code, alarm.detector), []).append(alarm)
    records: list[Record] = []
    for (code, detector), same in sorted(grouped.items()):
        more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        records.append({"what": same[0].what, "where": f"{detector}: {same[0].where}{more}", "code": code})
    return records


def _one_class(machine: Side, humans: Side) -> list[tuple[str, str]]:
    if not machine.n:
        return [("one class", "no machine text here: no AUROC and no rate of detection")]
    if not humans.n:
        return [("one class", "no unattacked human text of this length to test: no AUROC and no empirical threshold")]
    return []


def _few(machine: Side, humans: Side) -> list[tuple[str, str]]:
    fewest = min((machine.clusters, "machine"), (humans.clusters, "human"))
    if fewest[0] >= FEW_CLUSTERS:
        return []
    return [("few", f"only {fewest[0]} independent {fewest[1]} texts (clusters): intervals are rough")]


def _constant(machine: Side, humans: Side) -> list[tuple[str, str]]:
    scores = np.concatenate([machine.score, humans.score])
    scores = scores[scores != -np.inf]
    if len(scores) < 2 or scores.min() < scores.max():
        return []
    return [("constant", f"every text has the same score, {scores[0]:g}: it tells nothing apart")]


def _saturated(machine: Side, humans: Side, rates: tuple[float, ...], kind: str) -> list[tuple[str, str]]:
    if kind == "mark" or not machine.scored or not humans.scored:
        return []
    top = float(humans.score.max())
    share = float((humans.score == top).mean())
    lost = [rate for rate in rates if share > rate]
    if lost and not (machine.score > top).any():
        also = _percent(float((machine.score == top).mean()))
        shared = (
            f"{_percent(share)} of human texts share the highest score, {top:g}, and {also} of machine texts have it"
        )
        advice = "give the raw score instead of a probability"
        return [("saturated", f"{shared}: no threshold at {_percent(max(lost))} can be set; {advice}")]
    best = float(machine.score.max())
    share = float((machine.score == best).mean())
    if share > SATURATED and machine.n >= 5:
        return [("saturated", f"{_percent(share)} of machine texts share the highest score, {best:g}: it saturates")]
    return []


def _inverted(cell: Record) -> list[tuple[str, str]]:
    auroc = cell["auroc"]
    if cell["attack"] != UNATTACKED or auroc["high"] is None or auroc["high"] >= 0.5:
        return []
    seen = f"AUROC {auroc['value']:.3f} ({auroc['low']:.3f} to {auroc['high']:.3f})"
    return [("inverted", f"{seen} is clearly below .5: the score may be higher for human texts; turn its sign")]


def _silent(what: str, side: Side) -> list[tuple[str, str]]:
    if not side.n:
        return []
    abstains, missing = float(side.abstains.mean()), 1.0 - side.scored / side.n
    if abstains > MOST_ABSTAIN:
        return [
            ("abstention", f"abstains on {_percent(abstains)} of {what} texts: no verdict there, whatever the score")
        ]
    if missing > MISSING:
        return [("no score", f"{_percent(missing)} of {what} texts have no score; they count as not detected")]
    return []


def _where(cell: Record) -> str:
    attack = "no attack" if cell["attack"] == UNATTACKED else f"{cell['attack']} {cell['strength']:g}"
    length = f"{cell['length']} tokens" if cell["length"] else "whole texts"
    return f"{cell['source']}, {attack}, {length}"


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"
