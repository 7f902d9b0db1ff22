"""Every figure of a report from the scores of a run: cells, moved thresholds, groups, calibration, paired tests, alarms, counts.

`measure` reads a `ScoreTable` and nothing else: no text, no model, no clock. It gives the same numbers for the same rows in whatever order, and the same
settings. One bootstrap serves all figures (`cluster_draws`), so that cells can be compared with each other.

    cells         `cell_figures`        one detector, source, attack, strength and length: AUROC, rates of detection, verdicts, ROC
    moved         `moved_thresholds`    thresholds that others set
    groups        `group_rates`         false positives by domain, language, group
    calibration   `p_calibration`       what share of null texts has p <= x
    paired        `paired_tests`        which of two detectors is better
    alarms        `score_alarms`        what is wrong with the scores, or with the texts
    counts        here                  how many texts stand behind it
    rates_note    here                  how thresholds and intervals were made, in words

How intervals are made, `rate_intervals` says. Calibration texts that are tested too are left out first (`calibration_overlap`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .calibration_overlap import without_tested
from .cell_figures import cell_records
from .cluster_draws import ClusterDraws
from .group_rates import group_records
from .moved_thresholds import moved_records
from .p_calibration import calibration_records
from .paired_tests import paired_records
from .score_alarms import alarm_records, calibration_alarms, shared_alarms, shortened_alarms
from .score_rows import Condition, ScoreRows
from .score_table import ScoreTable

RATES_NOTE = {
    "law": "detected if p <= rate and no abstention; the rate is that of the exact null law, of whatever texts",
    "empirical": "the threshold is set on the unattacked human texts tested, k of n above it; on new ones the rate is (k + 1)/(n + 1) on average; `moved` has thresholds that others set",
    "unset": "a rate below one human text in all that have a score is not given",
    "no score": "a text without a score is never detected and never a false alarm; it sets no threshold and has no part in AUROC and ROC",
    "intervals": "95 %; one Poisson bootstrap over clusters for all figures, thresholds set anew in each draw, widened by Clopper-Pearson or Korn-Graubard intervals",
    "paired": "two-sided, Holm-corrected over the list",
}  # fmt: skip


@dataclass(frozen=True)
class MeasureSettings:
    """How to measure.

    Attributes:
        rates: false-positive rates, each above 0 and below 1.
        alpha: the rate of verdicts by p-value.
        draws: of the bootstrap.
        seed: of the bootstrap.
        marks: which mark each detector of kind `mark` looks for; the mark of its own name where it is not here.
    """

    rates: tuple[float, ...] = (0.05, 0.01, 0.001, 1e-5)
    alpha: float = 1e-3
    draws: int = 1000
    seed: int = 0
    marks: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        for rate in (*self.rates, self.alpha):
            if not 0.0 < rate < 1.0:
                raise ValueError(f"a rate must be above 0 and below 1, got {rate:g}")
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")


def measure(table: ScoreTable, settings: MeasureSettings | None = None) -> dict[str, Any]:
    """Return the figures of a table, JSON-ready, under the names above."""
    settings = settings or MeasureSettings()
    table, shared = without_tested(table)
    rows = ScoreRows(table, settings.marks)
    draws = ClusterDraws(rows.n_clusters, settings.draws, np.random.default_rng(settings.seed))
    rates = tuple(sorted(set(settings.rates), reverse=True))
    alarms = shared_alarms(shared)
    shortened = shortened_alarms(rows)
    cells: list[dict[str, Any]] = []
    for cell, raised in cell_records(rows, draws, rates, settings.alpha):
        here = cell["detector"], cell["source"], Condition(cell["attack"], cell["strength"], cell["length"])
        raised += [shortened.pop(here)] if here in shortened else []
        cells.append({**cell, "alarms": [alarm.what for alarm in raised]})
        alarms += raised
    alarms += shortened.values()  # of what has no cell, because no text is left
    calibration = list(calibration_records(rows))
    for record in calibration:
        alarms += calibration_alarms(record)
    return {
        "cells": cells,
        "moved": list(moved_records(rows, draws, rates)),
        "groups": list(group_records(rows, draws, rates)),
        "calibration": calibration,
        "paired": paired_records(rows, draws, rates),
        "alarms": alarm_records(alarms),
        "counts": _counts(rows),
        "rates_note": dict(RATES_NOTE),
    }


def _counts(rows: ScoreRows) -> list[dict[str, Any]]:
    """Return how many texts there are of each source, label, role and condition, whichever detectors scored them."""
    found = [
        {
            "source": source, "label": label, "role": role, "attack": condition.attack, "strength": condition.strength,
            "length": condition.length, "n": len(which), "clusters": rows.clusters_of(which), "empty": rows.empties(which),
        }
        for source, label, role, condition, which in rows.texts()
    ]  # fmt: skip
    names = ("source", "label", "role", "length", "attack", "strength")
    return sorted(found, key=lambda count: tuple(count[name] for name in names))
