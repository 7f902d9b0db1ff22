"""The mixture that a mark's table is fitted by, and its profile likelihood over the share of marked documents.

Of the N_g documents of length group g, cell k is expected to hold

    N_g [(1 - s_g) f_gk + s_g sum_j w_j P_gjk]

with f the null, s_g the share marked, w the law of the green rate among marked documents (one law for all lengths) and
P exact (`share_cells`). Long documents show w; w says how many short ones were missed. Nothing else is known of marked
text, so w is free on a grid but smooth (second differences of log w), and log-odds of s_g are smooth along g.

The null under ONE key is not exactly uniform: texts share word sequences, and what they share they are green in
together (`bench/null.json`: 1.4 times the binomial scatter over keys at p <= 0.01). It is fitted too: f is the exact
null tilted by exp(a1 z + a2 (z^2 - 1)), the first terms of a shifted and widened normal score, both with a part that
grows with length (a shared bias of the green rate moves z by sqrt(n)), under priors as wide as that scatter. What the
tilt does not catch enters as a relative error of each cell, for unmarked and for marked text, so no cell weighs more
than 1 / error^2 documents: with ten million documents the fit does not believe the third digit of the bulk.

The table is of distinct documents where copies matter (`tally_distinct`). What scatter is left (near copies) divides the
deviance, as in quasi-likelihood (P. McCullagh and J. Nelder 1989, section 9.2), where enough cells are filled to tell it:
with 100 documents the chi-square has next to no freedom left, and would divide the evidence away (by 18.6).

Penalised maximum likelihood by Fisher scoring; the interval is the profile's (S. Murphy and A. van der Vaart 2000,
JASA 95), all else refitted at each share.
"""

from dataclasses import dataclass, field

import numpy as np

from .share_cells import RATES, Cells
from .tally_bins import F64

NULL_MISFIT, MARKED_MISFIT = 0.1, 0.03
"""Relative errors of the model in one cell: of the null under one key, and of the binomial law of marked text."""

_REFERENCE_TOKENS, _LONGEST = 200.0, 20_000.0
_TILT_SD = np.array([0.1, 0.1, 0.05, 0.05])
_FARTHEST_Z = 6.0  # the tilt is held from there on
_LENGTH_STEP_SD = 0.7
_ODDS_SD = 4.0
_RATE_BEND_SD = 1.0
_RATE_SD = 5.0
_HOLD = 1e6  # weight that holds a fit at a share
_STEPS = 60
_GAIN = 1e-5
_FEWEST = 1.0  # expected documents of a cell that tells of the scatter
_LEAST_FREEDOM = 20  # cells beyond the parameters, from which on the scatter is told


@dataclass
class Fit:
    """A fitted mixture.

    Attributes:
        theta: (P,) log-odds of s_g, log w_j, tilts.
        share: of all documents in the table.
        deviance: twice the penalised negative log-likelihood.
    """

    theta: F64
    share: float
    deviance: float


