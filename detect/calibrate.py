"""Make a calibration of human scores: `fit`.

Length buckets are octaves (each at most twice as long as the last) joined with a neighbour until each holds enough
documents: the score's law changes with length, but every split costs depth, for p cannot go below 1/(n + 1) of its own
bucket. Where edges are not given, the shortest and the longest 0.5 % of the documents lie outside the range: a bucket
that ends at one huge file would claim to know all lengths up to it.

One document a cluster is used in each group: five cuts of one article are one article, and exchangeability with a new
document would not hold.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from assay.errors import BadCalibration
from numpy.typing import ArrayLike, NDArray

from .calibration import OTHER, Calibration, Group, Signature
from .clusters import cluster_codes, one_per_cluster
from .conformal import F64, I64, null_scores
from .levels import levels

N_MIN = 200
"""Fewest documents of a bucket: at 200 the smallest p is 1/201, and 1 % can just be reached."""

_TRIM = 0.005


def fit(
    signature: Signature,
    scores: ArrayLike,
    lengths: ArrayLike,
    *,
    data: str,
    groups: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    folds: Sequence[str] | None = None,
    edges: Sequence[int] | None = None,
    n_min: int = N_MIN,
    seed: int = 0,
    created: str = "",
) -> Calibration:
    """Return the calibration of human documents.

    Args:
        signature: how the scores were made.
        scores: (D,) real, of human texts only; not finite is left out and counted.
        lengths: (D,) integers in the signature's unit.
        data: what the texts are, in the user's words.
        groups: (D,) domain or language of each, for a null sample each; None for one null.
        clusters: (D,) what belongs together (`pair_id`, source page); None if all documents are independent.
        folds: (D,) what to leave out in turn when false positives are measured (domain, source, year); None for random
            folds.
        edges: length edges for all groups, half-open ranges; None to choose them.
        n_min: fewest documents of a bucket.
        seed: draws one document a cluster, and random folds.
        created: ISO date; today if empty.

    Raises:
        BadCalibration: if a group has fewer than `n_min` documents, or given edges leave a bucket with fewer.
        ValueError: if shapes differ, or edges do not ascend.
    """
    given = _checked(scores, lengths, groups, clusters, folds, edges)
    values, sizes, labels, units, held = given.scores, given.lengths, given.labels, given.units, given.folds
    finite = np.isfinite(values)
    left_out = {"no score": int((~finite).sum()), "outside the length range": 0, "another document of its cluster": 0}
    made: list[Group] = []
    for label in np.unique(labels[finite]).tolist():
        at = np.flatnonzero(finite & (labels == label))
        chosen = list(edges) if edges is not None else _edges_of(label, sizes[at], units[at], n_min, seed)
        inside = at[(sizes[at] >= chosen[0]) & (sizes[at] < chosen[-1])]
        left_out["outside the length range"] += len(at) - len(inside)
        for low, high in pairwise(chosen):
            bucket = inside[(sizes[inside] >= low) & (sizes[inside] < high)]
            rng = _generator(seed, label, low)
            kept = bucket[one_per_cluster(units[bucket], rng)]
            left_out["another document of its cluster"] += len(bucket) - len(kept)
            if len(kept) < n_min:
                raise BadCalibration(
                    _too_few(label, len(kept), n_min, f" of {low} to {high - 1} {signature.length_unit}")
                )
            made.append(_group(label, low, high, values[kept], None if held is None else held[kept], rng))
    if not made:
        raise BadCalibration(_too_few("", 0, n_min, " with a score"))
    day = created or datetime.now(UTC).date().isoformat()
    return Calibration(signature, tuple(made), data, day, len(values), left_out, clusters is not None, seed)


@dataclass(frozen=True)
class _Given:
    """The arguments of `fit` as arrays of one length."""

    scores: F64
    lengths: I64
    labels: NDArray[np.str_]
    units: I64
    folds: NDArray[np.str_] | None


def _checked(
    scores: ArrayLike,
    lengths: ArrayLike,
    groups: Sequence[str] | None,
    clusters: Sequence[str] | None,
    folds: Sequence[str] | None,
    edges: Sequence[int] | None,
) -> _Given:
    values, sizes = np.asarray(scores, np.float64), np.asarray(lengths)
    labels = np.array([""] * len(values) if groups is None else groups, dtype=np.str_)
    units = np.arange(len(values)) if clusters is None else cluster_codes(np.array(clusters, dtype=np.str_))
    held = None if folds is None else np.array(folds, dtype=np.str_)
    if any(a is not None and a.shape != values.shape for a in (sizes, labels, units, held)) or values.ndim != 1:
        raise ValueError(
            f"lengths, groups, clusters and folds must have one entry a score, got {values.shape[0]} scores"
        )
    if edges is not None and (len(edges) < 2 or edges[0] < 0 or (np.diff(edges) <= 0).any()):
        raise ValueError(f"edges must be at least two ascending lengths from 0 on, got {list(edges)}")
    if (sizes < 0).any():
        raise ValueError(f"lengths must be at least 0, got {sizes.min()}")
    return _Given(values, sizes, labels, units, held)


def pool_small(groups: Sequence[str], clusters: Sequence[str] | None, n_min: int = N_MIN) -> list[str]:
    """Return the groups (D,) with `OTHER` in place of those that have fewer than `n_min` independent documents.

    A group of its own needs `n_min`; the small ones together are a null for documents like their mixture, no more.
    """
    labels = np.array(groups, dtype=np.str_)
    units = np.arange(len(labels)) if clusters is None else cluster_codes(np.array(clusters, dtype=np.str_))
    small = [name for name in np.unique(labels) if len(np.unique(units[labels == name])) < n_min]
    return np.where(np.isin(labels, small), OTHER, labels).tolist()


def choose_edges(lengths: I64, n_min: int) -> list[int]:
    """Return ascending edges of half-open buckets with at least `n_min` of `lengths` (n,) each, about an octave wide.

    The range is the middle 99 % of the lengths, or as much more as holds `n_min`. Needs at least so many lengths.
    """
    cut = min(int(_TRIM * len(lengths)), (len(lengths) - n_min) // 2)
    ordered = np.sort(lengths)[cut : len(lengths) - cut]
    low, high = int(ordered[0]), int(ordered[-1]) + 1
    edges, wanted = [low], 2 * max(low, 1)
    while wanted < high:
        inside = int(np.searchsorted(ordered, wanted) - np.searchsorted(ordered, edges[-1]))
        left = len(ordered) - int(np.searchsorted(ordered, wanted))
        if inside >= n_min and left >= n_min:
            edges.append(wanted)
        wanted *= 2
    return [*edges, high]


def _edges_of(label: str, lengths: I64, units: I64, n_min: int, seed: int) -> list[int]:
    """Return edges such that each bucket has `n_min` clusters."""
    one = one_per_cluster(units, _generator(seed, label, -1))
    if len(one) < n_min:
        raise BadCalibration(_too_few(label, len(one), n_min, ""))
    return choose_edges(lengths[one], n_min)


def _group(
    label: str, low: int, high: int, scores: F64, folds: NDArray[np.str_] | None, rng: np.random.Generator
) -> Group:
    null = null_scores(scores)
    return Group(label, int(low), int(high), null, levels(null, scores, folds, rng))


def _generator(seed: int, label: str, low: int) -> np.random.Generator:
    """Return a generator of the group's own, so that a group's draw does not depend on the others."""
    name = int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "big")
    return np.random.default_rng([seed, name, low + 1])


def _too_few(label: str, found: int, expected: int, which: str) -> str:
    kind = f"{label!r} has" if label else "there is" if found == 1 else "there are"
    return (
        f"{kind} {found} independent human document{'s' if found != 1 else ''}{which}, expected at least {expected}; "
        "add texts, join groups or lengths, or accept a coarser p with a smaller --min-group (n_min)"
    )
