"""How p is written, and that the sentences hold whatever was found."""

import math

import pytest
from assay.detect.evidence import Reason
from assay.eval.wording import LABELS, headline, p_plain, p_text, reading, surprises, ten_to


@pytest.mark.parametrize(
    ("p", "plain", "text"),
    [
        (1.0, "1.0", "1.0"),
        (0.43, "0.43", "0.43"),
        (0.7, "0.70", "0.70"),
        (0.00123, "0.0012", "0.0012"),
        (0.001, "1.0e-3", "1.0 \N{MULTIPLICATION SIGN} 10⁻³"),
        (2.5e-29, "2.5e-29", "2.5 \N{MULTIPLICATION SIGN} 10⁻²⁹"),
        (9.96e-8, "1.0e-7", "1.0 \N{MULTIPLICATION SIGN} 10⁻⁷"),
    ],
)
def test_p_is_written_with_two_digits(p, plain, text):
    assert p_plain(math.log10(p)) == plain
    assert p_text(math.log10(p)) == text


def test_p_below_the_smallest_float_is_written_too():
    assert p_plain(-1234.5) == "3.2e-1235"  # 10^.5 = 3.16


def test_no_p_is_a_dash():
    assert p_plain(None) == "-"
    assert p_text(None) == "\N{EN DASH}"


def test_ten_to_nothing_is_one():
    assert [ten_to(exponent) for exponent in (0, -5, -120)] == ["1", "10⁻⁵", "10⁻¹²⁰"]


def test_every_reason_has_its_words():
    assert {reason.name.lower() for reason in Reason if reason is not Reason.SCORED} < set(LABELS)


def test_what_is_found_is_said(examine, greenest):
    findings = examine(greenest, greenest[: len(greenest) // 2], "The sea was calm. Nobody spoke of it. " * 4)
    said = " ".join(headline(findings))
    assert "found in 1 of 1 marked texts" in said
    assert "Another key found a mark in 0 of the 2 texts" in said
    assert "0 of 2 unmarked texts (1 by the same model, 1 by people)" in said
    assert f"by {findings.iou:.0%} (IoU)" in said
    assert surprises(findings) == []


def test_a_miss_is_said(examine):
    findings = examine("Nothing is marked in here. " * 3, "Nothing is marked", "The sea was calm. Nobody spoke of it. ")
    assert "found in 0 of 1 marked texts" in headline(findings)[0]
    assert "it was not located" in headline(findings)[-1]
    assert [sentence.split(" carries")[0] for sentence in surprises(findings)] == ["marked 1", "spliced"]


def test_a_false_alarm_is_said(examine, greenest):
    """A marked text put where the human one should be."""
    findings = examine(greenest, "piece", greenest, title="Somebody, Something")
    assert "1 of 2 unmarked texts" in headline(findings)[2]
    assert surprises(findings)[-1].startswith("False alarm: Somebody. That happens to one unmarked text in 10,000")


def test_the_reading_explains_what_a_newcomer_meets(examine):
    terms = dict(reading(examine("some text", "text", "host")))
    assert "25%" in terms["Green and red"]
    assert "Fewer than 20" in terms["Abstain"]
    assert "repeat" in terms["Grey"]
