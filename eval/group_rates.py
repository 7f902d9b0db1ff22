"""False positives by group: domain, language, and any other grouping of a dataset (non-native, ...), on unattacked human test texts.

Figures are at the reference length (whole texts, or the longest). What flags a text, `how` says, the first of these that there is:

    law           a mark: p at most the rate
    p-value       a detector with p-values, of which any reaches the rate: p at most the rate, and no abstention; what a user would see
    calibration   its threshold on the calibration texts (all sets of that role together)
    other groups  its threshold on the humans of all other groups, so that no group sets its own

A rate at which there is none of them is left out. Texts without a value form the group "(none)" where others have one.
"""

from collections.abc import Iterator

import numpy as np

from .cell_figures import settable
from .cluster_draws import ClusterDraws
from .estimates import Record, rate_estimate, share_estimate
from .score_rows import CALIBRATION, Condition, ScoreRows, Side
from .weighted_ranks import RankedHumans

GROUPINGS = ("domain", "lang", "group")
NO_VALUE = "(none)"


def group_records(rows: ScoreRows, draws: ClusterDraws, rates: tuple[float, ...]) -> Iterator[Record]:
    """Yield a record for each detector, grouping, value and rate."""
    for detector in rows.detectors:
        length = rows.reference_length(detector)
        if length is None:
            continue
        condition = Condition(length=length)
        humans = rows.humans(detector, condition)
        calibration = RankedHumans(rows.humans(detector, condition, role=CALIBRATION), draws)
        reached = _reached(rows, detector, rates, humans)
        for by in GROUPINGS:
            values = rows.values(humans, by)
            for value in sorted(set(values.tolist())) if values.astype(bool).any() else []:
                what = {"detector": detector, "by": by, "value": value or NO_VALUE, "length": length}
                parts = humans.where(values == value), humans.where(values != value)
                for record in _records(rows.kinds.get(detector) == "mark", reached, *parts, calibration, draws, rates):
                    yield {**what, **record}


def _reached(rows: ScoreRows, detector: str, rates: tuple[float, ...], humans: Side) -> tuple[float, ...]:
    """Return the rates that the p-values of a detector reach at all on whatever it scored: a conformal p has a floor."""
    lowest = rows.lowest_log10_p(detector) if detector in rows.has_p and humans.n else np.inf
    return tuple(rate for rate in rates if lowest <= np.log10(rate) + 1e-12)


def _records(
    law: bool, reached: tuple[float, ...], group: Side, others: Side,
    calibration: RankedHumans, draws: ClusterDraws, rates: tuple[float, ...],
) -> Iterator[Record]:  # fmt: skip
    abstained = rate_estimate(group.abstains, group)
    by_p = rates if law else reached
    for rate in by_p:
        how = "law" if law else "p-value"
        yield {"rate": rate, "fpr": rate_estimate(group.detected(rate), group), "abstained": abstained, "how": how}
    left = tuple(rate for rate in rates if rate not in by_p)
    calibrated = settable(left, calibration.side.scored)
    rest = settable(tuple(rate for rate in left if rate not in calibrated), others.scored)
    for how, origin, usable in (
        ("calibration", calibration, calibrated),
        ("other groups", RankedHumans(others, draws), rest),
    ):
        for rate, share in (origin.shares_above(group, usable) if usable else {}).items():
            yield {"rate": rate, "fpr": share_estimate(share, group), "abstained": abstained, "how": how}
