"""Classifiers on domains and generators they have not seen, beside the floor of TF-IDF: ranking, and thresholds from other domains.

    python bench/quality.py --work WORK [--kinds fast,embedded]

The protocol is that of `assay.eval.quality`; readings and the figures of each kind are kept in WORK, so that kinds can run beside each other; once all are there
`quality.json` is written. Bar: above the floor in both; at 1 % at most 2 % of the humans of an unseen domain.
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
from assay.eval.collection import read_collection
from assay.eval.quality import ALPHA, Table, by_length, figures, leave_out, table
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
    missing = [kind for kind in options.kinds.split(",") if not _path(options.work, kind).exists()]
    if missing:
        data = table(read_collection(record.SHARED / "data"))
        for kind in missing:
            if kind == "tfidf":
                prepared = Tfidf.prepare([row.text for row in data.rows])
            else:
                prepared = prepared_texts(data, kind, options.work, options.workers)
            found = judged(data, kind, prepared)
            _path(options.work, kind).write_text(json.dumps(found), encoding="utf-8")
    parts = {kind: _path(options.work, kind) for kind in KINDS}
    if all(path.exists() for path in parts.values()):
        read = {kind: json.loads(path.read_text(encoding="utf-8")) for kind, path in parts.items()}
        record.write(
            __file__, read, alpha=ALPHA, draws=DRAWS, summary={kind: summary(one) for kind, one in read.items()}
        )


def judged(data: Table, kind: str, prepared: Sequence[Any]) -> dict[str, Any]:
    """Return the records of a kind: by domain left out, by family of generators left out, by length."""
    made: Any = Tfidf if kind == "tfidf" else trainable_class(kind)
    found: dict[str, Any] = {}
    for field in ("domain", "family"):
        results = list(leave_out(data, made, prepared, field, lambda line: print(f"{kind}: {line}", flush=True)))
        found[field] = [row for one in results for row in figures(data, one, field, DRAWS)]
        if field == "domain":
            found["length"] = by_length(data, results)
    return found


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
