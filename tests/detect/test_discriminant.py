"""Discriminants: Fisher's where there is one group, blind to what only groups differ in, and refused without enough texts."""

import numpy as np
import pytest
from assay.detect.discriminant import Discriminant, Settings, fit_discriminant
from assay.errors import DataError
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis


def sample(rng: np.random.Generator, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(n) % 2 == 1
    mixing = rng.normal(size=(5, 5))
    return rng.normal(size=(n, 5)) @ mixing + np.outer(labels, rng.normal(size=5)), labels


def test_one_group_without_extras_is_fishers_discriminant() -> None:
    """Oracle: scikit-learn's LDA on the same squashed features; equal counts make its pooled covariance ours."""
    features, labels = sample(np.random.default_rng(0))
    ours = fit_discriminant(features, labels, ["g"] * len(labels), Settings(ridge=0.0))
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(ours.expand(features), labels)
    direction = theirs.coef_[0] / np.linalg.norm(theirs.coef_[0])
    assert np.allclose(ours.weights / np.linalg.norm(ours.weights), direction, atol=1e-6)


def test_scores_are_standard_deviations_above_the_humans() -> None:
    features, labels = sample(np.random.default_rng(1))
    scores = fit_discriminant(features, labels, ["g"] * len(labels), Settings(ridge=0.0)).scores(features)
    assert abs(scores[~labels].mean()) < 1e-9
    assert scores[labels].mean() > 0
    assert np.std(scores[~labels]) == pytest.approx(1.0, abs=0.05)


def test_what_only_groups_differ_in_is_not_learned() -> None:
    """Feature 0 tells the groups apart and, group a being mostly machine, the labels; feature 1 tells labels apart in every group."""
    rng = np.random.default_rng(2)
    groups = np.repeat(["a", "b"], 2000)
    labels = rng.random(4000) < np.where(groups == "a", 0.9, 0.1)
    features = rng.normal(size=(4000, 2))
    features[:, 0] += 3.0 * (groups == "a")
    features[:, 1] += 1.0 * labels
    fitted = fit_discriminant(features, labels, groups.tolist(), Settings(ridge=0.0))
    assert abs(fitted.weights[0]) < 0.1 * abs(fitted.weights[1])
    pooled = fit_discriminant(features, labels, ["one"] * 4000, Settings(ridge=0.0))
    assert abs(pooled.weights[0]) > abs(pooled.weights[1]), "pooled, the group would have been learned"


def test_disagreement_of_groups_costs_a_feature_its_weight() -> None:
    """Feature 0 separates labels by 2 in a, by 0 in b; feature 1 by 1 in both: the mean distance is the same."""
    rng = np.random.default_rng(3)
    groups = np.repeat(["a", "b"], 3000)
    labels = rng.random(6000) < 0.5
    features = rng.normal(size=(6000, 2))
    features[:, 0] += 2.0 * (labels & (groups == "a"))
    features[:, 1] += labels
    indifferent = fit_discriminant(features, labels, groups.tolist(), Settings(ridge=0.0)).weights
    careful = fit_discriminant(features, labels, groups.tolist(), Settings(disagreement=4.0, ridge=0.0)).weights
    assert careful[0] / careful[1] < 0.5 * indifferent[0] / indifferent[1]


def test_knots_bend() -> None:
    """Humans in the middle, machines at both ends: no straight line separates them, a bent one does."""
    rng = np.random.default_rng(4)
    labels = np.arange(4000) % 2 == 1
    features = np.where(labels, rng.choice([-2.0, 2.0], 4000), 0.0)[:, None] + rng.normal(0, 0.3, (4000, 1))
    groups = ["g"] * 4000

    def accuracy(settings: Settings) -> float:
        scores = fit_discriminant(features, labels, groups, settings).scores(features)
        return float((scores[labels] > np.quantile(scores[~labels], 0.95)).mean())

    assert accuracy(Settings(knots=0)) < 0.6
    assert accuracy(Settings(knots=3)) > 0.95


def test_too_few_texts_are_one_line() -> None:
    features, _ = sample(np.random.default_rng(5), 60)
    with pytest.raises(DataError, match="at least 20 machine texts long enough to be read, got 5"):
        fit_discriminant(features[:35], np.arange(35) >= 30, ["g"] * 35, Settings())


def test_outliers_are_squashed() -> None:
    features, labels = sample(np.random.default_rng(6))
    fitted = fit_discriminant(features, labels, ["g"] * len(labels), Settings())
    assert isinstance(fitted, Discriminant)
    wild = fitted.scores(np.full((1, 5), 1e30))
    assert np.isfinite(wild).all()
    assert np.array_equal(wild, fitted.scores(np.full((1, 5), 1e12)))
