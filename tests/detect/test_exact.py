"""The binomial tail: hand-derived values, two oracles (scipy, mpmath) and the identities of a tail."""

import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from assay.detect.exact import binomial_log10_sf, binomial_log10_sf_batch, z_score
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

GAMMAS = st.floats(0.01, 0.99)


def fraction_tail(green: int, scored: int, gamma: Fraction) -> Fraction:
    return sum(
        (math.comb(scored, k) * gamma**k * (1 - gamma) ** (scored - k) for k in range(green, scored + 1)), Fraction(0)
    )


def mpmath_log10_sf(green: int, scored: int, gamma: float) -> mp.mpf:
    """Sum the tail with 50 digits from log-gammas, the way the module does not; the float gamma counts as exact."""
    with mp.workdps(50):
        p, upper = mp.mpf(gamma), green > scored * gamma
        first = green if upper else green - 1
        log_mass = mp.loggamma(scored + 1) - mp.loggamma(first + 1) - mp.loggamma(scored - first + 1)
        log_mass += first * mp.log(p) + (scored - first) * mp.log1p(-p)
        total = term = mp.mpf(1)
        for k in range(first, scored) if upper else range(first, 0, -1):
            odds = p / (1 - p)
            term *= (scored - k) * odds / (k + 1) if upper else k / ((scored - k + 1) * odds)
            total += term
            if term < total * mp.mpf(10) ** -40:
                break
        tail = mp.exp(log_mass) * total
        return mp.log10(tail) if upper else mp.log1p(-tail) / mp.log(10)


def test_thirteen_green_of_25_has_the_tail_of_the_exact_fraction() -> None:
    """sum over k = 13..25 of C(25, k) 3^(25-k) / 4^25 = 3.37e-3; the normal tail at z = 3.12 is 9.2e-4."""
    exact = fraction_tail(13, 25, Fraction(1, 4))
    assert float(exact) == pytest.approx(3.4e-3, abs=5e-5)
    assert binomial_log10_sf(13, 25, 0.25) == pytest.approx(math.log10(exact), rel=1e-14)
    assert exact / Fraction(stats.norm.sf(z_score(13, 25, 0.25))) == pytest.approx(3.7, abs=0.1)


def test_all_green_has_probability_gamma_to_the_n() -> None:
    assert binomial_log10_sf(7, 7, 0.5) == pytest.approx(-7 * math.log10(2), rel=1e-15)
    assert binomial_log10_sf(1_000_000, 1_000_000, 0.25) == pytest.approx(-1e6 * math.log10(4), rel=1e-14)


def test_nothing_green_or_nothing_scored_is_no_evidence() -> None:
    for green, scored in ((0, 0), (0, 1), (0, 5_000_000)):
        value = binomial_log10_sf(green, scored, 0.25)
        assert value == 0.0
        assert math.copysign(1.0, value) == 1.0


def test_every_tail_of_small_documents_equals_the_exact_fraction() -> None:
    for gamma in (Fraction(1, 4), Fraction(1, 2), Fraction(7, 8), Fraction(1, 1024)):
        for scored in (1, 2, 5, 17, 40):
            for green in range(1, scored + 1):
                exact = fraction_tail(green, scored, gamma)
                want = mp.log10(mp.mpf(exact.numerator) / exact.denominator)
                assert binomial_log10_sf(green, scored, float(gamma)) == pytest.approx(float(want), rel=1e-12)


@pytest.mark.parametrize("gamma", [0.05, 0.25, 0.5, 0.9])
def test_tails_agree_with_scipy_in_the_ordinary_range(gamma: float) -> None:
    rng = np.random.default_rng(5)
    scored = rng.integers(1, 3000, 500)
    green = rng.binomial(scored, gamma)
    np.testing.assert_allclose(
        binomial_log10_sf_batch(green, scored, gamma),
        stats.binom.logsf(green - 1, scored, gamma) / math.log(10),
        rtol=1e-9,
        atol=1e-15,
    )


