"""The few figures that the command line prints: what each detector finds of unattacked texts, and of those under its hardest attack."""

from collections.abc import Mapping, Sequence
from typing import Any

from .hardest_attack import hardest, lowers, share_found
from .headline_rate import headline_rate
from .score_table import UNATTACKED
from .texts_left import TextsLeft, rank


def headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts, and for each detector and machine source the share found, unattacked and under the worst attack.

    At the rate that the report is read at (`headline_rate.py`), and under the attack that it would name of all (`hardest_attack.py`); `lowered` is false
    where no attack lowers what is found. Of the longest length at which every attack leaves at least 90 % of its texts (`texts_left.py`): at a longer one an
    attack that shortens drops out. Where an attack leaves less at every length, `too_short` names it.
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
        rate = headline_rate(cells, str(chosen["kind"]), common)
        worst = hardest((cell for cell in own if cell["length"] == chosen["length"]), rate)
        found.append(
            {
                "detector": detector,
                "source": source,
                "length": chosen["length"],
                "rate": f"{rate:g}",
                "found": share_found(chosen, rate),
                "auroc": (chosen.get("auroc") or {}).get("value"),
                "worst_attack": None if worst is None else _name(worst["attack"], worst["strength"]),
                "found_under_it": share_found(worst, rate),
                "lowered": None if worst is None else lowers(chosen, worst, rate),
                "too_short": [_name(*attack) for attack in left.lost(detector, source, chosen["length"])],
            }
        )
    return {"cells": len(cells), "alarms": len(metrics["alarms"]), "headline": found}


def _name(attack: str, strength: float) -> str:
    return f"{attack} {strength:g}"
