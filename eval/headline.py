"""The few figures that the command line prints: what each detector finds of unattacked texts, and of those under its hardest attack."""

from collections.abc import Mapping, Sequence
from typing import Any

from .score_table import UNATTACKED
from .texts_left import TextsLeft, rank

_LEAST = 0.01


def headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts, and for each detector and machine source the share found, unattacked and under the worst attack.

    At the plan's smallest rate for marks, which have a law; for the others at the smallest from 1 % on for which there are enough human texts. Of the
    longest length at which every attack leaves at least 90 % of its texts (`texts_left.py`): at a longer one an attack that shortens drops out. Where an attack leaves less at every
    length, `too_short` names it.
    """
    cells: Sequence[Mapping[str, Any]] = metrics["cells"]
    left = TextsLeft(metrics)
    common = left.common_length()
    found: list[dict[str, Any]] = []
    for detector, source in dict.fromkeys((cell["detector"], cell["source"]) for cell in cells):
        own = [cell for cell in cells if (cell["detector"], cell["source"]) == (detector, source)]
        plain = [cell for cell in own if cell["attack"] == UNATTACKED]
        if not plain:
            continue
        chosen = max(plain, key=lambda cell: (cell["length"] == common, rank(cell["length"])))
        rate = _rate(chosen)
        attacked = [cell for cell in own if cell["attack"] != UNATTACKED and cell["length"] == chosen["length"]]
        judged = [(cell, _value(cell, rate)) for cell in attacked]
        worst = min((one for one in judged if one[1] is not None), key=lambda one: one[1] or 0.0, default=None)
        found.append(
            {
                "detector": detector,
                "source": source,
                "length": chosen["length"],
                "rate": rate,
                "found": _value(chosen, rate),
                "auroc": (chosen.get("auroc") or {}).get("value"),
                "worst_attack": None if worst is None else _name(worst[0]["attack"], worst[0]["strength"]),
                "found_under_it": None if worst is None else worst[1],
                "too_short": [_name(*attack) for attack in left.lost(detector, source, chosen["length"])],
            }
        )
    return {"cells": len(cells), "alarms": len(metrics["alarms"]), "headline": found}


def _name(attack: str, strength: float) -> str:
    return f"{attack} {strength:g}"


def _rate(cell: Mapping[str, Any]) -> str | None:
    rates = sorted(cell["tpr"], key=float)
    if cell["kind"] != "mark":
        rates = [rate for rate in rates if float(rate) >= _LEAST and _value(cell, rate) is not None] or rates[-1:]
    return rates[0] if rates else None


def _value(cell: Mapping[str, Any], rate: str | None) -> float | None:
    return None if rate is None else cell["tpr"].get(rate, {}).get("value")
