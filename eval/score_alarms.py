"""What is wrong with scores before any figure is read: constant, saturated, upside down, missing, too few, one class only, p-values that are not.

And with texts: attacked ones that no longer reach a length, calibration texts that are tested too.

Two submissions to a public leaderboard had a constant score for a year, and one saturated at 1.0 so that no threshold could be set on some domains;
their tables looked like any other. An alarm changes no figure. It says what was seen and what it means, in the cell and, once for each detector, in
the list of a report.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .estimates import Record
from .score_rows import MACHINE, UNATTACKED, Condition, ScoreRows, Side

FEW_CLUSTERS = 30  # below, a bootstrap over clusters is rough
MISSING = 0.05
MOST_ABSTAIN = 0.5
REMAIN = 0.9  # below, the texts that an attack left long enough are others than those before it
SATURATED = 0.2


@dataclass(frozen=True)
class Alarm:
    """One alarm.

    Attributes:
        code: its kind, one word.
        what: in words, with figures.
        detector: whose scores; empty where it is about the texts.
        where: the cell or texts, in words.
    """

    code: str
    what: str
    detector: str
    where: str


def cell_alarms(cell: Record, machine: Side, humans: Side, rates: tuple[float, ...]) -> list[Alarm]:
    """Return the alarms of one cell; `rates` are those at which its humans set a threshold, none for a mark."""
    found: list[tuple[str, str]] = [*_one_class(machine, humans)]
    scored = machine.having_score(), humans.having_score()
    if not found and scored[0].n and scored[1].n:
        found += _few(*scored)
        constant = list(_constant(*scored))
        found += constant or [*_saturated(*scored, rates, cell["kind"]), *_inverted(cell)]
    for what, side in (("machine", machine), ("human", humans)):
        found += _silent(what, side)
    found += _missing(machine, humans)
    where = _where(cell["source"], Condition(cell["attack"], cell["strength"], cell["length"]))
    return [Alarm(code, what, cell["detector"], where) for code, what in found]


def shortened_alarms(rows: ScoreRows) -> dict[tuple[str, str, Condition], Alarm]:
    """Return an alarm, by detector, source and condition, where under 90 % of the unattacked texts of a length still have it after an attack.

    At a length only texts that reach it are scored, so the attack chose them; where none is left, there is not even a cell.
    """
    found: dict[tuple[str, str, Condition], Alarm] = {}
    for detector in rows.detectors:
        conditions = rows.conditions(detector, MACHINE)
        attacks = sorted({(c.attack, c.strength) for c in conditions if c.attack != UNATTACKED})
        for source in rows.sources(detector):
            for unattacked in (c for c in conditions if c.attack == UNATTACKED and c.length):
                before = rows.side(detector, MACHINE, unattacked, source)
                for attack, strength in attacks if before.n else []:
                    condition = Condition(attack, strength, unattacked.length)
                    what = _shortened(rows, detector, source, condition, before)
                    if what:
                        found[detector, source, condition] = Alarm(
                            "shortened", what, detector, _where(source, condition)
                        )
    return found


def _shortened(rows: ScoreRows, detector: str, source: str, condition: Condition, before: Side) -> str:
    """Return what an attack left of the texts that reached the length before it; empty if enough, or if it was never applied there."""
    after = rows.side(detector, MACHINE, condition, source)
    left = len(np.intersect1d(before.text, after.text))
    length = condition.length
    if left >= REMAIN * before.n or not (after.n or _all_shorter(rows, detector, source, condition)):
        return ""
    if not after.n:
        return (
            f"all {before.n} machine texts are shorter than {length} tokens after the attack: no figure at this length"
        )
    return (
        f"{left} of {before.n} machine texts still have {length} tokens after the attack: figures are of these alone, which the attack chose"
    )  # fmt: skip


def _all_shorter(rows: ScoreRows, detector: str, source: str, condition: Condition) -> bool:
    """Whether texts without any row at a length are shorter, by their whole texts or, without these, by rows at a shorter length."""
    attack, strength, length = condition.attack, condition.strength, condition.length
    whole = rows.side(detector, MACHINE, Condition(attack, strength), source)
    if whole.n:
        return int(whole.tokens.max()) < length
    same = [c for c in rows.conditions(detector, MACHINE) if (c.attack, c.strength) == (attack, strength)]
    return any(rows.side(detector, MACHINE, c, source).n for c in same if c.length < length)


def shared_alarms(shared: Mapping[str, tuple[int, int]]) -> list[Alarm]:
    """Return an alarm for each calibration set of which texts were left out: how many, of how many (`calibration_overlap`)."""
    return [
        Alarm(
            "shared",
            f"{dropped} of {n} calibration texts share a text or a cluster with those tested: left out, for a threshold may not know the texts it is judged on",
            "", f"calibration set {source}",
        )
        for source, (dropped, n) in shared.items()
    ]  # fmt: skip


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
        where = f"{detector}: {same[0].where}" if detector else same[0].where
        records.append({"what": same[0].what, "where": f"{where}{more}", "code": code})
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
    if len(scores) < 2 or scores.min() < scores.max():
        return []
    return [("constant", f"every text has the same score, {scores[0]:g}: it tells nothing apart")]


def _saturated(machine: Side, humans: Side, rates: tuple[float, ...], kind: str) -> list[tuple[str, str]]:
    if kind == "mark":
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
    abstains = float(side.abstains.mean())
    if abstains <= MOST_ABSTAIN:
        return []
    return [("abstention", f"abstains on {_percent(abstains)} of {what} texts: no verdict there, whatever the score")]


def _missing(machine: Side, humans: Side) -> list[tuple[str, str]]:
    """Return the alarm for scores that are not there; which texts a detector is silent on is no chance, so AUROC is of chosen texts."""
    ours, theirs = (1.0 - side.scored / side.n if side.n else 0.0 for side in (machine, humans))
    if max(ours, theirs) <= MISSING:
        return []
    more = "as many of both" if ours == theirs else "more machine texts" if ours > theirs else "more human texts"
    seen = f"{_percent(ours)} of machine and {_percent(theirs)} of human texts have no score ({more})"
    return [
        ("no score", f"{seen}: AUROC is of those that have one; a machine text without one counts as not detected, and a human text sets no threshold")
    ]  # fmt: skip


def _where(source: str, condition: Condition) -> str:
    attack = "no attack" if condition.attack == UNATTACKED else f"{condition.attack} {condition.strength:g}"
    length = f"{condition.length} tokens" if condition.length else "whole texts"
    return f"{source}, {attack}, {length}"


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"
