"""The contract `assay-1`: the library equals frozen vectors, which an independent implementation gives too."""

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from assay.watermark import hashing
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import HashKey, derive
from assay.watermark.key import Key
from hypothesis import given
from hypothesis import strategies as st

from . import reference

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "assay-1.json").read_text())
SEQUENCES, READINGS = GOLDEN["sequences"], GOLDEN["readings"]
KINDS = [("ordered", False), ("ordered", True), ("minhash", False), ("minhash", True)]
SHAPES = [(kind, width, salted) for kind, salted in KINDS for width in range(9)]
IDS = st.lists(st.integers(0, 2**31 - 1) | st.sampled_from([0, 1, 65536, 2**31 - 1]), max_size=14)
WORDS = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1])


def key_of(vector: dict) -> HashKey:
    secret = bytes.fromhex(vector["key"])
    return derive(secret, vector["scheme"], vector["width"], vector["context"], vector["salted"])


def as_hex(words: np.ndarray) -> list[str]:
    return [f"{w:016x}" for w in words.tolist()]


def name_of(vector: dict) -> str:
    salted = "-salted" * vector["salted"]
    return f"{vector['key'][:4]}-{vector['context']}{salted}-{vector['width']}"


def test_the_frozen_vectors_are_those_of_the_independent_implementation():
    assert reference.golden() == GOLDEN


def test_the_vectors_cover_every_shape_and_the_extreme_ids():
    assert {(v["context"], v["width"], v["salted"]) for v in SEQUENCES} == set(SHAPES)
    assert len({v["key"] for v in SEQUENCES}) == 4
    assert {0, 1, 65536, 2**31 - 1} <= {i for v in SEQUENCES for i in v["ids"]}


