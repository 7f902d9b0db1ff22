"""`measure` as a whole: the same for any order of rows and a given seed, JSON-ready, and a random detector at chance."""

import json

import numpy as np
import pytest
from assay.eval.measure import MeasureSettings, measure
from assay.eval.score_table import ScoreTable
from scipy.stats import binom

from .made_scores import cell, made, pooled

SETTINGS = MeasureSettings(rates=(0.05, 0.01), draws=100, seed=3)


def _mixed() -> ScoreTable:
    """Two detectors, a mark, an attack, domains, clusters, calibration texts, ties and missing scores."""
    rng = np.random.default_rng(0)
    tables = []
    for detector, kind in (("a", "classifier"), ("b", "scores"), ("w1", "mark")):
        for source, label, shift in (
            ("human", "human", 0.0),
            ("gen/w1", "machine", 1.0),
            ("gen/unmarked", "machine", 0.7),
        ):
            for attack, strength, length in (("none", 0.0, 0), ("none", 0.0, 50), ("swap", 0.5, 0)):
                scores = (rng.normal(shift - strength, 1, 120)).round(1)
                scores[:3] = np.nan
                log10_p = np.full(120, np.nan) if kind == "scores" else -rng.exponential(0.43, 120)
                tables.append(
                    made(
                        scores,
                        label,
                        detector=detector,
                        kind=kind,
                        source=source,
                        mark="w1" if source == "gen/w1" else "",
                        attack=attack,
                        strength=strength,
                        length=length,
                        log10_p=log10_p,
                        cluster=[f"p{i % 60}" for i in range(120)],
                        domain=["x", "y", ""] * 40,
                        empty=np.arange(120) < 2,
                    )
                )
        tables.append(
            made(rng.normal(0, 1, 100), "human", detector=detector, kind=kind, source="cal", role="calibration")
        )
    return pooled(*tables)


def test_figures_do_not_depend_on_the_order_of_rows_and_repeat_for_a_seed() -> None:
    table = _mixed()
    first = measure(table, SETTINGS)
    assert measure(table, SETTINGS) == first
    shuffled = np.random.default_rng(1).permutation(len(table))
    mixed = ScoreTable({name: table[name][shuffled] for name in table.columns}, table.kinds)
    assert measure(mixed, SETTINGS) == first
    assert measure(table, MeasureSettings(rates=(0.05, 0.01), draws=100, seed=4)) != first


def test_everything_is_strict_json_with_each_part() -> None:
    found = measure(_mixed(), SETTINGS)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for part in ("cells", "moved", "groups", "calibration", "paired", "counts"):
        assert found[part], part
    assert len(found["cells"]) == 3 * (2 + 2 + 1)
    for one in found["cells"]:
        assert (one["attack"] == "none") == ("roc" in one)
        assert (one["decided"] is None) == (one["kind"] == "scores")
        for entry in (one["auroc"], *one["tpr"].values()):
            assert entry["low"] <= entry["value"] <= entry["high"]


def test_counts_are_of_texts_and_not_of_rows() -> None:
    """Three detectors scored each text; 120 texts in 60 clusters, two of them emptied."""
    found = measure(_mixed(), SETTINGS)["counts"]
    (one,) = [c for c in found if (c["source"], c["attack"]) == ("gen/w1", "swap")]
    assert (one["n"], one["clusters"], one["empty"]) == (120, 60, 2)
    (one,) = [c for c in found if c["role"] == "calibration"]
    assert (one["source"], one["label"], one["n"], one["clusters"]) == ("cal", "human", 100, 100)


def test_a_table_without_rows_has_no_figures() -> None:
    found = measure(made([], "human"), SETTINGS)
    assert not any(found[part] for part in ("cells", "moved", "groups", "calibration", "paired", "counts", "alarms"))


def test_a_random_detectors_interval_holds_chance_as_often_as_it_says() -> None:
    """150 random detectors on 80 clusters of two; fewer than 133 has a chance below 1e-3 at 95 %."""
    inside = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        names = [f"c{i % 80}" for i in range(160)]
        table = pooled(made(rng.normal(0, 1, 160), "human", cluster=names), made(rng.normal(0, 1, 160), cluster=names))
        auroc = cell(measure(table, MeasureSettings(rates=(0.05,), draws=150, seed=seed)))["auroc"]
        inside += auroc["low"] <= 0.5 <= auroc["high"]
    assert binom.cdf(132, 150, 0.95) < 1e-3
    assert inside >= 133


def test_the_note_says_what_a_threshold_of_the_tested_humans_gives_on_new_ones() -> None:
    """The k-th highest of n humans is exceeded by a new one with a chance of k / n + 1: of 50 humans one above means 2/51, not 1/50."""
    rng = np.random.default_rng(6)
    flagged = []
    for _ in range(2000):
        human = np.sort(rng.uniform(size=50))
        found = human[-2]  # one of fifty lies above: the threshold at 2 %
        flagged.append(1.0 - found)
    assert np.mean(flagged) == pytest.approx(2 / 51, abs=0.003)
    one = cell(measure(pooled(made(human, "human"), made([0.5])), MeasureSettings(rates=(0.02,), draws=2)))
    assert (one["tpr"]["0.02"]["threshold"], one["tpr"]["0.02"]["humans_above"]) == (found, 1)
    note = measure(made([], "human"), SETTINGS)["rates_note"]["empirical"]
    assert "(k + 1)/(n + 1) on average" in note
    assert "optimistic" not in note


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"rates": (0.0,)}, {"rates": (1.0,)}, {"alpha": 2.0}, {"draws": 0}):
        with pytest.raises(ValueError, match="must be"):
            MeasureSettings(**wrong)
