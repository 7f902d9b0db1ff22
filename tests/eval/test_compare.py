"""Two reports compared: what was different, which cells they share, which differences are clear."""

import copy

import numpy as np
import pytest
from assay.eval.compare import compare, signature_differences
from assay.eval.measure import MeasureSettings, measure
from scipy.stats import binom, norm

from .made_scores import made, pooled

SETTINGS = MeasureSettings(rates=(0.05, 0.01), draws=100)


def _metrics(seed: int, shift: float, attacks: tuple[str, ...] = ()) -> dict:
    rng = np.random.default_rng(seed)
    tables = [made(rng.normal(0, 1, 300), "human"), made(rng.normal(shift, 1, 300))]
    tables += [made(rng.normal(0.5, 1, 300), attack=name, strength=0.5) for name in attacks]
    signature = {
        "assay": "0.6", "plan": "quick", "seed": seed, "settings": {"draws": 100}, "packages": {"numpy": "2.4"},
        "models": {"embedded": {"sha256": "ab" * 32}}, "texts": {"human": {"n": 300, "sha256": "cd" * 32}},
    }  # fmt: skip
    return {"format": "assay-eval-1", "signature": signature, **measure(pooled(*tables), SETTINGS)}


def test_a_report_is_the_same_as_itself() -> None:
    one = _metrics(0, 1.0, ("swap",))
    found = compare(one, copy.deepcopy(one))
    assert found["same"]
    assert found["same_figures"]
    assert found["signature_differences"] == []
    assert len(found["cells"]) == 2
    assert not any(c["clear"] for c in found["cells"])
    assert {c["auroc_difference"] for c in found["cells"]} == {0.0}


def test_what_was_different_is_said_in_words() -> None:
    one = _metrics(0, 1.0)
    other = copy.deepcopy(one)
    signature = other["signature"]
    signature["assay"], signature["seed"] = "0.7", 5
    signature["models"]["embedded"]["sha256"] = "ef" * 32
    signature["texts"]["human"]["n"] = 200
    signature["packages"]["torch"] = "2.13"
    found = compare(one, other)
    assert found["signature_differences"] == [
        "version of Assay: 0.6 in A, 0.7 in B",
        "seed: 0 in A, 5 in B",
        "package torch: only in B",
        "model embedded, sha256: abababababab in A, efefefefefef in B",
        "texts of human, n: 300 in A, 200 in B",
    ]
    assert not found["same"]
    assert found["same_figures"]


def test_a_clear_difference_is_clear_and_chance_is_not() -> None:
    """Two runs at shifts 1 and 2 differ by .16 in AUROC with an interval of its two errors; two runs at 1 do not."""
    far = compare(_metrics(0, 1.0), _metrics(1, 2.0))["cells"][0]
    assert far["clear"]
    assert "auroc" in far["clear_in"]
    a, b = far["a"]["auroc"], far["b"]["auroc"]
    assert far["auroc_difference"] == pytest.approx(b["value"] - a["value"], abs=1e-5)
    expected = far["auroc_difference"] - np.hypot(b["value"] - b["low"], a["high"] - a["value"])
    assert far["auroc_interval"][0] == pytest.approx(expected, abs=1e-5)
    near = compare(_metrics(0, 1.0), _metrics(1, 1.0))["cells"][0]
    assert not near["clear"]
    assert near["auroc_interval"][0] < 0 < near["auroc_interval"][1]


def _shifted(by: list[float]) -> tuple[dict, dict]:
    """Return two reports of cells with AUROC .7, each +-.04, in the second higher by so much: the error of a difference is .04 sqrt 2 / 1.96."""
    both = []
    for more in ([0.0] * len(by), by):
        cells = [
            {
                "detector": "d", "source": f"s{i}", "attack": "none", "strength": 0.0, "length": 0, "tpr": {},
                "auroc": {"value": 0.7 + x, "low": 0.66 + x, "high": 0.74 + x, "n": 500, "clusters": 500},
            }
            for i, x in enumerate(more)
        ]  # fmt: skip
        both.append({"cells": cells, "signature": {}})
    return both[0], both[1]


def test_clear_is_corrected_for_the_number_of_figures_compared() -> None:
    """z = 2.5 has p = .0124, clear alone; among twenty figures Holm asks .0025, which z = 3.2 (p = .0014) meets."""
    unit = 0.04 * np.sqrt(2) / 1.959964
    (alone,) = compare(*_shifted([2.5 * unit]))["cells"]
    assert alone["p"]["auroc"] == pytest.approx(2 * norm.sf(2.5), rel=1e-4)
    assert alone["clear"]
    found = compare(*_shifted([2.5 * unit, -3.2 * unit] + [0.0] * 18))
    assert found["figures_compared"] == 20
    assert [c["clear"] for c in found["cells"][:3]] == [False, True, False]
    assert [c["uncorrected_in"] for c in found["cells"][:3]] == [["auroc"], ["auroc"], []]
    assert found["cells"][1]["p_holm"]["auroc"] == pytest.approx(20 * 2 * norm.sf(3.2), rel=1e-4)
    assert "Holm" in found["note"]


def test_runs_that_differ_by_chance_alone_are_seldom_clear_anywhere() -> None:
    """200 comparisons of 40 figures of one truth: without correction nearly all have one; with it more than 22 of 200 has a chance below 1e-3 at 5 %."""
    rng = np.random.default_rng(0)
    unit = 0.04 * np.sqrt(2) / 1.959964
    found = [compare(*_shifted(list(rng.normal(0, unit, 40))))["cells"] for _ in range(200)]
    assert binom.sf(22, 200, 0.05) < 1e-3
    assert sum(any(c["clear"] for c in cells) for cells in found) <= 22
    assert sum(any(c["uncorrected_in"] for c in cells) for cells in found) > 150


def test_cells_of_one_report_alone_are_listed() -> None:
    found = compare(_metrics(0, 1.0, ("swap", "delete")), _metrics(0, 1.0, ("case",)))
    assert [c["attack"] for c in found["cells"]] == ["none"]
    assert [c["attack"] for c in found["only_a"]] == ["delete", "swap"]
    assert [c["attack"] for c in found["only_b"]] == ["case"]


def test_a_rate_that_one_report_could_not_set_has_no_difference() -> None:
    one, other = _metrics(0, 1.0), _metrics(1, 1.0)
    entry = other["cells"][0]["tpr"]["0.01"]
    entry |= {"value": None, "low": None, "high": None}
    found = compare(one, other)["cells"][0]
    assert found["tpr_difference"]["0.01"] is None
    assert found["tpr_interval"]["0.01"] == [None, None]
    assert found["tpr_difference"]["0.05"] is not None


def test_an_empty_value_is_called_empty_in_both_runs() -> None:
    lines = signature_differences({"plan": "a", "seed": 1}, {"plan": "", "seed": None})
    assert lines == ["plan: a in A, empty in B", "seed: 1 in A, none in B"]
