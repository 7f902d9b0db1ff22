"""The numbers and fixed sentences of an evaluation report, for the page and for Markdown alike.

Rates are in per cent, false-positive rates that name a column as people say them (5 %, 1 %, 0.1 %, 1e-5), intervals are 95 % and stand in
brackets. What could not be measured says why ("needs 1000 humans"); it is never blank and never 0.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

Data = Mapping[str, Any]
NONE = "\N{EN DASH}"
HOW = {
    "law": "by law",
    "empirical": "threshold set on the tested humans",
    "calibration": "threshold carried over from a calibration set",
    "p-value": "by p-value (p at most the rate)",
    "other groups": "threshold set on the humans of all other groups",
}
"""How a detection was decided, by the word of the record."""

IN_SAMPLE = "the threshold is set on the tested humans; on new ones the rate is (k + 1)/(n + 1) on average, where k of n lie above it"
"""What a rate means that was set on the humans it is measured on."""

# What HTML, SVG or UTF-8 cannot hold, line ends, and marks that turn the direction of what follows them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def cleaned(value: Any) -> Any:
    """Return a JSON value whose strings, keys included, hold only what can be printed in a line."""
    if isinstance(value, str):
        return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    return value


def count(n: float) -> str:
    """Return a whole number with its thousands apart."""
    return f"{n:,.0f}"


def plural(n: int, noun: str) -> str:
    """Return a number with its noun: `1 text`, `2 texts`."""
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Return names in a row, the first `most` of them: `a, b and 3 more`, `a and b`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {count(len(names) - most)} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def percent(share: float | None) -> str:
    """Return a share in per cent; a share that is not 0 or 1 never looks like it."""
    return NONE if share is None else f"{_percent_number(share)} %"


def _percent_number(share: float) -> str:
    if share in (0.0, 1.0) or not math.isfinite(share):
        return f"{100.0 * share:.0f}"
    if share > 0.5:
        digits = 1 if share < 0.9995 else 2
        return f"{min(100.0 * share, 99.99):.{digits}f}" if share < 1.0 else f"{100.0 * share:.1f}"
    near = 100.0 * abs(share)
    digits = 1 - math.floor(math.log10(near)) if near < 10.0 else 1
    return f"{100.0 * share:.{min(digits, 9)}f}"


def short_percent(share: float | None) -> str:
    """Return a share in per cent for a narrow cell: whole numbers, except where they would say 0 or 100."""
    if share is None:
        return NONE
    rounded = f"{100.0 * share:.0f}"
    return _percent_number(share) if rounded in ("0", "100") else rounded


def rate_estimate(estimate: Data | None) -> str:
    """Return a rate with its interval: `63.2 % [58.1, 68.0]`."""
    return _estimate(estimate, _percent_number, " %")


def number_estimate(estimate: Data | None) -> str:
    """Return a figure that is no rate with its interval: `1.03 [0.98, 1.07]`."""
    return _estimate(estimate, number, "")


def auroc_estimate(estimate: Data | None) -> str:
    """Return an area under the ROC curve with its interval, three decimals: `0.962 [0.948, 0.975]`."""
    return _estimate(estimate, _three, "")


def auroc_of(cell: Data | None) -> str:
    """Return the area under the ROC curve of a cell, with how many texts have a score where some have none: only those are in it."""
    text, said = auroc_estimate((cell or {}).get("auroc")), scored_of(cell)
    return f"{text} (n scored: {said})" if said else text


def scored_of(cell: Data | None) -> str:
    """Return how many of the texts of a cell have a score, of each side where some have none: `141 of 150 human`."""
    said: list[str] = []
    for side in ("machine", "human"):
        n, scored = (cell or {}).get(f"n_{side}"), (cell or {}).get(f"n_scored_{side}")
        if scored is not None and n is not None and int(scored) != int(n):
            said.append(f"{count(int(scored))} of {count(int(n))} {side}")
    return ", ".join(said)


def on_average(cell: Data | None, entry: Data | None) -> str:
    """Return the rate that a threshold set on the tested humans has on new ones on average, where the record says how many lie above it."""
    above = (entry or {}).get("humans_above")
    humans = (cell or {}).get("n_scored_human") or (cell or {}).get("n_human")
    return "" if above is None or not humans else f" (new ones: {percent((int(above) + 1) / (int(humans) + 1))})"


def _three(value: float) -> str:
    return f"{value:.3f}" if value == 1.0 or value < 0.9995 else f"{min(value, 0.9999):.4f}"


def _estimate(estimate: Data | None, shown: Any, unit: str) -> str:
    if estimate is None or estimate.get("value") is None:
        return str((estimate or {}).get("why") or NONE)
    value = f"{shown(estimate['value'])}{unit}"
    low, high = estimate.get("low"), estimate.get("high")
    return value if low is None or high is None else f"{value} [{shown(low)}, {shown(high)}]"


def number(value: float | None) -> str:
    """Return a figure with three significant digits."""
    if value is None:
        return NONE
    if value == 0 or 0.001 <= abs(value) < 1e5:
        digits = 2 if not value else max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:,.{min(digits, 5)}f}"
    return f"{value:.2e}"


def p_value(p: float | None) -> str:
    """Return a p-value: 0.43, 0.0012, 2.5e-9."""
    if p is None:
        return NONE
    return f"{p:.2g}" if p >= 1e-3 or p == 0 else _exponent(f"{p:.1e}")


def rate_name(rate: float) -> str:
    """Return a false-positive rate as people say it: 5 %, 0.1 %, 1e-5."""
    return f"{100.0 * rate:.4g} %" if rate >= 0.999e-3 else _exponent(f"{rate:.3e}")


def _exponent(text: str) -> str:
    """Return `1e-05` as `1e-5`."""
    mantissa, _, power = text.partition("e")
    mantissa = mantissa.rstrip("0").removesuffix(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(power)}" if power else text


def length_name(length: int) -> str:
    """Return a length in tokens; 0 is the whole text."""
    return plural(length, "token") if length else "whole texts"


def attack_name(attack: str, strength: float | None = None) -> str:
    """Return an attack with its strength: `delete 0.3`; the text as it was is `no attack`."""
    if attack == "none":
        return "no attack"
    return attack if strength is None else f"{attack} {strength:g}"


def how_name(how: str) -> str:
    """Return how a detection was decided in words."""
    return HOW.get(how, how or NONE)


READING = (
    (
        "TPR at an FPR",
        (
            "The share of machine texts that a detector finds (true-positive rate) when it may flag at most the stated share of human texts "
            "(false-positive rate). 1e-5 is one human text in a hundred thousand. AUROC averages over all rates, most of which nobody would use; it is "
            "of the texts that have a score. A machine text without one counts as not found, a human text without one sets no threshold."
        ),
    ),
    (
        "By law",
        (
            "A mark has a p-value with an exact law: a text is found if p is at most the rate. No human text is needed to set that threshold, so rates "
            "as small as 1e-5 can be had from few texts. Whether the law holds is what the calibration plots show."
        ),
    ),
    (
        "Threshold set on the tested humans",
        (
            "A detector without a law gets the threshold that at most the stated share of the tested, unattacked human texts exceeds: k of n. On new human texts its "
            "rate is (k + 1) / (n + 1) on average: about twice the named one where n = 1 / rate, nearer to it with more humans. Where k / n is well below the "
            "rate (just below n = 2 / rate), less is found than at the rate itself. Read the thresholds carried over from other texts beside it."
        ),
    ),
    (
        "needs N humans",
        "A rate below 1 / (number of human texts) cannot be measured with these texts; with N it could. It is neither 0 nor a failure.",
    ),
    (
        "[low, high]",
        (
            "A 95 % interval. Texts of one cluster (one prompt, one original) are drawn together, because they are not independent; "
            "n counts texts, clusters what is independent."
        ),
    ),
    (
        "shorter than T tokens after the attack",
        "Texts are cut to T tokens after an attack, and one that the attack left shorter is not counted at T. Where some are left, n stands beside the figure: it is of the texts that were longest before.",
    ),
    (
        "Abstains",
        "The detector says that it cannot judge (too short, another language). Among machine texts an abstention counts as not found.",
    ),
    (
        "Strength",
        (
            "From 0 (the text as it was) to 1. What it measures differs between attacks; strengths of two attacks are not comparable, "
            "what they did to the text is (damage)."
        ),
    ),
)
"""How to read the report, as (term, explanation) pairs."""

NOT_MEASURED = (
    "Detectors of one's own texts may do better or worse: these figures hold for these sources, lengths, models and attacks.",
    "Adversaries who adapt to a detector do more than a fixed attack; an attack that is not in the plan is not in the report.",
    "TPR and AUROC are of single texts. What share of a corpus is machine-made is another question (`assay scan`).",
    "Meaning is measured only where a sentence encoder is given, and quality only by automatic figures; no person judged a text.",
    "Intervals hold the texts' chance, not the choice of the key of a mark, of the model, or of the plan.",
)
"""What no figure of the report says."""
