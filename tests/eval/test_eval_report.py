"""The report says what metrics.json says, whatever the names in it, and whatever of it is missing."""

import copy
import re

import numpy as np
import pytest
from assay.eval.eval_report import report_sections, write_report
from assay.eval.eval_report_parts import Table, in_sight
from assay.eval.eval_report_view import Measured
from assay.eval.eval_wording import (
    IN_SAMPLE,
    NONE,
    NOT_MEASURED,
    attack_name,
    auroc_estimate,
    percent,
    rate_estimate,
    rate_name,
    short_percent,
)
from assay.eval.headline import headline
from assay.eval.measure import MeasureSettings, measure

from . import made_scores as scores
from .checked_page import assert_whole
from .metrics_example import ATTACKS, estimate, metrics_example, timing_example

EVIL = '<script>alert(1)</script>|`x`$\\frac{$\x1b[2J\u202e\ud800 & "q" 日本'


def written(metrics, folder, timing=None):
    html, text = write_report(metrics, timing, folder)
    return html.read_text(encoding="utf-8"), text.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example():
    return metrics_example(lengths=(50, 200, 0), attacks={k: ATTACKS[k] for k in ("resample", "delete", "zero-width")})


@pytest.fixture(scope="module")
def small():
    attacks = {name: ATTACKS[name] for name in ("resample", "zero-width")}
    return metrics_example(marks=1, others=1, attacks=attacks, lengths=(50, 200, 0), n=60)


@pytest.fixture(scope="module")
def usual(example, tmp_path_factory):
    html, text = written(example, tmp_path_factory.mktemp("report"), timing_example())
    return assert_whole(html), text


def test_the_page_is_whole_and_has_a_section_for_every_part(usual):
    page, _ = usual
    sections = [
        "alarms", "headline", "attacks", "lengths", "strengths", "roc", "false", "calibration", "quality", "damage", "abstention",
        "paired", "cost", "cells", "signature", "reading", "limits",
    ]  # fmt: skip
    ids = page.values("id")
    assert [ids.index(name) for name in sections] == sorted(ids.index(name) for name in sections)
    assert all(sentence in page.text for sentence in NOT_MEASURED)


def test_every_picture_says_in_words_what_it_shows(usual):
    page, _ = usual
    pictures = page.met.count("svg") - page.values("aria-hidden").count("true")
    assert pictures == page.values("role").count("img") > 15
    assert "greenlist from" in page.html


def test_no_cell_is_blank_and_what_cannot_be_measured_says_why(usual, example):
    page, _ = usual
    assert [cell for cell in page.cells if not cell.strip()] == [""] * page.cells.count("")
    assert page.cells.count("") == len({r["detector"] for r in example["moved"]})  # the corner of each matrix
    assert "needs 1000 humans" in page.cells
    assert "needs 100000 humans" in page.cells


def test_every_rate_of_every_cell_stands_on_the_page_and_in_markdown(usual, example):
    page, text = usual
    for cell in example["cells"]:
        for entry in cell["tpr"].values():
            if entry["value"] is not None:
                assert rate_estimate(entry) in page.cells
        assert auroc_estimate(cell["auroc"]) in page.cells
    for entry in example["cells"][0]["tpr"].values():
        assert rate_estimate(entry).replace("[", "\\[").replace("]", "\\]") in text


def test_the_headline_is_the_paraphrase_that_leaves_least(tmp_path):
    """Of resample .1 .3 .5 (found 80, 20, 40 %) and delete (0 %), resample .3 is the strongest paraphrase: deletion is none."""
    metrics = metrics_example(marks=1, others=0, lengths=(0,), attacks={k: ATTACKS[k] for k in ("resample", "delete")})
    share = {("none", 0.0): 0.9, ("resample", 0.1): 0.8, ("resample", 0.3): 0.2, ("resample", 0.5): 0.4}
    for cell in metrics["cells"]:
        value = share.get((cell["attack"], cell["strength"]), 0.0)
        cell["tpr"]["1e-05"] = {
            "value": value,
            "low": value / 2,
            "high": min(1.0, value + 0.05),
            "n": 200,
            "clusters": 200,
            "how": "law",
        }
    page, _ = written(metrics, tmp_path)
    row = re.search(r"What paraphrase leaves.*?<tbody>\s*<tr>(.*?)</tr>", page, re.DOTALL)[1].replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert re.findall(r">([^<>]+)</t[dh]>", row)[:6] == [
        "greenlist",
        "90.0 % [45.0, 95.0]",
        "20.0 % [10.0, 25.0]",
        "1e-5 by law",
        "gen/greenlist",
        "resample 0.3",
    ]


