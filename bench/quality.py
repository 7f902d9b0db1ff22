"""Classifiers on domains and generators they have not seen, beside the floor of TF-IDF: ranking, and thresholds from other domains.

    python bench/quality.py --work WORK [--kinds fast,embedded]

The protocol is that of `assay.eval.quality`; readings, and figures and scores of each kind, are kept in WORK, so that kinds can run beside each other; once all are there
`quality.json` is written, with each kind's difference to the floor on the same texts. Bar: above the floor in both; at 1 % at most 2 % of the humans of an
unseen domain.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import record
from assay.detect.classifier import trainable_class
from assay.detect.clusters import cluster_codes
from assay.eval.collection import read_collection
from assay.eval.paired import PairedCell, paired_differences
from assay.eval.quality import (
    ALPHA,
    FEWEST_FOR_TPR,
    FEWEST_HUMANS,
    Judged,
    Table,
    by_length,
    cells,
    figures,
    leave_out,
    table,
)
from assay.eval.ship_classifiers import prepared_texts
from assay.eval.tfidf import Tfidf

KINDS = ("tfidf", "fast", "embedded", "fusion")
DRAWS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "assay-quality")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    data = table(read_collection(record.SHARED / "data"))
    missing = [kind for kind in options.kinds.split(",") if not _path(options.work, kind).exists()]
    for kind in missing:
        if kind == "tfidf":
            prepared = Tfidf.prepare([row.text for row in data.rows])
        else:
            prepared = prepared_texts(data, kind, options.work, options.workers)
        found, scores = judged(data, kind, prepared)
        np.savez_compressed(_path(options.work, kind).with_suffix(".npz"), **scores)
        _path(options.work, kind).write_text(json.dumps(found), encoding="utf-8")
    parts = {kind: _path(options.work, kind) for kind in KINDS}
    if all(path.exists() for path in parts.values()):
        read = {kind: json.loads(path.read_text(encoding="utf-8")) for kind, path in parts.items()}
        scores = {kind: dict(np.load(path.with_suffix(".npz"))) for kind, path in parts.items()}
        summaries = {kind: summary(one) for kind, one in read.items()}
        for kind in KINDS[1:]:
            summaries[kind]["beside_floor"] = {
                field: beside(data, field, scores[kind], scores[KINDS[0]]) for field in ("domain", "family")
            }
        record.write(__file__, read, alpha=ALPHA, draws=DRAWS, summary=summaries)


def judged(data: Table, kind: str, prepared: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the records of a kind (by domain left out, by family of generators left out, by length), and its scores by what was left out."""
    made: Any = Tfidf if kind == "tfidf" else trainable_class(kind)
    found: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    for field in ("domain", "family"):
        results = list(leave_out(data, made, prepared, field, lambda line: print(f"{kind}: {line}", flush=True)))
        found[field] = [row for one in results for row in figures(data, one, field, DRAWS)]
        if field == "domain":
            found["length"] = by_length(data, results)
        scores |= {f"{field}|{one.left_out}": one.scores for one in results}
    return found, scores


def beside(data: Table, field: str, ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return the mean differences to another kind over the cells of what was left out, on texts that both scored."""
    codes = cluster_codes(data.cluster)
    made: list[PairedCell] = []
    for name in (name for name in ours if name.startswith(f"{field}|")):
        left_out = name.partition("|")[2]
        both = np.where(np.isfinite(theirs[name]), ours[name], np.nan)
        one = Judged(left_out, getattr(data, field) == left_out, both, both, both, both)
        for domain in sorted(set(data.domain[one.inside])):
            for cell in cells(data, one, field, domain):
                n_humans = int(cell.humans.sum())
                at = np.flatnonzero(cell.machines | cell.humans)
                if n_humans >= FEWEST_HUMANS:
                    tail = n_humans >= FEWEST_FOR_TPR
                    made.append(
                        PairedCell(data.machine[at], codes[at], ours[name][at], theirs[name][at], tail, left_out)
                    )
    found = paired_differences(made, ALPHA, np.random.default_rng(0), DRAWS)
    return {name: {key: round(value, 4) for key, value in vars(one).items()} for name, one in found.items()}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return means over cells of a left-out domain or family and a collection, and the worst domain for humans."""
    result: dict[str, Any] = {}
    for field in ("domain", "family"):
        cells = [row for row in found[field] if "auroc" in row]
        result[field] = {
            "cells": len(cells),
            "auroc": round(float(np.mean([row["auroc"]["value"] for row in cells])), 4),
            "tpr": round(float(np.mean([row["tpr"]["value"] for row in cells if row["tpr"]])), 4),
        }
        for rule in ("pooled", "least_favourable", "group"):
            rates = [row[f"found_{rule}"] for row in cells if f"found_{rule}" in row]
            result[field] |= {f"found_{rule}": round(float(np.mean(rates)), 4)} if rates else {}
    humans = [row for row in found["domain"] if "alarms_pooled" in row and row["humans"] >= 50]
    for rule in ("pooled", "least_favourable"):
        worst = max(humans, key=lambda row: row[f"alarms_{rule}"]["rate"])
        result[f"worst_domain_{rule}"] = {"domain": worst["domain"], **worst[f"alarms_{rule}"]}
        count = sum(row[f"alarms_{rule}"]["count"] for row in humans)
        result[f"alarms_{rule}"] = round(count / sum(row["humans"] for row in humans), 4)
    toefl = next(row for row in humans if "toefl_humans" in row)
    result["toefl"] = {"humans": toefl["toefl_humans"], **toefl["toefl_alarms_least_favourable"]}
    return result


def _path(work: Path, kind: str) -> Path:
    return work / f"quality-{kind}.json"


if __name__ == "__main__":
    main()
