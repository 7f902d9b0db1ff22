"""The end of an evaluation report: which detector is better on the same texts, what it costs, what the numbers were made from, how to read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from .eval_report_parts import Block, Cell, Notes, Section, Table, Terms, in_sight
from .eval_report_view import Measured
from .eval_wording import (
    NONE,
    NOT_MEASURED,
    READING,
    attack_name,
    count,
    length_name,
    number,
    p_value,
    plural,
    rate_name,
)  # fmt: skip

Record = Mapping[str, Any]
_ALPHA = 0.05


def paired_section(measured: Measured) -> Section | None:
    """Return the paired tests, the clearest differences first."""
    records = sorted(measured.part("paired"), key=_holm)
    if not records:
        return None
    clear = [record for record in records if _holm(record) < _ALPHA]
    rows = [_pair(record) for record in records]
    head = [
        "better first",
        "machine text",
        "attack",
        "length",
        "n",
        "AUROC difference",
        "p (Holm)",
        "found difference, % points",
        "p (Holm)",
    ]
    words = f"{plural(len(clear), 'difference')} of {plural(len(records), 'pair')} with p < {_ALPHA} after Holm's correction for all of them. "
    words += "The same texts, cluster by cluster; p is two-sided. No clear difference is not equality."
    blocks = in_sight(Table(head, rows, words=3, caption=words))
    return Section("paired", "Which detector is better on the same texts", blocks)


def _holm(record: Record) -> float:
    found = [record.get("p_holm"), *((record.get(name) or {}).get("p_holm") for name in ("auroc", "tpr"))]
    return min((float(p) for p in found if p is not None), default=1.0)


def _pair(record: Record) -> list[Cell | str]:
    area, found = record.get("auroc") or {}, record.get("tpr") or {}
    sign = -1.0 if (area.get("difference") or 0.0) < 0 else 1.0
    names = (record["a"], record["b"]) if sign > 0 else (record["b"], record["a"])
    rate = f" at {rate_name(float(found['rate']))}" if found.get("rate") is not None else ""
    share = _signed(found, sign, _points) + rate if rate else "no rate that both reach"
    return [
        f"{names[0]} against {names[1]}", record["source"], attack_name(record["attack"], record["strength"]),
        length_name(int(record["length"])), count(int(record.get("n") or 0)), _signed(area, sign, number), _corrected(area, record),
        share, _corrected(found, record),
    ]  # fmt: skip


def _corrected(one: Record, record: Record) -> Cell:
    """Return the corrected p of one figure, or of the pair where that is what was recorded."""
    p = one.get("p_holm") if one.get("p_holm") is not None else record.get("p_holm")
    return Cell(p_value(p), tone="odd" if p is not None and p < _ALPHA else "")


def _signed(record: Record, sign: float, shown: Any) -> str:
    """Return a difference, turned by `sign`, with its interval."""
    if record.get("difference") is None:
        return NONE
    value = sign * float(record["difference"])
    if record.get("low") is None or record.get("high") is None:
        return shown(value)
    low, high = sorted((sign * float(record["low"]), sign * float(record["high"])))
    return f"{shown(value)} [{shown(low)}, {shown(high)}]"


def _points(difference: float) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100.0 * difference:.1f}"


def cost_section(timing: Record | None) -> Section | None:
    """Return seconds per million tokens, and the time of each stage; None without a timing."""
    if not timing:
        return None
    cost = sorted(timing.get("cost") or [], key=lambda r: float(r.get("s_per_million_tokens") or 0.0))
    most = max((float(r.get("s_per_million_tokens") or 0.0) for r in cost), default=0.0) or 1.0
    rows: list[list[Cell | str]] = []
    for r in cost:
        seconds = float(r.get("s_per_million_tokens") or 0.0)
        rows.append(
            [
                r["detector"],
                Cell(number(seconds), seconds / most, "seen"),
                count(float(r.get("tokens") or 0)),
                number(r.get("cpu_s")),
            ]
        )
    head = ["detector", "CPU seconds per million tokens", "tokens", "CPU seconds"]
    machine = "; ".join(f"{name} {value}" for name, value in flat(timing.get("machine") or {}))
    caption = (
        f"Measured in this run on: {machine}. Times are no part of metrics.json."
        if machine
        else "Times are no part of metrics.json."
    )
    blocks: list[Block] = [Table(head, rows, caption=caption)] if rows else []
    stages = [
        [str(s.get("stage") or ""), str(s.get("name") or ""), count(float(s.get("texts") or 0)), count(float(s.get("tokens") or 0)), number(s.get("wall_s")), number(s.get("cpu_s"))]
        for s in timing.get("stages") or []
    ]  # fmt: skip
    if stages:
        total = sum(float(s.get("wall_s") or 0.0) for s in timing.get("stages") or [])
        head = ["stage", "name", "texts", "tokens", "seconds", "CPU seconds"]
        blocks.append(Table(head, stages, words=2, folded=f"Stages of the run: {number(total)} seconds in all"))
    return Section("cost", "What a detector costs", blocks) if blocks else None


def signature_section(measured: Measured) -> Section:
    """Return what every number rests on: versions, seeds, texts, models, marks, detectors, attacks."""
    signature = measured.signature
    blocks: list[Block] = []
    plain = {k: v for k, v in signature.items() if not isinstance(v, Mapping)}
    nested = [name for name in ("settings", "packages") if signature.get(name)]
    pairs = [*flat(plain), *((name, _joined(signature[name])) for name in nested)]
    if measures := {k: v for k, v in measured.settings.items() if v not in (None, [], {})}:
        pairs.append(("measured with", _joined(measures)))
    if pairs:
        blocks.append(Table(["what", "value"], pairs, words=2))
    shown: Sequence[Sequence[Cell | str]]
    texts = signature.get("texts") or {}
    if texts:
        shown = [
            [source, str(r.get("label") or ""), count(int(r.get("n") or 0)), count(int(r.get("clusters") or 0)), str(r.get("sha256") or NONE)]
            for source, r in texts.items()
        ]  # fmt: skip
        blocks.append(
            Table(
                ["texts", "label", "n", "clusters", "SHA-256"],
                shown,
                words=2,
                also_words=(4,),
                caption="Texts before any attack.",
            )
        )
    for name in ("models", "marks", "detectors", "attacks"):
        records: Mapping[str, Any] = signature.get(name) or {}
        if records:
            shown = [[label, _joined(record)] for label, record in records.items()]
            blocks.append(Table([name.removesuffix("s"), "record"], shown, words=2, caption=""))
    if counts := _counts(measured):
        blocks.append(counts)
    return Section("signature", "What the numbers were made from", blocks or [Notes(["No signature was recorded."])])


def _counts(measured: Measured) -> Table | None:
    rows: list[list[Cell | str]] = []
    for c in measured.part("counts"):
        place: list[Cell | str] = [
            c["source"],
            str(c.get("label") or ""),
            str(c.get("role") or ""),
            attack_name(c["attack"], c["strength"]),
        ]
        rows.append(
            [*place, length_name(int(c["length"])), *(count(int(c.get(k) or 0)) for k in ("n", "clusters", "empty"))]
        )
    head = ["texts", "label", "role", "attack", "length", "n", "clusters", "emptied"]
    return Table(head, rows, words=4, folded="n of every source under every attack and length") if rows else None


def _joined(record: Record) -> str:
    """Return a record in one line."""
    return "; ".join(f"{name} {value}" for name, value in flat(record))


def flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Return a nested JSON value as (dotted name, text) pairs, in its order."""
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in flat(item, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list | tuple):
        return [(name, ", ".join(_scalar(item) for item in value) or NONE)]
    return [(name, _scalar(value))]


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{k} {_scalar(v)}" for k, v in value.items()) + ")"
    return NONE if value is None or value == "" else str(value)


def reading_sections() -> Sequence[Section]:
    """Return how to read the report, and what it does not say."""
    return [
        Section("reading", "How to read it", [Terms(READING)]),
        Section("limits", "What is not measured", [Notes(NOT_MEASURED)]),
    ]