def test_the_documented_vectors_are_those_of_the_file():
    page = (HERE.parent.parent / "docs" / "assay-1.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert len(blocks) == 2
    assert all(vector in SEQUENCES for vector in blocks[0])
    assert {(v["context"], v["salted"]) for v in blocks[0]} == set(KINDS)
    assert all(reading in READINGS for reading in blocks[1])


@pytest.mark.parametrize("vector", SEQUENCES, ids=name_of)
def test_numpy_equals_the_golden_vectors(vector):
    key = key_of(vector)
    assert as_hex(key.multipliers) == vector["multipliers"]
    assert as_hex(np.array([key.start, key.finish])) == [vector["start"], vector["finish"]]
    ids = np.array(vector["ids"], np.int32)
    assert as_hex(hashing.words_of(ids, key)) == vector["words"]
    for t in range(key.width, len(ids)):
        one = hashing.candidate_words(ids[t - key.width : t], ids[t : t + 1], key)
        assert as_hex(one) == [vector["words"][t - key.width]]


@pytest.mark.parametrize("reading", READINGS, ids=lambda r: r["word"])
def test_readings_equal_the_golden_vectors(reading):
    word = np.array([int(reading["word"], 16)], np.uint64)
    assert {g: bool(hashing.green(word, float(g))[0]) for g in reading["green"]} == reading["green"]
    assert hashing.uniform(word)[0] == float.fromhex(reading["uniform"])
    assert "".join(map(str, hashing.bits(word, 64)[0])) == reading["bits"]


@given(st.binary(min_size=32, max_size=32), st.sampled_from(SHAPES), IDS)
def test_numpy_equals_python_integers(secret, shape, ids):
    kind, width, salted = shape
    key = derive(secret, "greenlist", width, kind, salted)
    expected = reference.words(secret, ("greenlist", kind, width, salted), ids)
    assert hashing.words_of(np.array(ids, np.int64), key).tolist() == expected


@given(st.sampled_from([s for s in SHAPES if not s[2]]), IDS)
def test_context_hashes_are_those_before_each_position_and_after_the_last(shape, ids):
    kind, width, salted = shape
    secret = bytes(range(32))
    found = hashing.context_hash(np.array(ids, np.int64), derive(secret, "greenlist", width, kind, salted))
    contexts = [ids[i : i + width] for i in range(len(ids) - width + 1)]
    named = ("greenlist", kind, width, salted)
    assert found.tolist() == [reference.context_hash(secret, named, c, 0) for c in contexts]


@given(st.sampled_from(SHAPES), IDS, st.sampled_from([np.int32, np.int64, np.uint32, np.uint64]))
def test_words_do_not_depend_on_the_integer_type_of_the_ids(shape, ids, dtype):
    kind, width, salted = shape
    key = derive(bytes(32), "greenlist", width, kind, salted)
    expected = hashing.words_of(np.array(ids, np.int64), key)
    assert np.array_equal(hashing.words_of(np.array(ids, dtype), key), expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_one_value_function_serves_the_whole_vocabulary_and_single_tokens(shape):
    kind, width, salted = shape
    key = derive(bytes(range(32)), "greenlist", width, kind, salted)
    context, vocabulary = np.arange(100, 100 + width), np.arange(500)
    whole = hashing.candidate_words(context, vocabulary, key)
    singly = [hashing.words_of(np.append(context, token), key)[0] for token in vocabulary]
    assert whole.tolist() == singly


def test_the_value_of_a_mark_is_the_green_bit_of_the_word(key):
    mark = GreenList(key, gamma=0.3, context_width=2)
    ids = np.random.default_rng(1).integers(0, 8192, 200)
    values = mark.value(hashing.context_hash(ids, mark.hash_key)[:-1], ids[2:])
    assert values.tolist() == (hashing.words_of(ids, mark.hash_key) < hashing.threshold(0.3)).tolist()


def test_every_shape_and_scheme_has_a_schedule_of_its_own():
    keys = [derive(bytes(32), s, w, k, salted) for s in ("greenlist", "other") for k, w, salted in SHAPES]
    assert len({(*k.multipliers.tolist(), int(k.start), int(k.finish)) for k in keys}) == len(keys)
    assert all((k.multipliers & np.uint64(1)).all() for k in keys)


@given(st.floats(2.0**-60, 1.0, exclude_max=True))
def test_the_threshold_is_the_exact_product(gamma):
    assert int(hashing.threshold(gamma)) == Fraction(gamma) * 2**64 // 1


def test_the_threshold_of_one_tenth_is_that_of_the_double():
    """0.1 is 0x1.999999999999ap-4; times 2^64 that is 0x1999999999999a00, a whole number."""
    assert int(hashing.threshold(0.1)) == 0x1999999999999A00
    edge = np.array([0x1999999999999A00 - 1, 0x1999999999999A00], np.uint64)
    assert hashing.green(edge, 0.1).tolist() == [True, False]


@given(WORDS)
def test_a_uniform_is_never_0_or_1_and_keeps_the_upper_bits(word):
    u = float(hashing.uniform(np.array([word], np.uint64))[0])
    assert 0.0 < u < 1.0
    assert u == reference.uniform(word)
    assert abs(Fraction(u) - Fraction(word, 2**64)) < Fraction(1, 2**52)


def test_the_uniforms_of_the_extreme_words():
    assert hashing.uniform(np.array([0, 2**64 - 1], np.uint64)).tolist() == [2.0**-53, 1.0 - 2.0**-53]


@given(WORDS, st.integers(1, 64))
def test_bits_are_the_lowest_first(word, depth):
    found = hashing.bits(np.array([word], np.uint64), depth)
    assert found.shape == (1, depth)
    assert sum(int(b) << i for i, b in enumerate(found[0])) == word % 2**depth


def test_mixing_is_a_bijection():
    """Undo it: an xor-shift is its own inverse when repeated, an odd multiplier has an inverse mod 2^64."""

    def unshift(x: int, n: int) -> int:
        y = x
        for _ in range(64 // n):
            y = x ^ (y >> n)
        return y

    words = np.random.default_rng(2).integers(0, 2**64, 300, np.uint64, endpoint=False)
    m1, m2 = (pow(m, -1, 2**64) for m in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
    for word, mixed in zip(words.tolist(), hashing.mix64(words).tolist(), strict=True):
        x = unshift(mixed, 31) * m2 % 2**64
        x = unshift(x, 27) * m1 % 2**64
        assert unshift(x, 30) == word


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((bytes(31), "greenlist", 1, "ordered", False), "secret must have 32 bytes, got 31"),
        ((bytes(32), "greenlist", 9, "ordered", False), "context_width must be 0 to 8, got 9"),
        ((bytes(32), "greenlist", -1, "ordered", False), "context_width must be 0 to 8, got -1"),
        ((bytes(32), "greenlist", 1, "skip", False), "context must be 'ordered' or 'minhash', got 'skip'"),
    ],
)
def test_a_schedule_of_a_wrong_shape_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        derive(*arguments)


def test_a_self_salted_key_has_no_context_hash_without_its_candidate(key):
    with pytest.raises(ValueError, match="includes the candidate"):
        hashing.context_hash(np.arange(5), derive(key.secret, "greenlist", 1, "ordered", True))


@pytest.mark.parametrize("gamma", [0.0, 1.0, -0.1, float("nan")])
def test_a_gamma_outside_0_to_1_is_refused(gamma):
    with pytest.raises(ValueError, match="gamma must be between 0 and 1"):
        hashing.threshold(gamma)


@pytest.mark.parametrize("depth", [0, 65])
def test_a_depth_outside_1_to_64_is_refused(depth):
    with pytest.raises(ValueError, match="depth must be 1 to 64"):
        hashing.bits(np.zeros(1, np.uint64), depth)


def test_a_schedule_shows_no_secret():
    hash_key = GreenList(Key(bytes(range(32)))).hash_key
    assert repr(hash_key) == "HashKey(width=1, kind='ordered', self_salt=False)"