@pytest.mark.parametrize(
    ("scored", "gamma"),
    [(200, 0.25), (200, 0.5), (3_000_000, 0.25), (3_000_000, 0.5), (5_000_000, 0.9), (3_000_000, 1e-6), (500, 1e-300)],
)
def test_tails_agree_with_mpmath_at_any_depth_and_length(scored: int, gamma: float) -> None:
    mean, deviation = scored * gamma, math.sqrt(scored * gamma * (1 - gamma))
    greens = {1, 2, scored // 2, scored - 1, scored}
    greens |= {round(mean + z * deviation) for z in (-30, -8, -3, -0.5, 0, 0.1, 0.5, 2, 8, 40)}
    for green in sorted(k for k in greens if 1 <= k <= scored):
        want = float(mpmath_log10_sf(green, scored, gamma))
        assert binomial_log10_sf(green, scored, gamma) == pytest.approx(want, rel=1e-11, abs=1e-300), green


def test_a_tail_below_the_smallest_float_is_finite() -> None:
    assert binomial_log10_sf(5000, 5000, 0.01) == pytest.approx(-10_000, rel=1e-14)


def test_batch_equals_loop() -> None:
    rng = np.random.default_rng(6)
    scored = rng.integers(0, 400, 300)
    green = rng.integers(0, scored + 1)
    loop = [binomial_log10_sf(int(k), int(n), 0.25) for k, n in zip(green, scored, strict=True)]
    assert binomial_log10_sf_batch(green, scored, 0.25).tolist() == loop
    assert binomial_log10_sf_batch(green[:0], scored[:0], 0.25).shape == (0,)
    small = binomial_log10_sf_batch(green.astype(np.uint16), scored.astype(np.int32), 0.25)
    assert small.tolist() == loop


@settings(deadline=None)  # the first call compiles
@given(st.integers(1, 400), GAMMAS)
def test_the_tail_starts_at_one_and_falls_with_the_count(scored: int, gamma: float) -> None:
    green = np.arange(scored + 1)
    tail = binomial_log10_sf_batch(green, np.full(scored + 1, scored), gamma)
    assert tail[0] == 0.0
    assert np.isfinite(tail).all()
    assert (np.diff(tail) <= 0).all()
    assert (np.diff(tail[tail < -1e-12]) < 0).all()


@settings(deadline=None)  # the first call compiles
@given(st.integers(1, 2000), GAMMAS, st.data())
def test_the_two_tails_sum_to_one(scored: int, gamma: float, data: st.DataObject) -> None:
    """P[X >= k] = 1 - P[scored - X >= scored - k + 1], where scored - X is Binomial(scored, 1 - gamma)."""
    green = data.draw(st.integers(1, scored))
    upper = 10 ** binomial_log10_sf(green, scored, gamma)
    lower = 10 ** binomial_log10_sf(scored - green + 1, scored, 1 - gamma)
    assert upper + lower == pytest.approx(1.0, abs=1e-11)


def test_z_score_is_the_standardised_count_and_nan_without_evidence() -> None:
    """(13 - 25/4) / sqrt(25 * 1/4 * 3/4) = 6.75 / 2.1651 = 3.1177."""
    assert z_score(13, 25, 0.25) == pytest.approx(6.75 / math.sqrt(75 / 16), rel=1e-15)
    assert math.isnan(z_score(0, 0, 0.25))


@pytest.mark.parametrize("gamma", [0.0, 1.0, -0.1, math.nan])
def test_a_gamma_outside_the_open_interval_is_refused(gamma: float) -> None:
    one = np.ones(1, np.int64)
    for call in (
        lambda: binomial_log10_sf(1, 1, gamma),
        lambda: z_score(1, 1, gamma),
        lambda: binomial_log10_sf_batch(one, one, gamma),
    ):
        with pytest.raises(ValueError, match=r"gamma must be in \(0, 1\), got"):
            call()


def test_impossible_counts_are_refused_with_what_was_found() -> None:
    with pytest.raises(ValueError, match=r"green must be in 0\.\.scored, got 6 of 5"):
        binomial_log10_sf(6, 5, 0.25)
    with pytest.raises(ValueError, match=r"got -1 of 5"):
        z_score(-1, 5, 0.25)
    with pytest.raises(TypeError):
        binomial_log10_sf(1.5, 5, 0.25)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"got 7 of 5 at index 1"):
        binomial_log10_sf_batch(np.array([1, 7]), np.array([5, 5]), 0.25)
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        binomial_log10_sf_batch(np.array([1, 2]), np.array([5, 5, 5]), 0.25)
    with pytest.raises(ValueError, match=r"green must hold integers, got dtype float64"):
        binomial_log10_sf_batch(np.array([1.0]), np.array([5]), 0.25)
