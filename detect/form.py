"""Whether a text is of the form that classifiers are calibrated on: running prose in English.

A calibration knows the scores of the human texts it was made of. Code, tables, lists and other languages score otherwise and are hardly ever among
them, so that a p-value from it would be no p-value: a detector of prose abstains on them. What is counted here is coarse on purpose and looks at
nothing that tells machine from human prose; it needs no model and reads the normalised text (`normalise.py`: indentation and
column gaps are gone).

Limits were set where hardly any human prose is. Flagged on English human texts (labelled detection sets and 739 held-out documents of the
training corpus, 8,736 texts): 15, 0.17 %; news 0.16 % (articles in Welsh), encyclopaedia 0.52 % (one list of names, five times), stories
0.20 %, answers to questions 1.2 % (bulleted), and none of 1,262 abstracts, 779 essays by pupils and learners, 352 reviews, 197 speeches, 96
scenes of verse or 74 technical documents and posts. Caught of other texts: languages 99.9 % (824 of 825, Arabic to Russian), source code 97 to 100 %
(Python, C, C++, JavaScript, JSON), Markdown tables and random words 100 %. Machine answers in Markdown are mostly lists: 45 % are caught too.
Some 6,000 texts of 2 kB a second on one core.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_FREQUENT = (
    "a about after again all also am an and another any are as at back be because been before being between both but by came can could day "
    "did do does don't down each even every few first for found from get go good great had has have he her here him his how i if in into "
    "is it it's its just know last life like little long made make man many may me men more most much must my never new no not now of off "
    "often old on one only or other our out over own part people right said same see she should since so some still such take than that "
    "the their them then there these they this those three through time to too two under up upon us use used very was way we well went "
    "were what when where which while who why will with without work world would year years you your"
)
_COMMON = frozenset(_FREQUENT.split())
_NOT_LATIN = re.compile(r"[^\W\d_A-Za-z\u00aa-\u024f\u1e00-\u1eff\ufb00-\ufb06]+")
_BREAKS = str.maketrans(
    {c: " " for c in map(chr, range(128)) if not c.isalpha() and c != "'"}
    | dict.fromkeys("\u201c\u201d\u2018\u2013\u2014\u2026", " ")
    | {"\u2019": "'"}
)
_SIGNS = "{}()[]<>=;_/\\|&*+#@$^~`"
_CODE = re.compile(
    r"""[{};(\[,=:]$|^["'})\]@#]|//|/\*|</|/>|:=|=>|->|[=!<>+]=|&&|\|\||\w\(|\w_\w|\w\.\w+[.(\[]|\s=\s
    |^(?:def|class|import|from|return|if|elif|else|for|while|try|except|with|function|var|let|const|public|private|static|void|int|func|fn|end)\b""",
    re.VERBOSE,
)
_ITEM = re.compile(r"(?:[-*+\u2022\u2023\u25e6\xb7\u2013\u2014]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)\]])\s")
_NUMBER = re.compile(r"[-+$€£(]?\d[\d.,:/%)-]*\Z")
_SENTENCE_ENDS = tuple(".!?:;,\"'\u201d\u2019)\u2026*_")
_SHORT = 60


_FEWEST_WORDS, _FEWEST_ROWS, _FEWEST_ITEMS = 25, 3, 5
_LEAST_COMMON, _LEAST_LATIN = 0.16, 0.8
_MOST_DIGITS = 0.4
_MOST_LETTERS = 20
_LEAST_SIGNS, _LEAST_CODE = 0.05, 0.5
_LEAST_TABLE, _LEAST_ITEMS = 0.5, 0.7


@dataclass(frozen=True)
class Form:
    """What a text looks like; all shares are from 0 to 1.

    Attributes:
        n_words: words.
        n_lines: lines that are not empty.
        common: share of words that are among 160 of the most frequent of English.
        latin: share of letters that are Latin.
        digits: share of digits among letters and digits.
        letters_a_word: mean.
        signs: signs of programs and formulas for each letter or digit; can be above 1.
        code: share of lines that look like code; not looked at, and 0, where such signs are rare.
        table: share of lines that are rows: divided by bars, or half of it numbers; 0 where neither is frequent.
        items: share of the characters that are in lines which are bulleted, numbered, or short and without a stop.
    """

    n_words: int
    n_lines: int
    common: float
    latin: float
    digits: float
    letters_a_word: float
    signs: float
    code: float
    table: float
    items: float


def form(text: str) -> Form:
    """Measure one normalised text; never raises."""
    words = text.lower().translate(_BREAKS).split()
    foreign = 0
    if not text.isascii():
        words = [word for word in words if word[0].isalpha() or word[-1].isalpha()]
        foreign = sum(map(len, _NOT_LATIN.findall(text)))
    letters = sum(map(len, words))
    n_digits = sum(map(text.count, "0123456789"))
    digits = n_digits / max(letters + n_digits, 1)
    signs = sum(map(text.count, _SIGNS)) / max(letters + n_digits, 1)
    lines = [line for line in map(str.strip, text.split("\n")) if line]
    return Form(
        n_words=len(words),
        n_lines=len(lines),
        common=sum(map(_COMMON.__contains__, words)) / max(len(words), 1),
        latin=max(1.0 - foreign / max(letters, 1), 0.0),
        digits=digits,
        letters_a_word=letters / max(len(words), 1),
        signs=signs,
        code=_share(_is_code, lines) if signs >= _LEAST_SIGNS else 0.0,
        table=_share(_is_row, lines) if digits >= 0.1 or text.count("|") >= len(lines) else 0.0,
        items=sum(len(line) for line in lines if _is_item(line)) / max(sum(map(len, lines)), 1),
    )


def unusual(found: Form) -> tuple[str, ...]:
    """Return in words, with the numbers, why a text is not running English prose; empty if it is.

    The words of a text are judged from 25 on, rows and code from three lines, lists from five.
    """
    if not found.n_words:
        return ("no letters",)
    reasons: list[str] = []
    if found.latin < _LEAST_LATIN:
        reasons.append(f"language: {found.latin:.0%} of the letters are Latin, calibrated from {_LEAST_LATIN:.0%} on")
    elif found.n_words >= _FEWEST_WORDS and found.common < _LEAST_COMMON:
        reasons.append(
            f"language: {found.common:.0%} of the words are frequent English words, calibrated from {_LEAST_COMMON:.0%} on"
        )
    if found.letters_a_word > _MOST_LETTERS:
        reasons.append(f"no words: {found.letters_a_word:,.0f} letters between spaces, limit {_MOST_LETTERS}")
    if found.digits >= _MOST_DIGITS:
        reasons.append(f"mostly numbers: {found.digits:.0%} of letters and digits are digits, limit {_MOST_DIGITS:.0%}")
    if found.n_lines >= _FEWEST_ROWS:
        if found.code >= _LEAST_CODE:
            reasons.append(f"code: {found.code:.0%} of the lines look like code, limit {_LEAST_CODE:.0%}")
        if found.table >= _LEAST_TABLE:
            reasons.append(f"table: {found.table:.0%} of the lines are rows, limit {_LEAST_TABLE:.0%}")
    if found.n_lines >= _FEWEST_ITEMS and found.items >= _LEAST_ITEMS:
        reasons.append(
            f"list: {found.items:.0%} of the text is in list items and short lines, limit {_LEAST_ITEMS:.0%}"
        )
    return tuple(reasons)


def _share(holds: Callable[[str], bool], lines: Sequence[str]) -> float:
    return sum(map(holds, lines)) / max(len(lines), 1)


def _is_code(line: str) -> bool:
    return _CODE.search(line) is not None


def _is_row(line: str) -> bool:
    if line.count("|") >= 2:
        return True
    parts = line.replace(",", " ").split()
    return len(parts) >= 2 and 2 * sum(1 for part in parts if _NUMBER.match(part)) >= len(parts)


def _is_item(line: str) -> bool:
    return (len(line) < _SHORT and not line.endswith(_SENTENCE_ENDS)) or _ITEM.match(line) is not None
