"""The drift alarm: exact, silent on humans plus machine text, loud on other humans, and blind where it says it is."""

from itertools import combinations

import numpy as np
import pytest
from assay.detect.calibrate import fit
from assay.detect.calibration import Signature
from assay.detect.drift import drift, group_drift
from scipy.stats import binom, ks_2samp

FAST = "gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy"
LIKELIHOOD = "whitebox(gpt-neo-2.7B).likelihood"


def test_the_p_value_is_the_share_of_all_orders_that_are_as_extreme():
    """Five human and five seen scores: brute force over the 252 orders. No test below the median is possible (2
    scores)."""
    human, seen = np.array([3.0, 4.0, 6.0, 8.0, 9.0]), np.array([1.0, 2.0, 5.0, 7.0, 10.0])
    result = drift(human, seen)

    def excess(is_seen):
        return max(np.cumsum(np.where(is_seen, 0.2, -0.2)))

    orders = [np.isin(np.arange(10), places) for places in combinations(range(10), 5)]
    found = excess(np.isin(np.arange(1, 11), seen))
    assert result.n_tests == 1
    assert result.statistic == pytest.approx(found)
    assert result.p == pytest.approx(np.mean([excess(order) >= found - 1e-9 for order in orders]), rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(50, 31), (200, 100), (40, 40), (2500, 3000)])
def test_each_test_is_smirnovs_as_scipy_has_it(n, m):
    rng = np.random.default_rng(n)
    human, seen = rng.normal(size=n), rng.normal(-0.25, 1, m)
    result = drift(human, seen)
    c = np.sort(human)[n // 2]
    pairs = [(seen, human), (seen[seen < c], human[human < c])]
    method = "exact" if n * m < 1e6 else "asymp"
    oracle = [ks_2samp(*pair, alternative="greater", method=method) for pair in pairs]
    best = min(oracle, key=lambda o: o.pvalue)
    assert result.n_tests == 2
    assert result.statistic == pytest.approx(best.statistic, rel=1e-12)
    # at 2500 and 3000 the scores below the median are few enough to count exactly: Hodges' form is within 2 %
    assert result.p == pytest.approx(min(1.0, 2 * best.pvalue), rel=1e-9 if method == "exact" else 0.02)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_false_alarms_are_at_most_the_level_whatever_the_share_of_machine_text(peers, share):
    """Real scores, 200 splits by original, 250 humans seen; alarms at 5 %: at most the 99.9 % binomial bound."""
    rng, scores = np.random.default_rng(int(100 * share)), peers.score(FAST)
    machine, alarms = np.flatnonzero(peers.ai), 0
    for _ in range(200):
        humans = peers.one_human_a_pair(rng)
        seen = np.concatenate([humans[350:600], rng.choice(machine, int(250 * share / (1 - share)))])
        alarms += drift(scores[humans[:350]], scores[seen]).p <= 0.05
    assert alarms <= binom.ppf(0.999, 200, 0.05)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_stories_are_seen_not_to_be_news_with_machine_text(peers, share):
    """Log-likelihood calibrated on news and encyclopaedia: stories score lower, which no share of machine text
    explains."""
    rng, scores = np.random.default_rng(1), peers.score(LIKELIHOOD)
    known = np.isfinite(scores)
    stories = peers.domain == "writing"
    seen = np.flatnonzero(known & stories & ~peers.ai)
    added = rng.choice(np.flatnonzero(known & stories & peers.ai), int(len(seen) * share / (1 - share)))
    result = drift(scores[known & ~stories & ~peers.ai], scores[np.concatenate([seen, added])])
    assert result.p < 1e-6
    assert "not the calibration's humans plus machine text" in result.message
    assert "\n" not in result.message


def test_half_a_crawl_of_machine_text_does_not_hide_a_drift_below_the_median():
    rng = np.random.default_rng(2)
    human, seen = rng.normal(size=2000), np.concatenate([rng.normal(-0.7, 1, 900), rng.normal(3, 1, 1600)])
    result = drift(human, seen)
    assert result.test == "low"
    assert result.p < 1e-6
    assert ks_2samp(seen, human, alternative="greater", method="asymp").pvalue > 0.1


def test_it_cannot_see_humans_that_score_higher():
    rng = np.random.default_rng(3)
    result = drift(rng.normal(size=2000), rng.normal(0.5, 1, 2000))
    assert result.p > 0.5
    assert result.message == ""


def test_ties_and_too_few_documents_raise_no_alarm():
    assert drift(np.zeros(500), np.zeros(900)).p == 1.0
    nothing = drift(np.arange(100.0), [1.0, np.nan, 2.0])
    assert (nothing.p, nothing.n_tests, nothing.message) == (1.0, 0, "")


def test_groups_are_tested_each_against_its_own_humans():
    rng = np.random.default_rng(4)
    lengths = rng.integers(0, 200, 1000)
    scores = rng.normal(size=1000) + 4 * (lengths >= 100)
    calibration = fit(Signature("x", "1", "1"), scores, lengths, data="", edges=[0, 100, 200])
    seen = rng.integers(0, 200, 800)
    same = group_drift(calibration, rng.normal(size=800) + 4 * (seen >= 100), seen)
    other = group_drift(calibration, rng.normal(size=800) + 3 * (seen >= 100), seen)
    assert same.n_tests == other.n_tests == 4
    assert same.p > 0.01
    assert (other.group, other.p < 1e-6) == (1, True)
