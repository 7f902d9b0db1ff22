"""Fit a classifier and say how it does on groups it has not seen; test one that is fitted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from assay.corpus.labelled import Labelled
from assay.detect.classifier import Classifier, Trainable, save_classifier, trainable_class
from numpy.typing import NDArray

from .leave_out import Fit, GroupReport, deal_out, leave_one_group_out, report


def train_classifier(data: Labelled, kind: str, folder: Path, seed: int, by_group: bool) -> list[GroupReport]:
    """Fit on all of `data`, write `folder`, and return what leaving each group out has shown (nothing unless `by_group`).

    The reports are kept in the folder as ``validation.json``.

    Raises:
        ModelError: for an unknown kind, and for one that is not trained here.
        DataError: if a label is missing, or is in one group without which there is none.
    """
    fit = fitter(kind, folder.name, seed)
    prepared = trainable_class(kind).prepare(data.texts)
    reports: list[GroupReport] = []
    if by_group:
        dealt = deal_out(data, np.random.default_rng(seed))
        reports = report(dealt, leave_one_group_out(dealt, prepared, fit), np.random.default_rng(seed), pooled=False)
    save_classifier(fit(prepared, data.labels, data.groups), folder)
    if reports:
        rows = [row.to_record() for row in reports]
        (folder / "validation.json").write_text(json.dumps({"leave_out": rows}, indent=1) + "\n", encoding="utf-8")
    return reports


def evaluate_classifier(data: Labelled, classifier: Classifier, seed: int) -> list[GroupReport]:
    """Return reports on `data`, which the classifier must not have been fitted on."""
    return report(data, classifier.score(data.texts).scores, np.random.default_rng(seed))


def fitter(kind: str, name: str, seed: int) -> Fit:
    """Return the function that fits a classifier of this kind; every call draws alike.

    Raises:
        ModelError: for an unknown kind, and for one that is not trained here.
    """
    made = trainable_class(kind)

    def fit(prepared: list[Any], labels: NDArray[np.bool_], groups: list[str]) -> Trainable:
        return made.fit(prepared, labels, groups, np.random.default_rng(seed), name)

    return fit
