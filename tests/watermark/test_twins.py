"""The compiled and the torch forms of the contract equal the numpy one, bit for bit, on every shape and every ragged batch."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from assay.watermark import hashing, kernels, torch_hashing
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import HashKey, derive
from assay.watermark.hf import MarkProcessor
from assay.watermark.kernels import COMMON, REPEAT, SCORED, SHORT_CONTEXT, SPECIAL, CommonSet
from assay.watermark.key import Key
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = [("ordered", False), ("ordered", True), ("minhash", False), ("minhash", True)]
SHAPES = [(kind, width, salted) for kind, salted in KINDS for width in range(9)]
GAMMAS = [0.1, 0.25, 0.5, 1 / 3, 0.9, 1 - 2.0**-53]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
SECRET = bytes(range(32))
# few ids, so that pairs repeat and control tokens fall everywhere; documents from empty to longer than any width
RAGGED = st.lists(st.lists(st.integers(0, 6), max_size=25), max_size=5)


def hash_key(shape: tuple[str, int, bool]) -> HashKey:
    kind, width, salted = shape
    return derive(SECRET, "greenlist", width, kind, salted)


def evidence_by_hand(
    ids: list[int], special: set[int], key: HashKey, gamma: float, common: set[int]
) -> tuple[list[bool], list[int]]:
    """Section 6 of `docs/assay-1.md`, one token at a time; green is reported where a token was compared at all."""
    words = [0] * key.width + hashing.words_of(np.array(ids, np.int64), key).tolist()
    limit, seen = int(hashing.threshold(gamma)), set[int]()
    green, reason = [], []
    for t in range(len(ids)):
        whole = t >= key.width
        clean = not special & set(ids[max(t - key.width, 0) : t + 1])
        green.append(whole and clean and words[t] < limit)
        if not whole:
            reason.append(SHORT_CONTEXT)
        elif not clean:
            reason.append(SPECIAL)
        elif words[t] in common:
            reason.append(COMMON)
        elif words[t] >> 1 in seen:
            reason.append(REPEAT)
        else:
            seen.add(words[t] >> 1)
            reason.append(SCORED)
    return green, reason


def ragged(documents: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array([i for document in documents for i in document], np.int32)
    return ids, np.cumsum([0, *map(len, documents)], dtype=np.int64)


def check_evidence(documents: list[list[int]], special: set[int], key: HashKey, gamma: float, common: set[int]) -> None:
    ids, offsets = ragged(documents)
    mask = np.zeros(max([*ids.tolist(), *special, 0]) + 1, np.bool_)
    mask[list(special)] = True
    leave_out = CommonSet(np.array(sorted(common), np.uint64)) if common else CommonSet()
    green, reason, counts = kernels.evidence(ids, offsets, mask, key, gamma, leave_out)
    by_hand = [evidence_by_hand(document, special, key, gamma, common) for document in documents]
    assert green.tolist() == [g for each, _ in by_hand for g in each]
    assert reason.tolist() == [r for _, each in by_hand for r in each]
    scored = [sum(r == SCORED for r in each) for _, each in by_hand]
    hits = [sum(g and r == SCORED for g, r in zip(*each, strict=True)) for each in by_hand]
    assert counts.tolist() == [list(pair) for pair in zip(scored, hits, strict=True)]


@given(st.sampled_from(SHAPES), RAGGED, st.sets(st.integers(0, 6), max_size=1), st.sampled_from(GAMMAS), st.data())
@settings(max_examples=300, deadline=None)
def test_compiled_evidence_equals_the_contract_on_ragged_batches(shape, documents, special, gamma, data):
    key = hash_key(shape)
    occurring = sorted({w for d in documents for w in hashing.words_of(np.array(d, np.int64), key).tolist()})
    common = set(data.draw(st.lists(st.sampled_from(occurring), max_size=3))) if occurring else set()
    check_evidence(documents, special, key, gamma, common)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_compiled_evidence_equals_the_contract_at_the_edges(shape):
    """No document; only empty ones; one token; shorter than, as long as, and one longer than the width; a long one."""
    key, width = hash_key(shape), shape[1]
    rng = np.random.default_rng(width)
    long = rng.integers(0, 300, 1500).tolist()
    for documents in (
        [],
        [[]],
        [[], [], []],
        [[3]],
        [[], [3], [], [3, 3]],
        [long[: max(width - 1, 0)], [], long[:width]],
    ):
        check_evidence(documents, set(), key, 0.25, set())
    common = set(rng.choice(hashing.words_of(np.array(long), key), 40).tolist())
    check_evidence([long[: width + 1], long, [], long[::-1], [5]], {7}, key, 0.25, common)


@pytest.mark.parametrize("kind", ["ordered", "minhash"])
def test_a_batch_worth_a_table_of_contexts_is_read_as_its_documents_alone_are(kind):
    """From four ids for each of the vocabulary on, the part of a word that depends on the context is looked up; here one id short of it, just so many, and more."""
    key, rng = hash_key((kind, 1, False)), np.random.default_rng(5)
    special = np.zeros(100, np.bool_)
    special[3] = True
    for size in (399, 400, 2_000):
        ids, cuts = rng.integers(0, 100, size).astype(np.int32), [0, 150, 150, 300, size]
        whole = kernels.evidence(ids, np.array(cuts), special, key, 0.25, CommonSet())
        parts = [ids[a:b] for a, b in pairwise(cuts) if b - a < 400]
        alone = [kernels.evidence(one, np.array([0, len(one)]), special, key, 0.25, CommonSet()) for one in parts]
        end = sum(map(len, parts))
        for column in range(2):
            assert np.array_equal(whole[column][:end], np.concatenate([one[column] for one in alone]))
        assert np.array_equal(whole[2][: len(parts)], np.concatenate([one[2] for one in alone]))
        words = hashing.words_of(ids[300:], key)
        clean = ~(special[ids[300:]][1:] | special[ids[300:]][:-1])
        assert np.array_equal(whole[0][301:], clean & (words < hashing.threshold(0.25)))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_compiled_words_equal_numpy_for_the_largest_ids(shape):
    """The green bits at 64 thresholds pin the word down to 1/64 of its range, for ids that use all 31 bits."""
    key = hash_key(shape)
    ids = np.array([0, 1, 65536, 2**31 - 1, 2**31 - 2, 2**30, 7, 0, 2**31 - 1, 12, 5, 65535], np.int32)
    words = hashing.words_of(ids, key)
    special, offsets = np.zeros(2**31, np.bool_), np.array([0, len(ids)])  # zero pages cost nothing
    for gamma in np.arange(1, 64) / 64:
        green, _, _ = kernels.evidence(ids, offsets, special, key, float(gamma), CommonSet())
        assert green[key.width :].tolist() == hashing.green(words, float(gamma)).tolist()


def test_a_common_word_is_left_out_wherever_it_lies_in_the_list():
    """First, last and middle of the sorted list, words that share the bitmap's 20 bits with one of it, and word 0."""
    key = hash_key(("ordered", 1, False))
    ids = np.arange(2000, dtype=np.int32)
    words = hashing.words_of(ids, key)
    chosen = np.concatenate([np.sort(words)[[0, 1000, -1]], np.zeros(1, np.uint64), words[:5] ^ np.uint64(1)])
    common = CommonSet(chosen)
    assert common.count == 9
    _, reason, _ = kernels.evidence(ids, np.array([0, 2000]), np.zeros(2000, np.bool_), key, 0.25, common)
    assert np.flatnonzero(reason == COMMON).tolist() == (1 + np.flatnonzero(np.isin(words, chosen))).tolist()
    assert (reason == COMMON).sum() == 3


