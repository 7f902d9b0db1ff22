"""Thresholds that were set elsewhere: on calibration texts, or on the humans of another domain.

This is what a user gets, whereas the empirical threshold of a cell was set on the humans it is judged on. From calibration: one record for each set
of role `calibration`, length and rate, on all test texts of that length, unattacked and under each attack and strength: unattacked humans set the
threshold, as a user sets it before any attack. From domains: the test humans of one domain set the threshold, the texts of another are judged,
unattacked, at the reference length (whole texts, or the longest); no human sets a threshold for itself. The interval counts the luck of the humans that
set it: they are drawn anew in each draw. Marks have a law and need none of this.

`n_from` counts the humans that have a score. A rate below one human of those that set the threshold is left out. Among more than twelve domains only the twelve with most humans are compared.
"""

from collections.abc import Iterator

from .cell_figures import rate_key, settable
from .cluster_draws import ClusterDraws
from .estimates import Record, number, share_estimate
from .score_rows import CALIBRATION, HUMAN, MACHINE, UNATTACKED, Condition, ScoreRows, Side
from .weighted_ranks import RankedHumans

MOST_DOMAINS = 12


def moved_records(rows: ScoreRows, draws: ClusterDraws, rates: tuple[float, ...]) -> Iterator[Record]:
    """Yield a record for each threshold that was carried over."""
    for detector in rows.detectors:
        if rows.kinds.get(detector) == "mark":
            continue
        yield from _from_calibration(rows, draws, rates, detector)
        yield from _from_domains(rows, draws, rates, detector)


def _from_calibration(
    rows: ScoreRows, draws: ClusterDraws, rates: tuple[float, ...], detector: str
) -> Iterator[Record]:
    conditions = [c for c in rows.conditions(detector, HUMAN, CALIBRATION) if c.attack == UNATTACKED]
    for source in rows.calibration_sources(detector):
        for condition in conditions:
            origin = RankedHumans(rows.humans(detector, condition, source, CALIBRATION), draws)
            for tested in _tested(rows, detector, condition.length):
                humans, machine = rows.humans(detector, tested), rows.side(detector, MACHINE, tested)
                what = _what(rows, detector, f"calibration set {source}", "test", tested)
                yield from _records(what, origin, humans, machine, rates)


def _tested(rows: ScoreRows, detector: str, length: int) -> list[Condition]:
    """Return what test texts of a length were scored under, no attack first."""
    found = {c for label in (HUMAN, MACHINE) for c in rows.conditions(detector, label) if c.length == length}
    return sorted(found, key=lambda c: (c.attack != UNATTACKED, c.attack, c.strength))


def _from_domains(rows: ScoreRows, draws: ClusterDraws, rates: tuple[float, ...], detector: str) -> Iterator[Record]:
    length = rows.reference_length(detector)
    if length is None:
        return
    condition = Condition(length=length)
    humans, machine = rows.humans(detector, condition), rows.side(detector, MACHINE, condition)
    by_domain, machine_by_domain = _by_domain(rows, humans), _by_domain(rows, machine)
    largest = sorted(sorted(by_domain), key=lambda domain: -by_domain[domain].n)[:MOST_DOMAINS]
    for origin in sorted(largest):
        ranked = RankedHumans(by_domain[origin], draws)
        for goal in sorted(set(largest) - {origin}):
            there = machine_by_domain.get(goal, machine.where(machine.rows < 0))
            what = _what(rows, detector, f"domain {origin}", f"domain {goal}", condition)
            yield from _records(what, ranked, by_domain[goal], there, rates)


def _by_domain(rows: ScoreRows, side: Side) -> dict[str, Side]:
    domains = rows.values(side, "domain")
    return {str(domain): side.where(domains == domain) for domain in sorted(set(domains.tolist()) - {""})}


def _what(rows: ScoreRows, detector: str, origin: str, goal: str, condition: Condition) -> Record:
    kind = rows.kinds.get(detector, "scores")
    return {
        "detector": detector, "kind": kind, "from": origin, "to": goal,
        "attack": condition.attack, "strength": condition.strength, "length": condition.length,
    }  # fmt: skip


def _records(
    what: Record, origin: RankedHumans, humans: Side, machine: Side, rates: tuple[float, ...]
) -> Iterator[Record]:
    usable = settable(rates, origin.side.scored)
    if not usable:
        return
    false, true = (origin.shares_above(side, usable) if side.scored else {} for side in (humans, machine))
    for rate in usable:
        share = false.get(rate) or true.get(rate)
        if share is None:
            continue
        yield {
            **what, "rate": rate, "rate_key": rate_key(rate), "threshold": number(share.threshold, 17),
            "fpr": share_estimate(false.get(rate), humans), "tpr": share_estimate(true.get(rate), machine),
            "n_from": origin.side.n,
        }  # fmt: skip
