"""Texts as one array of code points, so that model-free attacks run over whole arrays and not over the characters or words of one text.

`Characters` holds a chunk of texts, `WordSpans` its words, `Draws` a random number for each of its units, `Replacements` what becomes of it. All
are plain numpy. Batches are cut into chunks of bounded size, and a text's result depends on the text and its seed alone, so the cuts change nothing.

Two notions of a word, neither of which knows a language:

* a *token* is a run of what is not white space; a Han or Kana character is a token by itself, as these scripts put no white space between words;
* a *word* is a run of letters, marks and digits, with single apostrophes inside it (`don't`), Han and Kana apart as before.

Thai, Lao, Khmer and Burmese put no white space between words either, but a character is no word there: a run counts as one, so that attacks on words are
coarse in these languages. Any Unicode passes, lone surrogates too. Classes of characters are those of Python's `unicodedata`.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

U8, U32, I64, Bool = NDArray[np.uint8], NDArray[np.uint32], NDArray[np.int64], NDArray[np.bool_]

OTHER, SPACE, LETTER, DIGIT, ALONE, APOSTROPHE = range(6)
"""Classes of characters; ALONE is a Han or Kana character, LETTER includes marks."""

_CHUNK_CHARS = 1 << 16  # 256 kB of code points, which a core's own cache holds with what is computed from them
_TABLE = 0x40000  # no letters, digits or white space above plane 3
ALONE_RANGES = (
    (0x3041, 0x3096),
    (0x30A1, 0x30FA),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFD),
)
_APOSTROPHES = (0x27, 0x2019)


@dataclass(frozen=True)
class WordSpans:
    """Stretches of `Characters.codes`, in order, none over another.

    Attributes:
        start, stop: (W,) int64, from and to where.
        text: (W,) int64, which text each is of.
        index: (W,) int64, how many stretches of its text come before it: what its draws are counted by.
    """

    start: I64
    stop: I64
    text: I64
    index: I64

    def __len__(self) -> int:
        return len(self.start)

    def where(self, keep: Bool) -> "WordSpans":
        """Return those where `keep` (W,) is true, each with the index it had."""
        return WordSpans(self.start[keep], self.stop[keep], self.text[keep], self.index[keep])


@dataclass(frozen=True)
class Characters:
    """D texts as code points.

    Attributes:
        codes: (N,) uint32, the texts one after the other, a line feed behind each so that no word goes over into the next.
        starts: (D,) int64, where each text begins.
        lengths: (D,) int64, its characters.
    """

    codes: U32
    starts: I64
    lengths: I64

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Characters":
        """Return the code points of texts."""
        joined = "\n".join(texts) + "\n"
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32, copy=False)
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return cls(codes, np.cumsum(lengths + 1) - lengths - 1, lengths)

    @cached_property
    def classes(self) -> U8:
        """(N,) uint8, class of each code point."""
        return char_classes()[np.minimum(self.codes, np.uint32(_TABLE - 1))]

    @cached_property
    def inside(self) -> Bool:
        """(N,) whether a code point is of a text, and not the line feed behind it."""
        found = np.ones(len(self.codes), np.bool_)
        found[self.starts + self.lengths] = False
        return found

    @cached_property
    def text_of(self) -> I64:
        """(N,) int64, which text each code point is of; the line feed behind a text is counted to it."""
        return np.repeat(np.arange(len(self.starts)), self.lengths + 1)

    def each(self, keep: Bool) -> WordSpans:
        """Return the single code points where `keep` (N,) is true; their index is their place in the text."""
        at = np.flatnonzero(keep)
        text = self.text_of[at]
        return WordSpans(at, at + 1, text, at - self.starts[text])

    @cached_property
    def tokens(self) -> WordSpans:
        """Runs of what is not white space, in the order of the texts."""
        return self.runs(self.classes != SPACE)

    @cached_property
    def words(self) -> WordSpans:
        """Runs of letters, marks and digits with single apostrophes inside."""
        kinds = self.classes
        plain = (kinds == LETTER) | (kinds == DIGIT)
        marks = np.flatnonzero(kinds[1:-1] == APOSTROPHE) + 1
        member = plain | (kinds == ALONE)
        member[marks[plain[marks - 1] & plain[marks + 1]]] = True
        return self.runs(member)

    def spans(self, start: I64, stop: I64) -> WordSpans:
        """Return stretches given by their places, in order, with their texts and indices."""
        before = np.searchsorted(start, self.starts)
        text = np.repeat(np.arange(len(self.starts)), np.diff(before, append=len(start)))
        return WordSpans(start, stop, text, np.arange(len(start)) - before[text])

    def runs(self, member: Bool) -> WordSpans:
        """Return the runs of members; one that stands alone is a run by itself. The last code point is never a member."""
        alone = self.classes == ALONE
        begins, ends = member.copy(), member.copy()
        begins[1:] &= ~member[:-1] | alone[1:] | alone[:-1]
        ends[:-1] &= ~member[1:] | alone[1:] | alone[:-1]
        return self.spans(np.flatnonzero(begins), np.flatnonzero(ends) + 1)

    def texts(self) -> list[str]:
        """Return the texts again."""
        data = np.ascontiguousarray(self.codes, "<u4").tobytes()
        bounds = zip((4 * self.starts).tolist(), (4 * (self.starts + self.lengths)).tolist(), strict=True)
        return [data[a:b].decode("utf-32-le", "surrogatepass") for a, b in bounds]

    def with_codes(self, codes: U32) -> "Characters":
        """Return the texts with other code points, as many."""
        return Characters(codes, self.starts, self.lengths)


@lru_cache(maxsize=1)
def char_classes() -> U8:
    """Return the class of each code point below `_TABLE`, (262144,) uint8."""
    table = np.zeros(_TABLE, np.uint8)
    kinds = {"L": LETTER, "M": LETTER, "N": DIGIT, "Z": SPACE}
    for code in (*range(0x20000), _TABLE - 1):  # planes 2 and 3 hold Han characters and nothing else
        table[code] = kinds.get(unicodedata.category(chr(code))[0], OTHER)
    for code in (*range(9, 14), *range(0x1C, 0x20), 0x85):
        table[code] = SPACE
    for first, last in ALONE_RANGES:
        table[first : last + 1] = ALONE
    table[list(_APOSTROPHES)] = APOSTROPHE
    return table


def chunks(
    texts: Sequence[str], seeds: Sequence[int], attacked: Callable[[Characters, NDArray[np.uint64]], list[str]]
) -> list[str]:
    """Return what `attacked` makes of the texts, called with chunks of them and their seeds (D,)."""
    done: list[str] = []
    for first, last in _cuts(texts):
        done += attacked(Characters.of(texts[first:last]), np.array(seeds[first:last], np.uint64))
    return done


def _cuts(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    first = chars = 0
    for i, text in enumerate(texts):
        chars += len(text) + 1
        if chars >= _CHUNK_CHARS:
            yield first, i + 1
            first, chars = i + 1, 0
    if first < len(texts):
        yield first, len(texts)
