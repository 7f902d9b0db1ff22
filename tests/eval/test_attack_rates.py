# ruff: noqa: RUF001 (characters of other scripts are what is tested)
"""The strength of an attack is its rate: what is hit is counted in the result, by other means than the attack's own.

Each count must lie in its binomial interval of 1 - 1e-6; with some 30 counts the test fails by chance once in 30,000 choices of the seed, which is fixed.
"""

import re
from pathlib import Path

import assay.eval
import pytest
from assay.eval.attack import attack_texts, make_attack
from assay.eval.homoglyph import LOOK_ALIKES
from assay.eval.lexicon import read_lines
from assay.eval.spelling import spellings
from scipy.stats import binom

HUMAN = (Path(assay.eval.__file__).parent / "human.txt").read_text(encoding="utf-8")
CHANCE = 1e-6


def attacked(name: str, text: str, strength: float, **options: str) -> str:
    return attack_texts(make_attack(name, options), [text], strength, ["one"], seed=11)[0]


def is_binomial(hits: int, units: int, strength: float) -> None:
    low, high = binom.interval(1 - CHANCE, units, strength)
    assert low <= hits <= high, (hits, units, strength)


RATES = pytest.mark.parametrize("strength", [0.05, 0.2, 0.5])


@RATES
def test_delete(strength: float) -> None:
    words = [f"w{i}" for i in range(5000)]
    left = attacked("delete", " ".join(words), strength).split(" ")
    is_binomial(5000 - len(left), 5000, strength)
    assert left == sorted(set(left), key=words.index), (
        "the words that are left are in order, and single blanks between them"
    )


@RATES
def test_delete_articles(strength: float) -> None:
    text = " ".join(f"on the w{i} of a thing" for i in range(2000))
    left = attacked("delete-articles", text, strength)
    is_binomial(4000 - len(re.findall(r"\b(?:the|a)\b", left)), 4000, strength)


@RATES
def test_insert(strength: float) -> None:
    words = [f"w{i}" for i in range(5000)]
    out = attacked("insert", " ".join(words), strength).split(" ")
    is_binomial(len(out) - 5000, 5000, strength)
    assert set(out) == set(words)
    assert len([w for w in set(out) if out.count(w) > 1]) > 0.6 * (len(out) - 5000), "from all over the text"


