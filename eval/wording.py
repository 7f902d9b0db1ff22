"""The demo in plain words: how p is written, and what a newcomer must know to read the page."""

import math

from .findings import Findings
from .trace import GREEN, OUTSIDE, RED

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

LABELS = {
    GREEN: "green: counts for the mark",
    RED: "red: counts against it",
    "short_context": "not scored: no word stands before it",
    "repeat": "not scored: this pair of tokens stood earlier in the text, and counts once",
    "special": "not scored: a control token",
    "common": "not scored: a pair that much English text shares",
    OUTSIDE: "not scored: between tokens",
}
"""What the colour of a token means, by `Piece.label`."""


_READING = (
    (
        "Green and red",
        (
            "The secret key sorts every pair of neighbouring tokens (words or parts of words): {gamma:.0%} are green, the others "
            "red. Text without the mark is green that often, by chance; the marking model leaned towards green as it wrote. "
            "Without the key nobody can tell which is which."
        ),
    ),
    (
        "p",
        (
            "The chance that text without this mark, whoever wrote it, shows at least this many green tokens. 0.2 is everyday luck; "
            "10⁻⁸ is the luck of one text in a hundred million. It is exact, not an approximation. It is not the chance that a person "
            "wrote the text."
        ),
    ),
    (
        "Detected",
        (
            "Each text is looked at twice: as a whole, and for its best stretch. The smaller p, doubled for that, must be at most "
            "alpha = {alpha:g}: of {one_in} unmarked texts, one at most is expected to be called detected."
        ),
    ),
    (
        "Not detected",
        "Only that this key's mark was not found. The unmarked texts of the model are machine text too.",
    ),
    (
        "Abstain",
        "Fewer than {minimum} scored pairs are too little to say anything, so nothing is said. That is neither a yes nor a no.",
    ),
    (
        "Grey",
        (
            "Not scored. A repeat is a pair that stood earlier in the same text: it counts once, or text that repeats itself would "
            "repeat its luck. Pairs that much English text shares (“of the”) are left out because one key treats them the "
            "same in all texts. The first token has nothing before it."
        ),
    ),
    (
        "Found and pasted",
        (
            "The stretch found has its own p, corrected for all the stretches that could have been chosen; it may be small where "
            "the human text around it hides the mark from the test of the whole. IoU is the "
            "share of characters in both found and pasted among those in either: 100% is a perfect fit, 0% no contact."
        ),
    ),
    (
        "The running p",
        (
            "Each curve is p of the text up to that token; the dot at its end is the test. A dip in the middle is no test: who looks "
            "everywhere and keeps the best finds something in any text. The cut-off is alpha, halved for the two looks."
        ),
    ),
)
"""How to read the page, as (term, explanation) pairs to be filled in."""


def p_text(log10_p: float | None) -> str:
    """Return a p-value for people: 0.43, 0.0012, 2.5 x 10⁻²⁹ with the sign for times, or a dash for none."""
    if log10_p is None:
        return "\N{EN DASH}"
    if log10_p > -3.0:
        return f"{10.0**log10_p:#.2g}"
    mantissa, exponent = _scientific(log10_p)
    return f"{mantissa} \N{MULTIPLICATION SIGN} {ten_to(exponent)}"


def p_plain(log10_p: float | None) -> str:
    """Return a p-value in ASCII: 0.43, 0.0012, 2.5e-29, or a dash for none."""
    if log10_p is None:
        return "-"
    if log10_p > -3.0:
        return f"{10.0**log10_p:#.2g}"
    mantissa, exponent = _scientific(log10_p)
    return f"{mantissa}e{exponent}"


def ten_to(exponent: int) -> str:
    """Return a power of ten with a raised exponent; 1 for zero."""
    return "10" + str(exponent).translate(_SUPERSCRIPT) if exponent else "1"


def _scientific(log10_p: float) -> tuple[str, int]:
    exponent = math.floor(log10_p)
    mantissa = f"{10.0 ** (log10_p - exponent):.1f}"
    return ("1.0", exponent + 1) if mantissa == "10.0" else (mantissa, exponent)


def headline(findings: Findings) -> list[str]:
    """Return what happened, in sentences that hold whatever happened."""
    marked, others = findings.of("marked"), findings.of("unmarked", "human")
    carriers = findings.of("marked", "spliced")
    found = sum(row.right.detected for row in marked)
    flagged = sum(row.right.detected for row in others)
    wrong = sum(row.wrong.detected for row in carriers)
    return [
        f"The mark was found in {found} of {len(marked)} marked texts.",
        f"Another key found a mark in {wrong} of the {len(carriers)} texts that carry this one.",
        (
            f"{flagged} of {len(others)} unmarked texts ({len(findings.of('unmarked'))} by the same model, "
            f"{len(findings.of('human'))} by people) were flagged."
        ),
        _located(findings),
    ]


def _located(findings: Findings) -> str:
    pasted = f"Half of a marked text was pasted into a page of {findings.pasted.host.split(',')[0]}"
    if not findings.spans:
        return f"{pasted}; no stretch of it was significant, so it was not located."
    count = len(findings.spans)
    stretches = "the stretch" if count == 1 else f"the {count} stretches"
    return f"{pasted}; {stretches} located overlap{'s' if count == 1 else ''} the truth by {findings.iou:.0%} (IoU)."


def surprises(findings: Findings) -> list[str]:
    """Return what to say where a text was missed or a verdict was wrong; empty when nothing was."""
    said: list[str] = []
    for row in findings.misses:
        detection = row.right.detection
        verdict = "the test abstained on it" if detection.abstained else "was not detected"
        said.append(
            f"{row.name} carries the mark and {verdict} ({detection.statistic:.0f} green of {detection.n_scored} scored). "
            "Short and predictable texts hold little evidence."
        )
    if alarms := findings.false_alarms:
        names = ", ".join(row.name for row in alarms)
        said.append(
            f"False alarm: {names}. That happens to one unmarked text in {1 / findings.alpha:,.0f}, by the choice of alpha; "
            "a new run draws a new key."
        )
    return said


def reading(findings: Findings) -> list[tuple[str, str]]:
    """Return (term, explanation) pairs: how to read the page."""
    facts = {
        "gamma": findings.profile.parameters["gamma"],
        "alpha": findings.alpha,
        "one_in": f"{1 / findings.alpha:,.0f}",
        "minimum": findings.profile.min_tokens,
    }
    return [(term, words.format_map(facts)) for term, words in _READING]
