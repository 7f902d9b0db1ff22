"""Characters that leave no mark on the page: removed, except where they carry meaning.

Kept are
- a zero-width joiner between emoji, the first variation selector after a symbol, a keycap digit or a Han character, and the tag
  sequence of a flag such as Scotland's;
- zero-width joiner and non-joiner and variation selectors after a letter of a script that joins or stacks (Arabic, Persian,
  Indic, Mongolian), and the zero-width space between letters of scripts without word spaces (Thai, Khmer, Lao, Burmese, Tibetan);
- the grapheme joiner in Hebrew, Hangul fillers that complete a syllable of conjoining letters;
- bidirectional controls, in texts whose letters are mostly written from right to left.

Removed are all others: zero-width space, joiners, byte order marks, soft hyphens, tags, control characters other than white space.

As tampering counts what stands between two letters or digits of a European script, which no editor, browser or typesetter puts there; a
single soft hyphen with two letters on either side is hyphenation. Overrides of the writing direction count anywhere in such a text.
"""

import re
import unicodedata

from .edits import Edit, Kind
from .letters import Writing, is_joining, is_rtl, is_unspaced, ranges

BIDI = ranges((0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069))
_OVERRIDES = "\u202d\u202e"
_CONTROLS = ranges((0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x7F)) | frozenset("\x81\x8d\x8f\x90\x9d")
_SELECTORS = ranges((0xFE00, 0xFE0F), (0xE0100, 0xE01EF), (0x180B, 0x180D), (0x180F, 0x180F))
_TAGS = ranges((0xE0000, 0xE00FF), (0xE01F0, 0xE0FFF))
_HANGUL_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
INVISIBLE = (
    BIDI
    | _CONTROLS
    | _SELECTORS
    | _TAGS
    | _HANGUL_FILLERS
    | ranges(
        (0x200B, 0x200D), (0x2060, 0x2065), (0x206A, 0x206F), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A)
    )
    | frozenset("\xad\u034f\u17b4\u17b5\u180e\ufeff")
)
ASCII_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,6}\U000e007f")
_SKIN_TONES = ranges((0x1F3FB, 0x1F3FF))


def invisible_edits(writing: Writing) -> list[Edit]:
    """Return the removals of invisible characters, bidirectional controls among them."""
    text = writing.text
    found = [c for c in writing.counts if c in INVISIBLE and not (c in BIDI and writing.rtl)]
    if not found and not ASCII_CONTROL.search(text):
        return []
    flags = [m.span() for m in _FLAG.finditer(text)] if any(c in _TAGS for c in found) else []
    kept_tags = {i for start, stop in flags for i in range(start + 1, stop)}
    kinds: dict[str, Kind] = {c: "bidi" if c in BIDI else "invisible" for c in [*found, *_CONTROLS]}
    odd_anywhere = "" if any(c.isalpha() and is_rtl(c) for c in writing.counts) else _OVERRIDES
    edits: list[Edit] = []
    for run in re.finditer(f"[\x00-\x08\x0e-\x1f\x7f{''.join(found)}]+", text):
        start, stop = run.span()
        kept = _kept(text, start, stop) | (kept_tags & set(range(start, stop)) if kept_tags else set())
        odd = _is_odd(text, start, stop)
        for i in range(start, stop):
            if i not in kept:
                _remove(edits, i, kinds[text[i]], odd or text[i] in odd_anywhere)
    return edits


def _remove(edits: list[Edit], at: int, kind: Kind, odd: bool) -> None:
    """Add the removal of one character, joined to that of the one before where both are of one kind."""
    if edits and (last := edits[-1]).stop == at and last.kind == kind:
        edits[-1] = Edit(last.start, at + 1, "", kind, last.tampering + odd)
    else:
        edits.append(Edit(at, at + 1, "", kind, int(odd)))


def _is_odd(text: str, start: int, stop: int) -> bool:
    """Say whether a run stands inside a word of a European script and is no soft hyphen at a place to divide the word."""
    before, after = text[start - 1 : start], text[stop : stop + 1]
    if not (before.isalnum() and after.isalnum() and before < "\u0590" and after < "\u0590"):
        return False
    hyphenated = text[max(start - 2, 0) : start].isalpha() and text[stop : stop + 2].isalpha()
    return not (text[start:stop] == "\xad" and hyphenated and min(start, len(text) - stop) >= 2)


def _kept(text: str, start: int, stop: int) -> set[int]:
    """Return the places of a run of invisible characters where one carries meaning: at most a selector and a joiner."""
    before, after = text[start - 1 : start], text[stop : stop + 1]
    if not before or (before.isascii() and before not in "#*0123456789" and text[start] != "\u115f"):
        return set()
    kept: set[int] = set()
    at = start
    if text[at] in _SELECTORS and _takes_selector(before, after):
        kept.add(at)
        at += 1
    if at < stop and _means_something(text[at], before, after):
        kept.add(at)
    return kept


def _means_something(char: str, before: str, after: str) -> bool:
    """Say whether an invisible character, not a selector, carries meaning between two visible ones."""
    if char in "\u200c\u200d" and is_joining(before):
        return True
    if char == "\u200d":
        return bool(after) and _is_emoji(before) and _is_emoji(after)
    if char == "\u200b":
        return bool(after) and is_unspaced(before) and is_unspaced(after)
    if char == "\u1160":
        return "\u1100" <= before <= "\u115e" or "\ua960" <= before <= "\ua97c"
    if char == "\u115f":
        return "\u1161" <= after <= "\u11a7" or "\ud7b0" <= after <= "\ud7c6"
    return char == "\u034f" and "\u0591" <= before <= "\u05f4"


def _takes_selector(before: str, after: str) -> bool:
    """Say whether a variation selector can stand after a character: symbols, keycaps, Han, joining scripts."""
    if before in "#*0123456789":
        return after == "\u20e3"
    is_han = "\u3400" <= before <= "\u9fff" or "\U00020000" <= before <= "\U0003ffff"
    return unicodedata.category(before) in ("So", "Sm") or before in "‼⁉〰" or is_han or is_joining(before)


def _is_emoji(char: str) -> bool:
    return unicodedata.category(char) == "So" or char in _SKIN_TONES or char in "♀♂"
