"""A corpus report as Markdown: the sentences and tables of the page, without its plots."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .report_wording import caveats, count, headline, length_text, percent

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")
_HEADS = ("documents", "called", "not called", "not judged")
_LISTED = 20


def markdown(data: Mapping[str, Any]) -> str:
    """Return the report (what report.json holds) as Markdown."""
    parts = ["# What was found in the corpus", "", *(f"- {_cell(line)}" for line in headline(data))]
    if data["detectors"]:
        parts += ["", "## Detectors", "", *_detectors(data)]
    parts += _section("By length in characters", "characters", [(length_text(row), row) for row in data["lengths"]])
    for what, title in (("languages", "language"), ("hosts", "host"), ("files", "file"), ("declared", "declared")):
        rows = data[what]["rows"]
        named = [(row["name"] or "unknown", row) for row in rows[:_LISTED]]
        more = f" (first {len(named)} of {count(data[what]['names'])})" if data[what]["names"] > len(named) else ""
        parts += _section(f"By {title}{more}", title, named)
    parts += _section(
        "Why documents were not judged", "reason", [(r["name"], r) for r in data["reasons"]["rows"][:_LISTED]]
    )
    parts += ["", "## What was lost and passed over", "", *_losses(data)]
    parts += ["", "## What the numbers rest on", "", *(f"- {_cell(line)}" for line in caveats(data))]
    return "\n".join(parts) + "\n"


def _detectors(data: Mapping[str, Any]) -> list[str]:
    lines = [
        "| detector | tested | called | discoveries | false ones at most about | share | 95 % |",
        "|---|---:|---:|---:|---:|---|---|",
    ]
    for one in data["detectors"]:
        share, found = one["share"], one["discoveries"]
        shown = "-", "-"
        if share:
            value = percent(share["share"]) if share["kind"] == "estimate" else share["kind"]
            shown = value, f"{percent(share['low'])} to {percent(share['high'])}"
        cells = [
            count(one["tested"]),
            "cannot" if one.get("cannot_detect") else count(one["verdicts"]["detected"]),
            count(found["n"]) if found else "-",
            count(found["expected_false_discoveries"]) if found else "-",
        ]
        lines.append(f"| {_cell(one['name'])} | {' | '.join((*cells, *shown))} |")
    notes = [f"- {_cell(one['name'])}: {_cell(note)}" for one in data["detectors"] for note in one["notes"]]
    return [*lines, "", f"Shares are of {data['copies']['shares_of']} tested.", *([""] if notes else []), *notes]


def _section(title: str, head: str, rows: Sequence[tuple[str, Mapping[str, int]]]) -> list[str]:
    if not rows:
        return []
    lines = ["", f"## {title}", "", f"| {head} | {' | '.join(_HEADS)} |", "|---|---:|---:|---:|---:|"]
    for name, row in rows:
        numbers = (count(row[key]) for key in ("documents", "detected", "not_detected", "abstain"))
        lines.append(f"| {_cell(name)} | {' | '.join(numbers)} |")
    return lines


def _losses(data: Mapping[str, Any]) -> list[str]:
    refused = data["scan"]["refused"]
    lines = [f"- lost, {_cell(reason)}: {count(entry['count'])}" for reason, entry in data["lost"].items()]
    for at, entry in enumerate(data["lost"].values()):
        shown = entry["places"][:3]
        lines[at] += "".join(f"\n  - {_cell(place)}: {_cell(message)}" for place, message in shown)
    if refused["count"]:
        lines.append(f"- files not read: {count(refused['count'])}")
        lines[-1] += "".join(f"\n  - {_cell(path)}: {_cell(why)}" for path, why in refused["places"][:_LISTED])
    lines += [
        f"- abstained with an error, {_cell(row['name'])}: {count(row['documents'])}" for row in data["errors"]["rows"]
    ]
    lines += [f"- no text, {_cell(reason)}: {count(n)}" for reason, n in data["passed"].items()]
    return lines or ["Nothing."]


def _cell(text: str) -> str:
    """Return text that stands in a line or a table cell as it is."""
    return _SPECIAL.sub(r"\\\1", _BREAKS.sub(" ", text)).encode("utf-8", "replace").decode()
