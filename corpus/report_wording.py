"""The sentences of a corpus report, for the page and for Markdown alike; numbers as people read them."""

import math
from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]


def count(n: float) -> str:
    """Return a number of documents: `12,345`, and a fraction where it is small."""
    return f"{n:,.0f}" if n >= 10 or n == int(n) else f"{n:.2g}"


def percent(share: float | None) -> str:
    """Return a share in per cent with three significant digits; `-` for none."""
    if share is None:
        return "-"
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    if share > 0.9995:
        return "over 99.95 %"
    digits = max(0, 2 - math.floor(math.log10(100.0 * share)))
    return f"{100.0 * share:.{min(digits, 9)}f} %"


def p_text(log10_p: float | None) -> str:
    """Return a p-value, `10^-23` below a ten-thousandth."""
    if log10_p is None:
        return "-"
    return f"{10.0**log10_p:.2g}" if log10_p > -4.0 else f"10^{log10_p:.1f}"


def documents(n: int) -> str:
    """Return a number with its noun."""
    return f"{count(n)} document" if n == 1 else f"{count(n)} documents"


def headline(data: Data) -> list[str]:
    """Return what the corpus is and what was found in it, in plain words."""
    verdicts, found = data["verdicts"], data["discoveries"]
    lines = [_read(data)]
    if not data["documents"]:
        return lines
    lines.append(
        f"{_were(verdicts['detected'])} called marked or machine-made at an error rate of {data['alpha']:g} a document, "
        f"{_were(verdicts['not_detected'])} not, and {count(verdicts['abstain'])} could not be judged."
    )
    if data["judged"]:
        lines.append(
            f"Of {documents(data['judged'])} judged, at most about {count(data['expected_called_by_chance'])} would be expected to "
            f"be called by chance if all were unmarked human text."
        )
    if found["n"]:
        lines.append(
            f"Held to a false discovery rate of {percent(found['level'])}, {documents(found['n'])} remain{'s' * (found['n'] == 1)} "
            f"(p at most {p_text(found['log10_threshold'])}), of which at most about {count(found['expected_false_discoveries'])} are expected to be false."
        )
    elif found["tested"]:
        lines.append(f"At a false discovery rate of {percent(found['level'])} no document remains.")
    of = data["copies"]["shares_of"]
    lines += [sentence for one in data["detectors"] if (sentence := share_sentence(one, of))]
    lines += [f"{one['name']}: {note}." for one in data["detectors"] for note in one["notes"]]
    if data["copies"]["distinct_share"] < 1.0:
        copies = percent(1.0 - data["copies"]["distinct_share"])
        lines.append(
            f"About {copies} of the documents are exact copies of others; counts hold them, shares are of {of}."
        )
    if declared := declared_total(data):
        lines.append(
            f"{documents(declared)} declare in their text that they are machine-made, whatever the detectors say."
        )
    return lines


def share_sentence(detector: Data, of: str = "documents") -> str:
    """Return what a detector says about the corpus, a share of `of`; empty if it has none."""
    share, name = detector["share"], detector["name"]
    if share is None:
        return ""
    tested = f"{count(share['tested'])} {of} it tested"
    if of.startswith("a "):
        tested = f"distinct documents it tested (read off a random sample of {count(share['tested'])})"
    of_them = f"of the {tested}"
    if share["kind"] == "estimate":
        limits = f"95 % interval {percent(share['low'])} to {percent(share['high'])}"
        return f"{name}: {percent(share['share'])} {of_them} carry the mark ({limits}), corrected for false alarms and misses; {share['note']}."
    if share["kind"] == "too few":
        return f"{name}: {share['note']} what share carries the mark ({count(share['tested'])} tested)."
    if share["kind"] == "upper bound":
        return f"{name}: {share['note']}; at most {percent(share['high'])} {of_them} carry the mark (95 %)."
    if share["low"]:
        return f"{name}: at least {percent(share['low'])} {of_them} are not like the calibration's human text (95 %); {share['note']}."
    return f"{name}: no lower bound above 0 for the share of machine text {of_them}; {share['note']}."


