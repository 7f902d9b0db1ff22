"""Bring a text to the form that detection reads, remember the way back, and count what had to be changed.

Character attacks change what a model reads and not what a person sees: look-alike letters, zero-width characters, doubled spaces (RAID, Dugan et
al. 2024, arXiv:2405.07940). Undone before anything is scored they do nothing, and that they were there is evidence of its own.

The steps, in this order, each in a file that states its rules and their reasons:

1. `invisibles.py`: zero-width and other invisible characters and bidirectional controls are removed;
2. `compatibility.py`: NFC, and NFKC where nothing is lost;
3. `confusables.py`: look-alikes in words of Latin text become Latin letters;
4. `spaces.py`: one kind of space and line end, no runs, nothing at line ends;
5. `leftover_markup.py`: character references and tags of HTML.

Steps 1 to 4 are repeated until nothing changes (each change removes characters that no step writes, so this ends, mostly after the second
round), then step 5, and all again while it finds something. References nested so deeply that this takes more than
`_MARKUP_ROUNDS` rounds are no leftovers: such a text keeps its markup. So `normalise(normalise(x).text)` changes nothing, for any string.

Not touched: spelling, case, punctuation (curly quotes, dashes, "…"), Markdown, genuine words of any script, lone surrogates. Text as it
comes from a keyboard or a generator passes unchanged, but for runs of spaces: indented code and aligned tables are
flattened. Marks and calibrations made with the normaliser record `VERSION`; another version is another null.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .compatibility import compatibility_edits, composition_edits
from .confusables import confusable_edits
from .edits import Alignment, Edit, Step, apply
from .invisibles import ASCII_CONTROL, invisible_edits
from .leftover_markup import markup_edits
from .letters import Writing
from .spaces import needs_spacing, white_space_edits

VERSION = "1"
_STEPS: tuple[Callable[[Writing], list[Edit]], ...] = (
    invisible_edits,
    composition_edits,
    compatibility_edits,
    confusable_edits,
    white_space_edits,
)
_MARKUP_ROUNDS = 8


@dataclass(frozen=True)
class Changes:
    """Characters that were changed or removed, by kind."""

    compatibility: int = 0
    confusable: int = 0
    invisible: int = 0
    bidi: int = 0
    white_space: int = 0
    markup: int = 0

    @property
    def total(self) -> int:
        """Changes of all kinds."""
        return sum(vars(self).values())


@dataclass(frozen=True)
class Tampering:
    """Changed characters such as ordinary texts do not hold: evidence that somebody hid something, not proof.

    What ordinary typing, typesetting and extraction leave behind does not count (`Changes` has it all): no-break spaces, ligatures,
    byte order marks, soft hyphens where a word divides, doubled spaces here and there, accents as characters of their own, HTML.

    Attributes:
        kinds: characters by kind.
        n_characters: of the original text.
    """

    kinds: Changes
    n_characters: int

    @property
    def count(self) -> int:
        """Characters of all kinds."""
        return self.kinds.total

    @property
    def rate_per_1k(self) -> float:
        """Such characters per 1,000 of the original text."""
        return 1000.0 * self.count / self.n_characters if self.n_characters else 0.0

    def to_record(self) -> dict[str, float | dict[str, int]]:
        """Return a JSON-ready record; kinds that do not occur are left out."""
        by_kind = {kind: count for kind, count in vars(self.kinds).items() if count}
        return {"count": self.count, "rate_per_1k": round(self.rate_per_1k, 3), "by_kind": by_kind}


@dataclass(frozen=True)
class Normalised:
    """A normalised text with the way back to the original.

    Attributes:
        text: what detection reads.
        alignment: where its characters come from.
        changes: what was done.
        tampering: what of it speaks of tampering.
        version: of the rules.
    """

    text: str
    alignment: Alignment
    changes: Changes
    tampering: Tampering
    version: str = VERSION

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """(len(text) + 1,) int64, never falling: where each character starts in the original; the last is the end of the text."""
        return self.alignment.offsets()

    def to_original(self, start: int, stop: int) -> tuple[int, int]:
        """Return the characters [start, stop) of the original behind characters [start, stop) of the text.

        Removed characters at either end are not part of it; the original sliced so normalises to the text sliced so, where the
        rules look at no more than the slice.

        Raises:
            ValueError: if the stretch does not lie in the text.
        """
        found = self.alignment.back(np.array([[start, stop]], np.int64))[0]
        return int(found[0]), int(found[1])

    def spans_to_original(self, spans: NDArray[np.int64]) -> NDArray[np.int64]:
        """Do what `to_original` does for (N, 2) spans at once."""
        return self.alignment.back(spans)


def normalise(text: str) -> Normalised:
    """Normalise one text; never raises, whatever the string holds."""
    if _is_clean(text):
        return Normalised(text, Alignment((), len(text)), Changes(), Tampering(Changes(), len(text)))
    plain = _Course(text)
    plain.settle()
    best, trial = plain, plain
    for _ in range(_MARKUP_ROUNDS):
        trial = trial.copy()
        if not trial.take(markup_edits):
            best = trial
            break
        trial.settle()
    return best.finish(len(text))


def _is_clean(text: str) -> bool:
    """Say quickly that nothing is to be done; False only means that the steps must look."""
    return (
        text.isascii()
        and not needs_spacing(text)
        and "&" not in text
        and "<" not in text
        and not ASCII_CONTROL.search(text)
    )


class _Course:
    """A text on its way, with the steps taken so far."""

    def __init__(self, text: str, steps: Sequence[Step] = ()) -> None:
        self.writing = Writing(text)
        self.steps = list(steps)
        self.changes: Counter[str] = Counter()
        self.tampering: Counter[str] = Counter()

    def copy(self) -> "_Course":
        other = _Course(self.writing.text, self.steps)
        other.writing = self.writing
        other.changes, other.tampering = self.changes.copy(), self.tampering.copy()
        return other

    def take(self, step: Callable[[Writing], list[Edit]]) -> bool:
        """Take one step; return whether it changed anything."""
        edits = step(self.writing)
        if not edits:
            return False
        self.steps.append(Step.of(edits, len(self.writing.text)))
        self.writing = Writing(apply(self.writing.text, edits))
        for edit in edits:
            self.changes[edit.kind] += edit.n_changed
            self.tampering[edit.kind] += edit.tampering
        return True

    def settle(self) -> None:
        """Take the steps of characters until none changes anything."""
        changed = True
        while changed:
            changed = False
            for step in _STEPS:
                changed |= self.take(step)

    def finish(self, n_characters: int) -> Normalised:
        text = self.writing.text
        tampering = Tampering(Changes(**self.tampering), n_characters)
        return Normalised(text, Alignment(tuple(self.steps), len(text)), Changes(**self.changes), tampering)
