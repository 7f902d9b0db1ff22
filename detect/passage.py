"""The exact law of the best segment: P0(some segment of n scored positions scores >= s), at any depth.

A position scores +a when green, -b when red (`Steps`), and is green with probability gamma; W_i = max(0, W_{i-1} + X_i) is the
best segment that ends at i (Kadane; E. S. Page 1954), so the question is when W first passes s. The exponential tail is from
A. Wald 1947 and S. Karlin and S. F. Altschul 1990. Deviation: Karlin-Altschul's p-value is an asymptotic law and can be too
small for a short document; here it is the exact law of the chain W, and where that would be too long to run, a proven
upper bound.

How P0(max W_i >= s, i <= n) is found. T is the first i with W_i >= s, f_i = P(T = i), F(n) = f_1 + ... + f_n.
S_j is the walk without reflection, tau its first j with S_j >= s, phi(t) = gamma e^{ta} + (1-gamma) e^{-tb} its
moment generating function and lambda the positive root of phi = 1.

1. For n up to m the chain is run, absorbed at s: F(n) is a sum of positive terms, exact to rounding at any depth.
2. Beyond m, f_i <= f_m P(T > i - m) + e_m with e_m = P(m < tau < inf). Proof: read X_i, ..., X_1 backwards. T = i
   says that some prefix of the reversed sequence scores >= s and no segment of its positions 2..i does. So either the
   prefix ends by m and no segment of 2..m scores >= s, which has probability f_m, and independently none of m+1..i
   does, which has P(T > i - m); or tau of the reversed walk lies in m+1..i. Further e_m <= sum_{j>m} P(S_j >= s)
   <= e^{-ts} phi(t)^{m+1} / (1 - phi(t)) for every t in (0, lambda); m makes this 1e-6 f_m or less. And P(T > qm + r)
   <= P(T > m)^q P(T > r), because a chain that starts higher hits sooner. The sum over i is closed.
3. For every n, F(n) <= c gamma P(tau' <= n - 1), tau' from score a: a segment that scores >= s may be taken to start
   with a green token, at one of the c = n + 1 - ceil(s / a) positions that leave it room, each green with probability
   gamma, and from a the walk has s - a left to climb.
   P(tau' <= k) <= e^{-t(s-a)} phi(t)^k for every t >= lambda (Wald's martingale). At t = lambda this is Lundberg's
   e^{-lambda (s-a)}; the best t tilts the green rate to r, the rate that climbs s - a in k steps, and gives
   e^{-k KL(r, gamma)}. Conservative: all starts count, though they hit in clumps (Karlin-Altschul's K < 1).
4. A score s too high to run the chain for follows from the highest one run, s0, with F0(n): F(n) <= F0 x / (1 - F0)
   with x = e^{-lambda (s - s0 - a + 1)}. Proof: W first passes s0 to at most s0 + a - 1; from there it reaches s before
   0 with probability at most x, or it starts afresh from 0 with fewer positions left, so F <= F0 (x + F).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from operator import index

import numpy as np
from numba import njit
from numpy.typing import NDArray

_LN10 = math.log(10.0)
# Up to this length the chain is run for every score, on tables whose length is a power of two, so that they are shared.
_SHORT = 1024
# Longer documents: at most this many positions, scores up to this many nats (1e-20 before the factor n) and units.
_LONGEST_RUN = 16_384
_HIGHEST_RUN_NATS = 46.0
_HIGHEST_RUN = 4096
# The stationary rate is taken when later first passages can exceed it by this fraction only.
_STATIONARY = 1e-6
# Sums below this have lost digits to underflow.
_SMALLEST_SUM = 1e-270


@dataclass(frozen=True)
class Steps:
    """The lattice scores of a position: `+up` when green, `-down` when red; coprime, both >= 1."""

    up: int
    down: int


@dataclass(frozen=True)
class _Law:
    """First passage of the chain over one score; every field is times e^{lambda score}."""

    cumulated: NDArray[np.float64]  # (m + 1,): F(0) .. F(m)
    rate: float  # f_m
    excess: float  # e_m


def family_log10_p(score: int, n: int, gamma: float, steps: Steps) -> float:
    """Return log10 P0(some segment of n scored positions scores >= score), finite and <= 0.

    Exact to rounding up to n = 1,024 (while above 1e-270 e^{-lambda score}), and up to the n at which the chain is
    stationary (2,000 for gamma .25 and delta 2) for scores below 46 nats, p of about n 1e-20. Otherwise a proven
    upper bound (see the module): within 1 % of the truth for p < .05; for the higher scores within a factor
    gamma1 / gamma where the segment is short in its document, up to 1e5 where it fills it. Where gamma1 is so near
    gamma that 16,384 positions are not stationary (.3 against .25), longer documents get up to 30 times the truth.

    Raises:
        ValueError: if gamma is not in (0, 1), steps do not drift down under it, n is negative, or the score is
            more than n green tokens reach.
        TypeError: if score or n is not an integer.
    """
    score, n = index(score), index(n)
    _check_steps(gamma, steps)
    if n < 0 or score > steps.up * n:
        raise ValueError(f"score must be at most {steps.up} * n, got score {score} and n {n}")
    if score <= 0:
        return 0.0
    log_p = min(_log_chernoff(score, n, gamma, steps), _log_run(score, n, gamma, steps))
    return min(0.0, log_p / _LN10)


def _check_gamma(gamma: float) -> None:
    if not 0.0 < gamma < 1.0:  # also refuses nan
        raise ValueError(f"gamma must be in (0, 1), got {gamma}")


def _check_steps(gamma: float, steps: Steps) -> None:
    _check_gamma(gamma)
    if steps.up < 1 or steps.down < 1 or gamma * steps.up >= (1.0 - gamma) * steps.down:
        raise ValueError(f"steps must be >= 1 and drift down under gamma {gamma}, got {steps}")


@lru_cache(maxsize=256)
def _lundberg_root(gamma: float, steps: Steps) -> float:
    """Return lambda > 0 with gamma e^{lambda up} + (1 - gamma) e^{-lambda down} = 1.

    Newton from the right: the function is convex, so the iterates fall to the root and stop falling at rounding.
    """
    up, down = steps.up, steps.down
    root = -math.log(gamma) / up
    for _ in range(200):
        rise, fall = gamma * math.expm1(root * up), (1.0 - gamma) * math.expm1(-root * down)
        slope = up * (rise + gamma) - down * (fall + 1.0 - gamma)
        lower = root - (rise + fall) / slope
        if not lower < root:
            break
        root = lower
    return root


def _log_run(score: int, n: int, gamma: float, steps: Steps) -> float:
    """Return the natural log of F(n) by the chain (1 and 2 of the module), carried on by 4 to the higher scores.

    inf where the sum has underflowed, which takes a score that is all but out of the reach of n positions.
    """
    root = _lundberg_root(gamma, steps)
    if n <= _SHORT:
        run_score, longest = score, max(128, 1 << (n - 1).bit_length())
    else:
        run_score, longest = min(score, _HIGHEST_RUN, math.ceil(_HIGHEST_RUN_NATS / root)), _LONGEST_RUN
    law = _law(run_score, gamma, steps, longest)
    scaled = _scaled_cumulated(law, n, math.exp(-root * run_score))
    if scaled < _SMALLEST_SUM:
        return math.inf
    log_run = math.log(scaled) - root * run_score
    climb = score - run_score - steps.up + 1
    if climb <= 0 or log_run >= 0.0:
        return log_run
    return min(log_run, log_run - root * climb - math.log1p(-math.exp(log_run)))


def _log_chernoff(score: int, n: int, gamma: float, steps: Steps) -> float:
    """Return the natural log of bound 3 of the module, c gamma P(tau' <= n - 1)."""
    root = _lundberg_root(gamma, steps)
    log_starts = math.log((n + 1 + -score // steps.up) * gamma)  # n + 1 - ceil(score / up) starts
    climb = score - steps.up
    if climb <= 0:
        return log_starts
    rate = min(1.0, (climb / (n - 1) + steps.down) / (steps.up + steps.down))
    if rate <= gamma * math.exp(root * steps.up):
        return log_starts - root * climb
    divergence = rate * math.log(rate / gamma)
    if rate < 1.0:
        divergence += (1.0 - rate) * math.log((1.0 - rate) / (1.0 - gamma))
    return log_starts - (n - 1) * divergence


@lru_cache(maxsize=1024)  # at most 8 MB from short documents, 128 MB from long ones
def _law(score: int, gamma: float, steps: Steps, longest: int) -> _Law:
    """Return the law of the first passage over `score`, run until its rate is stationary or `longest` is reached."""
    root = _lundberg_root(gamma, steps)
    tilt = root * np.arange(1, 64) / 64.0
    log_phi = np.log1p(gamma * np.expm1(tilt * steps.up) + (1.0 - gamma) * np.expm1(-tilt * steps.down))
    # log of e^{(lambda - t) score} / (1 - phi(t)), what e_m e^{lambda score} is before the factor phi(t)^{m+1}
    log_front = (root - tilt) * score - np.log(-np.expm1(log_phi))
    # f_m e^{lambda score} is near gamma times a few hundredths; a poor guess costs positions, never rigour
    needed = float(np.min((log_front - math.log(_STATIONARY * 0.01 * gamma)) / -log_phi))
    positions = max(1, min(longest, math.ceil(needed)))
    passages = _first_passages(score, positions, gamma, steps.up, steps.down, root)
    log_excess = float(np.min(log_front + (positions + 1) * log_phi))
    excess = math.exp(log_excess) if log_excess < 600.0 else math.inf
    return _Law(np.concatenate((np.zeros(1), np.cumsum(passages))), float(passages[-1]), excess)


def _scaled_cumulated(law: _Law, n: int, scale: float) -> float:
    """Return F(n) / scale, by bound 2 of the module where n is beyond the positions run; scale = e^{-lambda score}."""
    m = len(law.cumulated) - 1
    if n <= m:
        return float(law.cumulated[n])
    # the sum over k = 0..n-m of P(T > m)^(k // m) P(T > k % m), in whole blocks of m and a rest
    blocks, rest = divmod(n - m + 1, m)
    hit = min(1.0, scale * float(law.cumulated[m]))
    decay = math.log1p(-hit) * blocks if hit < 1.0 else -math.inf
    whole = -math.expm1(decay) / hit if hit > 0.0 else float(blocks)
    alive = whole * (m - scale * float(law.cumulated[:m].sum()))
    alive += math.exp(decay) * (rest - scale * float(law.cumulated[:rest].sum()))
    # k starts at 1: take the term k = 0 away
    return float(law.cumulated[m]) + law.rate * (alive - 1.0) + law.excess * (n - m)


@njit(cache=True)
def _first_passages(score: int, positions: int, gamma: float, up: int, down: int, root: float) -> NDArray[np.float64]:
    """Return f_i e^{root score} for i = 1..positions, (positions,) float64.

    State w holds P(W_i = w, T > i) e^{root w}: so tilted, the chain drifts up and nothing underflows on the way.
    The state array has `up` zeros to its left and `down` to its right, which spares the inner loop every test.
    """
    tilted_up, tilted_down = gamma * math.exp(root * up), (1.0 - gamma) * math.exp(-root * down)
    top = max(0, score - up)  # the states from which one green token passes the score
    landing = np.exp(root * (score - np.arange(top, score))) * gamma
    reflected = np.exp(-root * np.arange(min(down + 1, score))) * (1.0 - gamma)
    state, later = np.zeros(up + score + down), np.zeros(up + score + down)
    state[up] = 1.0
    passages = np.zeros(positions)
    for i in range(positions):
        for w in range(len(landing)):
            passages[i] += state[up + top + w] * landing[w]
        at_zero = 0.0
        for w in range(len(reflected)):
            at_zero += state[up + w] * reflected[w]
        above, here = state[up + down :], later[up:]  # slices, because their loop is 1.4 times as fast as offsets
        for w in range(1, min(score, up * (i + 1) + 1)):
            here[w] = tilted_up * state[w] + tilted_down * above[w]
        later[up] = at_zero
        state, later = later, state
    return passages
