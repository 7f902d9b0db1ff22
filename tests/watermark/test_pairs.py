"""Pairs left out: generator and detector leave out the same ones, in every shape; compiled code stays inside its rows."""

import json

import numpy as np
import pytest
import torch
from assay.detect.evidence import Reason, gather
from assay.detect.tokens import Tokens
from assay.errors import TokenizerMismatch
from assay.watermark import hashing, torch_hashing
from assay.watermark.bias import RowBias, neutral_bias
from assay.watermark.common import common_words
from assay.watermark.greenlist import GreenList
from assay.watermark.hf import MarkConfig, MarkProcessor
from assay.watermark.pairs import CommonSet
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

SEQUENCES = [" of the", " one of the most beautiful", " in the end of it all", " the", ", and the"]
VOCABULARY = 8192
SHAPES = [
    (kind, width, salted) for kind in ("ordered", "minhash") for salted in (False, True) for width in (0, 1, 2, 4)
]
WORDS = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1])


@pytest.fixture(scope="module")
def listed(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("common") / "list.json"
    path.write_text(json.dumps(SEQUENCES))
    return str(path)


@pytest.fixture(scope="module")
def text(tokenizer) -> np.ndarray:
    """Ids in which listed sequences and others alternate."""
    words = " It was one of the most beautiful ships of the line, and the captain was in the end of it all a happy man."
    return np.array(tokenizer.backend.encode(words * 2).ids)


def mark_of(key, shape: tuple[str, int, bool], **numbers: float) -> GreenList:
    kind, width, salted = shape
    return GreenList(key, context=kind, context_width=width, self_salt=salted, **numbers)


def gains(mark: GreenList, common: CommonSet, context: np.ndarray) -> np.ndarray:
    """What each candidate gains after one context, by the contract: (V,) float64."""
    words = hashing.candidate_words(context, np.arange(VOCABULARY), mark.hash_key)
    gained = np.where(hashing.green(words, mark.gamma), mark.delta, 0.0)
    left_out = np.isin(words, common.words) & (common.count > 0)
    return np.where(left_out, neutral_bias(mark.gamma, mark.delta), gained)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_generator_and_detector_leave_out_the_same_pairs(key, tokenizer, listed, text, shape):
    mark = mark_of(key, shape, gamma=0.3, delta=2.0)
    common, width = common_words(listed, tokenizer, mark.hash_key), mark.context_width
    tokens = Tokens(text.astype(np.int32), np.array([0, len(text)]), tokenizer.special)
    reason, processor = gather(tokens, mark, common).document(0).reason, MarkProcessor(mark, None, common)
    assert (reason == Reason.COMMON).any()
    for t in range(width, len(text) // 2):
        scores = processor(torch.from_numpy(text[None, :t]), torch.zeros(1, VOCABULARY))
        gained = float(scores[0, int(text[t])])
        assert (gained not in (0.0, 2.0)) == (reason[t] == Reason.COMMON)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_scores_are_biased_for_common_pairs_too(key, tokenizer, listed, text, dtype):
    """After each of 40 contexts, with -inf among the scores; the scores given are left alone."""
    mark = mark_of(key, ("ordered", 1, False))
    common = common_words(listed, tokenizer, mark.hash_key)
    scores = torch.zeros(40, VOCABULARY, dtype=dtype)
    scores[:, ::5] = -torch.inf
    before = scores.clone()
    found = MarkProcessor(mark, None, common)(torch.from_numpy(text[:40, None]), scores)
    expected = torch.from_numpy(np.stack([gains(mark, common, text[t : t + 1]) for t in range(40)]))
    expected[:, ::5] = -torch.inf
    assert found.dtype == dtype
    assert torch.equal(scores, before)
    assert torch.allclose(found.double(), expected, rtol=1e-2, atol=0)


def test_a_short_context_is_not_biased_for_common_pairs_either(key, tokenizer, listed):
    mark = mark_of(key, ("ordered", 2, False))
    processor = MarkProcessor(mark, 0, common_words(listed, tokenizer, mark.hash_key))
    for dtype in (torch.float32, torch.float64):
        assert not processor(torch.tensor([[0, 0, 5]]), torch.zeros(1, VOCABULARY, dtype=dtype)).any()


@pytest.mark.parametrize("shape", [("ordered", 1, False), ("ordered", 1, True), ("minhash", 2, True)], ids=str)
def test_a_vocabulary_narrower_than_the_list_is_not_written_beyond(key, tokenizer, listed, shape):
    """100 candidates, though the list names tokens far above; a wall of sevens stands behind the row."""
    mark = mark_of(key, shape)
    common = common_words(listed, tokenizer, mark.hash_key)
    assert common.tokens.max() > 100
    bias = RowBias(mark.hash_key, mark.gamma, mark.delta, common)
    for token in set(tokenizer.backend.encode("".join(SEQUENCES)).ids):
        memory, context = np.full(2 * VOCABULARY, 7.0, np.float32), np.full((1, mark.context_width), token)
        bias.write(context, -1, np.zeros((1, 100), np.float32), memory[:100].reshape(1, 100))
        assert (memory[100:] == 7.0).all()
        assert np.allclose(memory[:100], gains(mark, common, context[0])[:100])


@given(st.lists(WORDS, min_size=1, max_size=20), st.lists(WORDS, min_size=1, max_size=20))
def test_torch_looks_words_up_as_numpy_does(held, asked):
    asked = [*asked, *held[:3]]
    words = torch.tensor([torch_hashing.signed(w) for w in asked])[None]
    found = torch_hashing.contains(np.unique(np.array(held, np.uint64)), words)
    assert found[0].tolist() == [w in held for w in asked]


@given(st.lists(st.tuples(WORDS, st.integers(0, 50)), max_size=30))
def test_a_set_of_pairs_is_their_words_and_their_tokens_by_context(pairs):
    contexts, tokens = (np.array([p[i] for p in pairs], np.uint64) for i in (0, 1))
    made = CommonSet.of_pairs(contexts, tokens)
    assert made.count == len(set(hashing.value(contexts, tokens).tolist()))
    assert made.contexts.tolist() == sorted({c for c, _ in pairs})
    for s, context in enumerate(made.contexts.tolist()):
        assert set(made.tokens[made.starts[s] : made.starts[s + 1]].tolist()) == {t for c, t in pairs if c == context}
    assert len(made.starts) == len(made.contexts) + 1


def test_a_config_for_another_tokenizer_is_refused(key, embedded, loaded_of, tmp_path):
    embedded.tokenizer.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    loaded = loaded_of(mark_of(key, ("ordered", 1, False)))
    assert MarkConfig.for_tokenizer(loaded, tokenizer).common.count
    other = loaded_of(mark_of(key, ("ordered", 1, False)), tokenizer_fingerprint="0" * 16)
    with pytest.raises(TokenizerMismatch):
        MarkConfig.for_tokenizer(other, tokenizer)
