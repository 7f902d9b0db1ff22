# ruff: noqa: RUF001 (characters of other scripts are what is tested)
"""The arrays under the model-free attacks, against plain Python on any Unicode: words, draws, replacements, lexicon look-ups."""

import re

import numpy as np
import pytest
from assay.eval.characters import ALONE, ALONE_RANGES, Characters, char_classes
from assay.eval.damage import tokens_of
from assay.eval.draws import choices, hits, uniforms
from assay.eval.lexicon import Lexicon, stretch_hashes
from assay.eval.replacements import Replacements, inserted, replaced
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

ANY = st.text(st.characters(codec=None, categories=None), max_size=12)
WORDY = st.text(st.sampled_from("aB é'’-.\n 中カ١2\u0301\u200b\x1c\x85\u3000\ud800"), max_size=14)
TEXTS = st.lists(ANY | WORDY, max_size=6)


@given(TEXTS)
def test_texts_come_back(texts: list[str]) -> None:
    assert Characters.of(texts).texts() == texts


@given(TEXTS)
def test_tokens_are_those_of_a_regular_expression(texts: list[str]) -> None:
    chars = Characters.of(texts)
    found: list[list[str]] = [[] for _ in texts]
    for a, b, text in zip(chars.tokens.start, chars.tokens.stop, chars.tokens.text, strict=True):
        found[text].append(texts[text][a - chars.starts[text] : b - chars.starts[text]])
    assert found == [tokens_of(text) for text in texts]
    assert chars.tokens.index.tolist() == [i for words in found for i in range(len(words))]


@given(TEXTS)
def test_words_are_letters_marks_digits_and_single_apostrophes(texts: list[str]) -> None:
    import unicodedata

    def plain(char: str) -> bool:
        return unicodedata.category(char)[0] in "LMN" and not alone(char)

    def alone(char: str) -> bool:
        return any(a <= ord(char) <= b for a, b in ALONE_RANGES)

    def words(text: str) -> list[str]:
        found, now = [], ""
        for i, char in enumerate(text):
            inner = char in "'’" and 0 < i < len(text) - 1 and plain(text[i - 1]) and plain(text[i + 1])
            if plain(char) or inner:
                now += char
                continue
            found += [now] * bool(now) + [char] * alone(char)
            now = ""
        return found + [now] * bool(now)

    chars = Characters.of(texts)
    found = [
        "".join(map(chr, chars.codes[a:b].tolist())) for a, b in zip(chars.words.start, chars.words.stop, strict=True)
    ]
    assert found == [word for text in texts for word in words(text)]


def test_classes_agree_with_python_on_white_space_of_all_unicode() -> None:
    table = char_classes()
    assert [code for code in range(0x20000) if chr(code).isspace()] == np.flatnonzero(table == 1).tolist()
    assert table[0x4E2D] == table[0x30AB] == table[0x20000] == ALONE


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, int, int, str]]]:
    """Return texts and edits of them: (text, from, to, by)."""
    texts = draw(TEXTS)
    made: list[tuple[int, int, int, str]] = []
    for i, text in enumerate(texts):
        at = 0
        for _ in range(draw(st.integers(0, 3))):
            start = draw(st.integers(at, len(text)))
            at = draw(st.integers(start, len(text)))
            made.append((i, start, at, draw(ANY)))
    return texts, made


@given(edits())
@settings(max_examples=300)
def test_replacements_are_those_made_one_by_one(case: tuple[list[str], list[tuple[int, int, int, str]]]) -> None:
    texts, made = case
    chars = Characters.of(texts)
    pool = Characters.of([by for *_, by in made])
    start = np.array([chars.starts[i] + a for i, a, _, _ in made], np.int64)
    stop = np.array([chars.starts[i] + b for i, _, b, _ in made], np.int64)
    expected = list(texts)
    for i, a, b, by in reversed(made):
        expected[i] = expected[i][:a] + by + expected[i][b:]
    assert replaced(chars, Replacements(start, stop, pool.starts, pool.lengths, pool.codes)) == expected


@given(TEXTS, st.data())
def test_one_character_is_inserted_as_several_are(texts: list[str], data: st.DataObject) -> None:
    chars = Characters.of(texts)
    places = [int(a + i) for a, n in zip(chars.starts, chars.lengths, strict=True) for i in range(n + 1)]
    at = np.array(sorted(data.draw(st.sets(st.sampled_from(places)))) if places else [], np.int64)
    assert [text.replace("\ue000\ue001", "\ue000") for text in inserted(chars, at, "\ue000\ue001")] == inserted(
        chars, at, "\ue000"
    )


def test_draws_are_uniform_and_unrelated() -> None:
    """Kolmogorov-Smirnov over units, over seeds and between streams, neighbours and texts: each p above 1e-4, fixed seeds."""
    many = Characters.of(["x " * 20_000])
    seed = np.array([12345], np.uint64)
    units = many.tokens
    one, other = (uniforms(seed, units.text, units.index, stream) for stream in (0, 1))
    by_seed = uniforms(np.arange(20_000, dtype=np.uint64), np.arange(20_000), np.zeros(20_000, np.int64))
    for sample in (one, other, by_seed, (one + other) % 1, (one[1:] - one[:-1]) % 1, (by_seed[1:] + by_seed[:-1]) % 1):
        assert kstest(sample, "uniform").pvalue > 1e-4
    assert hits(seed, units, 0.3).tolist() == (one < 0.3).tolist()
    counts = np.full(len(units), 7)
    drawn = choices(seed, units, counts)
    assert set(drawn.tolist()) == set(range(7))


def test_lexicon_finds_its_words_and_no_others() -> None:
    rng = np.random.default_rng(1)
    words = {"".join(chr(97 + c) for c in rng.integers(0, 26, n)) for n in rng.integers(1, 20, 4000)}
    known = sorted(words)[::2]
    lexicon = Lexicon({word: (word[::-1],) for word in known})
    text = " ".join(word.upper() if i % 3 else word for i, word in enumerate(sorted(words)))
    chars = Characters.of(["", text, "x"])
    found = lexicon.find(chars, chars.words)
    expected = [
        known.index(w) if (w := word.lower()) in set(known) else -1 for word in [*re.findall(r"\w+", text), "x"]
    ]
    assert found.tolist() == expected
    assert Lexicon({}).find(chars, chars.words).tolist() == [-1] * len(chars.words)


def test_a_stretch_has_one_hash_wherever_it_stands() -> None:
    chars = Characters.of(["abc", "", "x abcABC", "ab", "c"])
    at = [(0, 3), (7, 10), (10, 13)]
    assert "".join(map(chr, chars.codes[7:13].tolist())) == "abcABC"
    hashed = stretch_hashes(chars.codes, np.array([a for a, _ in at]), np.array([b for _, b in at]))
    assert len(set(hashed.tolist())) == 1
    assert len(set(stretch_hashes(chars.codes, np.array([0, 0, 1]), np.array([0, 1, 1])).tolist())) == 2


@pytest.mark.parametrize("size", [0, 1, 40, 70_000, 200_000])
def test_cuts_into_chunks_change_nothing(size: int) -> None:
    from assay.eval.attack import attack_texts, make_attack

    texts = [("The 1 colored cat. " * (i % 50 + 1)) for i in range(size // 500 + 1)] + ["The cat " * (size // 8)]
    ids = [str(i) for i in range(len(texts))]
    for name in ("delete", "misspell", "zero-width"):
        attack = make_attack(name)
        assert attack_texts(attack, texts, 0.3, ids) == [
            attack_texts(attack, [t], 0.3, [i])[0] for t, i in zip(texts, ids, strict=True)
        ]
