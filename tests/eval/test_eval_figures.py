"""Pictures draw the numbers, in colours that can be read and told apart on light and on dark."""

import itertools
import re

import numpy as np
import pytest
from assay.eval.eval_figures import DARK, PALETTE, curve, style
from assay.eval.eval_figures_calibration import calibration_ends, calibration_panel
from assay.eval.eval_figures_curves import chosen, length_panel, roc_panel, strength_panel
from assay.eval.eval_figures_points import dot, dumbbell_panel, rows_panel, scatter_panel
from assay.eval.eval_report import line_styles
from assay.eval.eval_report_view import Measured

from .metrics_example import estimate, metrics_example


@pytest.fixture(scope="module")
def measured():
    return Measured(metrics_example(lengths=(50, 100, 200, 0)))


def points(svg, color):
    """Return where the markers of a line are, in points from the left and the top."""
    return [
        (float(x), float(y))
        for x, y in re.findall(rf'<use [^>]*?x="([\d.]+)" y="([\d.]+)" style="fill: var\(--{color}\)"', svg)
    ]


def test_a_curve_keeps_gaps():
    one = curve(
        "a",
        style(0),
        [
            (1.0, {"value": 0.5, "low": 0.4, "high": 0.6}),
            (2.0, None),
            (3.0, {"value": None, "why": "needs 1000 humans"}),
        ],
    )
    assert one.y.tolist()[0] == 0.5
    assert np.isnan(one.y[1:]).all()
    assert one.is_drawn


def test_markers_stand_at_their_lengths_and_shares(measured):
    """x is linear in log2 tokens and y in the share: three lengths a factor 2 apart are equally far apart."""
    view = measured.views[0]
    panel = length_panel(measured, view, line_styles(measured), "p")
    drawn = points(panel.svg, "l0")
    assert len(drawn) == 3
    x = [a for a, _ in drawn]
    assert x[2] - x[1] == pytest.approx(x[1] - x[0], abs=0.01)
    found = [measured.cell(view.lines[0], length=n)["tpr"]["1e-05"]["value"] for n in (50, 100, 200)]
    y = [b for _, b in drawn]
    assert (y[0] - y[1]) / (y[0] - y[2]) == pytest.approx((found[1] - found[0]) / (found[2] - found[0]), abs=0.01)


def test_strength_panels_begin_with_the_text_as_it_was(measured):
    panel = strength_panel(measured, measured.views[0], "delete", line_styles(measured), "p")
    assert len(points(panel.svg, "l0")) == 1 + 3
    assert "at 0 to" in panel.alt


def test_the_roc_axis_ends_at_one_human(measured):
    panel = roc_panel(measured, measured.views[0], line_styles(measured), "p")
    assert re.findall(r">([\d.e-]+ %|1e-\d)</text>", panel.svg)[:3] == [
        "1 %",
        "10 %",
        "100 %",
    ]  # of 200 humans 0.5 % is one


def test_calibration_says_which_p_are_off():
    record = {
        "nominal": [0.1, 0.01],
        "observed": [0.11, 0.05],
        "low": [0.08, 0.03],
        "high": [0.14, 0.07],
        "null": "human",
        "n": 400,
    }
    assert calibration_panel("d", [record], "c", (0.01, 1e-3)).alt.endswith("human: outside the interval at 1 %.")


def p_record(n, low, observed=0.0):
    return {"nominal": [0.1, 0.01], "observed": [0.1, observed], "low": [0.05, low], "high": [0.2, 0.1], "n": n}


def test_p_panels_have_one_axis_that_no_interval_stretches():
    """Of 400 texts a share of 0 to one text: a tenth of a text is 1 / 4000; the low end of 1e-9 of another record changes nothing."""
    records = [p_record(400, 1e-9, 0.0025), p_record(100, 0.0)]
    ends = calibration_ends(records)
    assert ends == (0.01, 1 / 4000)
    ticks = [re.findall(r">(1e-\d+|[\d.]+ %)</text>", calibration_panel("d", [r], "c", ends).svg) for r in records]
    assert ticks[0] == ticks[1] == ["1 %", "10 %", "100 %", "0.1 %", "1 %", "10 %", "100 %"]
    assert calibration_ends([p_record(20, 0.0)])[1] == pytest.approx(0.1 / 20)
    assert calibration_ends([p_record(2, 0.0)])[1] == pytest.approx(0.01 / 1.5)  # under the diagonal all the same


