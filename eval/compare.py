"""Two reports side by side: in what they were made differently, which cells they share, and which differences are clear.

Differences are B less A. The interval of a difference is made of the two intervals that the reports give: the distances from each value to its end,
squared, added and rooted (R. Newcombe 1998, Statistics in Medicine 17; for any two estimates G. Zou and A. Donner 2008, Statistics in Medicine 27):
the normal approximation, for intervals that need not be symmetric. It takes the two runs as independent. Where they are on the same texts it is wider
than need be, so a clear difference is clear; one that is not may be with `paired`, in one run with both detectors.

Clear means clear after Holm's correction over every figure of every shared cell: of a thousand figures without any true difference fifty intervals would
exclude 0. The p-value of a difference is that of the normal whose 95 % interval reaches as far towards 0 as the difference's does. The intervals
themselves are not corrected; `uncorrected_in` names the figures whose interval excludes 0.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .paired_tests import holm

Record = dict[str, Any]
KEY = ("detector", "source", "attack", "strength", "length")
LEVEL = 0.05
_REACH = 1.959964  # standard deviations that half a 95 % interval spans
NOTE = (
    "B less A; 95 % intervals of the difference, by the normal approximation from the two intervals as if the runs were independent; "
    "clear if it differs from 0 at 5 % after Holm's correction over all figures compared (the intervals are not corrected)"
)
_NOT_FIGURES = ("signature", "format", "settings")


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Record:
    """Return how two contents of `metrics.json` differ.

    `same` says whether nothing differs at all, `same_figures` whether all figures are equal, whatever they were made with.
    """
    ours, theirs = _cells(a), _cells(b)
    differences = signature_differences(a.get("signature", {}), b.get("signature", {}))
    figures = [key for key in sorted({*a, *b} - {*_NOT_FIGURES}) if a.get(key) != b.get(key)]
    cells = [_compared(key, ours[key], theirs[key]) for key in ours if key in theirs]
    figures_compared = _correct(cells)
    return {
        "same": not differences and not figures and a.get("settings") == b.get("settings"),
        "same_figures": not figures,
        "signature_differences": differences,
        "cells": cells,
        "figures_compared": figures_compared,
        "only_a": [dict(zip(KEY, key, strict=True)) for key in ours if key not in theirs],
        "only_b": [dict(zip(KEY, key, strict=True)) for key in theirs if key not in ours],
        "note": NOTE,
    }


def signature_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Return one line for each thing in which two signatures differ, in words."""
    lines: list[str] = []
    for part in [*_PARTS, *sorted({*a, *b} - {*_PARTS})]:
        ours, theirs = a.get(part), b.get(part)
        name = _PARTS.get(part, (part, ""))[0]
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            lines += _of_parts(part, ours, theirs)
        elif ours != theirs:
            lines.append(f"{name}: {_shown(ours)} in A, {_shown(theirs)} in B")
    return lines


_PARTS = {  # key of a signature -> what the whole is, what one of it is
    "assay": ("version of Assay", ""),
    "plan": ("plan", ""),
    "plan_sha256": ("content of the plan", ""),
    "seed": ("seed", ""),
    "settings": ("settings", "setting"),
    "packages": ("packages", "package"),
    "models": ("models", "model"),
    "marks": ("marks", "mark"),
    "detectors": ("detectors", "detector"),
    "attacks": ("attacks", "attack"),
    "texts": ("texts", "texts of"),
}


def _of_parts(part: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Return the lines of one part of a signature that holds several things by name."""
    one = _PARTS.get(part, ("", part))[1]
    lines: list[str] = []
    for name in sorted({*a, *b}):
        if name not in a or name not in b:
            lines.append(f"{one} {name}: only in {'A' if name in a else 'B'}")
            continue
        for place, ours, theirs in _leaves(a[name], b[name]):
            where = f"{one} {name}, {place}" if place else f"{one} {name}"
            lines.append(f"{where}: {_shown(ours)} in A, {_shown(theirs)} in B")
    return lines


def _leaves(a: Any, b: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Return where two records differ, at the innermost name they share."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        names: list[str] = sorted({str(name) for name in (*a, *b)})
        return [
            leaf
            for name in names
            for leaf in _leaves(a.get(name, _MISSING), b.get(name, _MISSING), f"{place} {name}".strip())
        ]
    return [] if a == b else [(place, a, b)]


_MISSING = object()


def _shown(value: Any) -> str:
    """Return a value as it reads in a line: hashes short, nothing as nothing."""
    if value is _MISSING or value is None:
        return "none"
    text = value if isinstance(value, str) else _plain(value)
    if len(text) >= 32 and all(c in "0123456789abcdef" for c in text):
        return text[:12]
    return (text or "empty") if len(text) <= 80 else text[:77] + "..."


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items()) or "empty"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value) or "empty"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cells(metrics: Mapping[str, Any]) -> dict[tuple[Any, ...], Record]:
    return {tuple(cell[name] for name in KEY): cell for cell in metrics.get("cells", [])}


def _compared(key: tuple[Any, ...], a: Record, b: Record) -> Record:
    auroc = _difference(a["auroc"], b["auroc"])
    rates = [rate for rate in a["tpr"] if rate in b["tpr"]]
    tpr = {rate: _difference(a["tpr"][rate], b["tpr"][rate]) for rate in rates}
    differences = {"auroc": auroc, **tpr}
    return {
        **dict(zip(KEY, key, strict=True)),
        "a": _figures(a), "b": _figures(b),
        "auroc_difference": auroc["value"], "auroc_interval": [auroc["low"], auroc["high"]],
        "tpr_difference": {rate: one["value"] for rate, one in tpr.items()},
        "tpr_interval": {rate: [one["low"], one["high"]] for rate, one in tpr.items()},
        "p": {name: one["p"] for name, one in differences.items()},
        "uncorrected_in": [name for name, one in differences.items() if one["low"] is not None and (one["low"] > 0.0 or one["high"] < 0.0)],
    }  # fmt: skip


def _correct(cells: Sequence[Record]) -> int:
    """Add to cells what is clear after Holm's correction over all figures that have a p; return how many these are."""
    tested = [(cell, name) for cell in cells for name, p in cell["p"].items() if p is not None]
    corrected = holm(np.array([cell["p"][name] for cell, name in tested], np.float64))
    for cell in cells:
        cell["p_holm"] = dict.fromkeys(cell["p"])
    for (cell, name), p in zip(tested, corrected.tolist(), strict=True):
        cell["p_holm"][name] = float(f"{p:.6g}")
    for cell in cells:
        cell["clear_in"] = [name for name, p in cell["p_holm"].items() if p is not None and p <= LEVEL]
        cell["clear"] = bool(cell["clear_in"])
    return len(tested)


def _figures(cell: Record) -> Record:
    return {name: cell.get(name) for name in ("n_machine", "n_human", "clusters", "auroc", "tpr", "fpr_attacked")}


def _difference(a: Record, b: Record) -> Record:
    """Return B less A with its interval and p; nulls where either has no value."""
    if a["value"] is None or b["value"] is None:
        return {"value": None, "low": None, "high": None, "p": None}
    value = b["value"] - a["value"]
    low = value - math.hypot(b["value"] - b["low"], a["high"] - a["value"])
    high = value + math.hypot(b["high"] - b["value"], a["value"] - a["low"])
    reach = value - low if value > 0.0 else high - value
    p = 1.0 if value == 0.0 else math.erfc(_REACH * abs(value) / reach / math.sqrt(2.0)) if reach > 0.0 else 0.0
    return {name: float(f"{end:.6g}") for name, end in (("value", value), ("low", low), ("high", high), ("p", p))}
