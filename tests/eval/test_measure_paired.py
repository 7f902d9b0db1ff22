"""Paired tests of detectors: size, power, Holm's correction, and which texts they are on."""

import numpy as np
import pytest
from assay.eval.measure import MeasureSettings, measure
from assay.eval.paired_tests import holm, two_sided
from scipy.stats import binom

from .made_scores import made, pooled

HUNDREDTH = MeasureSettings(rates=(0.05, 0.01), draws=200)


def _two(rng, n, first, second, common=0.0):
    """Return the scores of detectors a and b on the same texts: machine texts at `first` and `second`, sharing some of their noise."""
    tables = []
    for label, shifts in (("human", (0.0, 0.0)), ("machine", (first, second))):
        shared = rng.normal(0, np.sqrt(common), n)
        for name, shift in zip("ab", shifts, strict=True):
            tables.append(made(shift + shared + rng.normal(0, np.sqrt(1 - common), n), label, detector=name))
    return pooled(*tables)


def test_the_same_scores_differ_in_nothing() -> None:
    rng = np.random.default_rng(0)
    human, machine = rng.normal(0, 1, 150), rng.normal(1, 1, 150)
    table = pooled(*(made(s, label, detector=d) for d in "ab" for s, label in ((human, "human"), (machine, "machine"))))
    (found,) = measure(table, HUNDREDTH)["paired"]
    for figure in ("auroc", "tpr"):
        assert (found[figure]["difference"], found[figure]["p"], found[figure]["p_holm"]) == (0.0, 1.0, 1.0)
    assert (found["n"], found["tpr"]["rate"]) == (300, 0.01)


def test_a_better_detector_is_found_on_the_same_texts() -> None:
    (found,) = measure(_two(np.random.default_rng(1), 300, 2.0, 1.0), HUNDREDTH)["paired"]
    assert (found["a"], found["b"]) == ("a", "b")
    assert found["auroc"]["low"] > 0.05
    assert found["auroc"]["p"] < 1e-4
    assert found["auroc"]["from"] == "t"


def test_equal_detectors_are_told_apart_no_more_often_than_said() -> None:
    """At 5 %, of 120 pairs of equal detectors; more than 14 has a chance below 1e-3 if the size holds."""
    alarms = 0
    for seed in range(120):
        table = _two(np.random.default_rng(seed), 60, 1.0, 1.0, common=0.5)
        (found,) = measure(table, MeasureSettings(rates=(0.05,), draws=199, seed=seed))["paired"]
        alarms += found["auroc"]["p"] <= 0.05
    assert binom.sf(14, 120, 0.05) < 1e-3
    assert alarms <= 14


def test_holm_by_hand() -> None:
    """.01 times 4; .02 times 3; .03 times 2 is as much; .5 stays."""
    assert holm(np.array([0.02, 0.5, 0.01, 0.03])) == pytest.approx([0.06, 0.5, 0.04, 0.06])


def test_p_is_counted_where_draws_lie_beyond_zero_and_a_tail_where_none_does() -> None:
    draws = np.concatenate([np.full(19, -0.1), np.full(980, 0.2)])
    assert two_sided(0.2, draws, 100) == (pytest.approx(2 * 20 / 1000), "draws")
    apart = np.random.default_rng(0).normal(1.0, 0.1, 999)
    p, origin = two_sided(1.0, apart, 100)
    assert origin == "t"
    assert 0.0 < p < 1e-12
    assert two_sided(1.0, apart, 5) == (2**-4, "draws")  # five clusters have no more than 32 ways to be swapped


def test_only_texts_that_both_scored_are_compared() -> None:
    rng = np.random.default_rng(2)
    table = pooled(
        made(rng.normal(0, 1, 100), "human", detector="a"), made(rng.normal(1, 1, 100), detector="a"),
        made(rng.normal(0, 1, 60), "human", detector="b"), made(rng.normal(1, 1, 80), detector="b"),
    )  # fmt: skip
    (found,) = measure(table, HUNDREDTH)["paired"]
    assert found["n"] == 140
    assert found["tpr"]["rate"] == 0.05  # 60 humans cannot set 1 %


def test_a_detector_gains_no_auroc_by_silence() -> None:
    """Both give the same scores, but b none for the machine texts below the median and half the humans: on the texts both scored they are equal."""
    rng = np.random.default_rng(4)
    human, machine = rng.normal(0, 1, 120), rng.normal(1, 1, 120)
    silent = np.where(machine < np.median(machine), np.nan, machine), np.where(np.arange(120) < 60, np.nan, human)
    table = pooled(
        made(human, "human", detector="a"), made(machine, detector="a"),
        made(silent[1], "human", detector="b"), made(silent[0], detector="b"),
    )  # fmt: skip
    (found,) = measure(table, MeasureSettings(rates=(0.05,), draws=100))["paired"]
    assert (found["auroc"]["difference"], found["auroc"]["p"]) == (0.0, 1.0)
    assert (found["n"], found["n_scored"]) == (240, 120)


def test_attacks_are_compared_at_their_strongest() -> None:
    rng = np.random.default_rng(3)
    tables = [made(rng.normal(0, 1, 50), "human", detector=d) for d in "ab"]
    for attack, strength in (("none", 0.0), ("swap", 0.1), ("swap", 0.5), ("delete", 0.3)):
        tables += [made(rng.normal(1, 1, 50), detector=d, attack=attack, strength=strength) for d in "ab"]
    found = measure(pooled(*tables), HUNDREDTH)["paired"]
    assert [(f["attack"], f["strength"]) for f in found] == [("none", 0.0), ("delete", 0.3), ("swap", 0.5)]
    assert all(f["auroc"]["p_holm"] >= f["auroc"]["p"] for f in found)
