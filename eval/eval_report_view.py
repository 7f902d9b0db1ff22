"""`Measured`: metrics.json as a report looks at it: which lines stand in which panel, at which rate and length.

A line is a detector on a source of machine texts. Marks stand together, each on the text that carries it, and are read at a false-positive rate of 1e-5 by law;
the other detectors, read at 1 %, have one panel a source, or one a detector where detectors are fewer than sources. Text that another mark or none
marked is a null of a mark, and is in no panel of it. Where 1 % cannot be measured it is another rate (`headline_rate.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap
from typing import Any

from .eval_wording import length_name, rate_name
from .headline_rate import headline_rate
from .score_table import UNATTACKED
from .texts_left import TextsLeft

PARAPHRASES = frozenset({"paraphrase", "rewrite", "resample", "replay", "guided", "translate"})
"""Names in the registry of attacks that say a text in other words."""
_AXIS = 36  # characters under a small picture

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """A detector on a source of machine texts, with the name it has in its panel."""

    detector: str
    source: str
    label: str
    kind: str


@dataclass(frozen=True)
class View:
    """Lines that are read beside each other, at one rate."""

    title: str
    lines: Sequence[Line]
    rate: float
    short: str

    @property
    def is_marks(self) -> bool:
        """Whether its lines are marks on their own texts."""
        return bool(self.lines) and self.lines[0].kind == "mark"


class Measured:
    """What was measured; `metrics` as `measure` and the run write it, of which any list may be missing or empty."""

    def __init__(self, metrics: Record) -> None:
        self.metrics = metrics
        self.cells: list[Record] = list(metrics.get("cells") or [])
        self.signature: Record = metrics.get("signature") or {}
        self.settings: Record = metrics.get("settings") or {}
        self._at = {
            (c["detector"], c["source"], c["attack"], float(c["strength"]), int(c["length"])): c for c in self.cells
        }

    def part(self, name: str) -> list[Record]:
        """Return one of the lists of the metrics; empty where there is none."""
        return list(self.metrics.get(name) or [])

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Kind of each detector, in the order of the plan."""
        found = {c["detector"]: c["kind"] for c in self.cells}
        order = [name for name in self.signature.get("detectors") or {} if name in found]
        return {name: found[name] for name in [*order, *found]}

    @cached_property
    def attacks(self) -> list[str]:
        """Labels of the attacks in the order of the plan, without `none`."""
        found = dict.fromkeys(attack for attack, _ in self._attacked)
        order = [label for label in self.signature.get("attacks") or {} if label in found]
        return list(dict.fromkeys([*order, *found]))

    @cached_property
    def lengths(self) -> list[int]:
        """Lengths in tokens, the whole text (0) last."""
        return sorted({int(c["length"]) for c in self.cells}, key=lambda n: n or 1 << 60)

    @property
    def length(self) -> int:
        """The length of everything that is not a curve over lengths: the longest at which every attack leaves enough texts (`texts_left.py`)."""
        return self._length

    @cached_property
    def left(self) -> TextsLeft:
        """How many texts each attack leaves."""
        return TextsLeft(self.metrics)

    @cached_property
    def _length(self) -> int:
        return self.left.common_length()

    @cached_property
    def rates(self) -> list[float]:
        """False-positive rates, largest first."""
        return sorted({float(rate) for c in self.cells for rate in c.get("tpr") or {}}, reverse=True)

    def strengths(self, attack: str) -> list[float]:
        """Return the strengths of an attack that were made, weakest first."""
        return sorted({strength for name, strength in self._attacked if name == attack})

    @cached_property
    def _attacked(self) -> list[tuple[str, float]]:
        """Attacks with strengths: those of cells, and those that left no text long enough for one."""
        cells = [(str(c["attack"]), float(c["strength"])) for c in self.cells if c["attack"] != UNATTACKED]
        return list(dict.fromkeys([*cells, *self.left.made]))

    def strength_is(self, attack: str) -> str:
        """Return what the strength of an attack measures, in lines that fit under a small picture; `strength` where its record says nothing, or too much."""
        said = str(((self.signature.get("attacks") or {}).get(attack) or {}).get("strength_is") or "strength")
        lines = wrap(said, _AXIS)
        return "\n".join(lines) if len(lines) <= 2 else "strength"

    def cell(
        self, line: Line, attack: str = UNATTACKED, strength: float = 0.0, length: int | None = None
    ) -> Record | None:
        """Return a cell, or None if there is none."""
        return self._at.get((line.detector, line.source, attack, strength, self.length if length is None else length))

    def none_left(self, line: Line, attack: str, strength: float, length: int | None = None) -> str:
        """Return that an attack left no text of this length, in words; empty if it did, or was not made."""
        at = self.length if length is None else length
        share = self.left.share(line.detector, line.source, (attack, strength), at)
        return f"shorter than {length_name(at)} after the attack" if share == 0.0 else ""

    def other_n(self, line: Line, attack: str, strength: float) -> int | None:
        """Return the number of texts under an attack where it is not that of the unattacked ones; None where it is."""
        before, after = self.cell(line), self.cell(line, attack, strength)
        if before is None or after is None or int(after["n_machine"]) in (0, int(before["n_machine"])):
            return None
        return int(after["n_machine"])

    def rate_of(self, kind: str) -> float:
        """Return the rate that a kind of detector is read at (`headline_rate.py`)."""
        return headline_rate(self.cells, kind, self.length)

    @cached_property
    def views(self) -> list[View]:
        """The panels of every figure: marks first, then the others by source or by detector, whichever makes fewer."""
        pairs = list(dict.fromkeys((c["detector"], c["source"]) for c in self.cells))
        marks = [(d, s) for d in self.kinds for e, s in pairs if e == d and self.kinds[d] == "mark"]
        others = [(d, s) for d in self.kinds for e, s in pairs if e == d and self.kinds[d] != "mark"]
        views: list[View] = []
        if marks:
            many = {d for d, _ in marks if sum(e == d for e, _ in marks) > 1}
            lines = [Line(d, s, f"{d} on {s}" if d in many else d, "mark") for d, s in marks]
            rate = self.rate_of("mark")
            views.append(
                View(f"Marks, each on the text that carries it, at FPR {rate_name(rate)} by law", lines, rate, "marks")
            )
        by_source = len(dict.fromkeys(s for _, s in others)) <= len(dict.fromkeys(d for d, _ in others))
        rate = self.rate_of("")
        for name in dict.fromkeys(s if by_source else d for d, s in others):
            group = [(d, s) for d, s in others if (s if by_source else d) == name]
            lines = [Line(d, s, d if by_source else s, self.kinds[d]) for d, s in group]
            title = f"Detectors on {name}" if by_source else f"{name}, on each source of machine text"
            views.append(View(f"{title}, at FPR {rate_name(rate)}", lines, rate, name))
        return views

    def is_paraphrase(self, attack: str) -> bool:
        """Return whether an attack of the plan says a text in other words."""
        record = (self.signature.get("attacks") or {}).get(attack) or {}
        return any(str(name) in PARAPHRASES for name in (record.get("attack"), record.get("name"), attack))


def tpr(cell: Record | None, rate: float) -> Record | None:
    """Return what a cell says at a rate; None where it says nothing."""
    for name, entry in ((cell or {}).get("tpr") or {}).items():
        if abs(float(name) - rate) <= 1e-9 + 1e-6 * rate:
            return entry
    return None