@pytest.mark.parametrize("wrong", [-1, 10, 2**31 - 1])
def test_an_id_outside_the_mask_of_control_tokens_is_refused(wrong):
    ids, offsets, special = np.array([3, wrong, 4], np.int32), np.array([0, 3]), np.zeros(10, np.bool_)
    with pytest.raises(ValueError, match=r"ids must be in 0\.\.9, got"):
        kernels.evidence(ids, offsets, special, hash_key(("ordered", 1, False)), 0.25, CommonSet())


def test_no_word_is_common_in_an_empty_list():
    assert CommonSet().count == 0
    assert not CommonSet().bloom.any()


def check_torch_words(shape: tuple[str, int, bool], device: str) -> None:
    key, width = hash_key(shape), shape[1]
    rng = np.random.default_rng(3)
    contexts = rng.choice([0, 1, 65536, 2**31 - 1, 5, 77, 8191], (6, width)) if width else np.empty((6, 0), np.int64)
    found = torch_hashing.candidate_words(torch.from_numpy(contexts).to(device), 300, key)
    expected = np.stack([hashing.candidate_words(c, np.arange(300), key) for c in contexts])
    assert np.array_equal(found.cpu().numpy().view(np.uint64), expected)
    for gamma in GAMMAS:
        assert np.array_equal(torch_hashing.green(found, gamma).cpu().numpy(), hashing.green(expected, gamma))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch_words_equal_numpy(shape):
    check_torch_words(shape, "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and this machine has none")
def test_torch_words_equal_numpy_on_cuda():
    for shape in SHAPES:
        check_torch_words(shape, "cuda")
        for dtype in DTYPES:
            check_processor(shape, dtype, 0.4, "cuda")


def test_torch_mixes_extreme_words_like_numpy():
    words = np.array([0, 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 2**31], np.uint64)
    found = torch_hashing.mix64(torch.from_numpy(words.view(np.int64)))
    assert np.array_equal(found.numpy().view(np.uint64), hashing.mix64(words))


