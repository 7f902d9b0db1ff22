"""What an attack did to a text: how many words it edited, how much of the word sequence is left, how long the text is now, and how alike the two are.

Words are tokens as attacks take them (`characters`): runs of what is not white space, Han and Kana characters one by one. So an attack that adds blanks alone
edits no word, and one that puts a zero-width space into each word edits all. Capitals count: "The" is not "the". Similarity needs a sentence encoder and is that of the whole
texts as far as the encoder reads; it is no judge of meaning beyond what that encoder was trained for. Of a text of more than 20,000 words the edit
rate is that of its first 20,000 against the same share of the attacked text, which may count some words at the cut too many.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapidfuzz.distance import Levenshtein

from .characters import ALONE_RANGES

if TYPE_CHECKING:
    from .sentence_encoder import SentenceEncoder

_ALONE = "".join(f"{chr(first)}-{chr(last)}" for first, last in ALONE_RANGES)
_TOKEN = re.compile(f"[{_ALONE}]|[^\\s{_ALONE}]+")
N_MAX = 4
LONGEST = 20_000


@dataclass(frozen=True)
class Damage:
    """How a text and what an attack made of it differ.

    Attributes:
        token_edit_rate: words inserted, deleted and replaced (Levenshtein) per word of the original; may be above 1; NaN if the original has no words.
        ngram_survival: for n = 1 to 4, the share of the original's distinct word n-grams that the attacked text has too; NaN where it has none.
        length_ratio: words after per word before; NaN if the original has none.
        emptied: whether words were there before and none is left.
        similarity: cosine of the two texts' embeddings; None without an encoder, or where one of the two is blank.
    """

    token_edit_rate: float
    ngram_survival: tuple[float, float, float, float]
    length_ratio: float
    emptied: bool
    similarity: float | None = None

    def to_record(self) -> dict[str, Any]:
        """Return it for JSON: four digits, None for NaN."""
        return {
            "token_edit_rate": _number(self.token_edit_rate),
            "ngram_survival": [_number(share) for share in self.ngram_survival],
            "length_ratio": _number(self.length_ratio),
            "emptied": self.emptied,
            "similarity": None if self.similarity is None else _number(self.similarity),
        }


def damage(before: Sequence[str], after: Sequence[str], encoder: "SentenceEncoder | None" = None) -> list[Damage]:
    """Return what became of each text.

    Raises:
        ValueError: if the two are not equally many.
    """
    if len(before) != len(after):
        raise ValueError(f"expected as many texts after as before ({len(before)}), got {len(after)}")
    similarities = _similarities(before, after, encoder) if encoder else [None] * len(before)
    return [_one(old, new, alike) for old, new, alike in zip(before, after, similarities, strict=True)]


def tokens_of(text: str) -> list[str]:
    """Return the words that damage is counted in.

    >>> tokens_of("It's 今天 (now).")
    ["It's", '今', '天', '(now).']
    """
    return _TOKEN.findall(text)


def _one(before: str, after: str, similarity: float | None) -> Damage:
    numbers: dict[str, int] = {}
    old = [numbers.setdefault(word, len(numbers)) for word in tokens_of(before)]
    new = [numbers.setdefault(word, len(numbers)) for word in tokens_of(after)]
    survival = tuple(_survival(old, new, n) for n in range(1, N_MAX + 1))
    return Damage(
        token_edit_rate=_edit_rate(old, new) if old else math.nan,
        ngram_survival=(survival[0], survival[1], survival[2], survival[3]),
        length_ratio=len(new) / len(old) if old else math.nan,
        emptied=bool(old) and not new,
        similarity=similarity,
    )


def _edit_rate(old: list[int], new: list[int]) -> float:
    """Return edits per word of the original's beginning, and of as much of the attacked text in proportion: the time grows with the product of the two."""
    first = min(len(old), LONGEST)
    return Levenshtein.distance(old[:first], new[: round(len(new) * first / len(old))]) / first


def _survival(old: list[int], new: list[int], n: int) -> float:
    there, left = (set(zip(*(words[i:] for i in range(n)), strict=False)) for words in (old, new))
    return len(there & left) / len(there) if there else math.nan


def _similarities(before: Sequence[str], after: Sequence[str], encoder: "SentenceEncoder") -> list[float | None]:
    whole = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old.strip() and new.strip()]
    found: list[float | None] = [None] * len(before)
    if whole:
        cosines = encoder.similarity([before[i] for i in whole], [after[i] for i in whole])
        for i, cosine in zip(whole, cosines.tolist(), strict=True):
            found[i] = cosine
    return found


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
