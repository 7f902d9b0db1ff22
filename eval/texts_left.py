"""How many of the texts of a length an attack leaves at that length, and at which length attacks can be compared.

A text is cut to T tokens after an attack, and has no figure at T if the attack left it shorter. So an attack that shortens is judged there on the texts that
were long before, or on none. `shares` says what is left of each, `common_length` the longest length at which every attack leaves at least 90 % of
the unattacked texts of that source and every source has texts; where there is none, the one at which that fails for the fewest. Whole texts (0) lose none.

Reads the cells and the damage records of `metrics.json`; no text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .score_table import MACHINE, UNATTACKED

ENOUGH = 0.9
"""Share of its texts at which a length stands for an attack."""

Record = Mapping[str, Any]
Attacked = tuple[str, float]


class TextsLeft:
    """The numbers of texts of a run, by detector, source, attack, strength and length."""

    def __init__(self, metrics: Record) -> None:
        cells: Sequence[Record] = metrics.get("cells") or []
        self._n = {
            (c["detector"], c["source"], c["attack"], float(c["strength"]), int(c["length"])): int(c["n_machine"])
            for c in cells
        }
        self._attacks = _attacks(metrics, cells)
        self.lengths = sorted({int(c["length"]) for c in cells}, key=rank)

    def attacks(self, detector: str, source: str) -> list[Attacked]:
        """Return the attacks with their strengths whose texts of a source a detector was given, also those of which none was long enough."""
        return self._attacks.get((detector, source), [])

    @property
    def made(self) -> list[Attacked]:
        """Every attack with its strengths."""
        return list(dict.fromkeys(attack for own in self._attacks.values() for attack in own))

    def share(self, detector: str, source: str, attack: Attacked, length: int) -> float | None:
        """Return the texts under an attack per unattacked text of the same length; None if there is no unattacked one, or no such attack."""
        before = self._n.get((detector, source, UNATTACKED, 0.0, length), 0)
        if not before or attack not in self.attacks(detector, source):
            return None
        return self._n.get((detector, source, *attack, length), 0) / before

    def lost(self, detector: str, source: str, length: int) -> list[Attacked]:
        """Return the attacks that leave less than enough of the texts of a length."""
        shares = ((attack, self.share(detector, source, attack, length)) for attack in self.attacks(detector, source))
        return [attack for attack, share in shares if share is not None and share < ENOUGH]

    def common_length(self) -> int:
        """Return the longest length at which every attack leaves enough of the texts of every source, or the nearest to that; 0 is longest."""
        return max(self.lengths, key=lambda length: (-self._share_lost(length), rank(length)), default=0)

    def _share_lost(self, length: int) -> float:
        """Return for how much of what was measured a length has too few texts; all of a source without a text of that length."""
        measured = lost = 0
        for (detector, source), attacks in self._attacks.items():
            there = bool(self._n.get((detector, source, UNATTACKED, 0.0, length)))
            measured += len(attacks) + 1
            lost += len(self.lost(detector, source, length)) if there else len(attacks) + 1
        return lost / max(measured, 1)


def rank(length: int) -> int:
    """Return a length for sorting: the whole text (0) is longest."""
    return length or 1 << 60


def _attacks(metrics: Record, cells: Sequence[Record]) -> dict[tuple[str, str], list[Attacked]]:
    """Return by detector and source which attacks were made: those with a text at some length, and those whose damage is on record."""
    found: dict[tuple[str, str], dict[Attacked, None]] = {}
    for cell in cells:
        own = found.setdefault((cell["detector"], cell["source"]), {})
        if cell["attack"] != UNATTACKED and cell["n_machine"]:
            own[cell["attack"], float(cell["strength"])] = None
    said: Record = (metrics.get("signature") or {}).get("attacks") or {}
    for record in metrics.get("damage") or []:
        on = (said.get(record["attack"]) or {}).get("on") or [MACHINE]
        for (_, source), own in found.items():
            # A detector that was given no attacked text at all (scores from a file) lost none.
            if source == record["source"] and own and record["n"] and MACHINE in on:
                own[record["attack"], float(record["strength"])] = None
    return {pair: list(own) for pair, own in found.items()}
