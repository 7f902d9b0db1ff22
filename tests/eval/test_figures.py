"""Charts and picture: what is drawn is inside, whatever the text, and says what the numbers say."""

import struct

import numpy as np
import pytest
from assay.eval.figure import PALETTE, chart_figure, chart_svg
from assay.eval.poster import wrap, write_poster
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg


@pytest.fixture(scope="module")
def findings(examine, greenest):
    return examine(greenest, greenest[: len(greenest) // 2], "The sea was calm. Nobody spoke of it. " * 8)


@pytest.mark.parametrize(("width", "height"), [(8.2, 4.3), (4.1, 4.6)])
def test_no_label_leaves_the_figure_or_covers_another(findings, width, height):
    figure = chart_figure(findings, width, height)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [text for axes in figure.axes for text in _drawn(axes)]
    boxes = [t.get_window_extent(renderer) for t in texts]
    assert len(boxes) > 12
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    for i, a in enumerate(boxes):
        for j in range(i):
            assert not a.overlaps(boxes[j]), (texts[i].get_text(), texts[j].get_text())


def _drawn(axes):
    """Return the texts of a chart that are drawn: labels, legend, and ticks inside the limits."""
    texts = [axes.xaxis.label, axes.yaxis.label, *(axes.get_legend().get_texts() if axes.get_legend() else ())]
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        texts += [t.label1 for t in axis.get_major_ticks() if min(limits) <= t.get_loc() <= max(limits)]
    return [text for text in texts if text.get_visible() and text.get_text()]


def test_the_chart_draws_the_numbers(findings):
    curves, stretches = chart_figure(findings, 8.2, 4.3).axes[::-1]
    for curve, line in zip(findings.curves, curves.get_lines()[::2], strict=False):
        assert line.get_label() == curve.name
        assert np.array_equal(line.get_ydata(), curve.trace.log10_p)
    pasted, *found = stretches.patches
    first, last = findings.trace.token_range(*findings.truth)
    assert (pasted.get_x(), pasted.get_x() + pasted.get_width()) == (first, last)
    assert [(p.get_x(), p.get_x() + p.get_width()) for p in found] == [
        (span.start_token, span.stop_token) for span in findings.spans
    ]


def test_the_svg_is_one_scalable_element(findings):
    svg = chart_svg(findings, 4.1, 4.6, "narrow")
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    head = svg[: svg.index(">")]
    assert "viewBox" in head
    assert "width" not in head
    assert "<metadata" not in svg


def test_colours_are_all_different():
    assert len(set(PALETTE.values())) == len(PALETTE)


def test_the_picture_takes_any_text(examine, tmp_path, recwarn):
    hostile = "Say $x_1$ \\frac <b> \u202e\u05e9\u05dc\u05d5\u05dd\u202c 😀 日本 e\u0301 a\x00b\t" + "w" * 300 + "\n\n"
    write_poster(examine(hostile * 3, hostile, hostile), tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert width == 1344
    assert height > 1000
    assert [str(w.message) for w in recwarn if "Glyph" in str(w.message)] == []


@given(st.text(st.sampled_from("ab \n\t😀"), max_size=80), st.integers(1, 12))
def test_lines_hold_every_character_but_the_line_ends(text, columns):
    lines = wrap(text, columns)
    assert all(0 <= stop - start <= columns for start, stop in lines)
    assert "".join(text[start:stop] for start, stop in lines) == text.replace("\n", "")


def test_lines_break_at_blanks():
    assert wrap("one two three", 8) == [(0, 8), (8, 13)]
    assert wrap("abcdefgh", 3) == [(0, 3), (3, 6), (6, 8)]
