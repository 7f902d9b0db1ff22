"""AUROC, thresholds and ROC curves, with and without weights, against scikit-learn, `ranking.py` and hand counts."""

import numpy as np
import pytest
from assay.eval.cluster_draws import ClusterDraws
from assay.eval.measure import MeasureSettings, measure
from assay.eval.ranking import auroc, exceed, threshold_at
from assay.eval.score_rows import Condition, ScoreRows
from assay.eval.weighted_ranks import RankedHumans, roc_curve, weighted_share
from hypothesis import given, settings, strategies
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as roc_curve_of_scikit_learn

from .made_scores import cell, made, pooled

FEW = MeasureSettings(draws=20)


def _sides(rows):
    return rows.side("d", "machine", Condition()), rows.humans("d", Condition())


@settings(max_examples=40, deadline=None)
@given(
    human=strategies.lists(strategies.integers(0, 8), min_size=1, max_size=40),
    machine=strategies.lists(strategies.integers(2, 10), min_size=1, max_size=40),
)
def test_auroc_and_thresholds_are_scikit_learns_and_rankings_on_tied_scores(
    human: list[int], machine: list[int]
) -> None:
    table = pooled(made(human, "human"), made(machine))
    found = cell(measure(table, MeasureSettings(rates=(0.3, 0.1), draws=5)))
    labels = [0] * len(human) + [1] * len(machine)
    assert found["auroc"]["value"] == pytest.approx(roc_auc_score(labels, human + machine), abs=1e-7)
    scores = np.array(human + machine, float)
    assert found["auroc"]["value"] == pytest.approx(auroc(scores, np.array(labels, bool)), abs=1e-7)
    for rate in (0.3, 0.1):
        entry = found["tpr"][f"{rate:g}"]
        if len(human) * rate < 1 - 1e-9:
            assert entry["value"] is None
            assert entry["why"].startswith(f"needs {4 if rate == 0.3 else 10} humans")
            continue
        threshold = threshold_at(np.array(human, float), rate)
        assert entry["threshold"] == threshold
        assert entry["value"] == pytest.approx(exceed(np.array(machine, float), threshold), abs=1e-7)
        fpr, tpr, _ = roc_curve_of_scikit_learn(labels, scores, drop_intermediate=False)
        assert entry["value"] == pytest.approx(tpr[fpr <= rate + 1e-9].max(), abs=1e-7)


def test_every_draw_is_scikit_learns_figure_with_the_clusters_weights_as_sample_weights() -> None:
    """Tied scores, clusters shared by both classes and by several texts; 40 draws."""
    rng = np.random.default_rng(3)
    human, machine = rng.integers(0, 12, 90).astype(float), rng.integers(3, 15, 70).astype(float)
    names = [f"c{i}" for i in range(30)]
    pick = [list(np.array(names, object)[rng.integers(30, size=n)]) for n in (90, 70)]
    rows = ScoreRows(pooled(made(human, "human", cluster=pick[0]), made(machine, cluster=pick[1])))
    draws = ClusterDraws(rows.n_clusters, 40, np.random.default_rng(1))
    ours, theirs = _sides(rows)
    ranked = RankedHumans(theirs, draws)
    aurocs, share = ranked.auroc(ours), ranked.shares_above(ours, (0.1,))[0.1]
    scores = np.concatenate([theirs.score, ours.score])
    labels = np.repeat([0, 1], [90, 70])
    cluster = np.concatenate([theirs.cluster, ours.cluster])
    weights = draws.of(cluster, slice(0, 41)).astype(float)
    assert (weights[:, 0] == 1).all()
    assert weights[:, 1:].std() > 0.5
    for i in range(41):
        assert aurocs[i] == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights[:, i]), abs=1e-6)
        fpr, tpr, _ = roc_curve_of_scikit_learn(labels, scores, sample_weight=weights[:, i], drop_intermediate=False)
        expected = tpr[fpr <= 0.1 + 1e-9].max()
        assert (share.value if i == 0 else share.draws[i - 1]) == pytest.approx(expected, abs=1e-6)
        hits = scores > 9
        assert weighted_share(hits, cluster, draws)[i] == pytest.approx(np.average(hits, weights=weights[:, i]))


def test_draws_in_blocks_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    table = pooled(made(rng.normal(0, 1, 80), "human"), made(rng.normal(1, 1, 50)))
    at_once = measure(table, FEW)
    monkeypatch.setattr("assay.eval.cluster_draws._LARGEST", 200)
    assert measure(table, FEW) == at_once


def test_shares_above_by_hand() -> None:
    """Of ten humans 0..9 one may exceed the 10 % threshold: it is 8; two of four machine texts do, and one of two attacked humans."""
    table = pooled(
        made(range(10), "human"),
        made([8.0, 8.5, 9.0, 1.0], attack="swap", strength=0.5),
        made([3.0, 8.1], "human", attack="swap", strength=0.5, text_id=["0", "1"]),
    )
    found = cell(measure(table, MeasureSettings(rates=(0.1,), draws=50)))
    assert (found["tpr"]["0.1"]["value"], found["tpr"]["0.1"]["threshold"]) == (0.5, 8.0)
    assert (found["tpr"]["0.1"]["how"], found["tpr"]["0.1"]["humans_above"]) == ("empirical", 1)
    assert found["fpr_attacked"]["0.1"]["value"] == 0.5
    assert found["auroc_attacked"]["value"] == 5 / 8  # three are above 3.0, two above 8.1


