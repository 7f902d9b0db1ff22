"""Cropping: which words go, how many, and that the rest is a piece of the text."""

import pytest
from assay.errors import DataError
from assay.eval.attack import attack_texts, make_attack
from hypothesis import given
from hypothesis import strategies as st

TEXT = "a b  c\nd e f g h i j"


def crop(text, strength, where="end", seed=0):
    return attack_texts(make_attack("crop", {"where": where}), [text], strength, ["one"], seed)[0]


@pytest.mark.parametrize(
    ("where", "strength", "expected"),
    [
        ("end", 0.3, "a b  c\nd e f g"),
        ("end", 0.7, "a b  c"),
        ("start", 0.3, "d e f g h i j"),
        ("both", 0.4, "c\nd e f g h"),
        ("both", 0.5, "c\nd e f g"),
        ("end", 0.05, TEXT),
    ],
)
def test_words_go_where_they_are_asked_to(where, strength, expected):
    """Ten words; of 0.05 * 10 none goes, of 0.5 * 10 two before and three behind."""
    assert crop(TEXT, strength, where) == expected


def test_white_space_around_a_text_stays_at_the_end_that_is_not_cut():
    assert crop("  a b c d ", 0.5, "end") == "  a b"
    assert crop("  a b c d ", 0.5, "start") == "c d "


def test_a_stretch_at_random_is_anywhere():
    long = " ".join(str(i) for i in range(10))
    found = {crop(long, 0.7, "random", seed) for seed in range(100)}
    assert found == {f"{i} {i + 1} {i + 2}" for i in range(8)}


@pytest.mark.parametrize("where", ["end", "start", "both", "random"])
def test_strength_1_empties_a_text(where):
    assert crop(TEXT, 1.0, where) == ""


@given(
    st.text(st.characters(exclude_categories=())),
    st.floats(0.01, 1),
    st.sampled_from(["end", "start", "both", "random"]),
)
def test_what_is_left_is_a_piece_of_the_text_and_never_too_little(text, strength, where):
    left = crop(text, strength, where)
    assert left in text
    if text.isascii():
        assert len(left.split()) == len(text.split()) - int(strength * len(text.split()) + 1e-9)


def test_another_place_is_refused():
    with pytest.raises(DataError, match="where must be one of end, start, both, random"):
        make_attack("crop", {"where": "middle"})