@given(st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1))
def test_torch_compares_words_as_unsigned(word):
    for gamma in GAMMAS:
        one = torch.tensor([torch_hashing.signed(word)])
        assert bool(torch_hashing.green(one, gamma)) == (word < int(hashing.threshold(gamma)))


def check_processor(shape: tuple[str, int, bool], dtype: torch.dtype, gamma: float, device: str) -> None:
    kind, width, salted = shape
    mark = GreenList(Key(SECRET), gamma=gamma, delta=1.5, context_width=width, context=kind, self_salt=salted)
    rng = np.random.default_rng(width)
    input_ids = torch.from_numpy(rng.integers(0, 300, (4, 10)))
    scores = torch.from_numpy(rng.integers(-8, 9, (4, 300))).to(dtype)  # small whole numbers: exact in every dtype
    scores[:, ::7] = -torch.inf
    before = scores.clone()
    found = MarkProcessor(mark)(input_ids.to(device), scores.to(device)).cpu()
    assert torch.equal(scores, before)
    assert found.dtype == dtype
    contexts = input_ids[:, 10 - width :].numpy()
    words = np.stack([hashing.candidate_words(c, np.arange(300), mark.hash_key) for c in contexts])
    green = torch.from_numpy(hashing.green(words, gamma))
    assert torch.equal(found, torch.where(green, before + 1.5, before))
    assert torch.isneginf(found[:, ::7]).all()
    assert green[:, ::7].any()


@pytest.mark.parametrize("gamma", [0.25, 0.4, 0.5])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_processor_adds_delta_to_exactly_the_green_candidates(shape, dtype, gamma):
    """Every shape and dtype, with scores that are not finite: -inf stays -inf, on green tokens too."""
    check_processor(shape, dtype, gamma, "cpu")


@pytest.mark.parametrize("kind", ["ordered", "minhash"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_processor_is_exact_when_a_word_is_the_threshold_or_just_above_it(kind, dtype):
    """gamma is the word's upper 31, 32, 44 or 53 bits, and one unit more: the compiled loop decides by 31 bits where it may."""
    words = hashing.candidate_words(np.array([5]), np.arange(100), derive(SECRET, "greenlist", 1, kind, False))
    for token, kept in product(range(100), (31, 32, 44, 53)):
        for step in (0, 1):
            gamma = ((int(words[token]) >> (64 - kept)) + step) / 2**kept
            mark = GreenList(Key(SECRET), gamma=gamma, delta=1.0, context=kind)
            found = MarkProcessor(mark)(torch.tensor([[5]]), torch.zeros(1, 100, dtype=dtype))[0]
            assert bool(found[token]) == bool(step)
            assert np.array_equal(found.numpy() > 0, hashing.green(words, gamma))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [("ordered", 1, False), ("minhash", 3, True)], ids=str)
def test_the_processor_keeps_nan_and_plus_infinity(shape, dtype):
    kind, width, salted = shape
    mark = GreenList(Key(SECRET), context_width=width, context=kind, self_salt=salted)
    scores = torch.zeros(1, 300, dtype=dtype)
    scores[0, :100], scores[0, 100:200] = torch.nan, torch.inf
    found = MarkProcessor(mark)(torch.arange(10)[None], scores)
    assert torch.isnan(found[0, :100]).all()
    assert torch.isposinf(found[0, 100:200]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_processor_takes_rows_that_are_not_contiguous_or_need_gradients(dtype):
    mark = GreenList(Key(SECRET))
    whole = torch.randn(600, 2, dtype=dtype, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[1, 2], [3, 4]])
    expected = MarkProcessor(mark)(ids, whole.t().contiguous())
    assert torch.equal(MarkProcessor(mark)(ids, whole.t()), expected)
    assert torch.equal(MarkProcessor(mark)(ids, whole.t().requires_grad_()).detach(), expected)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
@pytest.mark.parametrize("scores_dtype", [torch.float32, torch.float64], ids=str)
def test_the_processor_takes_ids_of_either_width(dtype, scores_dtype):
    mark = GreenList(Key(SECRET), context_width=2)
    ids, scores = torch.tensor([[2**31 - 1, 65536, 5]]), torch.zeros(1, 500, dtype=scores_dtype)
    assert torch.equal(MarkProcessor(mark)(ids.to(dtype), scores), MarkProcessor(mark)(ids, scores))


def test_the_default_dtype_of_torch_changes_nothing():
    processor, ids, scores = MarkProcessor(GreenList(Key(SECRET))), torch.tensor([[1, 2]]), torch.zeros(1, 500)
    expected = processor(ids, scores)
    torch.set_default_dtype(torch.float64)
    try:
        found = processor(ids, scores)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)
