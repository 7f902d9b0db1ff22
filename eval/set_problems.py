"""What only the texts can tell is wrong with a plan: all of them of one class, and the same text in two sets.

A threshold set on texts that are tested as well says how well they were learnt by heart; a text in two sets is counted as two. Texts are the same if every
character is; a set that gives prompts is one like the others, because its people's rests are tested. Empty texts are nobody's.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from .score_table import HUMAN, MACHINE


def class_problems(labels: Collection[str], *, only_marks: bool) -> list[str]:
    """Return why these labels of the tested texts are not enough; marks need no human texts, because the law alone can judge them."""
    if MACHINE not in labels:
        return ["the plan's texts are of one class: no machine text among them; name some, or a [[generate]]"]
    if HUMAN not in labels and not only_marks:
        why = "no human text among them, and only marks have a law to go without"
        return [
            f"the plan's texts are of one class: {why}; name human texts, or take the beginnings of some as prompts (prompts_from)"
        ]
    return []


@dataclass
class SharedTexts:
    """Which sets hold texts of which others; 16 bytes and a little of each text are held."""

    _first: dict[bytes, str] = field(default_factory=dict[bytes, str])
    _roles: dict[str, str] = field(default_factory=dict[str, str])
    _pairs: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])

    def add(self, name: str, role: str, texts: Iterable[tuple[str, str]]) -> None:
        """Take in the (id, text) of a set."""
        self._roles[name] = role
        for text_id, text in texts:
            if text.strip():
                content = text.encode("utf-8", "surrogatepass")
                other = self._first.setdefault(hashlib.blake2b(content, digest_size=16).digest(), name)
                if other != name:
                    self._pairs.setdefault((other, name), []).append(text_id)

    def problems(self, read: Collection[str]) -> list[str]:
        """Return a line for each two sets of which at least one is tested, of those that could be read to their ends."""
        found: list[str] = []
        for (first, second), ids in self._pairs.items():
            roles = {self._roles[first], self._roles[second]}
            if roles != {"calibration"} and first in read and second in read:
                many = f"{len(ids):,} text{'s' if len(ids) > 1 else ''}"
                why = "would be counted twice" if len(roles) == 1 else "would set thresholds and be tested by them"
                found.append(
                    f"text sets {first!r} and {second!r} share {many} (the first: {ids[0]!r}), which {why}; "
                    "keep each in one of them (where, where_not), or take other texts"
                )
        return found
