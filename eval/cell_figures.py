"""The cells of a report: one detector on one source of machine texts under one attack at one strength and length.

AUROC and thresholds are of the machine texts against the unattacked test humans of the same length, of all sources. Marks are decided by their law:
found at a rate r means p <= r and no abstention. For the others the threshold is the empirical one of these very humans, which no user has: with k of n
above it, the rate on new ones is (k + 1) / (n + 1) on average, about twice the named one where a single human lies above. What a threshold does on texts
that did not set it is in `moved_thresholds`. No threshold is set at a rate below one human in all that have a score.

Texts without a score have no part in AUROC and ROC and set no threshold (`n_scored_machine` and `n_scored_human` have one); a machine text without one
counts as not detected.

The same threshold, or law, on the humans under the same attack is `fpr_attacked`: an attack that makes every text look like a machine's is no
robustness. Where only humans were attacked (a forgery), the cell has no machine texts and that figure alone.
"""

import math
from collections.abc import Iterator

import numpy as np

from .cluster_draws import ClusterDraws
from .estimates import Record, auroc_estimate, number, rate_estimate, share_estimate
from .score_alarms import Alarm, cell_alarms
from .score_rows import HUMAN, MACHINE, UNATTACKED, Condition, ScoreRows, Side
from .weighted_ranks import RankedHumans, Share, roc_curve

LAW, EMPIRICAL = "law", "empirical"


def cell_records(
    rows: ScoreRows, draws: ClusterDraws, rates: tuple[float, ...], alpha: float
) -> Iterator[tuple[Record, list[Alarm]]]:
    """Yield the record of each cell, and its alarms."""
    for detector in rows.detectors:
        sources = rows.sources(detector)
        for length in _lengths(rows, detector):
            humans = RankedHumans(rows.humans(detector, Condition(length=length)), draws)
            for condition in _conditions(rows, detector, length):
                cells = _Cells(rows, draws, rates, alpha, detector, humans, condition)
                for source, machine in cells.machine(sources):
                    cell = cells.record(source, machine)
                    yield cell, cell_alarms(cell, machine, humans.texts, settable(rates, humans.side.scored))


def rate_key(rate: float) -> str:
    """Return a rate as `metrics.json` names it: 0.05, 1e-05."""
    return f"{rate:g}"


def settable(rates: tuple[float, ...], humans: int) -> tuple[float, ...]:
    """Return the rates at which so many humans can set a threshold."""
    return tuple(rate for rate in rates if humans >= needed(rate))


def needed(rate: float) -> int:
    """Return how many humans a threshold at a rate needs: at least one is allowed above it."""
    return math.ceil(1.0 / rate - 1e-9)


def _lengths(rows: ScoreRows, detector: str) -> list[int]:
    return sorted({condition.length for condition in rows.conditions(detector, MACHINE)})


def _conditions(rows: ScoreRows, detector: str, length: int) -> list[Condition]:
    both = {*rows.conditions(detector, MACHINE), *rows.conditions(detector, HUMAN)}
    found = [condition for condition in both if condition.length == length]
    return sorted(found, key=lambda c: (c.attack != UNATTACKED, c.attack, c.strength))


