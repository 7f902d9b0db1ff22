"""White space: one kind of space, one kind of line end, no runs.

Every Unicode space and the tab become a space, every line or page end a newline; a run of spaces becomes one (an indentation too), spaces
before a line end and at either end of the text go, and more than one empty line becomes one. This takes the alignment out of
tables and the indentation out of code: it is for prose.

Ordinary typing has doubled spaces after full stops, in tables and at line starts. As tampering count doubled spaces *between a small
letter or comma and a small letter*, and there only from six of them and from 15 % of all such gaps on: of 9,203 human texts none has
both (those whose formulas were cut out come to 12 %), under RAID's attack the share is 31 % and more.
"""

import re

from .edits import Edit
from .letters import Writing

_SPACES = "\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_LINES = "\r\x0b\x0c\u2028\u2029"
_WHITE = f"[ \n{_SPACES}{_LINES}]"
_RUN = re.compile(
    f"{_WHITE}(?:{_WHITE}+|(?<=[{_SPACES}{_LINES}])|(?<=\\A{_WHITE})|\\Z)"
)  # all but one plain character inside
_BEYOND_ASCII = frozenset("\xa0\u1680\u202f\u205f\u3000\u2028\u2029") | frozenset(map(chr, range(0x2000, 0x200B)))
_LINE_END = re.compile(f"\r\n|[\n{_LINES}]")
_WIDE_GAP = re.compile("  +(?=[a-z])")
_GAP = re.compile("[a-z,] +(?=[a-z])")
_FEWEST_WIDE_GAPS = 6
_LEAST_WIDE_SHARE = 0.15


def white_space_edits(writing: Writing) -> list[Edit]:
    """Return the edits that leave single spaces, single newlines, and at most one empty line."""
    text = writing.text
    if not needs_spacing(text) and _BEYOND_ASCII.isdisjoint(writing.counts):
        return []
    odd = _tampered_gaps(text)
    edits: list[Edit] = []
    for found in _RUN.finditer(text):
        start, stop = found.span()
        run, kept = found.group(), _plain(found.group(), start == 0 or stop == len(text))
        if run == kept:
            continue
        same = 0  # what is kept of the run's beginning is no edit
        while same < len(kept) and kept[same] == run[same]:
            same += 1
        edits.append(Edit(start + same, stop, kept[same:], "white_space", odd.get(start, 0)))
    return edits


def needs_spacing(text: str) -> bool:
    """Say whether any white space of ASCII is not as it should be."""
    return (
        "  " in text
        or " \n" in text
        or "\n\n\n" in text
        or any(c in text for c in "\t\r\x0b\x0c")
        or text[:1] in (" ", "\n")
        or text[-1:] in (" ", "\n")
    )


def _plain(run: str, outer: bool) -> str:
    """Return what a run of white space is replaced with; nothing at either end of the text."""
    if outer:
        return ""
    ends = list(_LINE_END.finditer(run))
    if not ends:
        return " "
    return "\n" * min(len(ends), 2) + (" " if ends[-1].end() < len(run) else "")


def _tampered_gaps(text: str) -> dict[int, int]:
    """Return the gaps within sentences that were widened, by place, with the number of characters too many."""
    before = re.compile("[a-z,]")
    wide = {m.start(): len(m[0]) - 1 for m in _WIDE_GAP.finditer(text) if before.match(text[m.start() - 1 : m.start()])}
    if len(wide) < _FEWEST_WIDE_GAPS or len(wide) < _LEAST_WIDE_SHARE * len(_GAP.findall(text)):
        return {}
    return wide
