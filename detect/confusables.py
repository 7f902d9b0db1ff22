# ruff: noqa: RUF001, RUF002 - it speaks of letters that look like others
"""Letters of other scripts that were put in place of Latin ones, folded by word; texts of those scripts stay as they are.

Nothing is done unless Latin letters outnumber all other letters that have no Latin look-alike. Then a word (a run of letters, digits, marks) is

- left, if it holds a letter of another script without a look-alike ("Москва", "SMSки");
- folded, if it mixes Latin letters with look-alikes ("сopy"). Small Greek letters are a case of their own, for science writes TNFα, sinθ, hν:
  they are folded between small Latin letters ("pαper"); elsewhere in a word only where the text has such Greek look-alikes;
- folded, if all its letters look the same as Latin ones ("сору", two or more), unless the stretch without Latin letters in which it stands
  holds a letter of another script without a look-alike: then it is a word of a quotation ("он у себя");
- if it is a single such letter ("а", "Ι"), or made of small Greek letters or of letters that only resemble Latin ones:
  folded where the text has other look-alikes. A single Cyrillic letter also where nothing else in the text is Cyrillic for certain.

Phonetic letters beside a slash or bracket are a transcription, unless the text has other look-alikes. Digits' look-alikes are folded beside digits, a modifier minus between
letters or digits becomes a hyphen, and a multiplication sign becomes x in a word of a text that has look-alikes.

Not done: the opposite direction (Latin letters in Russian words), texts not mainly Latin, and look-alikes within ASCII (1 and l, 0 and O).
"""

import re
from dataclasses import dataclass, field

from .edits import Edit
from .letters import Writing, script
from .lookalikes import HYPHEN, PHONETIC, TIMES, digits, lookalikes, same

_WORD = re.compile("[\\w\u0300-\u036f]+")
_ASCII_LETTER = re.compile("[A-Za-z]")
_SMALL_BETWEEN = re.compile("(?<=[a-z])[α-ω]+(?=[a-z])")
_TIMES_IN_WORD = re.compile(f"(?<=[a-z][a-z]){TIMES}|{TIMES}(?=[a-z][a-z])")
_HYPHEN_IN_WORD = re.compile(f"(?<=[^\\W_]){HYPHEN}(?=[^\\W_])")


@dataclass
class _Found:
    """Words of a text that hold look-alikes, by what is done with them.

    Attributes:
        sure: folded, and evidence for the others.
        lone: folded without being evidence.
        doubtful: folded if there is evidence.
        greek: folded if there is evidence of small Greek letters.
        greek_evidence: whether there is.
    """

    sure: list[tuple[int, str]] = field(default_factory=list)
    lone: list[tuple[int, str]] = field(default_factory=list)
    doubtful: list[tuple[int, str]] = field(default_factory=list)
    greek: list[tuple[int, str]] = field(default_factory=list)
    greek_evidence: bool = False


def confusable_edits(writing: Writing) -> list[Edit]:
    """Return the edits that put Latin letters back where look-alikes stand for them."""
    candidates = [c for c in writing.counts if c in lookalikes() or c in digits()]
    if not (candidates or HYPHEN in writing.counts) or not _mainly_latin(writing):
        return []
    found = _sort_words(writing, candidates)
    words = found.sure + found.lone
    if found.sure:
        words += found.doubtful
    if found.greek_evidence:
        words += found.greek
    edits = [_fold(start, word) for start, word in words]
    edits += [Edit(*m.span(), "-", "confusable", 1) for m in _HYPHEN_IN_WORD.finditer(writing.text)]
    if found.sure:
        edits += [Edit(*m.span(), "x", "confusable", 1) for m in _TIMES_IN_WORD.finditer(writing.text)]
    return sorted(edits)


def _mainly_latin(writing: Writing) -> bool:
    others = writing.total(c for c in writing.counts if _is_foreign(c))
    return writing.latin > others


def _is_foreign(char: str) -> bool:
    """Say whether a letter belongs to another script and cannot be taken for a Latin one."""
    return char.isalpha() and script(char) != "LATIN" and char not in lookalikes()


