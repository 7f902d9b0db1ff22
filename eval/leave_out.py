"""Scores of texts by classifiers that have seen nothing of their group, and what thresholds are worth that have not either.

A classifier that is tested on the domains and generators it was fitted on looks better than it will be. Here every group is scored by one that was
fitted on the others. The 1 % threshold of a group is set on human texts of the *other* groups, scored out of fold as well, so that its
false-positive rate on the group says how a threshold travels (from classifiers that differ in the group left out: their scales may differ too,
as those of a classifier trained again would).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from assay.corpus.labelled import Labelled
from assay.detect.classifier import Trainable
from assay.errors import DataError
from numpy.typing import NDArray

from .ranking import Estimate, auroc, clustered, exceed, threshold_at, tpr_at

Fit = Callable[[list[Any], NDArray[np.bool_], list[str]], Trainable]
RATE = 0.01


@dataclass(frozen=True)
class GroupReport:
    """How one group fared; NaN where a label is missing in it.

    Attributes:
        group: its name.
        human, machine: texts by label.
        auroc, tpr: area under the curve, and machine texts above the 1 % threshold of the group's own humans, with intervals.
        moved_fpr, moved_tpr: human and machine texts above the 1 % threshold set on humans of the other groups.
    """

    group: str
    human: int
    machine: int
    auroc: Estimate
    tpr: Estimate
    moved_fpr: float
    moved_tpr: float

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record (NaN as null)."""
        return _without_nan(asdict(self))


def deal_out(data: Labelled, rng: np.random.Generator) -> Labelled:
    """Return the same texts with groups that can all be left out.

    Where every text of one label is in one group, as humans are when the group is the generator, its clusters are dealt out to the other groups at random.
    """
    groups, labels = np.array(data.groups), data.labels
    for label in (False, True):
        holders = sorted(set(groups[labels == label]))
        others = sorted(set(groups) - set(holders))
        if len(holders) == 1 and others:
            inside = np.flatnonzero(groups == holders[0])
            names, member = np.unique(np.array(data.clusters)[inside], return_inverse=True)
            groups = groups.astype(object)
            groups[inside] = np.array(others, dtype=object)[rng.integers(len(others), size=len(names))][member]
    return replace(data, groups=[str(group) for group in groups])


def leave_one_group_out(data: Labelled, prepared: Sequence[Any], fit: Fit) -> NDArray[np.float64]:
    """Return (N,) the score of each text by a classifier fitted without its group and without texts of its cluster.

    Args:
        data: labels, groups and clusters of N texts.
        prepared: (N,) the texts as the classifiers take them (`Trainable.prepare`).
        fit: fits one on some of them.

    Raises:
        DataError: if there are fewer than two groups, or without one of them a label is missing.
    """
    groups, clusters, labels = np.array(data.groups), np.array(data.clusters), data.labels
    names = sorted(set(data.groups))
    if len(names) < 2:
        raise DataError(
            f"leaving out needs at least two groups, got {names}; name the field that has them with --group-field"
        )
    scores = np.full(len(labels), np.nan)
    for name in names:
        inside = groups == name
        seen = ~inside & ~np.isin(clusters, clusters[inside])
        if labels[seen].all() or not labels[seen].any():
            raise DataError(
                f"without group {name!r} only one label is left; expected human and machine texts in other groups"
            )
        chosen: list[int] = np.flatnonzero(seen).tolist()
        fitted = fit([prepared[i] for i in chosen], labels[seen], [data.groups[i] for i in chosen])
        scores[inside] = fitted.score_prepared([prepared[i] for i in np.flatnonzero(inside).tolist()]).scores
    return scores


def report(
    data: Labelled, scores: NDArray[np.float64], rng: np.random.Generator, pooled: bool = True
) -> list[GroupReport]:
    """Return one report for each group, and if `pooled` before them one for ``all`` texts; texts without a score are left out.

    Scores of several classifiers, as leaving out gives them, are on several scales: their pool has no meaning.
    """
    groups, labels, clusters = np.array(data.groups), data.labels, np.array(data.clusters)
    scored = np.isfinite(scores)
    found: list[GroupReport] = []
    for name in (*(["all"] if pooled else []), *sorted(set(data.groups) - {"all"})):
        here = scored & ((groups == name) | (name == "all"))
        others = scores[scored & ~labels & ((groups != name) | (name == "all"))]
        threshold = threshold_at(others, RATE) if len(others) else np.nan
        part = scores[here], labels[here], clusters[here].tolist()
        found.append(
            GroupReport(
                group=name,
                human=int((~labels[here]).sum()),
                machine=int(labels[here].sum()),
                auroc=clustered(auroc, *part, rng),
                tpr=clustered(tpr_at(RATE), *part, rng),
                moved_fpr=exceed(scores[here & ~labels], threshold),
                moved_tpr=exceed(scores[here & labels], threshold),
            )
        )
    return found


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
