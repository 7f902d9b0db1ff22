"""Thresholds that others set, and false positives by group."""

import numpy as np
from assay.eval.measure import MeasureSettings, measure

from .made_scores import made, pooled

TENTH = MeasureSettings(rates=(0.1,), draws=40)


def test_a_calibration_sets_threshold_is_used_on_the_test_texts() -> None:
    """Ten calibration humans 0..9: the threshold is 8. One of five test humans is above, two of three machine texts."""
    table = pooled(
        made(range(10), "human", role="calibration", source="cal"), made([0.0, 1.0, 2.0, 3.0, 8.5], "human"),
        made([8.0, 9.0, 10.0]),
    )  # fmt: skip
    moved = measure(table, TENTH)["moved"]
    assert len(moved) == 1
    assert (moved[0]["from"], moved[0]["to"], moved[0]["threshold"], moved[0]["n_from"]) == (
        "calibration set cal",
        "test",
        8.0,
        10,
    )
    assert moved[0]["fpr"]["value"] == 0.2
    assert round(moved[0]["tpr"]["value"], 6) == round(2 / 3, 6)


def test_a_calibration_sets_threshold_is_used_under_attack_too() -> None:
    """The threshold 8 of the calibration humans: of two machine texts both lie above it, under the attack one, and one of two humans under it."""
    attacked = {"attack": "swap", "strength": 0.5}
    table = pooled(
        made(range(10), "human", role="calibration", source="cal"), made([0.0, 1.0], "human"), made([9.0, 10.0]),
        made([8.5, 3.0], **attacked), made([0.0, 9.0], "human", **attacked), made([1.0, 9.0, 2.0, 0.0], attack="delete", strength=0.1),
    )  # fmt: skip
    moved = [m for m in measure(table, TENTH)["moved"] if m["from"] == "calibration set cal"]
    assert [(m["attack"], m["strength"], m["tpr"]["value"], m["fpr"]["value"], m["threshold"]) for m in moved] == [
        ("none", 0.0, 1.0, 0.0, 8.0), ("delete", 0.1, 0.25, None, 8.0), ("swap", 0.5, 0.5, 0.5, 8.0),
    ]  # fmt: skip


def test_thresholds_from_domains_are_of_unattacked_texts() -> None:
    domain = ["news"] * 10 + ["poems"] * 10
    attacked = made(range(20), attack="swap", strength=0.5, domain=domain)
    found = measure(pooled(made(range(20), "human", domain=domain), made(range(20), domain=domain), attacked), TENTH)
    assert {(m["attack"], m["strength"]) for m in found["moved"]} == {("none", 0.0)}


def test_a_calibration_text_that_is_tested_too_sets_no_threshold_and_raises_an_alarm() -> None:
    """Calibration texts 10 to 12 have the cluster of tested ones (a human's, a machine text's); 0 to 9 remain, and set 8 instead of 11."""
    cluster = [f"c{i}" for i in range(13)]
    table = pooled(
        made(range(13), "human", role="calibration", source="cal", cluster=cluster),
        made([0.0, 8.5, 9.5, 1.0], "human", cluster=["c10", "t1", "c11", ""]), made([11.5], cluster="c12"),
    )  # fmt: skip
    found = measure(table, TENTH)
    (moved,) = found["moved"]
    assert (moved["threshold"], moved["n_from"], moved["fpr"]["value"]) == (8.0, 10, 0.5)
    (alarm,) = [a for a in found["alarms"] if a["code"] == "shared"]
    assert alarm["what"].startswith("3 of 13 calibration texts share a text or a cluster with those tested")
    assert alarm["where"] == "calibration set cal"
    assert [c["n"] for c in found["counts"] if c["role"] == "calibration"] == [10]


def test_a_text_of_one_source_in_both_roles_is_tested_and_sets_no_threshold() -> None:
    """Ids are unique within a source: texts 5 to 14 of "human" calibrate, of which 5 to 9 are tested; those of "cal" are others."""
    ids = [f"{i}" for i in range(5, 15)]
    found = measure(
        pooled(
            made(range(10), "human"), made([20.0]), made(range(10), "human", source="human", role="calibration", text_id=ids),
            made(range(10), "human", source="cal", role="calibration"),
        ),
        MeasureSettings(rates=(0.2,), draws=20),
    )  # fmt: skip
    assert {m["from"]: m["n_from"] for m in found["moved"]} == {"calibration set cal": 10, "calibration set human": 5}
    assert [a["what"][:7] for a in found["alarms"] if a["code"] == "shared"] == ["5 of 10"]


