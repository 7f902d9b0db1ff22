"""Two reports compared: what was different, which cells they share, which differences are clear."""

import copy

import numpy as np
import pytest
from assay.eval.compare import compare
from assay.eval.measure import MeasureSettings, measure

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
