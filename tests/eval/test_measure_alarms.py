"""Alarms: what is wrong with scores is said, in the cell and once for each detector."""

import numpy as np
import pytest
from assay.eval.measure import MeasureSettings, measure

from .made_scores import cell, made, pooled

SETTINGS = MeasureSettings(rates=(0.05, 0.01), draws=50)
RNG = np.random.default_rng(0)
HUMAN, MACHINE = RNG.normal(0, 1, 200), RNG.normal(1.5, 1, 200)


def _codes(*tables):
    return {alarm["code"] for alarm in measure(pooled(*tables), SETTINGS)["alarms"]}


def test_good_scores_raise_none() -> None:
    assert _codes(made(HUMAN, "human"), made(MACHINE)) == set()


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_a_constant_score_raises_one(score: float) -> None:
    """As two submissions to a public leaderboard, unnoticed: AUROC is .5, and no machine text is found."""
    metrics = measure(pooled(made([score] * 200, "human"), made([score] * 200)), SETTINGS)
    found = cell(metrics)
    assert found["auroc"]["value"] == 0.5
    assert found["tpr"]["0.05"]["value"] == 0.0
    assert [a["code"] for a in metrics["alarms"]] == ["constant"]
    assert found["alarms"] == [f"every text has the same score, {score:g}: it tells nothing apart"]


def test_a_probability_that_saturates_at_one_for_humans_too_raises_one() -> None:
    """As Fast-DetectGPT's public submission: 8 % of humans at 1.0, so that the 5 and 1 % points cannot be set, though most machine texts are there."""
    human = np.concatenate([np.linspace(0, 0.9, 184), np.ones(16)])
    machine = np.concatenate([np.linspace(0.5, 0.99, 60), np.ones(140)])
    metrics = measure(pooled(made(human, "human"), made(machine)), SETTINGS)
    assert cell(metrics)["tpr"]["0.05"]["value"] == 0.0
    (alarm,) = metrics["alarms"]
    assert alarm["code"] == "saturated"
    assert "8 % of human texts share the highest score, 1, and 70 % of machine texts" in alarm["what"]
    assert "no threshold at 5 % can be set" in alarm["what"]


def test_machine_texts_that_pile_up_at_the_top_raise_one_though_thresholds_can_be_set() -> None:
    machine = np.concatenate([MACHINE[:100], np.full(100, 9.0)])
    assert _codes(made(HUMAN, "human"), made(machine)) == {"saturated"}


def test_an_inverted_score_raises_one_but_an_attack_that_succeeds_does_not() -> None:
    assert _codes(made(-HUMAN, "human"), made(-MACHINE)) == {"inverted"}
    attacked = made(-MACHINE, attack="paraphrase", strength=1.0)
    assert _codes(made(HUMAN, "human"), made(MACHINE), attacked) == set()


def test_missing_scores_and_abstentions_raise_one() -> None:
    missing = np.where(np.arange(200) < 20, np.nan, MACHINE)
    assert _codes(made(HUMAN, "human"), made(missing)) == {"no score"}
    silent = made(MACHINE, abstained=["too short"] * 101 + [""] * 99)
    assert _codes(made(HUMAN, "human"), silent) == {"abstention"}


def test_too_few_texts_and_one_class_raise_one() -> None:
    assert _codes(made(HUMAN[:20], "human"), made(MACHINE)) == {"few"}
    assert _codes(made(HUMAN, "human", cluster=["a", "b"] * 100), made(MACHINE)) == {"few"}
    assert _codes(made(MACHINE)) == {"one class"}


def test_no_score_at_all_gives_no_figure() -> None:
    """Stored scores know no attacked text: the cell is empty instead of an AUROC of 0."""
    table = pooled(made(HUMAN, "human"), made(MACHINE), made([np.nan] * 200, attack="swap", strength=1.0))
    found = cell(measure(table, SETTINGS), attack="swap")
    assert found["auroc"]["value"] is None
    assert (found["tpr"]["0.05"]["value"], found["tpr"]["0.05"]["why"]) == (None, "no machine text has a score")


def test_the_list_names_each_kind_once_for_each_detector() -> None:
    tables = [made(HUMAN, "human")]
    tables += [made([1.0] * 200, attack="swap", strength=s) for s in (0.1, 0.2, 0.3)]
    found = measure(pooled(*tables), SETTINGS)
    (alarm,) = [a for a in found["alarms"] if a["code"] == "saturated"]
    assert alarm["where"] == "d: machine, swap 0.1, whole texts (and 2 more)"
    assert sum(any("saturates" in text for text in c["alarms"]) for c in found["cells"]) == 3