@RATES
def test_swap(strength: float) -> None:
    words = [f"w{i}" for i in range(5000)]
    out = attacked("swap", " ".join(words), strength).split(" ")
    moved = [i for i in range(5000) if out[i] != words[i]]
    is_binomial(len(moved) // 2, 2500, strength)
    assert all(abs(int(out[i][1:]) - i) == 1 for i in moved)
    assert sorted(out) == sorted(words)


@RATES
def test_case(strength: float) -> None:
    out = attacked("case", HUMAN * 4, strength)
    words = [m.start() for m in re.finditer(r"(?<![\w'’])[^\W\d_]", HUMAN * 4)]
    changed = [i for i, (a, b) in enumerate(zip(HUMAN * 4, out, strict=True)) if a != b]
    is_binomial(len(changed), len(words), strength)
    assert set(changed) <= set(words)
    assert out.lower() == (HUMAN * 4).lower()


@RATES
def test_whitespace(strength: float) -> None:
    text = " ".join(HUMAN.split()) * 4
    out = attacked("whitespace", text, strength)
    is_binomial(len(out) - len(text), text.count(" "), strength)
    assert re.sub(" +", " ", out) == text
    assert "   " not in out


@RATES
def test_zero_width(strength: float) -> None:
    out = attacked("zero-width", HUMAN, strength)
    is_binomial(out.count("\u200b"), len(HUMAN), strength)
    assert out.replace("\u200b", "") == HUMAN
    assert "\u200b\u200b" not in out


@RATES
def test_homoglyph(strength: float) -> None:
    out = attacked("homoglyph", HUMAN, strength)
    latin = sum(HUMAN.count(letter) for letter in LOOK_ALIKES)
    changed = [(a, b) for a, b in zip(HUMAN, out, strict=True) if a != b]
    is_binomial(len(changed), latin, strength)
    assert all(b in LOOK_ALIKES[a] for a, b in changed)


@RATES
def test_swap_numbers(strength: float) -> None:
    numbers = [f"{i}.{i % 7}" if i % 3 else f"{i}" for i in range(1, 3000)]
    out = attacked("swap-numbers", "; ".join(numbers), strength).split("; ")
    is_binomial(sum(a != b for a, b in zip(numbers, out, strict=True)), len(numbers), strength)
    assert [re.sub(r"\d", "9", n) for n in numbers] == [re.sub(r"\d", "9", n) for n in out], (
        "as many digits, the point where it was"
    )
    assert not any(n.startswith("0") for n in out)


@RATES
def test_insert_paragraphs(strength: float) -> None:
    text = " ".join(f"Number {i} it was." for i in range(3000))
    out = attacked("insert-paragraphs", text, strength)
    is_binomial(out.count("\n\n"), 2999, strength)
    assert out.replace("\n\n", "") == text


@RATES
def test_misspell_and_spelling(strength: float) -> None:
    listed = [line[0] for line in read_lines("misspellings.txt")] * 4
    out = attacked("misspell", " ".join(listed), strength).split(" ")
    is_binomial(sum(a != b for a, b in zip(listed, out, strict=True)), len(listed), strength)
    unlisted = [f"zebra{'abcdefghij'[i % 10]}x" for i in range(3000)]
    out = attacked("misspell", " ".join(unlisted), strength).split(" ")
    is_binomial(sum(a != b for a, b in zip(unlisted, out, strict=True)), 3000, strength)
    american = list(spellings("british").entries) * 2
    out = attacked("spelling", " ".join(american), strength).split(" ")
    is_binomial(sum(a != b for a, b in zip(american, out, strict=True)), len(american), strength)


@RATES
def test_synonyms(strength: float) -> None:
    from assay.eval.synonyms import function_words
    from assay.eval.word_neighbours import embedded_neighbours

    known = list(embedded_neighbours(8, function_words()))
    out = attacked("synonyms", " ".join(known), strength, lexicon="model").split(" ")
    is_binomial(sum(a != b for a, b in zip(known, out, strict=True)), len(known), strength)


@pytest.mark.parametrize(
    "name",
    [
        "case",
        "delete",
        "delete-articles",
        "homoglyph",
        "misspell",
        "spelling",
        "swap-numbers",
        "synonyms",
        "zero-width",
    ],
)
def test_what_is_hit_at_a_strength_is_hit_at_a_higher_one(name: str) -> None:
    """Word by word: a word changed at .2 is changed at .6, into the same; of deletions, what is left at .6 is left at .2."""
    text = " ".join(f"the {i} colored horses organized happily in early spring near London" for i in range(300))
    options = {"lexicon": "model"} if name == "synonyms" else {}
    weak, strong = (attacked(name, text, strength, **options) for strength in (0.2, 0.6))
    if name.startswith("delete"):
        rest = iter(weak.split())
        assert all(word in rest for word in strong.split())
    elif name == "zero-width":
        assert _marked(weak) < _marked(strong)
    else:
        rows = list(zip(text.split(), weak.split(), strong.split(), strict=True))
        hit = [(b, c) for a, b, c in rows if a != b]
        assert hit
        if name == "homoglyph":
            assert all(x == y or x in LOOK_ALIKES for b, c in hit for x, y in zip(b, c, strict=True))
        else:
            assert all(b == c for b, c in hit)


def _marked(text: str) -> set[int]:
    """Return how many letters stand before each zero-width space."""
    return {at - i for i, at in enumerate(m.start() for m in re.finditer("\u200b", text))}
