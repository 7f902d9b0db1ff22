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
    assert _codes(made(missing, "human"), made(MACHINE)) >= {"no score"}
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


def _cut(n: int, length: int, attack: str, **columns):
    """Return the first n machine texts as they stand at a length."""
    given = {"attack": attack, "strength": 0.0 if attack == "none" else 1.0, "n_tokens": length or 100, **columns}
    return made(MACHINE[:n], length=length, **given)


def test_an_attack_that_leaves_under_nine_tenths_of_the_texts_long_enough_raises_one() -> None:
    """200 texts have 50 tokens; 179 under one attack, 180 under the other, and whole they are all there under both."""
    tables = [made(HUMAN, "human"), made(HUMAN, "human", length=50), _cut(200, 0, "none"), _cut(200, 50, "none")]
    tables += [_cut(200, 0, "cutting"), _cut(179, 50, "cutting"), _cut(200, 0, "swap"), _cut(180, 50, "swap")]
    metrics = measure(pooled(*tables), SETTINGS)
    (alarm,) = metrics["alarms"]
    assert (alarm["code"], alarm["where"]) == ("shortened", "d: machine, cutting 1, 50 tokens")
    assert alarm["what"].startswith("179 of 200 machine texts still have 50 tokens after the attack")
    assert cell(metrics, attack="cutting", length=50)["alarms"] == [alarm["what"]]
    assert cell(metrics, attack="swap", length=50)["alarms"] == []


def test_other_texts_than_before_the_attack_do_not_make_up_for_those_that_fell_short() -> None:
    """100 of 200 fell below 50 tokens, and 100 that were shorter grew: as many as before, but others."""
    later = [f"{i}" for i in range(100, 300)]
    tables = [made(HUMAN, "human", length=50), _cut(200, 50, "none"), _cut(200, 50, "swap", text_id=later)]
    assert _codes(*tables) == {"shortened"}


def test_an_attack_that_leaves_no_text_long_enough_raises_one_though_there_is_no_cell() -> None:
    """Whole, the attacked texts have 40 tokens; and without whole texts a shorter length tells."""
    tables = [made(HUMAN, "human", length=length) for length in (0, 20, 50)]
    tables += [_cut(200, length, "none") for length in (0, 20, 50)]
    for there in ([_cut(200, 0, "cutting", n_tokens=40)], [_cut(200, 20, "cutting")]):
        metrics = measure(pooled(*tables, *there), SETTINGS)
        (alarm,) = metrics["alarms"]
        assert (alarm["code"], alarm["where"]) == ("shortened", "d: machine, cutting 1, 50 tokens")
        assert alarm["what"].startswith("all 200 machine texts are shorter than 50 tokens")


def test_a_length_that_an_attack_was_not_scored_at_raises_none() -> None:
    tables = [made(HUMAN, "human", length=length) for length in (0, 50)]
    assert _codes(*tables, _cut(200, 0, "none"), _cut(200, 50, "none"), _cut(200, 0, "swap")) == set()


def test_the_list_names_each_kind_once_for_each_detector() -> None:
    tables = [made(HUMAN, "human")]
    tables += [made([1.0] * 200, attack="swap", strength=s) for s in (0.1, 0.2, 0.3)]
    found = measure(pooled(*tables), SETTINGS)
    (alarm,) = [a for a in found["alarms"] if a["code"] == "saturated"]
    assert alarm["where"] == "d: machine, swap 0.1, whole texts (and 2 more)"
    assert sum(any("saturates" in text for text in c["alarms"]) for c in found["cells"]) == 3
