"""Word n-grams of many texts as numbers: what repetition, diversity and self-BLEU are counted from.

Words are what white space divides, as they stand: no case folding, no punctuation split off. N-grams do not cross texts. Codes are exact, not hashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64, I64 = NDArray[np.float64], NDArray[np.int64]


@dataclass(frozen=True)
class Ngrams:
    """The n-grams of D texts, in order.

    Attributes:
        n: their length in words.
        text: (G,) int64, which text each is of, ascending.
        code: (G,) int64 from 0: equal codes are equal n-grams.
        texts: D.
    """

    n: int
    text: I64
    code: I64
    texts: int

    @property
    def totals(self) -> I64:
        """(D,) n-grams of each text."""
        return np.bincount(self.text, minlength=self.texts).astype(np.int64)

    def counts(self) -> tuple[I64, I64, I64]:
        """Return text, code and count of each distinct n-gram of each text, (P,) each, ordered by text."""
        kinds = int(self.code.max()) + 1 if len(self.code) else 1
        pairs, count = np.unique(self.text * kinds + self.code, return_counts=True)
        return pairs // kinds, pairs % kinds, count.astype(np.int64)

    def distinct(self) -> I64:
        """Return (D,) distinct n-grams of each text."""
        return np.bincount(self.counts()[0], minlength=self.texts).astype(np.int64)


def word_ngrams(texts: Sequence[str], most: int) -> list[Ngrams]:
    """Return the n-grams of texts for n from 1 to `most`."""
    vocabulary: dict[str, int] = {}
    lists = [[vocabulary.setdefault(word, len(vocabulary)) for word in text.split()] for text in texts]
    words = np.array([code for codes in lists for code in codes], np.int64)
    text = np.repeat(np.arange(len(lists)), [len(codes) for codes in lists]).astype(np.int64)
    found = [Ngrams(1, text, words, len(lists))]
    for n in range(2, most + 1):
        before = found[-1]
        # The n-gram at place i is the (n-1)-gram there and the word n - 1 further on, if that is in the same text.
        places = np.flatnonzero(text[: len(text) - n + 1] == text[n - 1 :]) if len(text) >= n else np.zeros(0, np.int64)
        head = before.code[_index_of(before, places, text)]
        joined = head * (len(vocabulary) + 1) + words[places + n - 1]
        code = np.unique(joined, return_inverse=True)[1].astype(np.int64)
        found.append(Ngrams(n, text[places], code, len(lists)))
    return found


def _index_of(before: Ngrams, places: I64, text: I64) -> I64:
    """Return where the shorter n-grams that begin at these places stand in their list: each text before has n - 2 fewer than words, or none."""
    if before.n == 1:
        return places
    words = np.bincount(text, minlength=before.texts)
    missing = words - before.totals  # of each text
    earlier = np.cumsum(missing) - missing
    return places - earlier[text[places]]
