"""Seconds that all figures of an evaluation take: 200,000 scores, a thousand cells, a thousand draws, beside scikit-learn called once a draw.

    OMP_NUM_THREADS=1 python bench/eval_metrics.py

The table is made up: a mark for each of two sources, three classifiers, 28 conditions at 3 lengths, 100 to 120 texts a source in clusters that all
sources share. scikit-learn gives AUROC and the rates of detection of a cell under the weights of a draw (`roc_auc_score` and `roc_curve`); it is
timed on some cells and draws and multiplied out, and agrees with ours on them. It does none of the rest (thresholds from elsewhere, groups,
calibration, paired tests). CPU seconds of one process; bar: 120.
"""

import time
from typing import Any

import numpy as np
import record
from assay.eval.cluster_draws import ClusterDraws
from assay.eval.measure import MeasureSettings, measure
from assay.eval.score_rows import HUMAN, MACHINE, Condition, ScoreRows
from assay.eval.score_table import COLUMNS, FLOATS, INTEGERS, STRINGS, Kind, ScoreTable
from assay.eval.weighted_ranks import RankedHumans
from sklearn.metrics import roc_auc_score, roc_curve

SETTINGS = MeasureSettings(draws=1000)
SOURCES = {"human": "", "gen/unmarked": "", "gen/w1": "w1", "gen/w2": "w2"}
DETECTORS: dict[str, Kind] = {"w1": "mark", "w2": "mark", "fast": "classifier", "lrr": "classifier", "peer": "scores"}
ATTACKS = [("none", 0.0), *((f"attack{i}", s) for i in range(9) for s in (0.1, 0.3, 0.5))]
LENGTHS, TEXTS, HUMANS = (0, 100, 200), 115, 130
SAMPLED_DRAWS, SAMPLED_CELLS = 20, 12


def made_table(rng: np.random.Generator) -> ScoreTable:
    parts: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for detector, kind in DETECTORS.items():
        for length in LENGTHS:
            for attack, strength in ATTACKS:
                for source, mark in SOURCES.items():
                    for name, column in _rows(rng, detector, kind, length, attack, strength, source, mark).items():
                        parts[name].append(column)
    return ScoreTable({name: np.concatenate(columns) for name, columns in parts.items()}, DETECTORS)


def _rows(
    rng: np.random.Generator, detector: str, kind: Kind, length: int, attack: str, strength: float, source: str, mark: str
) -> dict[str, Any]:  # fmt: skip
    n = HUMANS if source == "human" else TEXTS
    carried = kind == "mark" and mark == detector
    log10_p = -rng.exponential(1, n) / np.log(10) - (8 * (1 - strength) if carried else 0)
    score = -log10_p if kind == "mark" else rng.normal((source != "human") * (1.5 - strength), 1, n)
    given = {
        "text_id": [f"{i}" for i in range(n)], "source": source, "role": "test", "mark": mark, "attack": attack,
        "label": "human" if source == "human" else "machine", "cluster": [f"p{i}" for i in range(n)],
        "domain": [f"d{i % 5}" for i in range(n)], "strength": strength, "length": length, "n_tokens": 200,
        "detector": detector, "score": score, "log10_p": np.nan if kind == "scores" else log10_p,
    }  # fmt: skip
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        kind_of = object if name in STRINGS else float if name in FLOATS else np.int32 if name in INTEGERS else bool
        columns[name] = np.empty(n, kind_of)
        value = given.get(name, "" if name in STRINGS else 0)
        columns[name][:] = value if isinstance(value, np.ndarray | list) else [value] * n
    return columns


def scikit_learn(table: ScoreTable) -> tuple[float, float]:
    """Return CPU seconds of one cell and draw, and the largest difference of an AUROC to ours."""
    rows = ScoreRows(table)
    draws = ClusterDraws(rows.n_clusters, SAMPLED_DRAWS, np.random.default_rng(0))
    spent, worst = 0.0, 0.0
    humans = rows.humans("fast", Condition())
    ranked = RankedHumans(humans, draws)
    conditions = [c for c in rows.conditions("fast", MACHINE) if not c.length][:SAMPLED_CELLS]
    for condition in conditions:
        machine = rows.side("fast", MACHINE, condition, "gen/w1")
        ours = ranked.auroc(machine)
        scores = np.concatenate([humans.score, machine.score])
        labels = np.repeat([HUMAN, MACHINE], [humans.n, machine.n]) == MACHINE
        weights = draws.of(np.concatenate([humans.cluster, machine.cluster]), slice(0, 1 + SAMPLED_DRAWS))
        begun = time.process_time()
        for draw in range(1 + SAMPLED_DRAWS):
            area = roc_auc_score(labels, scores, sample_weight=weights[:, draw])
            fpr, tpr, _ = roc_curve(labels, scores, sample_weight=weights[:, draw])
            [tpr[fpr <= rate].max() for rate in SETTINGS.rates]
            worst = max(worst, abs(area - ours[draw]))
        spent += time.process_time() - begun
    return spent / (len(conditions) * (1 + SAMPLED_DRAWS)), worst


def main() -> None:
    table = made_table(np.random.default_rng(0))
    begun = time.process_time()
    found = measure(table, SETTINGS)
    seconds = time.process_time() - begun
    per_draw, worst = scikit_learn(table)
    cells = len(found["cells"])
    others = cells * (1 + SETTINGS.draws) * per_draw
    figures = {
        "rows": len(table), "cells": cells, "draws": SETTINGS.draws, "paired": len(found["paired"]), "moved": len(found["moved"]),
        "all_figures_cpu_s": round(seconds, 2), "bar_s": 120,
        "scikit_learn_ms_per_cell_and_draw": round(1e3 * per_draw, 3),
        "scikit_learn_auroc_and_rates_of_all_cells_cpu_s": round(others), "times_as_fast": round(others / seconds),
        "largest_difference_of_an_auroc": float(f"{worst:.2g}"),
    }  # fmt: skip
    record.write(__file__, figures, baseline="roc_auc_score and roc_curve, once a cell and draw, multiplied out")


if __name__ == "__main__":
    main()
