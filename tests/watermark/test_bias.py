"""The bias of logits rows: common pairs gain what all gain on average, on every path alike."""

import math

import numpy as np
import pytest
import torch
from assay.models import resolve
from assay.watermark.bias import neutral_bias
from assay.watermark.common import common_words
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import candidate_words, green
from assay.watermark.hf import MarkConfig, MarkProcessor
from assay.watermark.key import Key
from assay.watermark.profile import LoadedMark, Profile, new_mark
from assay.watermark.tokenizer import TextTokenizer, load_tokenizer
from transformers import AutoTokenizer

SHAPES = [
    {"context_width": width, "context": context, "self_salt": salted}
    for width in (0, 1, 2, 4)
    for context in ("ordered", "minhash")
    for salted in (False, True)
]


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return load_tokenizer(resolve("embedded"))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_candidate_gains_delta_nothing_or_the_neutral_bias(tokenizer: TextTokenizer, shape: dict) -> None:
    """Against the reference: candidate_words for colour, set membership of the word for common pairs; both precisions."""
    mark = GreenList(Key(bytes(range(32))), gamma=0.3, delta=1.5, **shape)
    common = common_words("en-1", tokenizer, mark.hash_key)
    read = torch.tensor([tokenizer.backend.encode("And so it was one of the", add_special_tokens=False).ids])
    vocabulary = tokenizer.vocab_size
    scores = torch.randn(1, vocabulary, generator=torch.Generator().manual_seed(0))
    scores[0, 5] = -torch.inf
    context = read[0, read.shape[1] - mark.context_width :].numpy()
    words = candidate_words(context, np.arange(vocabulary), mark.hash_key)
    left_out = np.isin(words, common.words)
    gained = np.where(left_out, neutral_bias(0.3, 1.5), np.where(green(words, 0.3), 1.5, 0.0))
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        got = MarkProcessor(mark, None, common)(read, scores.to(dtype))
        assert got.dtype == dtype
        torch.testing.assert_close(
            got, scores.to(dtype) + torch.from_numpy(gained)[None].to(dtype), rtol=0, atol=tolerance
        )
    if mark.context_width <= 2 or mark.context == "minhash":
        assert left_out.any()


def test_the_neutral_bias_is_the_mean_gain_in_probability() -> None:
    """gamma .25, delta log 5: (3 + 5) / 4 = 2."""
    assert neutral_bias(0.25, math.log(5)) == pytest.approx(math.log(2), rel=1e-14)
    assert neutral_bias(0.5, 60.0) == pytest.approx(60.0 - math.log(2), rel=1e-14)


def test_a_common_word_keeps_its_probability_over_keys(tokenizer: TextTokenizer) -> None:
    """ " the" after " of" with probability .4, the rest flat: .4 again on average over 400 keys; marked like others it loses 3 %.

    The mean over keys has a standard error below .001 here; false alarm below 1e-6.
    """
    of, the = (tokenizer.backend.encode(word, add_special_tokens=False).ids[0] for word in (" of", " the"))
    scores = torch.full((1, 2000), math.log(0.6 / 1999))
    scores[0, the] = math.log(0.4)
    rng = np.random.default_rng(0)
    after: list[tuple[float, float]] = []
    for _ in range(400):
        mark = GreenList(Key(rng.bytes(32)))
        common = common_words("en-1", tokenizer, mark.hash_key) if not after or len(after) < 60 else None
        left = torch.softmax(MarkProcessor(mark, None, common)(torch.tensor([[of]]), scores), -1)[0, the]
        marked = torch.softmax(MarkProcessor(mark)(torch.tensor([[of]]), scores), -1)[0, the]
        after.append((float(left), float(marked)))
    kept = np.array([left for left, _ in after[:60]])
    assert abs(kept.mean() - 0.4) < 0.005
    assert np.mean([marked for _, marked in after]) < 0.39


def test_a_config_for_a_tokenizer_checks_it_and_finds_padding_and_pairs(tmp_path) -> None:
    name = resolve("embedded")
    text_tokenizer = load_tokenizer(name)
    draft = Profile("greenlist", {}, "", "", "embedded", text_tokenizer.fingerprint, text_tokenizer.vocab_size)
    loaded: LoadedMark = new_mark(tmp_path / "mark.toml", draft)
    config = MarkConfig.for_tokenizer(loaded, AutoTokenizer.from_pretrained(name))
    assert config.pad_token_id == 0
    assert config.common is not None
    assert config.common.count > 5000
