"""Conformal p-values: against brute force, of the right size on real and made-up scores, and never too small."""

import math

import numpy as np
import pytest
from assay.detect.conformal import EXACT, from_repeats, mondrian_p, null_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binom, kstest

DETECTORS = ("gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy", "t5-3b_gpt-j-6B.lrr", "t5-3b_gpt-j-6B.npr")
ALPHAS = (0.01, 0.05, 0.1)
TIED = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=40)  # floats that float32 holds exactly


@settings(deadline=None)
@given(TIED, TIED)
def test_p_is_one_plus_the_humans_at_or_above_over_one_plus_all(calibration, scores):
    brute = [(1 + sum(c >= s for c in calibration)) / (len(calibration) + 1) for s in scores]
    assert null_scores(calibration).p_values(scores).tolist() == pytest.approx(brute, rel=1e-15)


@settings(deadline=None)
@given(TIED, st.floats(0.001, 0.999))
def test_the_cut_and_the_p_value_say_the_same(calibration, alpha):
    null = null_scores(calibration)
    scores = np.arange(-6.0, 6.5, 0.5)
    assert ((null.p_values(scores) <= alpha) == (scores > null.cut(alpha))).all()


def test_the_rank_of_a_round_level_is_not_lost_to_rounding():
    """.05 * 200 is 10.000000000000002 or 9.999999999999998 with other numbers; k is 10."""
    assert null_scores(np.arange(199.0)).rank(0.05) == 10
    assert null_scores(np.arange(999.0)).rank(0.001) == 1
    assert null_scores(np.arange(998.0)).rank(0.001) == 0
    assert null_scores(np.arange(998.0)).cut(0.001) == math.inf


def test_sizes_are_exact_on_made_up_scores():
    """30,000 calibrations of 99 with one document each: independent, so binomial; false alarm of the test 3e-4."""
    rng = np.random.default_rng(1)
    scores = rng.standard_t(3, size=(30_000, 100))
    p = (1 + (scores[:, 1:] >= scores[:, :1]).sum(1)) / 100
    assert p[0] == pytest.approx(null_scores(scores[0, 1:]).p_values(scores[0, :1])[0])
    for alpha in ALPHAS:
        low, high = binom.ppf([5e-5, 1 - 5e-5], len(p), alpha)
        assert low <= (p <= alpha).sum() <= high


@pytest.mark.parametrize("detector", DETECTORS)
def test_sizes_are_inside_the_beta_binomial_interval_on_real_humans(peers, detector):
    """One human an original, half calibrates: the count is BetaBinomial(m, k, n + 1 - k); false alarm at most 3e-3
    each."""
    humans = peers.one_human_a_pair(np.random.default_rng(2))
    scores = peers.score(detector)[humans]
    null, tested = null_scores(scores[:299]), scores[299:]
    p = null.p_values(tested)
    for alpha in ALPHAS:
        k = null.rank(alpha)
        low, high = betabinom.ppf([5e-4, 1 - 5e-4], len(tested), k, null.n + 1 - k)
        assert low <= (p <= alpha).sum() <= high


def test_mean_size_over_splits_of_real_humans_is_nominal(peers):
    """200 random splits of about 628 originals; the mean size is at most alpha plus four standard errors of independent
    splits."""
    rng, scores = np.random.default_rng(3), peers.score(DETECTORS[0])
    sizes = []
    for _ in range(200):
        humans = peers.one_human_a_pair(rng)
        p = null_scores(scores[humans[:399]]).p_values(scores[humans[399:]])
        sizes.append([(p <= alpha).mean() for alpha in ALPHAS])
    mean, error = np.mean(sizes, axis=0), np.std(sizes, axis=0) / 200**0.5
    assert (np.abs(mean - ALPHAS) <= 4 * error + 1e-12).all()


def test_a_score_that_is_not_a_number_abstains():
    p = null_scores([1.0, 2.0, np.nan, np.inf]).p_values([np.nan, np.inf, -np.inf, 1.5])
    assert np.isnan(p[:3]).all()
    assert p[3] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="at least one finite score"):
        null_scores([np.nan])


def test_no_p_is_below_the_smallest():
    null = null_scores(np.arange(99.0))
    assert null.smallest_p == 0.01
    assert null.p_values([1e9])[0] == 0.01


def test_randomised_p_is_uniform_even_with_ties_and_repeats_with_its_seed():
    """Discrete scores; false alarm of the Kolmogorov test 1e-3."""
    rng = np.random.default_rng(4)
    p = np.array([null_scores(d[1:]).p_values(d[:1], rng)[0] for d in rng.integers(0, 4, (4000, 20)).astype(float)])
    assert kstest(p, "uniform").pvalue > 1e-3
    null = null_scores([1.0, 2.0, 2.0])
    again = [null.p_values([2.0, 0.0], np.random.default_rng(7)).tolist() for _ in range(2)]
    assert again[0] == again[1]
    assert (null.p_values([2.0, 0.0], np.random.default_rng(7)) <= null.p_values([2.0, 0.0])).all()


def test_scores_between_two_float32_are_rounded_up_so_p_can_only_rise():
    calibration = np.array([1.0 + 1e-12, 2.0])
    assert null_scores(calibration).p_values([1.0 + 5e-13])[0] == 1.0
    assert null_scores(calibration).scores[0] > 1.0 + 1e-12
    rng = np.random.default_rng(5)
    values, tests = rng.normal(size=3000), rng.normal(size=2000)
    exact = (1 + (values[None, :] >= tests[:, None]).sum(1)) / 3001
    assert (null_scores(values).p_values(tests) >= exact - 1e-15).all()
    np.testing.assert_allclose(null_scores(values).p_values(tests), exact, atol=2 / 3001)


def test_a_thinned_sample_keeps_the_tail_and_raises_the_rest_by_little():
    rng = np.random.default_rng(6)
    values = rng.normal(size=5 * EXACT).astype(np.float32).astype(float)
    null, ordered = null_scores(values), np.sort(values)
    tests = np.concatenate([rng.normal(size=5000), ordered[-200:], [-9.0, 9.0]])
    exact = (1 + len(values) - np.searchsorted(ordered, tests)) / (len(values) + 1)
    p = null.p_values(tests)
    assert null.n == len(values)
    assert len(null.scores) <= EXACT
    assert (p >= exact - 1e-15).all()
    assert (p <= exact * (1 + len(values) / 1e8) + 2 / len(values)).all()
    top = tests > ordered[-9_999]
    assert p[top].tolist() == exact[top].tolist()


def test_groups_are_looked_up_as_if_each_stood_alone():
    rng = np.random.default_rng(8)
    nulls = [null_scores(rng.normal(i, 1, 50 + i)) for i in range(3)]
    scores, groups = rng.normal(size=500), rng.integers(-1, 3, 500)
    p = mondrian_p(scores, groups, nulls)
    for score, group, value in zip(scores, groups, p, strict=True):
        assert np.isnan(value) if group < 0 else value == nulls[group].p_values([score])[0]
    with pytest.raises(ValueError, match="of one length"):
        mondrian_p(scores, groups[:-1], nulls)


def test_repeats_come_back():
    null = null_scores([3.0, 1.0, 3.0, 2.0])
    assert null.repeats.tolist() == [1, 1, 2]
    assert null.all_scores().tolist() == [1.0, 2.0, 3.0, 3.0]
    assert from_repeats(null.scores, null.repeats).at_least.tolist() == [4, 3, 2]