def test_alarms_come_before_anything_else_and_are_counted(usual):
    page, text = usual
    assert page.html.index('class="loud"') < page.html.index('id="headline"')
    assert "2 alarms: read these before any figure" in text.splitlines()[2]


def test_a_law_and_a_threshold_of_the_tested_humans_are_told_apart(usual):
    page, _ = usual
    assert page.cells.count("1e-5 by law") == 3
    assert page.cells.count("1 % of these humans") == 2 * 4
    assert IN_SAMPLE in page.text
    assert "optimistic" not in page.text


def test_the_rate_on_new_humans_stands_beside_that_of_the_tested_ones(small, tmp_path):
    """At 1 % of 60 humans none can lie above; of 200, 2 do: 3 / 201 = 1.493 % of new ones on average."""
    metrics = copy.deepcopy(small)
    for cell in metrics["cells"]:
        cell["n_human"] = 250
        cell["n_scored_human"] = 200
        cell["tpr"]["0.01"] |= estimate(0.5, 60) | {
            "humans_above": 2,
            "how": "law" if cell["kind"] == "mark" else "empirical",
        }
    page = assert_whole(written(metrics, tmp_path)[0])
    assert "1 % of these humans (new ones: 1.5 %)" in page.cells


def test_an_auroc_says_of_how_many_texts_it_is_where_some_have_no_score(small, tmp_path):
    metrics = copy.deepcopy(small)
    for cell in metrics["cells"]:
        cell |= {"n_scored_machine": cell["n_machine"], "n_scored_human": 30}
    page = assert_whole(written(metrics, tmp_path)[0])
    cell = metrics["cells"][-1]
    assert cell["n_human"] == 60
    assert f"{auroc_estimate(cell['auroc'])} (n scored: 30 of 60 human)" in page.cells
    assert "60 (30 scored)" in page.cells
    assert "AUROC is of the texts that have a score (greenlist on gen/greenlist: 30 of 60 human; fast on" in page.text
    before = assert_whole(written(small, tmp_path)[0])
    assert "scored)" not in "".join(before.cells)


def shortened(example):
    """Return the example at 50, 200 and 400 tokens: delete 0.1 leaves 40 of 100 texts of 400 tokens, delete 0.3 and 0.5 none."""
    metrics = copy.deepcopy(example)
    left = {0.1: 40, 0.3: 0, 0.5: 0}
    for cell in metrics["cells"]:
        cell["n_machine"] = 100
        if cell["attack"] == "delete" and cell["length"] == 400:
            cell["n_machine"] = left[cell["strength"]]
    metrics["cells"] = [c for c in metrics["cells"] if c["n_machine"]]
    return metrics


@pytest.fixture(scope="module")
def long_only():
    attacks = {name: ATTACKS[name] for name in ("resample", "delete")}
    return shortened(metrics_example(marks=1, others=0, attacks=attacks, lengths=(50, 200, 400), n=200))


def test_attacks_are_compared_at_the_longest_length_that_each_leaves_enough_texts_of(long_only, tmp_path):
    assert Measured(long_only).length == 200
    (found,) = headline(long_only)["headline"]
    assert (found["length"], found["too_short"]) == (200, [])
    at = [c for c in long_only["cells"] if c["length"] == 200 and c["attack"] != "none"]
    assert found["found_under_it"] == min(c["tpr"]["1e-05"]["value"] for c in at)
    page = assert_whole(written(long_only, tmp_path)[0])
    assert "Attacks are compared at 200 tokens: the longest length at which each leaves at least 90 %" in page.text


