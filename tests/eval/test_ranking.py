"""Ranking figures against scikit-learn, hand counts, and the coverage of the clustered interval."""

import numpy as np
import pytest
from assay.eval.ranking import auroc, clustered, exceed, threshold_at, tpr_at
from hypothesis import given, strategies
from sklearn.metrics import roc_auc_score


@given(
    rows=strategies.lists(strategies.tuples(strategies.integers(0, 6), strategies.booleans()), min_size=2, max_size=40)
)
def test_auroc_is_scikit_learns_ties_included(rows: list[tuple[int, bool]]) -> None:
    scores, machine = np.array([float(s) for s, _ in rows]), np.array([m for _, m in rows])
    if machine.all() or not machine.any():
        assert np.isnan(auroc(scores, machine))
    else:
        assert auroc(scores, machine) == pytest.approx(roc_auc_score(machine, scores))


@given(human=strategies.lists(strategies.integers(0, 9), min_size=1, max_size=50), rate=strategies.floats(0, 1))
def test_a_threshold_lets_through_at_most_its_share_and_no_lower_one_does(human: list[int], rate: float) -> None:
    scores = np.array(human, np.float64)
    threshold = threshold_at(scores, rate)
    assert exceed(scores, threshold) <= rate + 1e-9
    below = scores[scores < threshold]
    if len(below):
        assert exceed(scores, below.max()) > rate


def test_tpr_by_hand() -> None:
    """Of ten humans 0..9 one may exceed the 10 % threshold: it is 8; two of four machine texts do."""
    scores = np.array([*range(10), 8.0, 8.5, 9.0, 1.0])
    machine = np.array([False] * 10 + [True] * 4)
    assert tpr_at(0.1)(scores, machine) == 0.5
    assert tpr_at(0.0)(scores, machine) == 0.0


def test_missing_humans_and_rates_beyond_one_are_refused() -> None:
    with pytest.raises(ValueError, match="need human scores"):
        threshold_at(np.zeros(0), 0.1)
    with pytest.raises(ValueError, match="rate from 0 to 1"):
        threshold_at(np.zeros(3), 1.5)


def test_the_interval_knows_that_texts_of_one_cluster_go_together() -> None:
    """Every text ten times over: the clustered interval is that of the texts once, a plain bootstrap's would be a third as wide."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(0, 1, 60), rng.normal(1, 1, 60)])
    machine, names = np.repeat([False, True], 60), [str(i) for i in range(120)]
    once = clustered(auroc, scores, machine, names, np.random.default_rng(1), draws=400)
    tenfold = clustered(
        auroc, np.tile(scores, 10), np.tile(machine, 10), names * 10, np.random.default_rng(1), draws=400
    )
    assert tenfold.value == pytest.approx(once.value)
    assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high), abs=1e-9)
    assert (tenfold.n, tenfold.clusters) == (1200, 120)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """200 samples of 40 pairs that share an effect; the truth is from a million draws. At 95 % coverage fewer than 176 of 200 has probability 3e-5."""
    draw = np.random.default_rng(2)

    def pairs(count: int) -> np.ndarray:
        effect = draw.normal(0, 0.5, count)
        return np.concatenate([effect + draw.normal(0, 1, count), effect + draw.normal(1, 1, count)])

    machine = np.repeat([False, True], 500_000)
    truth = auroc(pairs(500_000), machine)
    names, labels = [str(i) for i in range(40)] * 2, np.repeat([False, True], 40)
    covered = 0
    for seed in range(200):
        found = clustered(auroc, pairs(40), labels, names, np.random.default_rng(seed), draws=200)
        covered += found.low <= truth <= found.high
    assert covered >= 176
