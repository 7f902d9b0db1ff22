"""The page that sets two runs side by side: clear differences first, with the numbers of both."""

import copy

import pytest
from assay.eval.compare import compare
from assay.eval.comparison_report import write_comparison
from assay.eval.eval_wording import rate_estimate

from .checked_page import assert_whole
from .metrics_example import ATTACKS, estimate, metrics_example


def written(a, b, folder):
    html, text = write_comparison(compare(a, b), a, b, folder)
    return assert_whole(html.read_text(encoding="utf-8")), text.read_text(encoding="utf-8")


@pytest.fixture
def run():
    return metrics_example(marks=2, others=1, lengths=(0,), attacks={"delete": ATTACKS["delete"]})


def test_a_run_and_itself_are_the_same(run, tmp_path):
    page, _ = written(run, copy.deepcopy(run), tmp_path)
    assert "The two runs are the same" in page.text
    assert "in 0 the difference is clear" in page.text
    assert "Nothing: the signatures are equal." in page.text


def test_the_one_cell_that_differs_comes_first_with_both_numbers(run, tmp_path):
    other = copy.deepcopy(run)
    cell = next(c for c in other["cells"] if c["detector"] == "unigram" and c["strength"] == 0.3)
    before = cell["tpr"]["1e-05"] | {}
    cell["tpr"]["1e-05"] = {**before, **estimate(0.02, 200)}
    other["signature"]["seed"] = 7
    page, text = written(run, other, tmp_path)
    heads = [i for i, cell in enumerate(page.cells) if cell.startswith("n machine, human, B")]
    row = page.cells[heads[0] + 1 : heads[0] + 15]
    assert row[:5] == ["unigram", "gen/unigram", "delete 0.3", "whole texts", "clear: 1e-5"]
    assert row[6:8] == [rate_estimate(before), "2.0 % [0.55, 5.0]"]
    assert row[8].startswith(f"{100 * (0.02 - before['value']):+.1f} [")
    assert "seed: 0 in A, 7 in B" in page.text
    assert "clear: 1e-5" in text


def test_cells_of_one_run_are_listed(run, tmp_path):
    other = copy.deepcopy(run)
    other["cells"] = [c for c in other["cells"] if c["attack"] == "none"]
    page, _ = written(run, other, tmp_path)
    assert "Cells of one run only" in page.text
    assert page.cells.count("A") == len(run["cells"]) - len(other["cells"])


def test_hostile_names_stay_text_here_too(run, tmp_path):
    for cell in run["cells"]:
        cell["detector"] = "<script>|\u202e$x$" + cell["detector"]
    page, text = written(run, copy.deepcopy(run), tmp_path)
    assert "<script>|\N{REPLACEMENT CHARACTER}$x$unigram" in page.text
    assert "\u202e" not in text


def test_the_page_says_what_correction_leaves_and_how_many_would_look_clear_by_chance(run, tmp_path):
    """One figure of the run is moved so far that its interval just excludes 0: not clear among all that are compared."""
    other = copy.deepcopy(run)
    cell = next(c for c in other["cells"] if c["detector"] == "unigram" and c["strength"] == 0.3)
    ours = next(c for c in run["cells"] if c["detector"] == "unigram" and c["strength"] == 0.3)
    ours["tpr"]["1e-05"] |= {"value": 0.5, "low": 0.43, "high": 0.57}
    cell["tpr"]["1e-05"] = {**ours["tpr"]["1e-05"], "value": 0.4, "low": 0.33, "high": 0.47}
    compared = compare(run, other)
    assert compared["figures_compared"] > 40
    page, _ = written(run, other, tmp_path)
    assert "not clear after correction; interval excludes 0: 1e-5" in page.cells
    assert "in 0 the difference is clear" in page.text
    assert f"Without correction the intervals of 1 of {compared['figures_compared']} figures exclude 0." in page.text
    assert f"about {compared['figures_compared'] / 20:.0f} would by chance" in page.text
    assert "no correction is made" not in page.text
