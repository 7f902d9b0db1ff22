"""Teach a classifier to locate stretches, and calibrate what it locates: from texts, with memory that does not grow with them.

`fit_spans` gives an `embedded` or `fusion` classifier a `MachineSpanFinder`; its scores of documents stay what they are. `calibrate_classifier_spans` makes the
null of the finder's best stretches from human texts, which must not be those of the fit: a finder knows its own. `assay calibrate --spans` does that on
files. What detection does not judge (unusual form, tampering) is left out there as in every calibration.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from assay.models import EMBEDDED, resolve
from assay.watermark.tokenizer import load_tokenizer
from numpy.typing import NDArray

from .calibrate import N_MIN, fit, pool_small
from .calibration import OTHER, TEXT_FILTER, Calibration
from .classified import not_judged
from .machine_spans import MachineSpanFinder
from .span_search import FindsSpans, StretchScorer
from .token_evidence_fit import letter_tokens

PER_LABEL = 3000
"""Most texts of each label that a finder is fitted on."""

C = TypeVar("C", bound=FindsSpans)


def fit_spans(
    classifier: C,
    texts: Sequence[str],
    labels: Sequence[bool] | NDArray[np.bool_],
    groups: Sequence[str],
    rng: np.random.Generator,
    *,
    per_label: int = PER_LABEL,
) -> C:
    """Return the classifier with a finder fitted on texts of one author each.

    Args:
        classifier: an `embedded` or `fusion` one; what it holds already is replaced.
        texts: (D,) texts, as they come.
        labels: (D,) bool, True is machine.
        groups: (D,) domains; texts of one domain share their weight.
        rng: draws the texts where a label has more than `per_label`: as evenly over its groups as these allow.
        per_label: most texts of each label that are read.

    Raises:
        DataError: if a label is missing, or human and machine texts look alike.
        ModelError: if the language model is not the classifier's.
        ValueError: if the numbers of texts, labels and groups differ.
    """
    machine = np.asarray(labels, np.bool_)
    if not len(texts) == len(machine) == len(groups):
        raise ValueError(f"got {len(texts)} texts, {len(machine)} labels and {len(groups)} groups")
    both = [_drawn(machine == side, groups, per_label, rng) for side in (False, True)]
    chosen: list[int] = np.sort(np.concatenate(both)).tolist()
    finder = MachineSpanFinder.fit(
        (fields for _, fields in classifier.read(_at(chosen, texts))),
        machine[chosen],
        _at(chosen, groups),
        counted=letter_tokens(load_tokenizer(resolve(EMBEDDED))),
        name=classifier.name,
        normaliser=classifier.normaliser,
    )
    return classifier.with_spans(finder)


def calibrate_classifier_spans(
    classifier: FindsSpans,
    texts: Sequence[str],
    groups: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
    *,
    data: str = "human texts",
    folds: Sequence[str] | None = None,
    edges: Sequence[int] | None = None,
    n_min: int = N_MIN,
    seed: int = 0,
) -> Calibration:
    """Return the calibration of the classifier's best stretches in human texts, none of which its finder was fitted on.

    Args:
        classifier: one with a finder (`fit_spans`).
        texts: (D,) human texts, as they come.
        groups: (D,) domains, for a null each; those with fewer than `n_min` independent texts are pooled, and left out if too few even so.
        clusters: (D,) what belongs together, of which one text counts; None if all are independent.
        data: what the texts are, in words.
        folds: (D,) what is left out in turn when false positives are measured.
        edges: length edges in tokens; None to choose them.
        n_min: fewest independent texts of a bucket.
        seed: draws one text a cluster, and random folds.

    Raises:
        BadCalibration: if too few texts remain.
        ModelError: if the classifier has no finder, or its language model cannot be loaded.
        ValueError: if the numbers of texts, groups, clusters and folds differ.
    """
    if any(one is not None and len(one) != len(texts) for one in (groups, clusters, folds)):
        raise ValueError(f"groups, clusters and folds must have one entry a text, got {len(texts)} texts")
    reasons = [not_judged(text) for text in texts]
    left_out = Counter(filter(None, reasons))
    kept = [d for d, why in enumerate(reasons) if not why]
    if groups is not None:
        pooled = pool_small(_at(kept, groups), clusters and _at(kept, clusters), n_min)
        units = {
            d if clusters is None else clusters[d] for d, group in zip(kept, pooled, strict=True) if group == OTHER
        }
        drop = OTHER if len(units) < n_min and set(pooled) != {OTHER} else None
        left_out["in groups too small even together"] += pooled.count(OTHER) if drop else 0
        kept = [d for d, group in zip(kept, pooled, strict=True) if group != drop]
        groups = [group for group in pooled if group != drop]
    scorer = StretchScorer(classifier)
    found = scorer.score(_at(kept, texts))
    made = fit(
        scorer.signature,
        found.scores,
        found.lengths,
        data=data,
        groups=groups,
        clusters=clusters and _at(kept, clusters),
        folds=folds and _at(kept, folds),
        edges=edges,
        n_min=n_min,
        seed=seed,
    )
    left_out.update(made.left_out)
    return replace(made, n_given=len(texts), left_out=dict(left_out), text_filter=TEXT_FILTER)


def _at(places: Sequence[int], values: Sequence[str]) -> list[str]:
    return [values[d] for d in places]


def _drawn(
    eligible: NDArray[np.bool_], groups: Sequence[str], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return at most `count` of the eligible: every group's first drawn, then every group's second, and so on."""
    order = rng.permutation(np.flatnonzero(eligible)).astype(np.int64)
    seen: Counter[str] = Counter()
    turn: list[int] = []
    for group in _at(order.tolist(), groups):
        turn.append(seen[group])
        seen[group] += 1
    return order[np.argsort(turn, kind="stable")[:count]]