def test_an_attack_that_leaves_too_few_texts_at_every_length_is_named_and_shows_n(long_only, tmp_path):
    metrics = copy.deepcopy(long_only)
    metrics["cells"] = [c for c in metrics["cells"] if c["length"] == 400]
    metrics["damage"] = [  # what is left of delete 0.3 and 0.5 at no length is known from what was attacked
        {"attack": "delete", "strength": s, "source": "gen/greenlist", "n": 100, "emptied": 0} for s in (0.1, 0.3, 0.5)
    ]
    (found,) = headline(metrics)["headline"]
    assert (found["length"], found["too_short"]) == (400, ["delete 0.1", "delete 0.3", "delete 0.5"])
    page = assert_whole(written(metrics, tmp_path)[0])
    assert (
        "some attacks leave less than 90 % of the texts long enough: delete 0.1, delete 0.3 and delete 0.5" in page.text
    )
    entry = next(c for c in metrics["cells"] if c["attack"] == "delete")["tpr"]["1e-05"]
    assert f"{rate_estimate(entry)} (n = 40)" in page.cells
    assert page.cells.count("shorter than 400 tokens after the attack") == 1 + 2  # the heat map has the strongest alone


def test_what_was_not_run_is_not_called_too_short(small, tmp_path):
    metrics = copy.deepcopy(small)
    metrics["cells"] = [c for c in metrics["cells"] if (c["attack"], c["kind"]) != ("resample", "mark")]
    metrics["damage"] = []
    page = assert_whole(written(metrics, tmp_path)[0])
    assert "shorter than" not in "".join(page.cells)


def test_carried_over_thresholds_name_the_attack_and_unattacked_ones_come_first(small, tmp_path):
    metrics = copy.deepcopy(small)
    plain = next(r for r in metrics["moved"] if r["from"].startswith("calibration"))
    none = {"value": None, "low": None, "high": None, "n": 0, "clusters": 0}
    attacked = {**plain, "attack": "delete", "strength": 0.3, "length": 0, "tpr": estimate(0.31, 90), "fpr": none}
    metrics["moved"] = [attacked, plain]
    page = assert_whole(written(metrics, tmp_path)[0])
    at = page.cells.index("calibration set held-out")
    rows = [page.cells[at - 1 + 10 * i : at + 9 + 10 * i] for i in (0, 1)]
    assert [row[3] for row in rows] == ["no attack", "delete 0.3"]
    assert rows[1][8:] == ["no human text here", f"{rate_estimate(estimate(0.31, 90))} (n = 90)"]


def test_a_page_says_which_attacks_are_given_texts_that_were_cut_before(small, tmp_path):
    metrics = copy.deepcopy(small)
    assert "it is cut first" not in written(metrics, tmp_path)[0]
    metrics["signature"]["attacks"]["resample"]["cut_first"] = True
    page = assert_whole(written(metrics, tmp_path)[0])
    assert "Under resample it is that of the text before: it is cut first" in page.text


def test_hostile_names_stay_text(small, tmp_path):
    metrics = copy.deepcopy(small)
    first = metrics["cells"][0]["detector"]

    def renamed(value):
        if isinstance(value, dict):
            return {renamed(k): renamed(v) for k, v in value.items()}
        if isinstance(value, list):
            return [renamed(v) for v in value]
        return EVIL if value in (first, "news", "resample", "fast") else value

    html, text = written(renamed(metrics), tmp_path)
    page = assert_whole(html)
    assert "<script>alert(1)</script>|`x`$\\frac{$" in page.text
    assert "\u202e" not in html + text
    assert "\x1b" not in html + text
    assert "<script" not in text.replace("\\<script", "")


@pytest.mark.parametrize(
    "part",
    [
        "signature",
        "settings",
        "cells",
        "moved",
        "groups",
        "calibration",
        "paired",
        "damage",
        "quality",
        "alarms",
        "counts",
        "all",
    ],
)
def test_a_missing_part_leaves_its_section_out_and_nothing_else(part, tmp_path):
    metrics = metrics_example(marks=1, others=1, lengths=(0,), attacks={"delete": ATTACKS["delete"]}, n=40)
    kept = {} if part == "all" else {key: value for key, value in metrics.items() if key != part}
    page = assert_whole(written(kept, tmp_path)[0])
    ids = page.values("id")
    assert (part in ids) == (part == "signature")  # which then says that there is none
    assert {"headline", "signature", "reading", "limits"} <= set(ids)
    assert ("false" in ids) == (part != "all")