def _sort_words(writing: Writing, candidates: list[str]) -> _Found:
    text, found = writing.text, _Found()
    if not candidates:
        return found
    native = {script(c) for c in writing.counts if _is_foreign(c)}
    stretches = _Stretches(text, [c for c in writing.counts if _is_foreign(c)])
    done = 0
    for hit in re.finditer(f"[{''.join(candidates)}]", text):
        if hit.start() < done:
            continue
        start = _word_start(text, hit.start(), done)
        word = _WORD.match(text, start).group()  # pyright: ignore[reportOptionalMemberAccess] - the hit is a word character
        done = start + len(word)
        _sort(found, word, start, text, stretches, native)
    return found


def _sort(found: _Found, word: str, start: int, text: str, stretches: "_Stretches", native: set[str]) -> None:
    """Put one word where it belongs; one that is left alone goes nowhere."""
    letters = [c for c in sorted(set(word)) if c.isalpha()]
    looks = [c for c in letters if c in lookalikes()]
    entry = (start, word)
    if _is_number(word):
        if any(c.isascii() for c in word):
            found.sure.append(entry)
        elif not any(script(c) == "CYRILLIC" for c in word):
            found.doubtful.append(entry)
    elif not looks or any(_is_foreign(c) for c in letters):
        return
    elif _is_phonetic(looks, text, start, start + len(word)):
        found.doubtful.append(entry)
    elif len(looks) < len(letters):
        _sort_mixed(found, entry, looks)
    elif stretches.foreign(start):
        return
    elif any("α" <= c <= "ω" for c in looks):
        found.greek.append(entry)
    elif not all(c in same() for c in looks):
        found.doubtful.append(entry)
    elif sum(map(str.isalpha, word)) > 1:
        found.sure.append(entry)
    else:
        alone = script(looks[0]) == "CYRILLIC" and "CYRILLIC" not in native
        (found.lone if alone else found.doubtful).append(entry)


def _sort_mixed(found: _Found, entry: tuple[int, str], looks: list[str]) -> None:
    between = _SMALL_BETWEEN.search(entry[1]) is not None
    found.greek_evidence |= between
    if not between and all("α" <= c <= "ω" for c in looks):
        found.greek.append(entry)
    else:
        found.sure.append(entry)


def _fold(start: int, word: str) -> Edit:
    table = digits() if _is_number(word) else lookalikes()
    count = sum(c in table for c in word)
    return Edit(start, start + len(word), "".join([table.get(c, c) for c in word]), "confusable", count, count)


def _is_number(word: str) -> bool:
    """Say whether a word is made of digits and of what is put in their place."""
    return all(c in digits() or (c.isascii() and c.isdigit()) for c in word)


def _is_phonetic(looks: list[str], text: str, start: int, stop: int) -> bool:
    return all(c in PHONETIC for c in looks) and (
        text[start - 1 : start] in ("/", "[") or text[stop : stop + 1] in ("/", "]")
    )


def _word_start(text: str, at: int, least: int) -> int:
    """Go back from a character of a word to its first one, but not before `least`."""
    while at > least and ((before := text[at - 1]).isalnum() or before == "_" or "\u0300" <= before <= "\u036f"):
        at -= 1
    return at


class _Stretches:
    """Stretches of a text without ASCII letters, asked from left to right whether they hold another script for certain."""

    def __init__(self, text: str, foreign: list[str]) -> None:
        self._text = text
        self._pattern = re.compile(f"[{''.join(foreign)}]") if foreign else None
        self._stop = 0
        self._holds = False

    def foreign(self, start: int) -> bool:
        """Return the answer for the stretch around `start`, which grows from call to call and is no ASCII letter."""
        if self._pattern is None:
            return False
        if start >= self._stop:
            first = start
            while first > self._stop and not _ASCII_LETTER.match(self._text[first - 1]):
                first -= 1
            following = _ASCII_LETTER.search(self._text, start)
            self._stop = following.start() if following else len(self._text)
            self._holds = self._pattern.search(self._text, first, self._stop) is not None
        return self._holds
