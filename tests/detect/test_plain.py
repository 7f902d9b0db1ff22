"""Text on one line: what collections differ in is gone, and every character knows its place."""

from assay.detect.plain import plain, plain_text
from hypothesis import given
from hypothesis import strategies as st


def test_line_breaks_quotes_and_dashes_are_gone() -> None:
    text = " \u201cOne\u201d\n\n\ttwo \u2013 it\u2019s three\u2014four \n"
    assert plain_text(text) == '"One" two - it\'s three-four'


def test_characters_know_their_places() -> None:
    text = "\n\u201cOne\u201d \n\n two"
    found = plain(text)
    start = found.text.index("two")
    assert text[slice(*found.span(start, start + 3))] == "two"
    assert text[slice(*found.span(0, 5))] == "\u201cOne\u201d"


@given(st.text(alphabet=" \n\tab\u201c\u2014\u00e9\U0001f600"))
def test_both_forms_agree_and_places_ascend(text: str) -> None:
    found = plain(text)
    assert found.text == plain_text(text) == plain_text(found.text)
    assert len(found.places) == len(found.text)
    assert all(text[at] == sign for at, sign in zip(found.places, found.text, strict=True) if sign.isalnum())
    assert all(a < b for a, b in zip(found.places, found.places[1:], strict=False))