def test_more_lines_than_three_have_bars_and_no_bands():
    """Three bands are three filled areas; of four lines each has a bar a point, which stand side by side."""

    def filled(svg):
        return len(re.findall(r'id="p-(?:FillBetween)?PolyCollection_\d+"', svg))

    def bars(svg):
        groups = re.findall(r'<g id="p-LineCollection_\d+">(.*?)</g>', svg, re.DOTALL)
        return [sorted(float(x) for x in re.findall(r"M ([\d.]+) ", group)) for group in groups]

    of = {n: Measured(metrics_example(marks=n, others=0, lengths=(50, 100, 200), attacks={})) for n in (3, 4)}
    svg = {n: length_panel(m, m.views[0], line_styles(m), "p").svg for n, m in of.items()}
    assert (filled(svg[3]), bars(svg[3])) == (3, [])
    assert filled(svg[4]) == 0
    assert [len(xs) for xs in bars(svg[4])] == [3] * 4
    first = [xs[0] for xs in bars(svg[4])]
    assert np.diff(first) == pytest.approx([5 / 3] * 3, abs=1e-3)


def test_a_strength_axis_says_what_it_measures_and_what_of():
    metrics = metrics_example(marks=1, others=0, lengths=(200,))
    said = metrics["signature"]["attacks"]
    said["delete"]["strength_is"] = "share of words deleted"
    said["resample"]["strength_is"] = "share of a recorded paraphrase's changes that is made"
    measured = Measured(metrics)
    svg = {a: strength_panel(measured, measured.views[0], a, line_styles(measured), "p").svg for a in said}
    assert ">share of words deleted</text>" in svg["delete"]
    assert ">share of a recorded paraphrase's<" in svg["resample"]
    assert ">changes that is made<" in svg["resample"]
    assert ">strength</text>" in svg["homoglyph"]
    assert all(">found at FPR 1e-5</text>" in one for one in svg.values())


@pytest.mark.parametrize("name", ['<b>&"$x_1$\\frac{', "日本語の分野", "w" * 90, "-->"])
def test_any_name_can_be_drawn(name, recwarn):
    a, b = dot(estimate(0.2, 50), style(0)), dot(estimate(0.4, 50), style(1))
    panels = [
        rows_panel(name, [(name, [a, None]), ("b", [b, a])], 0.01, "r", name),
        dumbbell_panel(name, [(name, a, b, True)], "d", name),
        scatter_panel(name, name, "found", [(a, b, name)], "s"),
    ]
    for panel in panels:
        assert panel.svg.startswith('<svg role="img" aria-label="')
        assert panel.svg.endswith("</svg>")
        assert "<b>" not in panel.svg
        assert "width=" not in panel.svg[: panel.svg.index(">")]
    assert [str(w.message) for w in recwarn] == []


def test_all_zero_and_all_one_can_be_drawn():
    zero, one = dot(estimate(0.0, 50), style(0)), dot(estimate(1.0, 50), style(1))
    assert "<svg" in rows_panel("t", [("a", [zero]), ("b", [one])], 1e-5, "r", "alt").svg
    assert "<svg" in scatter_panel("t", "x", "y", [(zero, one, "a")], "s").svg


def test_colours_follow_the_page(measured):
    svg = length_panel(measured, measured.views[0], line_styles(measured), "p").svg
    assert "var(--l0)" in svg
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) <= {"#000000", "#ffffff"}
    assert len(set(PALETTE.values())) == len(PALETTE)
    assert PALETTE.keys() == DARK.keys()


def rgb(code):
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def linear(color):
    return np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """WCAG 2.2 contrast ratio."""
    one, two = (0.05 + linear(x) @ np.array([0.2126, 0.7152, 0.0722]) for x in (a, b))
    return max(one, two) / min(one, two)


@pytest.mark.parametrize("colors", [PALETTE, DARK])
def test_lines_and_words_stand_out_from_the_paper(colors):
    paper = rgb(colors["paper"])
    assert min(contrast(rgb(colors[f"l{i}"]), paper) for i in range(8)) >= 3.0  # graphics
    assert min(contrast(rgb(colors[name]), paper) for name in ("ink", "muted")) >= 4.5  # text


@pytest.mark.parametrize(("colors", "most"), [(PALETTE, 0.58), (DARK, 0.46)])
def test_words_on_the_strongest_shade_can_be_read(colors, most):
    for tone in ("seen", "bad"):
        shade = most * rgb(colors[tone]) + (1 - most) * rgb(colors["paper"])
        assert contrast(rgb(colors["ink"]), shade) >= 4.5


def test_lines_differ_without_colour():
    looks = [(style(i).color, style(i).marker) for i in range(24)]
    assert len(set(looks)) == 24
    for a, b in itertools.combinations([style(i) for i in range(8)], 2):
        assert (a.marker, a.dashes) != (b.marker, b.dashes)


def test_of_many_lines_those_that_find_most_are_drawn():
    measured = Measured(metrics_example(marks=0, others=12, attacks={}, lengths=(50,)))
    view = measured.views[0]
    kept = chosen(measured, view)
    found = {line: measured.cell(line)["tpr"]["0.01"]["value"] for line in view.lines}
    assert len(kept) == 8
    assert min(found[line] for line in kept) >= max(v for line, v in found.items() if line not in kept)
