# ruff: noqa: RUF001 (curly quotes are what is tested)
"""Style features against the same definition written with regular expressions and dictionaries."""

import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from assay.detect.style import LONGEST_RUN, WordList, style_codes, style_matrix, style_scores
from assay.models.corpus import read_documents
from hypothesis import example, given, settings, strategies

BITS = 14
WORDS = ("the", "of", "don't", "and", "he", "a", "very", "it's")
LIST = WordList.of(WORDS)
M64 = 2**64 - 1
ASCII = dict.fromkeys(range(0x2000, 0x2040), "*")
ASCII |= dict.fromkeys([*range(0x2000, 0x2010), *range(0x2028, 0x2030)], " ")
ASCII |= {ord(c): "-" for c in "‐‑‒–—―"} | {ord(c): "'" for c in "‘’‚‛"} | {ord(c): '"' for c in "“”„‟"}
ASCII |= {ord(c): "." for c in "․‥…"}
TOKEN = re.compile(
    rb"(?P<word>L(?:L|'(?=L))*)|(?P<number>[0-9]+)|(?P<other>[!-~])".replace(b"L", rb"[A-Za-z\x80-\xff]")
)


def mix(x: int) -> int:
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & M64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & M64
    return x ^ (x >> 31)


def fnv(raw: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in raw.lower():
        value = (value ^ byte) * 0x100000001B3 & M64
    return value


def code(match: re.Match[bytes]) -> int:
    golden, raw = 0x9E3779B97F4A7C15, match.group()
    if match["number"]:
        return mix((0x88 * golden + min(len(raw), 4)) & M64)
    if match["other"]:
        return mix((0x77 * golden + raw[0]) & M64)
    capital = 0x11 if raw[:1].isupper() else 0
    if raw.lower() in {word.encode() for word in WORDS}:
        return mix((fnv(raw) + capital) & M64)
    ending = fnv(raw[-3:]) if len(raw) > 4 else 0xCBF29CE484222325
    return mix(ending ^ ((0x22 + capital + (0x44 if len(raw) > 8 else 0)) * golden & M64))


def plain_codes(text: str) -> list[int]:
    return [code(match) for match in TOKEN.finditer(text.translate(ASCII).encode("utf-8", "replace"))]


def plain_features(text: str) -> dict[int, float]:
    codes, counts = plain_codes(text), Counter[int]()
    for i in range(len(codes)):
        run = 0
        for value in codes[i : i + LONGEST_RUN]:
            run = mix((run + value + 0x9E3779B97F4A7C15) & M64)
            counts[run >> (64 - BITS)] += 1
    norm = math.sqrt(sum(math.log1p(c) ** 2 for c in counts.values()))
    return {feature: math.log1p(count) / norm for feature, count in counts.items()}


def kernel_codes(text: str) -> list[int]:
    return style_codes(text, LIST).tolist()


PIECES = strategies.lists(strategies.sampled_from([*"aZé中 \n'’“—…-.,7", "the ", "Don't", "don’t", "\u2028", "😀"]))


@settings(deadline=None)  # the first example compiles the kernels
@given(text=strategies.text() | PIECES.map("".join))
@example(text="Don't — the “Remarkable” 12,345 o’clock… it's 'quoted' rock'n'roll ' x'")
@example(text="é’é ’’a ’")
def test_tokens_are_those_of_the_definition(text: str) -> None:
    assert kernel_codes(text) == plain_codes(text)


def test_sources_that_differ_in_typography_read_alike() -> None:
    assert kernel_codes("“Don’t,” he said — “very well.”\n\nAnd") == kernel_codes(
        '"Don\'t," he said - "very well." And'
    )
    assert kernel_codes("The cats slept") != kernel_codes("the cats slept")
    assert kernel_codes("the Copenhagen") == kernel_codes("the Verbhagen"), "rare words with one ending are one token"


def test_matrix_and_scores_are_those_of_the_definition() -> None:
    texts = ["", "   ", "The cat and the dog, and the cat.", "He — 1999 — didn't; it's a very long Enumeration!"]
    weights = np.random.default_rng(0).normal(size=1 << BITS).astype(np.float32)
    matrix, lengths = style_matrix(texts, LIST, BITS)
    scores, n = style_scores(texts, LIST, weights)
    assert n.tolist() == lengths.tolist() == [len(plain_codes(text)) for text in texts]
    for row, text in enumerate(texts):
        expected = plain_features(text) if plain_codes(text) else {}
        start, stop = matrix.indptr[row], matrix.indptr[row + 1]
        found = dict(zip(matrix.indices[start:stop].tolist(), matrix.data[start:stop].tolist(), strict=True))
        assert found == pytest.approx(expected, rel=1e-6)
        assert scores[row] == pytest.approx(sum(weights[f] * v for f, v in expected.items()), abs=1e-5)


def test_a_batch_is_its_texts_one_by_one() -> None:
    texts = ["The cat.", "", "And a dog, very much so.", "x" * 5000, "He"]
    weights = np.random.default_rng(1).normal(size=1 << BITS).astype(np.float32)

    def scores(batch: list[str]) -> list[float]:
        return style_scores(batch, LIST, weights)[0].tolist()

    assert scores(texts) == [scores([text])[0] for text in texts]


def test_every_document_of_real_text_reads_as_defined(shared: Path) -> None:
    documents = [d.text[:3000] for d in read_documents(shared / "data/corpus/test.jsonl.zst")][::40]
    assert len(documents) >= 15
    for text in documents:
        assert kernel_codes(text) == plain_codes(text)