def test_the_same_metrics_give_the_same_bytes(small, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_report(copy.deepcopy(small), None, tmp_path / name)
    for name in ("report.html", "report.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_metrics_are_left_as_they_were(small, tmp_path):
    before = copy.deepcopy(small)
    write_report(small, timing_example(), tmp_path)
    assert small == before


def test_markdown_tables_have_as_many_cells_as_heads(usual):
    _, text = usual
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert len(tables) > 15
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_many_detectors_and_attacks_keep_legends_short(tmp_path):
    attacks = {f"attack{i}": ("delete", (0.1, 0.5), 0.3 + 0.1 * i) for i in range(13)}
    metrics = metrics_example(marks=1, others=10, attacks=attacks, lengths=(50, 0), n=60)
    page = assert_whole(written(metrics, tmp_path)[0])
    legends = re.findall(r'<ul class="legend">(.*?)</ul>', page.html)
    assert max(legend.count("<li>") for legend in legends) <= 1 + 8
    assert "Of many lines the 8 that find most without attack are drawn; all are in the tables." in page.text


def test_what_measure_gives_can_be_reported(tmp_path):
    """A score that is the label plus noise and one that is constant: the page has both, with M's alarm for the second."""
    rng = np.random.default_rng(0)
    ids = [str(i) for i in range(150)]
    tables = []
    for detector, kind in (("good", "classifier"), ("stuck", "scores")):
        for label, shift in (("human", 0.0), ("machine", 2.0)):
            for attack, strength in (("none", 0.0), ("delete", 0.3)):
                value = rng.normal(shift * (1 - strength), 1, 150) if detector == "good" else np.ones(150)
                tables.append(
                    scores.made(
                        value,
                        label,
                        detector=detector,
                        kind=kind,
                        attack=attack,
                        strength=strength,
                        cluster=ids,
                        domain=["news", "stories"] * 75,
                    )
                )
    metrics = measure(scores.pooled(*tables), MeasureSettings(draws=50))
    page = assert_whole(written(metrics, tmp_path)[0])
    assert "alarms" in page.values("id")
    assert "stuck" in page.text.split("What was found")[1]
    assert {"roc", "false", "paired", "attacks"} <= set(page.values("id"))
    good = next(c for c in metrics["cells"] if (c["detector"], c["attack"]) == ("good", "none"))
    assert rate_estimate(good["tpr"]["0.01"]) in page.cells


def test_views_show_marks_on_their_own_text_and_the_fewest_panels():
    measured = Measured(metrics_example(marks=3, others=2, lengths=(0,)))
    assert [view.short for view in measured.views] == ["marks", "fast", "embedded-words"]  # 2 detectors, 4 sources
    assert [line.source for line in measured.views[0].lines] == ["gen/greenlist", "gen/unigram", "gen/gumbel"]
    assert [view.rate for view in measured.views] == [1e-5, 0.01, 0.01]
    turned = Measured(metrics_example(marks=1, others=5, lengths=(0,)))
    assert [view.short for view in turned.views] == ["marks", "gen/unmarked", "gen/greenlist"]


def test_long_tables_are_folded_and_whole():
    table = Table(["a"], [[str(i)] for i in range(60)], caption="c")
    first, rest = in_sight(table, 24)
    assert [*first.rows, *rest.rows] == table.rows
    assert (first.folded, rest.folded) == ("", "36 more rows")


def test_every_table_has_rows_as_wide_as_its_head(small):
    for section in report_sections(Measured(small), timing_example()):
        for block in section.blocks:
            if isinstance(block, Table):
                assert {len(row) for row in block.rows} <= {len(block.head)}


def test_rates_are_never_rounded_to_what_they_are_not():
    assert [percent(x) for x in (0.0, 1.0, 0.632, 0.042, 0.00042, 0.99961, 0.999999, None)] == [
        "0 %", "100 %", "63.2 %", "4.2 %", "0.042 %", "99.96 %", "99.99 %", NONE,
    ]  # fmt: skip
    assert [short_percent(x) for x in (0.0, 1.0, 0.632, 0.004, 0.997)] == ["0", "100", "63", "0.40", "99.7"]
    assert [rate_name(x) for x in (0.05, 0.01, 0.001, 1e-4, 1e-5)] == ["5 %", "1 %", "0.1 %", "1e-4", "1e-5"]
    assert auroc_estimate({"value": 0.99999, "low": 0.9996, "high": 1.0}) == "0.9999 [0.9996, 1.000]"
    assert rate_estimate({"value": None, "why": "needs 1000 humans"}) == "needs 1000 humans"
    assert attack_name("none", 0.0) == "no attack"
