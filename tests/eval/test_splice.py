"""The pasted range holds the piece, and nothing of the host is lost. Values by hand."""

import pytest
from assay.eval.splice import Splice, sentence_break, splice, word_break
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(max_size=40)


def test_a_piece_between_words_gets_the_blanks_it_lacks():
    # "ab" + " " + "xy" + " " + "cd": the piece stands at 3 to 5
    assert splice("abcd", "xy", 2) == Splice("ab xy cd", 3, 5)
    assert splice("ab cd", "xy", 3) == Splice("ab xy cd", 3, 5)
    assert splice("ab cd", "xy", 2) == Splice("ab xy cd", 3, 5)


def test_a_piece_at_an_end_gets_a_blank_on_one_side():
    assert splice("ab", "xy", 0) == Splice("xy ab", 0, 2)
    assert splice("ab", "xy", 2) == Splice("ab xy", 3, 5)
    assert splice("", "xy", 0) == Splice("xy", 0, 2)


def test_an_empty_piece_is_the_identity():
    assert splice("abcd", "", 2) == Splice("abcd", 2, 2)


@given(TEXT, TEXT, st.data())
def test_the_range_holds_the_piece_and_the_rest_is_the_host(host, piece, data):
    at = data.draw(st.integers(0, len(host)))
    edit = splice(host, piece, at)
    before, after = edit.text[: edit.start], edit.text[edit.stop :]
    assert edit.text[edit.start : edit.stop] == piece
    assert before[:at] == host[:at]
    assert after.endswith(host[at:])
    assert before[at:] in ("", " ")
    assert len(after) - len(host[at:]) in (0, 1)


@pytest.mark.parametrize("at", [-1, 5])
def test_a_place_outside_the_host_is_refused(at):
    with pytest.raises(ValueError, match="from 0 to the host's 4 characters"):
        splice("abcd", "xy", at)


def test_the_nearest_word_starts_where_a_blank_ends():
    # words start at 0, 4 and 8; the text ends at 11
    text = "one two six"
    assert [word_break(text, near) for near in (0, 2, 3, 5, 7, 9, 10, 11)] == [0, 0, 4, 4, 8, 8, 11, 11]
    assert word_break("", 0) == 0
    assert word_break("abcdef", 2) == 0


def test_the_nearest_sentence_starts_after_a_stop_its_quotes_and_blanks():
    # "He left." is 8 characters, so "She" starts at 9; `"Why?" ` follows "She stayed. " at 21 and ends at 28
    text = 'He left. She stayed. "Why?" Nobody knows.'
    assert [sentence_break(text, near) for near in (0, 14, 16, 26)] == [9, 9, 21, 28]


def test_without_a_second_sentence_it_is_the_nearest_word():
    assert sentence_break("one two six", 5) == 4
