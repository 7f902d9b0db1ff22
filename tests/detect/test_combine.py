"""Combined p-values: by hand, valid under every dependence tried, and with no smaller factor possible."""

import math

import numpy as np
import pytest
from assay.detect.combine import bonferroni, harmonic_factor, harmonic_mean
from assay.detect.detection import Detection, Threshold
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

LOG_P = st.lists(st.floats(-300, 0), min_size=1, max_size=6)


def test_the_rules_by_hand():
    """p = .001, .1, .1: Bonferroni .003; harmonic mean 3 / 1020, times a_3 = 2.7456."""
    log10_p = [-3.0, -1.0, -1.0]
    assert 10 ** float(bonferroni(log10_p).log10_p) == pytest.approx(0.003)
    assert 10 ** float(harmonic_mean(log10_p).log10_p) == pytest.approx(2.745644 * 3 / 1020, rel=1e-6)


@settings(deadline=None)
@given(LOG_P)
def test_bonferroni_is_what_a_threshold_decides_by(log10_p):
    detections = [Detection(str(i), 0.0, p, 0.0, 9, 9, {}) for i, p in enumerate(log10_p)]
    combined = bonferroni(log10_p)
    assert float(combined.log10_p) == pytest.approx(Threshold().decide(detections).log10_p, abs=1e-12)
    assert combined.tried == len(log10_p)


@settings(deadline=None)
@given(LOG_P)
def test_the_harmonic_rule_is_its_formula(log10_p):
    k, p = len(log10_p), 10 ** np.array(log10_p)
    expected = min(1.0, harmonic_factor(k) * k / (1 / p).sum())
    assert float(harmonic_mean(log10_p).log10_p) == pytest.approx(math.log10(expected), abs=1e-9)


def test_one_test_is_itself_and_depth_is_no_limit():
    for rule in (bonferroni, harmonic_mean):
        assert float(rule([-2.5]).log10_p) == pytest.approx(-2.5)
        assert float(rule([-5000.0, -5000.0]).log10_p) == pytest.approx(-5000 + math.log10(2))
        assert float(rule([-math.inf, -1.0]).log10_p) == -math.inf


def test_an_abstained_test_does_not_count_and_rows_are_documents():
    table = np.array([[-3.0, math.nan, -2.0], [math.nan] * 3, [-1.0, -1.0, -1.0]])
    for rule in (bonferroni, harmonic_mean):
        combined = rule(table)
        assert combined.tried.tolist() == [2, 0, 3]
        assert combined.log10_p[0] == pytest.approx(float(rule([-3.0, -2.0]).log10_p))
        assert math.isnan(combined.log10_p[1])
        assert rule(np.empty((4, 0))).tried.tolist() == [0] * 4
        assert rule(np.empty((0, 3))).log10_p.shape == (0,)


def test_factors_are_the_root_of_the_equation_and_below_e_ln_k():
    assert (harmonic_factor(1), harmonic_factor(2)) == (1.0, 2.0)
    for k in (3, 4, 10, 100, 10_000):
        y = brentq(lambda y, k=k: y * y - k * ((y + 1) * math.log1p(y) - y), 0.5, k * k, xtol=1e-13)
        assert harmonic_factor(k) == pytest.approx((y + k) ** 2 / (k * (y + 1)), rel=1e-9)
        assert math.log(k) < harmonic_factor(k) < math.e * math.log(k)
    with pytest.raises(ValueError, match="at least 1"):
        harmonic_factor(0)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_the_factor_is_needed_and_is_enough(k):
    """Rearrangement algorithm: p-values uniform on (0, e) in the bad event, coupled so that every row has a large sum
    of 1/p.

    Each cell of the grid is rounded so that the sum is too small: mean 1/p >= c / e in all rows makes the size of the
    rule with factor c at least e. Found: c within 3 % of a_K, never above.
    """
    rng, n = np.random.default_rng(0), 4000
    inverse = n / np.arange(1, n + 1)  # 1/p with p = e i / n, times e
    rows = np.stack([rng.permutation(inverse) for _ in range(k)], axis=1)
    best = 0.0
    for _ in range(60):
        for j in range(k):
            others = rows.sum(1) - rows[:, j]
            rows[np.argsort(others), j] = inverse  # the smallest others get the largest
        best = max(best, float(rows.mean(1).min()))
    assert 0.97 * harmonic_factor(k) <= best <= harmonic_factor(k)


@pytest.mark.parametrize("k", [2, 3, 6])
@pytest.mark.parametrize("dependence", ["independent", "equal", "correlated", "opposed"])
def test_the_size_is_at_most_nominal(k, dependence):
    """200,000 null documents; at most alpha plus 4 binomial standard errors."""
    rng, n = np.random.default_rng(k), 200_000
    common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, k))
    z = {
        "independent": own,
        "equal": common + 0 * own,
        "correlated": 0.8**0.5 * common + 0.2**0.5 * own,
        "opposed": common * np.where(np.arange(k) % 2, -1.0, 1.0),
    }[dependence]
    log10_p = norm.logsf(z) / math.log(10)
    for rule in (bonferroni, harmonic_mean):
        combined = rule(log10_p).log10_p
        for alpha in (0.05, 0.01, 0.001):
            assert (combined <= math.log10(alpha)).mean() <= alpha + 4 * (alpha / n) ** 0.5


def test_a_p_value_for_a_logarithm_is_refused():
    for rule in (bonferroni, harmonic_mean):
        with pytest.raises(ValueError, match="these are logarithms"):
            rule([0.05, 0.1])
        with pytest.raises(ValueError, match="an axis of tests"):
            rule(-1.0)
