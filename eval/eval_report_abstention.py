"""The section of an evaluation report on abstention: how often a detector with p-values gives no verdict."""

from collections.abc import Mapping
from typing import Any

from .eval_report_parts import Cell, Section, Table
from .eval_report_view import Line, Measured
from .eval_wording import NONE, attack_name, length_name, rate_estimate

Record = Mapping[str, Any]


def abstention_section(measured: Measured) -> Section | None:
    """Return how often detectors with p-values give no verdict: on humans, on machine texts, and under the attack that raises it most."""
    rows: list[list[Cell | str]] = []
    alpha = None
    for view in measured.views:
        for line in view.lines:
            cell = measured.cell(line) or {}
            decided = cell.get("decided")
            if decided is None and cell.get("abstained_human") is None:
                continue
            alpha = (decided or {}).get("rate", alpha)
            worst = _most_abstained(measured, line)
            shown = [
                rate_estimate((decided or {}).get("detected")),
                rate_estimate((decided or {}).get("abstained")),
                rate_estimate(cell.get("abstained_human")),
            ]
            rows.append([line.detector, line.source, *shown, rate_estimate(worst[0]), worst[1]])
    if not rows:
        return None
    at = f" at p \N{LESS-THAN OR EQUAL TO} {alpha:g}" if alpha else ""
    head = [
        "detector",
        "machine text",
        f"found{at}",
        "machine texts abstained on",
        "human texts abstained on",
        "most under an attack",
        "that attack",
    ]
    caption = f"Unattacked texts, {length_name(measured.length)}. An abstention is not a detection, and not a human text either."
    return Section("abstention", "Where detectors give no verdict", [Table(head, rows, words=2, caption=caption)])


def _most_abstained(measured: Measured, line: Line) -> tuple[Record | None, str]:
    most: tuple[float, Record | None, str] = (-1.0, None, NONE)
    for attack in measured.attacks:
        for strength in measured.strengths(attack):
            decided = (measured.cell(line, attack, strength) or {}).get("decided") or {}
            value = (decided.get("abstained") or {}).get("value")
            if value is not None and value > most[0]:
                most = (value, decided["abstained"], attack_name(attack, strength))
    return most[1], most[2]
