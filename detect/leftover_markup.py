"""Markup that an extraction left in a text: character references and tags of HTML, where they are clearly that.

References: numeric ones, and the named ones of typography and of accented letters (`&num;` is C before it is HTML). `&lt;` stays where
the result would look like a tag. Not decoded beside a backtick, nor where a C programmer may have meant an address (`f(&copy;`).

Tags: a closed list. `<br>` and `<hr>` go unless they stand between spaces, as in a sentence about them; the others go where an
opening and a closing one of the same name occur, or two opening `<p>`; comments go. Block tags leave a line break, `p` and headings an empty
line. `<T>`, `<i,j>`, `<stdio.h>` and `a < b and c > d` are no such tags.

A text that shows code (a fence, or the skeleton of an HTML page: html, head, body, script, style, doctype) is left as it is.
Markdown is left: it is a trait of the text.
"""

import html
import re
from html.entities import html5

from .edits import Edit
from .letters import Writing

_NAMES = (
    "amp|lt|gt|quot|apos|nbsp|ensp|emsp|thinsp|ndash|mdash|hellip|lsquo|rsquo|sbquo|ldquo|rdquo|bdquo|laquo|raquo|bull|middot|copy|reg|"
    "trade|deg|times|frac12|frac14|frac34|euro|pound|yen|cent|sect|shy|zwj|zwnj|lrm|rlm|"
    "[A-Za-z]{1,2}(?:grave|acute|circ|tilde|uml|ring|cedil|slash|caron|lig)"
)
_REFERENCE = re.compile(
    rf"&(?<!`&)(?:(?:amp|#38|#[xX]26);)*(#[0-9]{{1,7}}|#[xX][0-9a-fA-F]{{1,6}}|{_NAMES});(?!`)",
    re.ASCII,
)
_VARIABLES = frozenset(("copy", "reg", "times", "deg", "cent", "sect", "bull", "pound", "trade"))
_ADDRESS = re.compile(r"[=(,] ?\Z")
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"))
_BLOCKS = frozenset(("div", "ul", "ol", "li", "table", "tbody", "thead", "tr", "td", "th", "center", "pre"))
_INLINE = frozenset(
    ("a", "b", "i", "u", "s", "em", "strong", "small", "big", "span", "font", "sup", "sub", "cite", "abbr", "q")
)
_VOID = frozenset(("br", "hr"))
_TAG = re.compile(
    rf"<(?<!`<)(?:(/?)({'|'.join(sorted(_PARAGRAPHS | _BLOCKS | _INLINE | _VOID, key=len, reverse=True))})"
    r"((?:\s[^<>]{0,500})?/?)>(?!`)|!--[^<>]{0,500}-->)",
    re.IGNORECASE,
)
_CODE = re.compile(r"[`~<](?:(?<=`)``|(?<=~)~~|(?<=<)(?:!doctype|/?(?:html|head|body|script|style)\b))", re.IGNORECASE)


def markup_edits(writing: Writing) -> list[Edit]:
    """Return the edits that decode character references and take out tags."""
    text = writing.text
    if ("&" not in text and "<" not in text) or _CODE.search(text):
        return []
    references = [edit for m in _REFERENCE.finditer(text) if (edit := _decode(m))] if "&" in text else []
    tags = _tag_edits(text) if "<" in text else []
    return _without_overlaps(sorted(references + tags))


def _decode(found: re.Match[str]) -> Edit | None:
    name = found[1]
    if name[0] != "#" and name + ";" not in html5:
        return None
    if name in _VARIABLES and _ADDRESS.search(found.string[max(found.start() - 2, 0) : found.start()]):
        return None
    char = html.unescape(f"&{name};")
    following = found.string[found.end() : found.end() + 1]
    if not char or (char == "<" and (following.isalpha() or following in ("/", "!"))):
        return None
    return Edit(*found.span(), char, "markup")


def _tag_edits(text: str) -> list[Edit]:
    found = list(_TAG.finditer(text))
    seen = {((m[2] or "").lower(), m[1]) for m in found}
    paragraphs = sum((m[2] or "").lower() == "p" and not m[1] for m in found)
    edits: list[Edit] = []
    for match in found:
        name = (match[2] or "").lower()
        paired = {(name, ""), (name, "/")} <= seen or (name == "p" and paragraphs > 1)
        if not name or (_is_leftover_break(match) if name in _VOID else paired):
            edits.append(Edit(*match.span(), _left_by(name), "markup"))
    return edits


def _is_leftover_break(found: re.Match[str]) -> bool:
    """Say whether a void tag is a remnant and not the subject of a sentence."""
    text = found.string
    between_spaces = text[found.start() - 1 : found.start()] == " " == text[found.end() : found.end() + 1]
    return found[3].endswith("/") or not between_spaces


def _left_by(name: str) -> str:
    if name in _PARAGRAPHS:
        return "\n\n"
    return "\n" if name in _BLOCKS or name in _VOID else ""


def _without_overlaps(edits: list[Edit]) -> list[Edit]:
    """Drop what starts inside an earlier edit (a reference in the attribute of a tag)."""
    kept: list[Edit] = []
    for edit in edits:
        if not kept or edit.start >= kept[-1].stop:
            kept.append(edit)
    return kept
