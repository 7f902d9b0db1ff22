# ruff: noqa: RUF002 - it speaks of letters that look like others
"""Compatibility forms: NFC everywhere, NFKC only where nothing is lost.

Unicode's NFKC (UAX #15) also turns m² into m2, ½ into 1/2, ™ into TM, ´ into a space with an accent, and Chinese commas into ASCII ones.
What is folded here, and why the rest is not:

| form | example | folded |
|---|---|---|
| canonical equivalents | e + acute, Å (the unit), K (the unit) | always: the same character by definition |
| Latin ligatures and digraphs, long s | ﬁ, ĳ, ǆ, ſ | always: typesetting |
| Roman numerals as one character | Ⅳ, ⅼ | always: read as letters anyway |
| full-width letters and digits, mathematical digits | Ａ, ７, 𝟕 | always: a matter of width or weight |
| styled letters (bold, script, double-struck, circled) | 𝐚, ℝ, ⓐ | in runs of two or more and beside plain letters; one alone is a symbol |
| full-width punctuation | ， ？ | only in a text without Han, Kana or Hangul, where it is no orthography |
| hyphens | U+2010, U+2011 | always, to ASCII's, as a no-break space is a space |
| C1 control characters | U+0092 | to the Windows-1252 character that was meant, as HTML does |
| super- and subscripts, fractions, ™ № ℃ … ″ ª µ, circled numbers | | never: they carry meaning or are ordinary typography |
| Arabic presentation forms, half-width Kana, Hangul letters | | never: orthography of their own texts |

Styled, full-width and Roman letters *beside plain Latin letters in one word* are look-alikes put there: they count as confusables.
A run of more than 32 characters joined by combining marks is left alone (UAX #15's stream-safe limit is 30 marks).
The tables name their ranges, so that a Python with a newer Unicode does not fold more.
"""

import re
import unicodedata
from functools import cache

from .edits import Edit, Kind
from .letters import Writing, ranges

_LONGEST_SEQUENCE = 32
# letters with combining class 0 that still compose with what stands before them (NFC_Quick_Check=Maybe), and Hangul vowels and finals
_COMPOSING = ranges((0x1161, 0x1175), (0x11A8, 0x11C2)) | frozenset(
    "\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7\u0cc2\u0cd5\u0cd6\u0d3e\u0d57\u0dcf\u0ddf\u102e\u1b35\U00011127\U0001133e"
    "\U00011357\U000114b0\U000114ba\U000114bd\U000115af\U00011930"
)
_C1_WITHOUT_MEANING = "\x81\x8d\x8f\x90\x9d"  # not in Windows-1252; removed as invisible


def composition_edits(writing: Writing) -> list[Edit]:
    """Return the edits that bring a text to NFC."""
    marks = [c for c in writing.counts if unicodedata.combining(c) or c in _COMPOSING]
    changing = [c for c in writing.counts if unicodedata.normalize("NFC", c) != c]
    if not marks and not changing:
        return []
    joined = f"[^{_escape(marks)}]?[{_escape(marks)}]+" if marks else ""
    single = f"[{_escape(changing)}]" if changing else ""
    edits: list[Edit] = []
    for found in re.finditer("|".join(filter(None, (joined, single))), writing.text, re.DOTALL):
        sequence = found.group()
        if len(sequence) <= _LONGEST_SEQUENCE and (composed := unicodedata.normalize("NFC", sequence)) != sequence:
            edits.append(Edit(*found.span(), composed, "compatibility"))
    return edits


def compatibility_edits(writing: Writing) -> list[Edit]:
    """Return the edits that fold the compatibility forms named above; canonical ones are `composition_edits`."""
    folds, letters = _folds(), _styled_letters()
    plain = [c for c in writing.counts if c in folds or (c in _wide_punctuation() and not writing.cjk)]
    styled = [c for c in writing.counts if c in letters]
    edits: list[Edit] = []
    if plain:
        every = folds | _wide_punctuation()
        edits = [
            Edit(*m.span(), every[m.group()], "compatibility") for m in re.finditer(f"[{_escape(plain)}]", writing.text)
        ]
    return sorted(edits + _styled_edits(writing, styled)) if styled else edits


def _styled_edits(writing: Writing, styled: list[str]) -> list[Edit]:
    """Fold styled letters by run: beside plain letters, in words, and alone only where the text mixes them into words."""
    text, letters = writing.text, _styled_letters()
    edits: list[Edit] = []
    alone: list[Edit] = []
    for found in re.finditer(f"[{_escape(styled)}]+", text):
        start, stop = found.span()
        mixed = _plain(text[start - 1 : start], letters[text[start]]) or _plain(
            text[stop : stop + 1], letters[text[stop - 1]]
        )
        kind: Kind = "confusable" if mixed else "compatibility"
        odd = mixed or (stop - start > 2 and not (writing.cjk and all(map(_is_ordinary_alone, found.group()))))
        folded = [Edit(i, i + 1, letters[text[i]], kind, int(odd)) for i in range(start, stop)]
        lone = len(folded) == 1 and not mixed and not _is_ordinary_alone(text[start])
        (alone if lone else edits).extend(folded)
    return sorted(edits + alone) if any(edit.tampering for edit in edits) else edits


def _plain(neighbour: str, letter: str) -> bool:
    """Say whether a plain character of the same sort (letter, digit) stands beside a styled one."""
    return neighbour.isascii() and (neighbour.isalpha() if letter.isalpha() else neighbour.isdigit())


def _is_ordinary_alone(char: str) -> bool:
    """Say whether a form says no more than its plain letter: full-width, Roman numerals, digits; not ℝ or 𝑥."""
    return char in _ordinary_alone()


@cache
def _ordinary_alone() -> frozenset[str]:
    return ranges((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A), (0x2160, 0x217F), (0x1D7CE, 0x1D7FF))


@cache
def _styled_letters() -> dict[str, str]:
    """Return one-character letters and digits of another style with their plain form (ASCII, or Greek)."""
    circled_and_squared = ranges((0x24B6, 0x24E9), (0x1F130, 0x1F149))
    mathematical = ranges((0x2102, 0x2138), (0x213C, 0x2149), (0x1D400, 0x1D7FF))
    plain = {c: unicodedata.normalize("NFKC", c) for c in mathematical | circled_and_squared | _ordinary_alone()}
    kept = {c: p for c, p in plain.items() if p != c and len(p) == 1 and (p.isascii() or 0x391 <= ord(p) <= 0x3C9)}
    return {c: p for c, p in kept.items() if p.isalnum() and unicodedata.normalize("NFC", c) == c}


@cache
def _folds() -> dict[str, str]:
    """Return the forms that are folded wherever they stand."""
    forms = ranges((0xFB00, 0xFB06), (0x132, 0x133), (0x1C4, 0x1CC), (0x1F1, 0x1F3), (0x17F, 0x17F), (0x2160, 0x217F))
    folds = {c: unicodedata.normalize("NFKC", c) for c in forms}
    c1 = {chr(i): bytes([i]).decode("cp1252") for i in range(0x80, 0xA0) if chr(i) not in _C1_WITHOUT_MEANING}
    return {c: p for c, p in folds.items() if len(p) > 1 or c == "\u017f"} | c1 | {"\u2010": "-", "\u2011": "-"}


@cache
def _wide_punctuation() -> dict[str, str]:
    return {chr(i + 0xFEE0): chr(i) for i in range(0x21, 0x7F) if not chr(i).isalnum()}


def _escape(chars: list[str]) -> str:
    return "".join(map(re.escape, chars))
