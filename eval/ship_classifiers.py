"""Fit and calibrate the classifiers that are shipped: `python -m assay.eval.ship_classifiers --data DATA --work WORK --out models/classifiers`.

Reads the texts of `collection.py`: fits on the FIT rows, calibrates on the CALIBRATE humans, grouped by domain; small domains are one group. What it writes is
the same on every run. The slow part, reading 27,000 texts with the embedded model, is kept in WORK and done once. How good they are
`bench/quality.py` says, and `classifier_card.py` writes it into the cards.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from assay.detect.calibrate import fit, pool_small
from assay.detect.calibration import TEXT_FILTER, Calibration
from assay.detect.calibration_file import write_calibration
from assay.detect.classifier import Classifier, calibration_signature, save_classifier, trainable_class
from assay.detect.fast import FastClassifier
from assay.detect.find_classifier import CALIBRATION

from .collection import CALIBRATE, FIT, read_collection
from .quality import Table, table
from .readings import read_all

KINDS = ("fast", "embedded", "fusion")
CREATED = "2026-11-23"
DATA = (
    "human English of eleven labelled collections and nineteen genres (news, abstracts, encyclopedia, stories, essays, reviews, answers, technical, government, speeches, "
    "...), none of it fitted on; unusual forms and tampered texts left out"
)


def prepared_texts(data: Table, kind: str, work: Path, workers: int) -> Sequence[Any]:
    """Return what a kind takes of every row; the embedded model's readings are kept in `work`."""
    texts = [row.text for row in data.rows]
    if kind == "fast":
        return FastClassifier.prepare(texts)
    readings = read_all(texts, work / "readings", workers)
    return readings if kind == "embedded" else list(zip(FastClassifier.prepare(texts), readings, strict=True))


def fit_shipped(data: Table, kind: str, prepared: Sequence[Any]) -> Any:
    """Return the classifier of a kind fitted on all usable FIT rows."""
    chosen = np.flatnonzero((data.part == FIT) & data.usable)
    groups = data.domain[chosen].tolist()
    return trainable_class(kind).fit(
        [prepared[d] for d in chosen], data.machine[chosen], groups, np.random.default_rng(0), kind
    )


def calibrate_shipped(data: Table, classifier: Any, prepared: Sequence[Any]) -> Calibration:
    """Return its calibration on the usable CALIBRATE humans, by domain."""
    chosen = np.flatnonzero((data.part == CALIBRATE) & data.usable)
    found = classifier.score_prepared([prepared[d] for d in chosen])
    clusters = data.cluster[chosen].tolist()
    groups = pool_small(data.domain[chosen].tolist(), clusters)
    made: Classifier = classifier
    calibration = fit(
        calibration_signature(made),
        found.scores,
        found.lengths,
        data=DATA,
        groups=groups,
        clusters=clusters,
        created=CREATED,
    )
    return replace(calibration, text_filter=TEXT_FILTER)


def main(argv: Sequence[str] | None = None) -> None:
    """Write a folder for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("models/classifiers"))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(argv)
    data = table(read_collection(options.data))
    for kind in KINDS:
        prepared = prepared_texts(data, kind, options.work, options.workers)
        classifier = fit_shipped(data, kind, prepared)
        save_classifier(classifier, options.out / kind)
        calibration = calibrate_shipped(data, classifier, prepared)
        write_calibration(options.out / kind / CALIBRATION, calibration)
        n = sum(group.null.n for group in calibration.groups)
        sys.stderr.write(f"{kind}: {classifier.fitted}; calibrated on {n:,}\n")


if __name__ == "__main__":
    main()
