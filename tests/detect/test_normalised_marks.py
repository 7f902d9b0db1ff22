"""Marks whose texts are normalised first: what hides a mark from the tokenizer no longer does, and spans lie in the text as given."""

from dataclasses import replace

import numpy as np
import pytest
from assay.detect.evidence import Reason
from assay.detect.marks import MarkDetector, check_normaliser
from assay.detect.normalise import VERSION, normalise
from assay.detect.tokens import tokenize
from assay.errors import BadProfile, DataError
from assay.eval.trace import trace
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key

KEY = Key(bytes(range(32)))
ALIKE = str.maketrans("aeocp", "\u0430\u0435\u043e\u0441\u0440")
"""Latin letters to the Cyrillic ones that look the same."""

HOSTILE = [
    "",
    "\u200b",
    "<b>&amp;amp; \ufb01</b>\u202e  x",
    "e\u0301\u200d\u0430 \r\n\t\u00a0 \u00bd <|endoftext|>\ufeff",
]


def tamper(text: str, rate: float = 0.12, seed: int = 0) -> tuple[str, list[int]]:
    """Return the text with look-alikes and zero-width spaces put in, and the place of each original character in it."""
    rng, written, places = np.random.default_rng(seed), [], []
    for character in text:
        if rng.random() < rate and character.isalpha():
            written.append("\u200b")
        places.append(len("".join(written)))
        written.append(character.translate(ALIKE) if rng.random() < rate else character)
    return "".join(written), places


@pytest.fixture(scope="module")
def mark() -> GreenList:
    return GreenList(KEY)


@pytest.fixture(scope="module")
def text(write, mark) -> str:
    return write(5, 100).strip() + write(6, 160, mark) + write(7, 100)


def test_a_tampered_text_keeps_its_mark_with_the_normaliser_and_loses_it_without(loaded_of, mark, text):
    """Without: green counts of a fresh text. With: the same p, spans and counts as the clean text, and a word on what was changed."""
    plain, option = (loaded_of(mark, normaliser=name) for name in ("", VERSION))
    tampered, places = tamper(text)
    (clean,), (lost,) = MarkDetector([plain], spans=True).detect([text, tampered])
    (same,), (kept,) = MarkDetector([option], spans=True).detect([text, tampered])
    assert same == replace(clean, profile_fingerprint=same.profile_fingerprint)
    assert clean.log10_p < -10
    assert lost.log10_p > -3
    assert (kept.log10_p, kept.statistic, kept.n_scored) == (clean.log10_p, clean.statistic, clean.n_scored)
    changed = normalise(tampered)
    assert changed.text == text
    total, hidden, n = changed.changes.total, tampered.count("\u200b"), len(tampered)
    (said,) = kept.warnings
    assert said.startswith(
        f"normalised before the test: {total} of {n:,} characters changed ({total - hidden} confusable, "
    )
    assert said.endswith(f"{hidden} invisible); {changed.tampering.count} speak of tampering")
    assert lost.warnings == same.warnings == ()
    assert len(kept.spans) == len(clean.spans) == 1
    there, here = kept.spans[0], clean.spans[0]
    assert (there.start, there.stop) == (places[here.start], places[here.stop - 1] + 1)
    assert replace(there, start=here.start, stop=here.stop) == here


def test_marks_with_and_without_the_option_are_tested_side_by_side(loaded_of, mark, text):
    tampered = tamper(text)[0]
    marks = [loaded_of(mark, normaliser=name) for name in ("", VERSION)]
    alone = [MarkDetector([each], spans=True).detect([tampered])[0][0] for each in marks]
    both = MarkDetector(marks).detect([tampered])[0]
    assert [each.log10_p for each in both] == [each.log10_p for each in alone]


def test_tokens_of_a_normalised_text_stand_at_the_characters_they_come_from(tokenizer, text):
    tampered, places = tamper(text)
    clean = tokenize([text], tokenizer, with_chars=True)
    found = tokenize(["", tampered], tokenizer, with_chars=True, normalised=True)
    assert found.ids.tolist() == clean.ids.tolist()
    assert found.chars.tolist() == [[places[a], places[b - 1] + 1] for a, b in clean.chars.tolist()]
    assert [one.text for one in found.normalised] == ["", text]
    with pytest.raises(DataError, match="at character 2; remove it"):
        tokenize(["\u200ba\ud800"], tokenizer, normalised=True)


def test_a_trace_shows_the_evidence_of_the_normalised_text_on_the_text_as_given(loaded_of, mark, text):
    option = loaded_of(mark, normaliser=VERSION)
    tampered, places = tamper(text)
    clean, seen = trace([text, tampered], option)
    assert seen.log10_p.tolist() == clean.log10_p.tolist()
    assert seen.log10_p[-1] == MarkDetector([option]).detect([tampered])[0][0].log10_p
    assert (seen.reason == Reason.SCORED).sum() > 100
    for found in (seen, *trace(HOSTILE, option)):
        assert "".join(found.text[piece.start : piece.stop] for piece in found.pieces()) == found.text
    colour = {i: piece.label for piece in seen.pieces() for i in range(piece.start, piece.stop)}
    expected = {places[i]: piece.label for piece in clean.pieces() for i in range(piece.start, piece.stop)}
    assert {i: colour[i] for i in expected} == expected


def test_another_version_of_the_normaliser_is_refused_in_one_line(loaded_of, mark):
    other = loaded_of(mark, normaliser="0")
    for refuse in (check_normaliser, lambda loaded: MarkDetector([loaded]), lambda loaded: trace(["a"], loaded)):
        with pytest.raises(BadProfile) as caught:
            refuse(other)
        message = str(caught.value)
        assert message.startswith(
            f"profile mark.toml: detection.normaliser is '0', this version of Assay has '{VERSION}'"
        )
        assert "\n" not in message
    check_normaliser(loaded_of(mark))
