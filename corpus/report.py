"""The report of a scanned corpus: what was called, what of it is expected false, the share with its interval, the losses.

It is a function of the tally and of the scan's own description alone: equal tallies give equal bytes, and there is no time,
date or path of the output in it (times are in `throughput.json`, which the scan writes beside). `report.json` holds every
number that is drawn or said in `report.html` and `report.md`.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from .bounded_counts import CountsByName
from .report_numbers import decades, discoveries, rounded
from .report_wording import detector_notes
from .share import marked_share
from .share_machine import machine_share
from .tally import Tally
from .tally_bins import length_range
from .tally_detector import VERDICTS

VERSION: Final = 2
LISTED: Final = 50
"""Hosts, files and reasons that the report names, those with most detections first."""


@dataclass(frozen=True)
class Report:
    """A report; `data` is what report.json holds."""

    data: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Return the few numbers that a command prints."""
        data = self.data
        return {
            "documents": data["documents"],
            "lost": data["lost_total"],
            **{name: data["verdicts"][name] for name in VERDICTS},
            "expected_called_by_chance": data["expected_called_by_chance"],
            "discoveries": data["discoveries"]["n"],
            "expected_false_discoveries": data["discoveries"]["expected_false_discoveries"],
            "fdr": data["discoveries"]["level"],
            "shares": {one["name"]: one["share"] for one in data["detectors"]},
            "notes": {one["name"]: one["notes"] for one in data["detectors"] if one["notes"]},
        }


def build_report(tally: Tally, scan: Mapping[str, Any], *, fdr: float = 0.1) -> Report:
    """Return the report of a tally.

    Args:
        tally: of all finished shards.
        scan: the scan's description (`scan.json`): its version, fingerprint, shards and refused files are named.
        fdr: false discovery rate of the discoveries.
    """
    verdicts = dict(zip(VERDICTS, tally.overall.verdicts.tolist(), strict=True))
    judged = verdicts["detected"] + verdicts["not_detected"]
    lost = dict(sorted(tally.lost.items()))
    data: dict[str, Any] = {
        "version": VERSION,
        "scan": _scan(scan),
        "documents": tally.documents,
        "characters": tally.characters,
        "alpha": tally.alpha,
        "verdicts": verdicts,
        "judged": judged,
        "expected_called_by_chance": rounded(tally.alpha * judged),
        "discoveries": discoveries(tally.overall.p_values, fdr).to_record(),
        "p_values": decades(tally.overall.p_values),
        "copies": _copies(tally),
        "detectors": [_detector(column, tally, fdr) for column in range(len(tally.info))],
        "lengths": _lengths(tally),
        **{
            what: _named(tally.named[what]) for what in ("languages", "hosts", "files", "reasons", "declared", "errors")
        },
        "lost_documents": tally.lost_documents,
        "lost_total": sum(entry["count"] for entry in lost.values()),
        "lost": lost,
        "passed": dict(sorted(tally.passed.items())),
    }
    return Report(data)


def write_report(report: Report, folder: Path | str) -> None:
    """Write report.json, report.md and report.html into the folder, each whole or not at all.

    Raises:
        OSError: if the folder cannot be written to.
    """
    from .durable import replace_durably
    from .report_markdown import markdown
    from .report_page import page  # imported late: matplotlib

    folder = Path(folder)
    text = json.dumps(report.data, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"
    for name, content in (
        ("report.json", text),
        ("report.md", markdown(report.data)),
        ("report.html", page(report.data)),
    ):
        temporary = folder / f"{name}.{os.getpid()}.tmp"
        temporary.write_bytes(content.encode("utf-8", "replace"))
        replace_durably(temporary, folder / name)


def _copies(tally: Tally) -> dict[str, Any]:
    """Return what share of the documents is no exact copy of another, and what the shares are therefore read off."""
    distinct = tally.distinct
    if not distinct.copies_matter:
        return {"distinct_share": 1.0, "shares_of": "documents"}
    return {
        "distinct_share": rounded(min(distinct.distinct / tally.documents, 1.0)),
        "shares_of": "distinct documents" if distinct.complete else "a random sample of the distinct documents",
    }


def _detector(column: int, tally: Tally, fdr: float) -> dict[str, Any]:
    """Return the numbers of one detector.

    One that was asked of a selection only has no share and no discoveries: what was selected for a small p of another
    detector has small p-values without being machine-made.
    """
    info = tally.info[column]
    counts = tally.detectors[info["name"]]
    selected = bool(info.get("asked_after"))
    return {
        **info,
        "tested": counts.tested,
        "verdicts": dict(zip(VERDICTS, counts.verdicts.tolist(), strict=True)),
        "discoveries": None if selected else discoveries(counts.p_values, fdr).to_record(),
        "share": None if selected else _share(column, tally),
        "p_values": decades(counts.p_values, uniform=not selected),
        "notes": detector_notes(info),
    }


def _share(column: int, tally: Tally) -> dict[str, Any] | None:
    info = tally.info[column]
    counts, distinct = tally.detectors[info["name"]], tally.distinct
    table = counts.table
    if distinct.copies_matter:
        table = distinct.counts(column, table.size).reshape(table.shape)
    if counts.gamma is not None:
        found = marked_share(table, counts.gamma, sampled=distinct.copies_matter and not distinct.complete)
    else:
        found = machine_share(table, info.get("calibration_n"), least_favourable=bool(info.get("least_favourable")))
    return found.to_record() if found else None


def _lengths(tally: Tally) -> list[dict[str, Any]]:
    """Return counts by verdict for each octave of characters that holds a document."""
    rows: list[dict[str, Any]] = []
    for octave in np.flatnonzero(tally.lengths.sum(1)).tolist():
        low, high = length_range(octave)
        rows.append({"low": low, "high": high, **_row(tally.lengths[octave])})
    return rows


def _named(counts: CountsByName) -> dict[str, Any]:
    """Return the names with most detections, then with most documents; and how many there are."""
    kept = counts.counts()
    order = sorted(kept, key=lambda name: (-int(kept[name][0]), -int(kept[name].sum()), name))
    return {
        "names": counts.names,
        "sampled": counts.truncated,
        "rows": [{"name": name, **_row(kept[name])} for name in order[:LISTED]],
    }


def _row(counts: Sequence[int] | Any) -> dict[str, int]:
    values = [int(count) for count in counts]
    return {"documents": sum(values), **dict(zip(VERDICTS, values, strict=True))}


def _scan(scan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says of the scan's settings."""
    config: Mapping[str, Any] = scan.get("config") or {}
    refused = sorted([str(part) for part in one] for one in scan.get("refused") or [])
    sample = config.get("sample", 1.0)
    if not math.isfinite(sample):
        raise ValueError(f"sample must be a number, got {sample}")
    return {
        "assay": config.get("assay", ""),
        "fingerprint": scan.get("fingerprint", ""),
        "shards": len(scan.get("shards") or []),
        "refused": {"count": len(refused), "places": refused[:LISTED]},
        "sample": sample,
        "limit": config.get("limit"),
    }
