"""Marks in `measure`: found by law, whatever the humans; abstentions; which texts are theirs; what is null for them."""

import numpy as np
import pytest
from assay.eval.measure import MeasureSettings, measure
from scipy.stats import binomtest

from .made_scores import cell, made, pooled

FEW = MeasureSettings(rates=(0.05, 1e-5), draws=30)


def _marked(log10_p, label="machine", mark="w1", detector="w1", **columns):
    p = np.array(log10_p, float)
    source = columns.pop("source", f"gen/{mark or 'unmarked'}" if label == "machine" else "human")
    return made(-p, label, detector=detector, kind="mark", source=source, mark=mark, log10_p=p, **columns)


def test_a_mark_is_found_by_its_law_without_any_human_text() -> None:
    """Of eight texts two have p <= 1e-5, one of them at 1e-5 itself, and one abstains though its p is small."""
    why = [""] * 7 + ["too short"]
    table = _marked([-5.0, -9.0, -4.9, -3.1, -3.0, -0.1, 0.0, -7.0], abstained=why)
    found = cell(measure(table, FEW))
    entry = found["tpr"]["1e-05"]
    assert (entry["value"], entry["how"], entry["threshold"]) == (2 / 8, "law", 5.0)
    expected = binomtest(2, 8).proportion_ci(0.95, method="exact")
    assert (entry["low"], entry["high"]) == pytest.approx((expected.low, expected.high), abs=1e-7)
    assert found["decided"]["rate"] == 1e-3
    assert found["decided"]["detected"]["value"] == 5 / 8
    assert found["decided"]["abstained"]["value"] == 1 / 8
    assert found["auroc"]["value"] is None
    assert found["mark"] == "w1"
    assert found["median_log10_p"] == -4.0


def test_a_mark_meets_only_texts_that_carry_it_and_a_classifier_meets_all() -> None:
    rng = np.random.default_rng(0)
    tables = [_marked(-rng.exponential(1, 40), "human", "")]
    tables += [_marked(-rng.exponential(1, 40), mark=mark) for mark in ("w1", "w2", "")]
    classifier = [
        made(rng.normal(0, 1, 40), label, detector="fast", kind="classifier", source=source)
        for label, source in (
            ("human", "human"),
            ("machine", "gen/w1"),
            ("machine", "gen/w2"),
            ("machine", "gen/unmarked"),
        )
    ]
    metrics = measure(pooled(*tables, *classifier), FEW)
    met = {(c["detector"], c["source"]) for c in metrics["cells"]}
    assert met == {("w1", "gen/w1"), ("fast", "gen/w1"), ("fast", "gen/w2"), ("fast", "gen/unmarked")}
    assert {(p["a"], p["b"], p["source"]) for p in metrics["paired"]} == {("fast", "w1", "gen/w1")}
    nulls = {(c["null"], c["n"]) for c in metrics["calibration"]}
    assert nulls == {("human", 40), ("unmarked machine", 40), ("another mark", 40)}


def test_a_detector_may_have_another_name_than_its_mark() -> None:
    table = _marked([-6.0, -7.0], mark="w1", detector="exact test of w1")
    assert measure(table, FEW)["cells"] == []
    named = MeasureSettings(rates=(1e-5,), draws=5, marks={"exact test of w1": "w1"})
    assert cell(measure(table, named))["tpr"]["1e-05"]["value"] == 1.0


def test_a_forgery_of_humans_alone_shows_in_each_cell_of_its_mark() -> None:
    """Three of four forged humans pass; no machine text was attacked, so the cell has none."""
    table = pooled(
        _marked([-8.0, -9.0]), _marked([-0.2, -0.3, -0.1, -1.0], "human", ""),
        _marked([-6.0, -7.0, -8.0, -1.0], "human", "", attack="forge", strength=1.0),
    )  # fmt: skip
    found = cell(measure(table, FEW), attack="forge")
    assert (found["source"], found["n_machine"], found["auroc"]["value"]) == ("gen/w1", 0, None)
    assert found["fpr_attacked"]["1e-05"]["value"] == 0.75
    assert any("no machine text" in alarm for alarm in found["alarms"])


def test_uniform_p_values_are_calibrated_and_small_ones_raise_an_alarm() -> None:
    """2,000 p-values of evenly spaced quantiles are exact at every level; the same to the power 1.5 are too small."""
    p = (np.arange(2000) + 0.5) / 2000
    good = measure(_marked(np.log10(p), "human", ""), FEW)
    record = good["calibration"][0]
    assert record["observed"][:5] == [0.5, 0.2, 0.1, 0.05, 0.02]
    for nominal, low, high in zip(record["nominal"], record["low"], record["high"], strict=True):
        assert low <= nominal <= high
    assert not [a for a in good["alarms"] if a["code"] == "calibration"]
    bad = measure(_marked(1.5 * np.log10(p), "human", ""), FEW)
    assert [a["where"] for a in bad["alarms"] if a["code"] == "calibration"] == ["w1: human texts, n = 2000"]
    at = bad["calibration"][0]["nominal"].index(0.01)
    expected = binomtest(round(2000 * 0.01 ** (1 / 1.5)), 2000).proportion_ci(0.95, method="exact")
    assert bad["calibration"][0]["low"][at] == pytest.approx(expected.low, abs=2e-3)


def test_texts_that_a_detector_abstains_on_say_nothing_of_its_p_values() -> None:
    """100 exact p-values, and 100 of 1e-9 that it gives no verdict on: the figures are of the 100 it judges."""
    p = np.concatenate([(np.arange(100) + 0.5) / 100, np.full(100, 1e-9)])
    why = [""] * 100 + ["too short"] * 100
    found = measure(_marked(np.log10(p), "human", "", abstained=why), FEW)
    (record,) = found["calibration"]
    assert (record["n"], record["left_out"], record["observed"][:3]) == (100, 100, [0.5, 0.2, 0.1])
    assert not [a for a in found["alarms"] if a["code"] == "calibration"]


def test_conformal_p_values_of_a_classifier_are_checked_too() -> None:
    p = (np.arange(500) + 0.5) / 500
    table = made(-np.log10(p), "human", detector="fast", kind="classifier", log10_p=np.log10(p))
    records = measure(table, FEW)["calibration"]
    assert [(r["detector"], r["kind"], r["null"], r["n"]) for r in records] == [("fast", "classifier", "human", 500)]