def detector_notes(info: Data) -> list[str]:
    """Return what a reader of a detector's numbers must know: why it has none, why it called nothing."""
    after = info.get("asked_after")
    asked = (
        [f"only asked of what {after} left undecided, so it has no share and no discoveries of its own"]
        if after
        else []
    )
    return [*asked, *filter(None, [info.get("cannot_detect")])]


def declared_total(data: Data) -> int:
    """Return how many documents declare their provenance."""
    return sum(row["documents"] for row in data["declared"]["rows"])


def caveats(data: Data) -> list[str]:
    """Return what the numbers rest on."""
    lines = [
        "Documents that could not be judged (too short, another language) are in no share.",
        "The error rate of a mark is over keys. Under one key, unmarked texts that share word sequences are false alarms together: "
        + "the number of false ones scatters more than a binomial count (1.4 times for width-1 green lists, bench/null.json).",
    ]
    lines += [_calibration_caveat(one, data) for one in data["detectors"] if one.get("calibration_n")]
    kinds = {one["share"]["kind"] for one in data["detectors"] if one["share"]}
    if kinds & {"estimate", "upper bound", "too few"}:
        lines.append(
            "A marked share is of text marked throughout and equally strongly in short and long documents. Where pages are marked in part (5 to 50 %), "
            "or short texts more weakly, it is too low (0.6 and 0.8 of the truth in simulations) and its interval does not hold the truth. It takes the share as smooth "
            "in length; text marked so weakly that its green rate is next to that of unmarked text is not counted, near "
            "copies make the interval too narrow, and text full of one shared boilerplate can pass for weakly marked."
        )
        lines.append(
            "The interval of a marked share is computed as if these documents were a draw of a larger corpus, which is conservative for the share "
            "among these: in simulated corpora it holds the truth nearly always, not 95 times of 100 (bench/scan_share.json)."
        )
    if "lower bound" in kinds:
        lines.append("A lower bound holds if the humans of this corpus score like those of the calibration.")
    if data["hosts"]["sampled"] or data["files"]["sampled"]:
        lines.append(
            "Of more than 5,000 hosts or files a random sample is kept, with exact counts; the largest may be missing."
        )
    lines.append(
        "A discovery list holds its rate on average over keys and corpora; copies of one page count as separate documents. "
        "Times are in throughput.json."
    )
    return lines


def _calibration_caveat(detector: Data, data: Data) -> str:
    """Return how far the rate that is reached may be from the one asked for: the Beta law of one calibration (V. Vovk 2012)."""
    n, alpha = detector["calibration_n"], data["alpha"] / len(data["detectors"])
    scatter = 1.0 / math.sqrt(alpha * n)
    return (
        f"The calibration of {detector['name']} is one draw of human texts: the error rate that is reached scatters about the one asked for by about "
        f"1 / sqrt(alpha n) of it ({100.0 * scatter:.0f} % at {alpha:.2g} with the {count(n)} texts of its smallest group)."
    )


def length_text(row: Data) -> str:
    """Return a range of characters."""
    return "0" if row["high"] == 0 else f"{count(row['low'])} to {count(row['high'])}"


def _were(n: int) -> str:
    return f"{count(n)} was" if n == 1 else f"{count(n)} were"


def _read(data: Data) -> str:
    lost = data["lost_total"] + data["scan"]["refused"]["count"]
    shards = data["scan"]["shards"]
    source = f" from {count(shards)} shard{'s' * (shards != 1)}" if shards else ""
    part = ", a sample" if data["scan"]["sample"] < 1.0 or data["scan"]["limit"] is not None else ""
    text = f"{documents(data['documents'])} ({count(data['characters'])} characters) were read{source}{part}"
    return (
        f"{text}; {count(lost)} item{'s' * (lost != 1)} could not be, see below."
        if lost
        else f"{text}; nothing was lost."
    )