@dataclass
class Mixture:
    """The model of one table.

    Attributes:
        cells: the table.
        weights: (G, K) of the cells in the likelihood, set by `settle`.
    """

    cells: Cells
    weights: F64 = field(init=False)

    def __post_init__(self) -> None:
        self.counts: F64 = self.cells.counts.astype(np.float64)
        self.totals: F64 = self.counts.sum(1)
        self.weights = np.ones_like(self.counts)
        self.log_null: F64 = np.log(np.maximum(self.cells.null, 1e-300))[None, :]
        z = np.clip(self.cells.z, -_FARTHEST_Z, _FARTHEST_Z)[None, :]
        grow = np.sqrt(np.minimum(self.cells.tokens, _LONGEST) / _REFERENCE_TOKENS)[:, None]
        plain = np.ones_like(grow)
        self.tilts: F64 = np.stack((z * plain, z * grow, (z * z - 1.0) * plain, (z * z - 1.0) * grow**2), axis=2)
        self.groups, self.rates = len(self.totals), len(RATES)
        self.prior = _prior(self.groups, self.rates)

    def start(self, share: float) -> F64:
        """Return parameters of equal shares and an even law of rates."""
        odds = np.full(self.groups, np.log(share / (1.0 - share)))
        return np.concatenate((odds, np.zeros(self.rates + self.tilts.shape[2])))

    def settle(self, fit: Fit) -> None:
        """Set the weights of the cells from a fit."""
        mean, share, null, marked = self._expected(fit.theta)
        misfit = np.square(NULL_MISFIT * (1.0 - share) * null) + np.square(MARKED_MISFIT * share * marked)
        self.weights = 1.0 / (1.0 + misfit * np.square(self.totals)[:, None] / mean)
        filled = mean >= _FEWEST
        freedom = int(filled.sum()) - len(fit.theta)
        if freedom >= _LEAST_FREEDOM:
            residual = (self.weights * np.square(self.counts - mean) / mean)[filled]
            self.weights /= max(1.0, float(residual.sum()) / freedom)

    def fit(self, theta: F64, held: float | None = None) -> Fit:
        """Return the best fit from `theta` on, with the share held if one is given."""
        damping, best = 1e-3, self._deviance(theta, held)
        for _ in range(_STEPS):
            gradient, curvature = self._step(theta, held)
            gain = 0.0
            while damping < 1e8:
                scale = damping * np.diag(curvature) + 1e-9
                proposal = theta - np.clip(np.linalg.solve(curvature + np.diag(scale), gradient), -2.0, 2.0)
                value = self._deviance(proposal, held)
                if value < best + 1e-10:
                    gain, theta, best, damping = best - value, proposal, value, damping / 8.0
                    break
                damping = max(damping * 8.0, 1e-6)
            if gain < _GAIN:
                break
        return Fit(theta, self.share(theta), self._deviance(theta, None))

    def share(self, theta: F64) -> float:
        """Return the share marked of all documents."""
        return float(self.totals @ _expit(theta[: self.groups])) / float(self.totals.sum())

    def power(self, theta: F64, first: int) -> F64:
        """Return (G,) the chance that a marked document falls into cell `first` or beyond."""
        return np.asarray(self._marked(theta)[:, first:].sum(1), np.float64)

    def law(self, theta: F64) -> F64:
        """Return (R,) the law of the green rate of marked documents."""
        raw = theta[self.groups : self.groups + self.rates]
        chance = np.exp(raw - raw.max())
        return np.asarray(chance / chance.sum(), np.float64)

    def null(self, theta: F64) -> F64:
        """Return (G, K) the fitted null, rows sum to 1."""
        raw = self.log_null + self.tilts @ theta[self.groups + self.rates :]
        raw = np.exp(raw - raw.max(1, keepdims=True))
        return np.asarray(raw / raw.sum(1, keepdims=True), np.float64)

    def _marked(self, theta: F64) -> F64:
        return np.asarray(np.einsum("j,gjk->gk", self.law(theta), self.cells.marked), np.float64)

    def _expected(self, theta: F64) -> tuple[F64, F64, F64, F64]:
        """Return (G, K) expected counts, with s (G, 1), the null and the marked law (G, K)."""
        share = _expit(theta[: self.groups])[:, None]
        null, marked = self.null(theta), self._marked(theta)
        mean = self.totals[:, None] * ((1.0 - share) * null + share * marked) + 1e-12
        return mean, share, null, marked

    def _deviance(self, theta: F64, held: float | None) -> float:
        mean = self._expected(theta)[0]
        seen = np.maximum(self.counts, 1e-300)
        each = np.where(self.counts > 0, self.counts * np.log(seen / mean), 0.0) + mean - self.counts
        away = 0.0 if held is None else _HOLD * (np.log(self.share(theta) / held)) ** 2
        return float(2.0 * (self.weights * each).sum() + theta @ self.prior @ theta + away)

    def _step(self, theta: F64, held: float | None) -> tuple[F64, F64]:
        """Return gradient and expected curvature of half the deviance."""
        mean, share, null, marked = self._expected(theta)
        spread = self.totals[:, None] * share * (1.0 - share)  # (G, 1)
        by_odds = np.einsum("gh,gk->ghk", np.eye(self.groups), spread * (marked - null))
        inside = self.cells.marked - marked[:, None, :]
        by_rate = (self.totals[:, None] * share)[:, :, None] * self.law(theta)[None, :, None] * inside
        centred = self.tilts - np.einsum("gk,gkm->gm", null, self.tilts)[:, None, :]
        by_tilt = ((self.totals[:, None] * (1.0 - share)) * null)[:, :, None] * centred
        jacobian = np.concatenate((by_odds, by_rate, by_tilt.transpose(0, 2, 1)), axis=1)  # (G, P, K)
        residual = self.weights * (1.0 - self.counts / mean)
        gradient = np.einsum("gpk,gk->p", jacobian, residual) + self.prior @ theta
        scaled = jacobian * np.sqrt(self.weights / mean)[:, None, :]
        flat = scaled.transpose(1, 0, 2).reshape(len(theta), -1)
        curvature = flat @ flat.T + self.prior
        if held is not None:
            slope = np.zeros(len(theta))
            slope[: self.groups] = spread[:, 0] / (self.totals @ share[:, 0])
            gradient = gradient + _HOLD * np.log(self.share(theta) / held) * slope
            curvature = curvature + _HOLD * np.outer(slope, slope)
        return gradient, curvature


def _prior(groups: int, rates: int) -> F64:
    """Return the precision matrix of the parameters; the level of the log-odds is free."""
    steps = np.diff(np.eye(groups), axis=0) / _LENGTH_STEP_SD
    level = np.eye(groups) - 1.0 / groups
    bends = np.diff(np.eye(rates), n=2, axis=0) / _RATE_BEND_SD
    precision = np.zeros((groups + rates + len(_TILT_SD),) * 2)
    precision[:groups, :groups] = steps.T @ steps + level / _ODDS_SD**2
    precision[groups : groups + rates, groups : groups + rates] = bends.T @ bends + np.eye(rates) / _RATE_SD**2
    precision[groups + rates :, groups + rates :] = np.diag(_TILT_SD**-2.0)
    return precision


def _expit(values: F64) -> F64:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -500.0, 500.0))), np.float64)
