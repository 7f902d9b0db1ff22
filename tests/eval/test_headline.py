"""The headline rate and the hardest attack: one rule, and the command line and the page say the same."""

import copy
import re

import pytest
from assay.eval.eval_report import write_report
from assay.eval.eval_report_false import flagged
from assay.eval.eval_report_view import Measured
from assay.eval.hardest_attack import hardest, lowers
from assay.eval.headline import headline
from assay.eval.headline_rate import headline_rate

from .checked_page import assert_whole
from .metrics_example import ATTACKS, metrics_example


def human_cell(n, rates, kind="scores", length=0, scored=None):
    cell = {"kind": kind, "attack": "none", "length": length, "n_human": n, "tpr": {f"{r:g}": {} for r in rates}}
    return cell if scored is None else cell | {"n_scored_human": scored}


@pytest.mark.parametrize(
    ("humans", "asked", "read_at"),
    [
        (100, (0.05, 0.01, 1e-3), 0.01),
        (93, (0.05, 0.01, 1e-3), 0.05),  # 1 % of 93 is no text
        (20, (0.05, 0.01), 0.05),
        (19, (0.05, 0.01), 0.01),  # none can be measured: its cells say what it needs
        (5000, (1e-3, 1e-4), 1e-3),
        (300, (1e-3,), 1e-3),
        (300, (), 0.01),
    ],
)
def test_detectors_are_read_at_1_percent_or_the_nearest_that_the_humans_can_measure(humans, asked, read_at):
    assert headline_rate([human_cell(humans, asked)], "scores", 0) == read_at


def test_the_humans_are_those_with_a_score_of_the_report_length_of_the_best_off_detector():
    cells = [human_cell(300, (0.05, 0.01), scored=28), human_cell(900, (0.05, 0.01), length=50)]
    assert headline_rate(cells, "scores", 0) == 0.05
    assert headline_rate([*cells, human_cell(150, (0.05, 0.01))], "scores", 0) == 0.01
    assert headline_rate([*cells, human_cell(150, (0.05, 0.01), "mark")], "scores", 0) == 0.05


@pytest.mark.parametrize(
    ("asked", "read_at"), [((0.01, 1e-5, 1e-6), 1e-5), ((0.01, 1e-3), 1e-3), ((1e-6, 1e-7), 1e-6), ((), 1e-5)]
)
def test_marks_are_read_at_1e_5_or_the_nearest_above_whatever_the_humans(asked, read_at):
    assert headline_rate([human_cell(3, asked, "mark")], "mark", 0) == read_at


def attacked(attack, strength, found, area):
    return {"attack": attack, "strength": strength, "tpr": {"1e-05": {"value": found}}, "auroc": {"value": area}}


def test_of_attacks_that_leave_equally_much_the_hardest_has_the_lowest_auroc_then_the_highest_strength():
    plain = attacked("none", 0.0, 1.0, 1.0)
    cells = [plain, *(attacked("resample", s, 1.0, a) for s, a in ((0.1, 1.0), (0.3, 0.998), (0.5, 0.998)))]
    assert hardest(cells, 1e-5) is cells[3]
    cells[3]["auroc"] = None
    assert hardest(cells, 1e-5) is cells[2]
    assert not lowers(plain, cells[2], 1e-5)
    cells[1]["tpr"]["1e-05"]["value"] = 0.99
    assert hardest(cells, 1e-5) is cells[1]
    assert lowers(plain, cells[1], 1e-5)
    assert hardest([plain], 1e-5) is None
    assert hardest(cells, 0.01) is None


@pytest.fixture(scope="module")
def few_humans():
    """Return the example with 60 humans that no score detector can be read at 1 % of: it has 5 % beside it."""
    metrics = metrics_example(marks=1, others=2, lengths=(0,), attacks={"resample": ATTACKS["resample"]}, n=60)
    for cell in metrics["cells"]:
        if cell["kind"] != "mark":
            assert cell["tpr"]["0.01"]["value"] is None
    return metrics


def test_the_command_line_and_the_page_read_the_same_rate(few_humans, tmp_path):
    measured = Measured(few_humans)
    said = {(one["detector"], one["source"]): one for one in headline(few_humans)["headline"]}
    for view in measured.views:
        for line in view.lines:
            one = said[line.detector, line.source]
            assert float(one["rate"]) == view.rate
            assert one["found"] == measured.cell(line)["tpr"][one["rate"]]["value"] is not None
    assert {one["rate"] for one in said.values()} == {"1e-05", "0.05"}
    page = assert_whole(write_report(few_humans, None, tmp_path)[0].read_text(encoding="utf-8"))
    assert page.cells.count("5 % of these humans") == 2 * 2
    assert "read at 5 % of the human texts flagged" in page.text
    assert "1 % needs more human texts than there are." in page.text


def test_an_attack_that_lowers_nothing_is_not_called_the_strongest(few_humans, tmp_path):
    metrics = copy.deepcopy(few_humans)
    for cell in metrics["cells"]:
        cell["tpr"]["1e-05"] |= {"value": 1.0, "low": 0.95, "high": 1.0}
        cell["auroc"] = {"value": 1.0, "low": 1.0, "high": 1.0}
    one = next(found for found in headline(metrics)["headline"] if found["rate"] == "1e-05")
    assert (one["worst_attack"], one["found_under_it"], one["lowered"]) == ("resample 0.5", 1.0, False)
    page = write_report(metrics, None, tmp_path)[0].read_text(encoding="utf-8")
    assert "none lowers it (shown: resample 0.5)" in assert_whole(page).cells


def test_only_a_rate_whose_interval_excludes_the_one_asked_for_is_shaded():
    """One of 6 texts flagged, 0.4 to 64 %: nothing is clear at 1 %; 30 of 100, 21 to 40 %, is."""
    few = flagged({"value": 1 / 6, "low": 0.004, "high": 0.64}, 0.01, "16.7 %")
    many = flagged({"value": 0.3, "low": 0.21, "high": 0.4}, 0.01, "30 %")
    assert (few.text, few.shade) == ("16.7 %", 0.0)
    assert (many.text, many.shade) == ("\N{BLACK UP-POINTING TRIANGLE} 30 %", 1.0)


def test_how_a_group_is_flagged_is_a_sentence(few_humans, tmp_path):
    page = write_report(few_humans, None, tmp_path)[0].read_text(encoding="utf-8")
    (said,) = re.findall(r"How a text of these groups is flagged: [^<]*", page)
    assert "by law (greenlist)" in said
    assert "threshold set on the tested humans (fast and embedded-words)" in said
