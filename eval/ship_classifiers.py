"""Fit and calibrate the classifiers that are shipped: `python -m assay.eval.ship_classifiers --data DATA --work WORK --out models/classifiers`.

Reads the texts of `collection.py`: fits on the FIT rows, calibrates on the CALIBRATE humans, grouped by domain; small domains are one group. What it writes is
the same on every run. The slow part, reading 27,000 texts with the embedded model, is kept in WORK and done once. How good they are
`bench/quality.py` says, and `docs/build_quality.py` writes it into the cards.
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
from assay.detect.classifier_spans import calibrate_classifier_spans, fit_spans
from assay.detect.clusters import cluster_codes, one_per_cluster
from assay.detect.embedded import EmbeddedClassifier
from assay.detect.fast import FastClassifier
from assay.detect.find_classifier import CALIBRATION, SPAN_CALIBRATION
from assay.detect.machine_spans import MachineSpanFinder

from .collection import CALIBRATE, FIT, read_collection
from .quality import Table, table
from .readings import read_all

PER_LABEL, PER_GROUP = 1500, 400
"""Texts of each label that what locates stretches is fitted on, and humans of each domain that it is calibrated on."""

KINDS = ("fast", "embedded", "fusion")
CREATED = "2026-11-23"
DATA = (
    "human English of eleven labelled collections and nineteen genres (news, abstracts, encyclopedia, stories, essays, reviews, answers, technical, government, speeches, "
    "...), none of these texts fitted on (machine texts on the same prompts are); unusual forms and tampered texts left out"
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
    chosen: list[int] = np.flatnonzero((data.part == FIT) & data.usable).tolist()
    groups = data.domain[chosen].tolist()
    return trainable_class(kind).fit(
        [prepared[d] for d in chosen], data.machine[chosen], groups, np.random.default_rng(0), kind
    )


def calibrate_shipped(data: Table, classifier: Any, prepared: Sequence[Any]) -> Calibration:
    """Return its calibration on the usable CALIBRATE humans, by domain."""
    chosen: list[int] = np.flatnonzero((data.part == CALIBRATE) & data.usable).tolist()
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


def locating(data: Table, classifier: EmbeddedClassifier) -> tuple[EmbeddedClassifier, Calibration]:
    """Return the classifier with what locates stretches, and its calibration: on at most `PER_GROUP` humans of a domain, one a cluster."""
    chosen: list[int] = np.flatnonzero((data.part == FIT) & data.usable).tolist()
    rng = np.random.default_rng(0)
    groups = data.domain[chosen].tolist()
    texts = [data.rows[d].text for d in chosen]
    made = fit_spans(classifier, texts, data.machine[chosen], groups, rng, per_label=PER_LABEL)
    humans = np.flatnonzero((data.part == CALIBRATE) & data.usable)
    humans = humans[one_per_cluster(cluster_codes(data.cluster[humans]), rng)]
    kept = np.concatenate(
        [humans[data.domain[humans] == name][:PER_GROUP] for name in sorted(set(data.domain[humans]))]
    )
    names = data.domain[kept].tolist()
    calibration = calibrate_classifier_spans(made, [data.rows[d].text for d in kept], names, data=DATA)
    return made, replace(calibration, created=CREATED)


def main(argv: Sequence[str] | None = None) -> None:
    """Write a folder for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("models/classifiers"))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(argv)
    data = table(read_collection(options.data))
    stretches: tuple[MachineSpanFinder | None, Calibration] | None = None
    for kind in KINDS:
        prepared = prepared_texts(data, kind, options.work, options.workers)
        classifier, folder = fit_shipped(data, kind, prepared), options.out / kind
        calibration = calibrate_shipped(data, classifier, prepared)
        if kind == "embedded":
            classifier, spans = locating(data, classifier)
            stretches = classifier.spans, spans
        elif kind == "fusion" and stretches is not None and stretches[0] is not None:
            classifier = classifier.with_spans(replace(stretches[0], name=kind))  # the same one by its own name
            spans = replace(stretches[1], signature=classifier.spans.signature)
        else:
            spans = None
        save_classifier(classifier, folder)
        write_calibration(folder / CALIBRATION, calibration)
        if spans is not None:
            write_calibration(folder / SPAN_CALIBRATION, spans)
        n = sum(group.null.n for group in calibration.groups)
        sys.stderr.write(f"{kind}: {classifier.fitted}; calibrated on {n:,}\n")


if __name__ == "__main__":
    main()
