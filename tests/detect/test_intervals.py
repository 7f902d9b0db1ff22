"""Clopper-Pearson intervals against scipy's, and by hand at the ends."""

import math

import pytest
from assay.detect.intervals import Interval, binomial_interval
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 100_000), st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.9999]))
def test_it_is_that_of_scipy(data, n, confidence):
    k = data.draw(st.integers(0, n))
    ours, theirs = binomial_interval(k, n, confidence), binomtest(k, n).proportion_ci(confidence, method="exact")
    assert ours.low == pytest.approx(theirs.low, rel=1e-6, abs=1e-12)
    assert ours.high == pytest.approx(theirs.high, rel=1e-6, abs=1e-12)


def test_with_nothing_seen_the_upper_end_is_the_root_of_the_tail():
    """P[X = 0] = (1 - p)^n = .005 gives p = 1 - .005^(1/n)."""
    interval = binomial_interval(0, 1000)
    assert interval.low == 0.0
    assert interval.high == pytest.approx(-math.expm1(math.log(0.005) / 1000), rel=1e-12)
    mirrored = binomial_interval(1000, 1000)
    assert mirrored.high == 1.0
    assert mirrored.low == pytest.approx(1 - interval.high, rel=1e-12)


def test_at_its_ends_each_tail_has_half_of_the_error():
    interval = binomial_interval(7, 500, 0.95)
    assert binom.sf(6, 500, interval.low) == pytest.approx(0.025, rel=1e-9)
    assert binom.cdf(7, 500, interval.high) == pytest.approx(0.025, rel=1e-9)


def test_nothing_tried_rules_nothing_out():
    assert binomial_interval(0, 0) == Interval(0.0, 1.0)
    assert 0.3 in binomial_interval(0, 0)
    assert 0.5 not in binomial_interval(1, 1000)


@pytest.mark.parametrize(
    ("k", "n", "confidence"), [(3, 2, 0.9), (-1, 2, 0.9), (1, 2, 0.0), (1, 2, 1.0), (1, 2, math.nan)]
)
def test_impossible_counts_are_refused(k, n, confidence):
    with pytest.raises(ValueError, match="must be"):
        binomial_interval(k, n, confidence)


def test_a_rate_for_a_count_is_refused():
    with pytest.raises(TypeError):
        binomial_interval(0.5, 10)
