"""A trace shows the evidence that the detector tests, and every character of the text."""

from itertools import pairwise

import numpy as np
import pytest
from assay.detect.evidence import Reason
from assay.detect.exact import binomial_log10_sf
from assay.detect.marks import MarkDetector
from assay.eval.demo import human_passages
from assay.eval.trace import GREEN, OUTSIDE, RED, Piece, Trace, trace
from hypothesis import given, settings
from hypothesis import strategies as st

HOSTILE = [
    "",
    " ",
    "a",
    "\u202e\u05e9\u05dc\u05d5\u05dd\u202c <b>😀👩‍👩‍👧</b>",
    "the the the the",
    "x\x00y\r\n\tz",
    "e\u0301 <|endoftext|> \ufeff",
]


def test_its_last_p_is_the_p_value_of_the_text(marks):
    texts = [passage.text for passage in human_passages()]
    detections = MarkDetector([marks[0]]).detect(texts)
    for found, (detection,) in zip(trace(texts, marks[0]), detections, strict=True):
        assert found.log10_p[-1] == detection.log10_p
        assert found.green.sum() == detection.statistic
        assert len(found.reason) == len(found.log10_p) == detection.n_tokens


def test_every_prefix_has_the_exact_p_of_its_counts(marks):
    found = trace([human_passages()[0].text], marks[0])[0]
    for stop in range(1, len(found.green), 17):
        green, scored = int(found.green[:stop].sum()), int((found.reason[:stop] == Reason.SCORED).sum())
        assert found.log10_p[stop - 1] == binomial_log10_sf(green, scored, 0.25)


def test_pieces_hold_every_character_once(marks):
    for found in trace(HOSTILE, marks[0]):
        pieces = found.pieces()
        assert "".join(found.text[piece.start : piece.stop] for piece in pieces) == found.text
        assert all(a.stop == b.start for a, b in pairwise(pieces))


@settings(max_examples=8, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=30))
def test_pieces_hold_every_character_of_any_text(marks, texts):
    for found in trace(texts, marks[0]):
        assert "".join(found.text[piece.start : piece.stop] for piece in found.pieces()) == found.text


@pytest.fixture
def small():
    """Return `abcdefgh` as the tokens ab, (gap) d, d again, efg."""
    chars = np.array([[0, 2], [3, 4], [3, 4], [4, 7]])
    reason = np.array([Reason.SHORT_CONTEXT, Reason.SCORED, Reason.SCORED, Reason.SCORED], np.uint8)
    return Trace("abcdefgh", chars, reason, np.array([False, True, False, False]), np.zeros(4))


def test_a_shared_character_goes_to_its_first_token_and_gaps_are_outside(small):
    assert small.pieces() == [
        Piece(0, 2, "short_context"),
        Piece(2, 3, OUTSIDE),
        Piece(3, 4, GREEN),
        Piece(4, 7, RED),
        Piece(7, 8, OUTSIDE),
    ]


def test_token_ranges_hold_the_tokens_that_touch_the_characters(small):
    assert small.token_range(0, 8) == (0, 4)
    assert small.token_range(3, 4) == (1, 3)
    assert small.token_range(5, 6) == (3, 4)
    assert small.token_range(2, 3) == (1, 1)  # between tokens
    assert small.token_range(7, 8) == (4, 4)
