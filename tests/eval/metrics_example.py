"""metrics.json as a run would write it, from a simple law of what detectors find; no text and no detector behind it."""

import math

import numpy as np
from assay.detect.intervals import binomial_interval
from scipy.stats import norm

RATES = (0.05, 0.01, 0.001, 1e-5)
ATTACKS = {
    "resample": ("resample", (0.1, 0.3, 0.5), 1.0),
    "replay-dipper": ("replay", (0.5, 1.0), 1.6),
    "delete": ("delete", (0.1, 0.3, 0.5), 0.9),
    "synonyms": ("synonyms", (0.2, 0.5), 0.8),
    "copy-paste": ("copy-paste", (0.5, 0.75, 0.9), 1.5),
    "homoglyph": ("homoglyph", (1.0,), 2.5),
    "zero-width": ("zero-width", (1.0,), -0.5),
}
"""Label -> registry name, strengths, how much it takes away."""
LENGTHS = (25, 50, 100, 200, 400, 0)


def metrics_example(marks=3, others=2, attacks=ATTACKS, lengths=LENGTHS, n=200, seed=0):
    """Return metrics of `marks` marks, each on its own source, and `others` detectors on every source."""
    rng = np.random.default_rng(seed)
    mark_names = [("greenlist", "unigram", "gumbel", "tournament")[i % 4] + str(i // 4 or "") for i in range(marks)]
    other_names = [
        ("fast", "embedded-words", "peer: Binoculars")[i % 3] + (f" {i // 3}" if i >= 3 else "") for i in range(others)
    ]
    sources = ["gen/unmarked", *(f"gen/{name}" for name in mark_names)]
    cells = []
    for at, name in enumerate(mark_names):
        cells += _cells(name, "mark", f"gen/{name}", name, attacks, lengths, n, 0.34 - 0.05 * at, rng)
    for at, name in enumerate(other_names):
        for source in sources:
            cells += _cells(
                name, "classifier" if at < 2 else "scores", source, "", attacks, lengths, n, 0.16 - 0.01 * at, rng
            )
    detectors = [*mark_names, *other_names]
    return {
        "format": "assay-eval-1",
        "signature": _signature(mark_names, other_names, sources, attacks, n),
        "settings": {"rates": list(RATES), "draws": 1000, "lengths": list(lengths), "seed": 0},
        "cells": cells,
        "moved": _moved(other_names, rng),
        "groups": _groups(detectors, mark_names, rng),
        "calibration": _calibration(mark_names, other_names, rng),
        "paired": _paired(detectors, mark_names, rng),
        "damage": _damage(attacks, sources[1] if marks else sources[0], n),
        "quality": _quality(sources, n, rng),
        "lengths": [{"source": source, "n": n, "median_words": 310} for source in sources],
        "alarms": [
            {"what": "one value for 97 % of human texts: a threshold cannot be set", "where": f"{other_names[-1]} on gen/unmarked, no attack"},
            {"what": "one value for 97 % of human texts: a threshold cannot be set", "where": f"{other_names[-1]} on gen/unmarked, delete 0.1"},
            {"what": "AUROC clearly below 0.5: is the sign of the score turned?", "where": f"{other_names[-1]}, homoglyph 1"},
        ] if others else [],
        "counts": [
            {"source": s, "label": label, "role": "test", "attack": "none", "strength": 0.0, "length": length, "n": n, "clusters": n, "empty": 0}
            for s, label in [*((s, "machine") for s in sources), ("human", "human")] for length in lengths
        ],
    }  # fmt: skip


def timing_example():
    return {
        "stages": [
            {"stage": "generate", "name": "gen", "texts": 800, "tokens": 320000, "wall_s": 81.0, "cpu_s": 80.2},
            {"stage": "attack", "name": "resample 0.5", "texts": 800, "tokens": 320000, "wall_s": 30.0, "cpu_s": 29.0},
        ],
        "cost": [
            {"detector": "greenlist", "tokens": 5200000, "cpu_s": 4.1, "s_per_million_tokens": 0.79},
            {"detector": "fast", "tokens": 5200000, "cpu_s": 1300.0, "s_per_million_tokens": 250.0},
        ],
        "machine": {"processor": "AMD EPYC", "cores": 2},
    }


def interval(k, n):
    both = binomial_interval(k, n, 0.95)
    return both.low, both.high


def estimate(value, n, spread=None):
    """Return an estimate of a share (exact interval), or of a figure with a given spread."""
    if spread is not None:
        return {"value": value, "low": value - spread, "high": value + spread, "n": n, "clusters": n}
    low, high = interval(round(value * n), n)
    return {"value": round(value * n) / n, "low": low, "high": high, "n": n, "clusters": n}


def _cells(detector, kind, source, mark, attacks, lengths, n, power, rng):
    made = []
    for length in lengths:
        size = {0: 330}.get(length, length)
        texts = n if length <= 100 else n - size // 8
        for label, (_, strengths, loss) in {"none": ("", (0.0,), 0.0), **attacks}.items():
            if label != "none" and length not in (lengths[-1], 200):
                continue
            for strength in strengths:
                d = power * math.sqrt(size) * (max(0.0, 1.0 - strength / 2) ** (2 * loss) if loss > 0 else 1.3)
                d *= 1.0 if not mark else 1.4
                made.append(_cell(detector, kind, source, mark, label, strength, length, texts, d, size, rng))
    return made


def _cell(detector, kind, source, mark, attack, strength, length, n, d, size, rng):
    tpr = {}
    for rate in RATES:
        if kind != "mark" and rate < 1.0 / n:
            tpr[str(rate)] = {
                "value": None,
                "low": None,
                "high": None,
                "n": n,
                "clusters": n,
                "threshold": None,
                "how": "empirical",
                "why": f"needs {round(1 / rate)} humans",
            }
            continue
        share = float(np.clip(norm.sf(norm.isf(rate) - d) + rng.normal(0, 0.01), 0, 1))
        threshold = -math.log10(rate) if kind == "mark" else float(norm.isf(rate))
        tpr[str(rate)] = {**estimate(share, n), "threshold": threshold, "how": "law" if kind == "mark" else "empirical"}
    area = float(norm.cdf(d / math.sqrt(2)))
    fpr = np.unique(np.r_[0.0, np.geomspace(1 / n, 1, 60)])
    return {
        "detector": detector, "kind": kind, "source": source, "mark": mark, "attack": attack, "strength": strength, "length": length,
        "n_machine": n, "n_human": n, "clusters": n, "auroc": estimate(area, n, 0.4 * min(area, 1.0 - area, 0.05)),
        "auroc_attacked": None if attack == "none" else estimate(area, n, 0.02), "tpr": tpr,
        "fpr_attacked": None if attack == "none" else {str(r): estimate(min(1.0, r * (30 if attack == "zero-width" and not mark else 1.2)), n) for r in RATES[:2]},
        "decided": {"rate": 1e-3, "detected": estimate(0.8, n), "abstained": estimate(0.02 + 0.2 * (attack != "none"), n)} if kind != "scores" else None,
        "abstained_human": estimate(0.03, n) if kind != "scores" else None, "median_log10_p": -d, "median_tokens": float(size), "alarms": [],
        **({"roc": [fpr.tolist(), norm.sf(norm.isf(fpr) - d).tolist()]} if attack == "none" else {}),
    }  # fmt: skip


def _signature(marks, others, sources, attacks, n):
    kind = lambda i: "classifier" if i < 2 else "scores"
    return {
        "assay": "0.1.0", "plan": "quick", "plan_sha256": "ab" * 32, "seed": 0,
        "settings": {"alpha": 1e-3, "lengths": [25, 50, 100, 200, 400, 0], "tokenizer": "embedded"},
        "packages": {"numpy": "2.3.0", "torch": "2.13.0"},
        "models": {"embedded": {"parameters": 4200000, "sha256": "cd" * 32}},
        "marks": {m: {"scheme": "greenlist", "parameters": {"gamma": 0.25, "delta": 2.0, "context_width": 1}, "profile": "ef" * 32, "key": "0123456789abcdef"} for m in marks},
        "detectors": {**{m: {"mark": m} for m in marks}, **{o: {"kind": kind(i), "model": "embedded"} for i, o in enumerate(others)}},
        "attacks": {label: {"attack": name, "strengths": list(strengths)} for label, (name, strengths, _) in attacks.items()},
        "texts": {**{s: {"n": n, "clusters": n, "label": "machine", "sha256": "12" * 32} for s in sources}, "human": {"n": n, "clusters": n, "label": "human", "sha256": "34" * 32}},
    }  # fmt: skip


def _moved(others, rng):
    domains = ("news", "stories", "abstracts", "reviews")
    made = []
    for detector in others:
        made.append(
            {
                "detector": detector,
                "kind": "classifier",
                "from": "calibration set held-out",
                "to": "test",
                "rate": 0.01,
                "threshold": 2.31,
                "fpr": estimate(0.015, 400),
                "tpr": estimate(0.55, 400),
                "n_from": 1000,
            }
        )
        for a in domains:
            for b in domains:
                if a != b:
                    fpr = float(rng.choice([0.0, 0.005, 0.02, 0.14]))
                    made.append(
                        {
                            "detector": detector,
                            "kind": "classifier",
                            "from": f"domain {a}",
                            "to": f"domain {b}",
                            "rate": 0.01,
                            "threshold": 2.2,
                            "fpr": estimate(fpr, 200),
                            "tpr": estimate(0.5, 200),
                            "n_from": 200,
                        }
                    )
    return made


def _groups(detectors, marks, rng):
    groups = [
        *(("domain", v) for v in ("news", "stories", "abstracts", "reviews")),
        ("lang", "en"),
        ("lang", "de"),
        ("group", "non-native"),
        ("group", "native"),
    ]
    return [
        {"detector": d, "by": by, "value": value, "rate": rate, "fpr": estimate(float(rng.choice([0.0, 0.01, 0.02, 0.08])) if d not in marks else 0.01, 150), "abstained": estimate(0.02, 150), "how": "law" if d in marks else "empirical"}
        for d in detectors for by, value in groups for rate in (0.05, 0.01)
    ]  # fmt: skip


def _calibration(marks, others, rng):
    nominal = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 1e-4]
    nulls = [(d, null) for d in marks for null in ("human", "unmarked machine", "another mark")] + [
        (d, "human") for d in others[:2]
    ]
    made = []
    for d, null in nulls:
        n = 400
        hits = [int(rng.binomial(n, p * (1.0 if d in marks else 1.7))) if p < 0.5 else n // 2 for p in nominal]
        bounds = [interval(k, n) for k in hits]
        made.append(
            {
                "detector": d,
                "kind": "mark" if d in marks else "classifier",
                "null": null,
                "nominal": nominal,
                "observed": [k / n for k in hits],
                "low": [b[0] for b in bounds],
                "high": [b[1] for b in bounds],
                "n": n,
                "clusters": n,
            }
        )
    return made


def _paired(detectors, marks, rng):
    made = []
    for i, a in enumerate(detectors):
        for b in detectors[:i]:
            difference = float(rng.normal(0, 0.1))
            p = float(2 * norm.sf(abs(difference) / 0.04))
            made.append({
                "a": a, "b": b, "source": "gen/unmarked", "attack": "none", "strength": 0.0, "length": 0, "n": 400,
                "auroc": {"difference": difference, "low": difference - 0.08, "high": difference + 0.08, "p": p},
                "tpr": {"rate": 0.01, "difference": difference / 2, "low": difference / 2 - 0.1, "high": difference / 2 + 0.1, "p": min(1.0, 2 * p)},
                "p_holm": min(1.0, 6 * p),
            })  # fmt: skip
    return made


def _damage(attacks, source, n):
    return [
        {"attack": label, "strength": s, "source": source, "n": n, "emptied": int(label == "delete" and s == 0.5), "token_edit_rate": estimate(0.9 * s, n),
         "ngram_survival": [estimate(max(0.0, 1 - 0.9 * s) ** k, n) for k in (1, 2, 3, 4)], "length_ratio": estimate(1 - 0.2 * s, n, 0.02), "similarity": None}
        for label, (_, strengths, _) in attacks.items() for s in strengths
    ]  # fmt: skip


def _quality(sources, n, rng):
    made = []
    for source in sources:
        marked = source != "gen/unmarked"
        figures = {
            "perplexity": (21.0, 4.0),
            "log_diversity": (7.1, -0.2),
            "repetition": (0.04, 0.004),
            "distinct_2": (0.93, -0.01),
            "self_bleu": (0.31, 0.01),
        }
        measures = {}
        for name, (level, shift) in figures.items():
            moved = shift * (1 + 0.4 * rng.normal()) if marked else 0.0
            twin = estimate(level, n, 0.03 * level)
            measures[name] = {
                "value": estimate(level + moved, n, 0.03 * level),
                "unmarked": twin if marked else None,
                "difference": estimate(moved, n, abs(shift) / 2) if marked else None,
            }
        made.append({"source": source, "twin": "gen/unmarked" if marked else None, "n": n, "measures": measures})
    return made
