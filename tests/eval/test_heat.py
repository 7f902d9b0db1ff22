"""The heat map: the scale of ranks, its colours for every sight, and every character once."""

import math

import numpy as np
import pytest
from assay.detect.lm import LMScorer
from assay.eval.heat import DARK, LIGHT, heat_levels, heat_pieces, scale
from assay.models import EMBEDDED, resolve
from assay.watermark.model import load_model
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def embedded():
    return load_model(EMBEDDED, resolve(EMBEDDED), None, "cpu", "float32")


def test_the_scale_is_logarithmic():
    """8,192 = 2^13: step k + 1 begins at the first whole number from 2^(13 k / 11), with step 1 at rank 2; rank 1 has its own."""
    expected = [(0, 1), (1, 2), *((k + 1, math.ceil(2 ** (13 * k / 11))) for k in range(1, 11))]
    assert scale(8192) == expected
    assert heat_levels(np.array([0, 1, 2, 8192], np.int32), 8192).tolist() == [-1, 0, 1, 11]


def score(loaded, text):
    return next(iter(LMScorer(loaded).score([text])))


def test_tokens_that_share_a_character_make_one_piece(embedded):
    scores = score(embedded, "a \U0001f600")
    ranges = [tuple(pair) for pair in scores.chars.tolist()]
    sharing = [t for t, (start, stop) in enumerate(ranges) if start <= 2 < stop]
    assert len(sharing) > 1  # its bytes are several tokens
    last = heat_pieces(scores, 3, 8192)[-1]
    assert last.stop == 3
    assert last.tooltip.startswith(
        f"{len(sharing)} tokens, highest rank {max(scores.rank[sharing]):,} of 8,192, together p ="
    )
    assert last.level == heat_levels(scores.rank[sharing], 8192).max()


@settings(max_examples=10, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_pieces_hold_every_character_once(embedded, text):
    pieces = heat_pieces(score(embedded, text), len(text), 8192)
    assert "".join(text[piece.start : piece.stop] for piece in pieces) == text


# Viénot, Brettel and Mollon 1999: what a dichromat sees, as a matrix on linear sRGB; then the same for achromats.
SIGHT = {
    "ordinary": np.eye(3),
    "no red": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "no green": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    "no colour": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_each_step_is_visibly_darker_or_brighter_for_every_sight(colors, sight):
    """CIE L* must change by at least 3 from step to step, in one direction; about 1 can just be seen side by side."""
    srgb = np.array([[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in colors])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    brightness = (linear @ SIGHT[sight].T) @ [0.2126, 0.7152, 0.0722]
    steps = np.diff(116 * np.cbrt(brightness) - 16) * (
        -1 if colors is LIGHT else 1
    )  # all are above the linear part of L*
    assert steps.min() > 3
