"""Intersection over union of characters. Values by hand."""

import pytest
from assay.eval.overlap import character_iou
from hypothesis import given
from hypothesis import strategies as st

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda r: (min(r), max(r))), max_size=5)


@pytest.mark.parametrize(
    ("found", "truth", "iou"),
    [
        ([(0, 10)], [(0, 10)], 1.0),
        ([(0, 10)], [(10, 20)], 0.0),  # they touch and share nothing
        ([(0, 10)], [(5, 15)], 5 / 15),
        ([(2, 4), (6, 8)], [(0, 10)], 4 / 10),  # two stretches of one truth
        ([(0, 6), (4, 8)], [(0, 8)], 1.0),  # an overlap counts once
        ([(0, 4)], [(0, 2), (8, 10)], 2 / 6),
        ([], [(0, 10)], 0.0),
        ([(0, 10)], [], 0.0),
        ([], [], 1.0),
        ([(3, 3)], [], 1.0),  # an empty stretch holds no character
    ],
)
def test_iou_is_that_of_the_sets_of_characters(found, truth, iou):
    assert character_iou(found, truth) == pytest.approx(iou, abs=1e-15)


@given(RANGES, RANGES)
def test_iou_is_what_python_sets_give(found, truth):
    ours = {c for start, stop in found for c in range(start, stop)}
    theirs = {c for start, stop in truth for c in range(start, stop)}
    expected = len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0
    assert character_iou(found, truth) == expected == character_iou(truth, found)


@pytest.mark.parametrize("wrong", [(3, 2), (-1, 2)])
def test_a_range_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="0 <= start <= stop"):
        character_iou([wrong], [])
