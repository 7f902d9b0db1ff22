"""Linear discriminants between human and machine text that are made to travel to groups (domains) they have not seen.

Fisher's discriminant maximises the distance of two means over the spread within. Pooled over domains it learns what tells domains apart, because machine
texts are of other domains than most humans. Here the distance is that of machine and human means *inside* each group, averaged over groups, and the
spread holds, beside that within cells of group and label, two more parts: how far the humans of different groups lie apart (`between`), and how far
the groups disagree about the distance (`disagreement`). A direction that depends on the group is a bad one, however well it separates.

This is the argument of within-class covariance normalisation in speaker recognition (Hatch et al. 2006, Interspeech) with a term for disagreement.
Features are squashed, (2/s) tanh(s x / 2), before anything else: outliers are common where a text is no prose. With `knots` a feature also enters as
max(x - knot, 0), so that its effect may bend.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

F64 = NDArray[np.float64]

FEWEST = 20
"""Fewest rows of a cell that is counted."""

_SQUASH = 0.7


@dataclass(frozen=True)
class Settings:
    """What a fit weighs.

    Attributes:
        knots: bends of each feature.
        between: weight of the spread between the humans of different groups.
        disagreement: weight of the spread of the groups' distances.
        ridge: share of the diagonal that is added.
    """

    knots: int = 0
    between: float = 0.0
    disagreement: float = 0.0
    ridge: float = 0.1


@dataclass(frozen=True)
class Discriminant:
    """A direction. A score counts standard deviations within cells above the mean of the human groups.

    Attributes:
        centre, scale: (F,) float64.
        knots: (K, F) float64, of squashed features.
        weights: ((K + 1) F,) float64.
        offset: subtracted from every score.
    """

    centre: F64
    scale: F64
    knots: F64
    weights: F64
    offset: float

    def scores(self, features: NDArray[np.floating]) -> F64:
        """Return (N,) float64 for (N, F) features."""
        return self.expand(features) @ self.weights - self.offset

    def expand(self, features: NDArray[np.floating]) -> F64:
        """Return (N, (K + 1) F) float64: squashed features, then what each exceeds each knot by."""
        squashed = np.tanh((np.asarray(features, np.float64) - self.centre) / self.scale * _SQUASH) / _SQUASH
        return np.hstack([squashed, *(np.maximum(squashed - knot, 0.0) for knot in self.knots)])


def fit_discriminant(
    features: NDArray[np.floating], labels: NDArray[np.bool_], groups: Sequence[str], settings: Settings
) -> Discriminant:
    """Fit on (N, F) features with (N,) labels, True for machine, and N groups.

    Where no group has enough texts of both labels, all texts are one group.

    Raises:
        DataError: if one label has fewer than `FEWEST` rows.
    """
    for label, name in ((False, "human"), (True, "machine")):
        if (n := int((labels == label).sum())) < FEWEST:
            raise DataError(f"training needs at least {FEWEST} {name} texts long enough to be read, got {n}; add some")
    names = np.asarray(groups, dtype=object)
    if not _differences(cells := _cells(np.zeros((len(labels), 1)), labels, names)):
        names = np.full(len(labels), "", dtype=object)
    low, middle, high = np.quantile(np.asarray(features, np.float64), (0.16, 0.5, 0.84), axis=0)
    blank = Discriminant(middle, high - low + 1e-6, np.zeros((0, features.shape[1])), np.zeros(0), 0.0)
    knots = np.quantile(blank.expand(features), np.linspace(0, 1, settings.knots + 2)[1:-1], axis=0)
    shape = Discriminant(middle, high - low + 1e-6, knots, np.zeros(0), 0.0)
    cells = _cells(shape.expand(features), labels, names)
    within = np.average(
        [_covariance(rows) for rows in cells.values()], axis=0, weights=[len(r) ** 0.5 for r in cells.values()]
    )
    humans = np.array([rows.mean(axis=0) for (_, machine), rows in cells.items() if not machine])
    apart = np.array(_differences(cells))
    spread = within + settings.between * _covariance(humans) + settings.disagreement * _covariance(apart)
    spread[np.diag_indices_from(spread)] *= 1.0 + settings.ridge
    spread[np.diag_indices_from(spread)] += 1e-9
    direction = np.linalg.solve(spread, apart.mean(axis=0))
    direction /= np.sqrt(direction @ within @ direction)
    return Discriminant(shape.centre, shape.scale, knots, direction, float(humans.mean(axis=0) @ direction))


def _cells(rows: F64, labels: NDArray[np.bool_], groups: NDArray[np.object_]) -> dict[tuple[str, bool], F64]:
    """Return the rows of each group and label that has enough."""
    found: dict[tuple[str, bool], F64] = {}
    for group in sorted(set(groups.tolist())):
        for label in (False, True):
            chosen = (groups == group) & (labels == label)
            if chosen.sum() >= FEWEST:
                found[group, label] = rows[chosen]
    return found


def _differences(cells: dict[tuple[str, bool], F64]) -> list[F64]:
    """Return the distance of the machine mean from the human mean in each group that has both."""
    both = [group for group, machine in cells if machine and (group, False) in cells]
    return [cells[group, True].mean(axis=0) - cells[group, False].mean(axis=0) for group in both]


def _covariance(rows: F64) -> F64:
    """Return the covariance of (G, F) rows; zeros for fewer than two."""
    return np.atleast_2d(np.cov(rows.T)) if len(rows) > 1 else np.zeros((rows.shape[1], rows.shape[1]))