def test_a_text_without_a_score_is_never_detected_sets_no_threshold_and_has_no_part_in_an_auroc() -> None:
    """Of four machine texts one has no score: 3 of 4 are above the threshold; of the 3 x 3 pairs with scores 8 are in order.

    Of three humans with a score one may exceed the threshold of 1/2: it is 2, and not the 1 that two of four could exceed.
    """
    nan = float("nan")
    table = pooled(made([1.0, 2.0, 3.0, nan], "human"), made([9.0, 8.0, 2.5, nan]))
    found = cell(measure(table, MeasureSettings(rates=(0.5, 0.25), draws=20)))
    assert (found["tpr"]["0.5"]["value"], found["tpr"]["0.5"]["n"], found["tpr"]["0.5"]["threshold"]) == (0.75, 4, 2.0)
    assert (found["auroc"]["value"], found["auroc"]["n"]) == (pytest.approx(8 / 9), 6)
    assert (found["n_machine"], found["n_human"]) == (4, 4)
    assert (found["n_scored_machine"], found["n_scored_human"]) == (3, 3)
    assert found["tpr"]["0.25"]["why"] == "needs 4 humans, has 3"
    assert found["roc"][0][1] == pytest.approx(0.0)
    assert found["roc"][1][:2] == [0.0, pytest.approx(2 / 3)]


@pytest.mark.parametrize("silent_on", ["human", "machine"])
def test_a_random_detector_that_is_silent_on_half_of_a_side_is_still_at_chance(silent_on: str) -> None:
    """A missing score that ranks below all others would make the AUROC .75 or .25; the ROC curve and scikit-learn's figure are of the scored texts."""
    rng = np.random.default_rng(5)
    scores = {"human": rng.normal(0, 1, 400), "machine": rng.normal(0, 1, 400)}
    scores[silent_on][::2] = np.nan
    metrics = measure(pooled(*(made(s, label) for label, s in scores.items())), MeasureSettings(rates=(0.05,)))
    found = cell(metrics)
    assert found["auroc"]["low"] <= 0.5 <= found["auroc"]["high"]
    kept = {label: s[~np.isnan(s)] for label, s in scores.items()}
    labels = np.repeat([0, 1], [len(kept["human"]), len(kept["machine"])])
    expected = roc_auc_score(labels, np.concatenate([kept["human"], kept["machine"]]))
    assert found["auroc"]["value"] == pytest.approx(expected, abs=1e-7)
    assert np.trapezoid(found["roc"][1], found["roc"][0]) == pytest.approx(expected, abs=0.02)
    entry = found["tpr"]["0.05"]
    assert (entry["threshold"], entry["n"]) == (threshold_at(kept["human"], 0.05), 400)
    (alarm,) = [a for a in metrics["alarms"] if a["code"] == "no score"]
    assert "AUROC is of those that have one" in alarm["what"]
    assert f"more {silent_on} texts" in alarm["what"]


def test_a_score_of_minus_infinity_is_a_score_below_all_others() -> None:
    """Of the 2 x 2 pairs the machine text at 1 wins both, that at -inf none."""
    found = cell(
        measure(pooled(made([0.0, 0.5], "human"), made([1.0, -np.inf])), MeasureSettings(rates=(0.5,), draws=5))
    )
    assert (found["auroc"]["value"], found["n_scored_machine"]) == (0.5, 2)


def test_the_roc_curve_is_scikit_learns_corners_thinned() -> None:
    rng = np.random.default_rng(1)
    human, machine = rng.normal(0, 1, 3000).round(2), rng.normal(1, 1, 2000).round(2)
    labels = np.repeat([0, 1], [3000, 2000])
    fpr, tpr, _ = roc_curve_of_scikit_learn(labels, np.concatenate([human, machine]), drop_intermediate=False)
    corners = {(round(float(x), 9), round(float(y), 9)) for x, y in zip(fpr, tpr, strict=True)}
    x, y = roc_curve(human, machine)
    assert 50 < len(x) <= 200
    assert {(round(float(a), 9), round(float(b), 9)) for a, b in zip(x, y, strict=True)} <= corners
    assert (x[0], y[0]) == (0.0, 0.0)
    assert (x[-1], y[-1]) == (1.0, 1.0)
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()
    assert ((x > 0) & (x < 0.002)).any()
    for rate in (1 / 3000, 0.01, 0.1):
        assert y[x <= rate + 1e-12].max() == pytest.approx(tpr[fpr <= rate + 1e-12].max(), abs=0.02)


def test_two_normals_have_the_auroc_and_rates_of_theory() -> None:
    """AUROC is Phi(d / sqrt 2), TPR at r is Phi(d - Phi^-1(1 - r)); 40,000 texts a side, so within .01 by five standard errors."""
    rng = np.random.default_rng(4)
    table = pooled(made(rng.normal(0, 1, 40_000), "human"), made(rng.normal(1.5, 1, 40_000)))
    found = cell(measure(table, MeasureSettings(draws=2)))
    assert found["auroc"]["value"] == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.01)
    for rate in (0.05, 0.01, 0.001):
        expected = norm.sf(norm.isf(rate) - 1.5)
        assert found["tpr"][f"{rate:g}"]["value"] == pytest.approx(expected, abs=0.02)
    assert found["tpr"]["1e-05"]["value"] is None