class _Cells:
    """The cells of one detector under one condition."""

    def __init__(
        self, rows: ScoreRows, draws: ClusterDraws, rates: tuple[float, ...], alpha: float,
        detector: str, humans: RankedHumans, condition: Condition,
    ) -> None:  # fmt: skip
        self._rows, self._rates, self._alpha = rows, rates, alpha
        self._detector, self._humans, self._condition = detector, humans, condition
        self._kind = rows.kinds.get(detector, "scores")
        self._unattacked = condition.attack == UNATTACKED
        attacked = None if self._unattacked else rows.humans(detector, condition)
        self._attacked = RankedHumans(attacked, draws) if attacked is not None and attacked.n else None
        self._settable = () if self._kind == "mark" else settable(rates, humans.side.scored)
        self._flagged = self._shares(attacked)

    def machine(self, sources: list[str]) -> list[tuple[str, Side]]:
        """Return the machine texts of each source that has any here; all sources, empty, where only humans were attacked."""
        found = [(source, self._rows.side(self._detector, MACHINE, self._condition, source)) for source in sources]
        there = [(source, side) for source, side in found if side.n]
        return there or (found if self._attacked is not None else [])

    def record(self, source: str, machine: Side) -> Record:
        """Return the record of the cell of one source."""
        humans = self._humans.texts
        record: Record = {
            "detector": self._detector, "kind": self._kind, "source": source, "mark": self._mark(machine),
            "attack": self._condition.attack, "strength": self._condition.strength, "length": self._condition.length,
            "n_machine": machine.n, "n_human": humans.n,
            "n_scored_machine": machine.scored, "n_scored_human": humans.scored,
            "clusters": len(np.union1d(machine.cluster, humans.cluster)),
            "auroc": auroc_estimate(self._humans, machine),
            "auroc_attacked": auroc_estimate(self._attacked, machine) if self._attacked and machine.n else None,
            "tpr": self._tpr(machine), "fpr_attacked": self._fpr_attacked(),
            "decided": None, "abstained_human": None,
            "median_log10_p": _median(machine.log10_p), "median_tokens": _median(machine.tokens.astype(np.float64)),
        }  # fmt: skip
        if self._kind == "mark" or self._detector in self._rows.has_p:
            record["decided"] = {
                "rate": self._alpha,
                "detected": rate_estimate(machine.detected(self._alpha), machine),
                "abstained": rate_estimate(machine.abstains, machine),
            }
            record["abstained_human"] = rate_estimate(humans.abstains, humans) if humans.n else None
        if self._unattacked:
            record["roc"] = self._roc(machine)
        return record

    def _mark(self, machine: Side) -> str:
        if self._kind == "mark":
            return self._rows.mark_of(self._detector)
        marks = sorted(set(self._rows.values(machine, "mark").tolist()))
        return marks[0] if len(marks) == 1 else "+".join(mark or "none" for mark in marks)

    def _shares(self, side: Side | None) -> dict[float, Share]:
        return self._humans.shares_above(side, self._settable) if side is not None and side.n and self._settable else {}

    def _tpr(self, machine: Side) -> Record:
        shares = self._shares(machine) if machine.scored else {}
        found: Record = {}
        for rate in self._rates:
            if self._kind == "mark":
                record = rate_estimate(machine.detected(rate), machine)
                found[rate_key(rate)] = {**record, "threshold": number(-math.log10(rate)), "how": LAW}
                continue
            share = shares.get(rate)
            record = share_estimate(share, machine)
            record |= {"threshold": number(share.threshold, 17) if share else None, "how": EMPIRICAL}
            scored = self._humans.side.scored
            if rate in self._settable:
                record["humans_above"] = int((self._humans.side.score > share.threshold).sum()) if share else None
            if share is None:
                record["why"] = _why(machine, rate, scored)
            found[rate_key(rate)] = record
        return found

    def _fpr_attacked(self) -> Record | None:
        if self._attacked is None:
            return None
        side = self._attacked.texts
        if self._kind == "mark":
            return {rate_key(rate): rate_estimate(side.detected(rate), side) for rate in self._rates}
        return {rate_key(rate): share_estimate(self._flagged.get(rate), side) for rate in self._rates}

    def _roc(self, machine: Side) -> list[list[float | None]] | None:
        humans, machine = self._humans.side, machine.having_score()
        if not humans.n or not machine.n:
            return None
        return [[number(float(x), 6) for x in axis] for axis in roc_curve(humans.score, machine.score)]


def _why(machine: Side, rate: float, humans: int) -> str:
    """Return why nothing could be measured: more humans help only where a machine text has a score."""
    if machine.n and not machine.scored:
        return "no machine text has a score"
    return f"needs {needed(rate)} humans, has {humans}" if humans < needed(rate) else "no machine text"


def _median(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float | None:
    there = values[np.isfinite(values)]
    return number(float(np.median(there))) if len(there) else None
