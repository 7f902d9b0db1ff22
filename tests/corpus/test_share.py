"""The share of marked text: the exact law behind it, and intervals that hold the truth in simulated corpora."""

import math

import numpy as np
import pytest
from assay.corpus.share import fitted, machine_share, marked_share
from assay.corpus.share_cells import RATES, cells
from assay.corpus.tally_bins import DEPTH_EDGES, P_EDGES, TOKEN_EDGES, depth_bins, middle_tokens, p_bins, token_bins
from assay.corpus.tally_detector import randomised
from assay.detect.exact import binomial_log10_sf_batch
from scipy.stats import binom

from . import scanned_rows as scanned

GAMMA = 0.25


def depths(size, green, rng):
    log10_p = binomial_log10_sf_batch(green, size, GAMMA)
    depth = depth_bins(randomised(log10_p, green, size, 1.0 - rng.random(len(size)), GAMMA))
    table = np.zeros((len(TOKEN_EDGES), len(DEPTH_EDGES)), np.int64)
    np.add.at(table, (token_bins(size), depth), 1)
    return table


def corpus(n, share, seed, shift=0.0, **more):
    """Return a table and the true share; `shift` moves the green rate of every unmarked document."""
    rng = np.random.default_rng(seed)
    size, green, marked = scanned.draw(n, share, rng, **more)
    green = np.where(marked, green, rng.binomial(size, GAMMA + shift))
    return depths(size, green, rng), marked.mean()


def test_cells_have_the_chances_of_the_binomial_law():
    """P[p_rand <= c] = P[X > x] + (c - sf(x+1)) / pmf(x) P_q[X = x], written out for n = 25 and c = 10^-1 (depth cell 8 and deeper)."""
    table = np.zeros((len(TOKEN_EDGES), len(DEPTH_EDGES)), np.int64)
    at = int(token_bins(np.array([25]))[0])
    table[at, 0] = 1
    made = cells(table, GAMMA)
    n = int(middle_tokens()[at])
    x = max(k for k in range(n + 1) if binom.sf(k - 1, n, GAMMA) > 0.1)
    part = (0.1 - binom.sf(x, n, GAMMA)) / binom.pmf(x, n, GAMMA)
    for i in (0, 5, len(RATES) - 1):
        q = GAMMA + (1 - GAMMA) * RATES[i]
        assert made.marked[0, i, 8:].sum() == pytest.approx(binom.sf(x, n, q) + part * binom.pmf(x, n, q), rel=1e-9)
    np.testing.assert_allclose(made.marked.sum(2), 1.0, atol=1e-9)
    assert made.null.sum() == pytest.approx(1.0)
    assert made.null[8:].sum() == pytest.approx(0.1)


def test_long_documents_have_the_chances_of_short_ones_in_the_limit():
    """Beyond 2,048 tokens points stand for counts; the mean depth must go on growing with n as the exact one does."""
    table = np.zeros((len(TOKEN_EDGES), len(DEPTH_EDGES)), np.int64)
    table[token_bins(np.array([2000, 2600])), 0] = 1
    made = cells(table, GAMMA)
    np.testing.assert_allclose(made.marked.sum(2), 1.0, atol=1e-6)
    assert (made.marked[1, :, 30:].sum(1) >= made.marked[0, :, 30:].sum(1) - 1e-6).all()


@pytest.mark.parametrize("share", [0.002, 0.01, 0.2])
@pytest.mark.parametrize("n", [10_000, 300_000])
def test_the_interval_holds_the_share(n, share):
    """Chance of a false alarm: 5 % a case if the interval were exact; it is wider, and the seed is fixed."""
    table, true = corpus(n, share, seed=n)
    found = marked_share(table, GAMMA)
    assert found.kind == "estimate"
    assert found.low <= true <= found.high
    assert found.share == pytest.approx(true, rel=0.35 if n * share < 200 else 0.05)


def test_documents_too_short_to_be_called_are_counted():
    """At 15 to 30 tokens a third of the marked documents are called at 1e-3; counting those would give a third of the share."""
    table, true = corpus(200_000, 0.1, seed=2, rate=0.5, lengths=(15, 120))
    called = table[:, 14:].sum() / table.sum()  # depth 14 is p <= 10^-3.06
    found = marked_share(table, GAMMA)
    assert called < 0.8 * true
    assert found.low <= true <= found.high