def test_no_domain_sets_a_threshold_for_itself() -> None:
    """News 0..9 has the threshold 8, poems 10..19 have 18: all poems but none of the news lie above the other's."""
    table = pooled(
        made(range(20), "human", domain=["news"] * 10 + ["poems"] * 10),
        made([8.5, 30.0], domain=["news", "poems"]),
    )
    moved = {(m["from"], m["to"]): m for m in measure(table, TENTH)["moved"]}
    assert set(moved) == {("domain news", "domain poems"), ("domain poems", "domain news")}
    there, back = moved["domain news", "domain poems"], moved["domain poems", "domain news"]
    assert (there["threshold"], there["fpr"]["value"], there["tpr"]["value"]) == (8.0, 1.0, 1.0)
    assert (back["threshold"], back["fpr"]["value"], back["tpr"]["value"]) == (18.0, 0.0, 0.0)
    assert (there["fpr"]["n"], there["tpr"]["n"]) == (10, 1)


def test_the_interval_of_a_moved_threshold_counts_the_luck_of_those_who_set_it() -> None:
    """The same 1,000 test humans; a threshold of 20 humans is less sure than that of 2,000."""
    rng = np.random.default_rng(0)
    test = made(rng.normal(0, 1, 1000), "human")
    widths = []
    for n in (20, 2000):
        origin = made(rng.normal(0, 1, n), "human", role="calibration", source="cal")
        fpr = measure(pooled(origin, test), MeasureSettings(rates=(0.1,), draws=300))["moved"][0]["fpr"]
        widths.append(fpr["high"] - fpr["low"])
    assert widths[0] > 3 * widths[1]


def test_a_groups_false_positives_are_at_the_threshold_of_the_others() -> None:
    """Non-native texts 10..19 all lie above the 10 % point of the others (0..9), of whom none lies above theirs."""
    table = pooled(made(range(20), "human", group=[""] * 10 + ["non-native"] * 10), made([30.0, 31.0]))
    found = {(g["by"], g["value"]): g for g in measure(table, TENTH)["groups"]}
    assert set(found) == {("group", "(none)"), ("group", "non-native")}
    assert {g["how"] for g in found.values()} == {"other groups"}
    assert found["group", "non-native"]["fpr"]["value"] == 1.0
    assert found["group", "(none)"]["fpr"]["value"] == 0.0
    assert found["group", "non-native"]["fpr"]["low"] > 0.5


def test_a_group_is_judged_by_law_by_p_value_or_by_calibration_where_there_is_one() -> None:
    log10_p = np.log10(np.linspace(0.01, 1, 20))
    lang = ["en"] * 10 + ["de"] * 10
    mark = made(-log10_p, "human", detector="w", kind="mark", log10_p=log10_p, lang=lang)
    classifier = made(-log10_p, "human", detector="f", kind="classifier", log10_p=log10_p, lang=lang)
    plain = [
        made(range(20), "human", detector="s", lang=lang),
        made(range(10), "human", detector="s", role="calibration", source="cal"),
    ]
    found = {(g["detector"], g["value"]): g for g in measure(pooled(mark, classifier, *plain), TENTH)["groups"]}
    assert {d: found[d, "en"]["how"] for d in "wfs"} == {"w": "law", "f": "p-value", "s": "calibration"}
    assert (found["w", "en"]["fpr"]["value"], found["w", "de"]["fpr"]["value"]) == (0.2, 0.0)
    assert (found["s", "en"]["fpr"]["value"], found["s", "de"]["fpr"]["value"]) == (0.1, 1.0)


def test_a_conformal_p_value_that_cannot_reach_a_rate_gives_way_to_a_threshold() -> None:
    log10_p = np.log10(np.linspace(0.2, 1, 20))
    table = made(-log10_p, "human", detector="f", kind="classifier", log10_p=log10_p, lang=["en"] * 10 + ["de"] * 10)
    assert {g["how"] for g in measure(table, TENTH)["groups"]} == {"other groups"}


def test_marks_have_no_moved_thresholds() -> None:
    table = made(range(20), "human", kind="mark", domain=["a"] * 10 + ["b"] * 10, log10_p=-0.1)
    assert measure(table, TENTH)["moved"] == []
