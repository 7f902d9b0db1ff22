"""The share of marked text: the exact law behind it, and intervals that hold the truth in simulated corpora."""

import math

import numpy as np
import pytest
from assay.corpus.share import fitted, marked_share, surely_marked
from assay.corpus.share_cells import RATES, cells
from assay.corpus.share_machine import machine_share
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


def few(n, marked, rng, length=(60, 140), rate=None):
    """Return the table and the exact p of n documents, the first `marked` of them marked (strength as in `beta`), as real ones of 120 tokens."""
    size = np.exp(rng.uniform(*np.log(length), n)).astype(np.int64)
    green = rng.binomial(size, GAMMA)
    strength = GAMMA + (1 - GAMMA) * (rng.beta(8, 6, marked) if rate is None else np.full(marked, rate))
    green[:marked] = rng.binomial(size[:marked], strength)
    return depths(size, green, rng), binomial_log10_sf_batch(green, size, GAMMA)


@pytest.mark.parametrize("n", [18, 30, 50, 100, 300])
def test_one_surely_marked_document_is_never_no_sign_of_the_mark(n):
    """80 % green of 60 or more tokens is p < 1e-17: the share is at least 1 / n, and what was one document is not called many."""
    for seed in range(5):
        table, log10_p = few(n, 1, np.random.default_rng(n + seed), rate=0.75)
        assert log10_p[0] < -12
        found = marked_share(table, GAMMA)
        assert found.kind == "estimate"
        assert found.low >= surely_marked(table) / n >= 1 / n
        assert found.low <= found.share <= found.high
        assert found.high < 9 / n + 0.05  # Clopper-Pearson's for 1 of n is 5.6 / n


@pytest.mark.parametrize("n", [18, 50, 100, 300])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_small_corpora_have_intervals_that_hold_and_say_something(n, share):
    """Of 8 corpora at least 7 hold the share among the documents (an exact 95 % interval misses two with probability 0.06; it is wider), and are narrow."""
    held, width = 0, []
    marked = round(n * share)
    for seed in range(8):
        found = marked_share(few(n, marked, np.random.default_rng(100 * n + seed))[0], GAMMA)
        held += found.low <= marked / n <= found.high
        width.append(found.high - found.low)
    assert held >= 7
    assert np.median(width) < 2.5 / n**0.5


def test_documents_that_say_nothing_give_no_bound():
    table, _ = few(3, 0, np.random.default_rng(1), length=(16, 24))
    found = marked_share(table, GAMMA)
    assert (found.kind, found.low) == ("too few", 0.0)
    assert found.high > 0.5
    assert "too few documents" in found.note


def test_surely_marked_documents_are_below_the_bonferroni_level():
    """Of 100 documents p <= 2.5e-4 counts: -log10 is 3.602, and the next bin from there begins at 3.754 (15.5 eighths squared: 16 x 1/8 squared is 4)."""
    table = np.zeros((len(TOKEN_EDGES), len(DEPTH_EDGES)), np.int64)
    at = int(np.searchsorted(DEPTH_EDGES, -math.log10(0.025 / 100)))
    table[60, 0], table[60, at - 1], table[60, at] = 90, 7, 3
    assert DEPTH_EDGES[at - 1] < 3.602 < DEPTH_EDGES[at]
    assert surely_marked(table) == 3


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


def histogram(p):
    return np.bincount(p_bins(np.log10(p)), minlength=len(P_EDGES))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_the_bound_for_a_classifier_is_below_the_share(share):
    """Humans conformal with n = 999, machine text at p = U^4: the bound lies below the share, and not by much more than P[U^4 > 1/2] costs."""
    rng = np.random.default_rng(7)
    n = 100_000
    p = np.where(rng.random(n) < share, rng.random(n) ** 4, rng.random(n))
    p = np.ceil(p * 1000) / 1000
    found = machine_share(histogram(p), 999)
    assert found.kind == "lower bound"
    assert found.low <= share
    assert found.low >= share * (1 - 2 * (1 - 0.5**0.25)) - 0.09


def test_the_bound_holds_for_the_calibration_s_smallest_group():
    """Human text judged by one group of 200: the null is one draw of 200. With the size of a group of 10,000 one bound of five is above 0."""
    rng, false = np.random.default_rng(5), {200: 0, 10_000: 0}
    for _ in range(60):
        calibration = np.sort(rng.random(200))
        p = (200 - np.searchsorted(calibration, rng.random(50_000)) + 1) / 201
        for size in false:
            false[size] += machine_share(histogram(p), size).low > 0
    assert false[200] <= 5  # 2.5 % of 60 is 1.5; six or more have probability 0.004
    assert false[10_000] >= 7


def test_humans_unlike_the_calibrations_are_said_to_be():
    p = 1.0 - np.random.default_rng(8).random(50_000) ** 2
    found = machine_share(histogram(p), 9999)
    assert found.low == 0.0
    assert "do not score like" in found.note


def test_the_least_favourable_of_groups_is_no_drift_and_no_less_valid():
    """Six groups that differ, text of all of them, p the largest over the groups: most humans are above 1/2, and that is no alarm."""
    rng = np.random.default_rng(9)
    centres, n = np.array([0, 0.3, -0.3, 0.5, -0.5, 0.2]), 50_000
    calibrations = [np.sort(rng.normal(centre, size=1500)) for centre in centres]
    score = rng.normal(centres[rng.integers(0, 6, n)])
    for machine in (0.0, 0.6):
        read = np.where(rng.random(n) < machine, score + 3.0, score)
        p = np.max([(1500 - np.searchsorted(one, read) + 1) / 1501 for one in calibrations], 0)
        assert machine or (p > 0.5).mean() > 0.6
        found = machine_share(histogram(p), 1500, least_favourable=True)
        assert "do not score like" not in found.note
        assert "least favourable group" in found.note
        assert found.low <= machine
        assert (found.low > 0.1) == (machine > 0)
    assert "do not score like" in machine_share(histogram(1.0 - rng.random(n) ** 2), 1500).note


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