@pytest.mark.parametrize("lengths", [(20, 30), (5_000, 300_000), (20, 300_000)])
def test_books_and_snippets_are_fitted_too(lengths):
    """Warnings are errors here: at 300,000 tokens p is far below the smallest float, and a tilt of the null could overflow."""
    for share in (0.0, 0.1):
        table, true = corpus(3_000, share, seed=9, lengths=lengths)
        found = marked_share(table, GAMMA)
        assert found.low <= true <= found.high
        assert found.high < 1.5 * share + 0.05


@pytest.mark.parametrize("shift", [-0.004, 0.0, 0.004])
def test_a_key_that_suits_the_corpus_is_not_a_share(shift):
    """A green rate 0.004 off, alike in all unmarked text, doubles the false alarms of long documents; no mark, no share."""
    table, _ = corpus(400_000, 0.0, seed=3, shift=shift)
    found = marked_share(table, GAMMA)
    assert found.kind == "upper bound"
    assert (found.low, math.isnan(found.share)) == (0.0, True)
    assert 1e-6 < found.high < 2e-3


def test_a_small_corpus_without_marks_leaves_more_room():
    small, large = (marked_share(corpus(n, 0.0, seed=4)[0], GAMMA) for n in (300, 100_000))
    assert small.kind == large.kind == "upper bound"
    assert small.high > 10 * large.high
    assert small.high > 3 / 300  # the rule of three, for marks that are always seen


def test_copies_are_no_evidence():
    """Each document ten times: the interval is about that of the documents themselves, not of ten times as many."""
    table, true = corpus(10_000, 0.02, seed=5)
    once, copied, told = (
        marked_share(table, GAMMA),
        marked_share(10 * table, GAMMA),
        marked_share(10 * table, GAMMA, 0.1),
    )
    assert told.high - told.low == pytest.approx(once.high - once.low, rel=0.15)
    assert copied.high - copied.low < 0.8 * (told.high - told.low)
    assert told.low <= true <= told.high


def test_the_law_of_green_rates_is_found():
    table, _ = corpus(300_000, 0.1, seed=6, rate=0.6)
    mixture, best = fitted(table, GAMMA)
    rates = GAMMA + (1 - GAMMA) * RATES
    assert mixture.law(best.theta) @ rates == pytest.approx(0.6, abs=0.01)


def test_nothing_tested_gives_no_share_and_bad_settings_are_refused():
    empty = np.zeros((len(TOKEN_EDGES), len(DEPTH_EDGES)), np.int64)
    assert marked_share(empty, GAMMA) is None
    assert machine_share(np.zeros(len(P_EDGES), np.int64), None) is None
    with pytest.raises(ValueError, match="gamma must be in"):
        marked_share(empty, 1.0)
    with pytest.raises(ValueError, match="distinct must be in"):
        marked_share(empty, GAMMA, 0.0)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_the_bound_for_a_classifier_is_below_the_share(share):
    """Humans conformal with n = 999, machine text at p = U^4: the bound lies below the share, and not by much more than P[U^4 > 1/2] costs."""
    rng = np.random.default_rng(7)
    n = 100_000
    p = np.where(rng.random(n) < share, rng.random(n) ** 4, rng.random(n))
    p = np.ceil(p * 1000) / 1000
    found = machine_share(np.bincount(p_bins(np.log10(p)), minlength=len(P_EDGES)), 1e-3)
    assert found.kind == "lower bound"
    assert found.low <= share
    assert found.low >= share * (1 - 2 * (1 - 0.5**0.25)) - 0.09


def test_humans_unlike_the_calibrations_are_said_to_be():
    p = 1.0 - np.random.default_rng(8).random(50_000) ** 2
    found = machine_share(np.bincount(p_bins(np.log10(p)), minlength=len(P_EDGES)), 1e-4)
    assert found.low == 0.0
    assert "do not score like" in found.note


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.001, 0.01, 0.2])
def test_intervals_cover_over_replications(share):
    """40 corpora: at least 34 covered, which an interval of 95 % misses with probability 0.003."""
    covered = 0
    for seed in range(40):
        table, true = corpus(30_000, share, seed=1000 + seed)
        found = marked_share(table, GAMMA)
        covered += found.low <= true <= found.high
    assert covered >= 34
