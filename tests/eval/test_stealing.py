"""Stealing a green list: the scores against a plain count, a planted list found again, and files that hold a list and nothing else."""

import json
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from assay.errors import DataError
from assay.eval.stealing import BACKOFF, CLIP, PRIOR, StolenList, load_stolen, steal
from assay.watermark.tokenizer import TextTokenizer
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

WORDS = 40


@pytest.fixture(scope="module")
def tokenizer():
    """Each word `w0` to `w39` a token, with its number as id."""
    backend = Tokenizer(WordLevel({f"w{i}": i for i in range(WORDS)}, unk_token="w0"))
    backend.pre_tokenizer = Whitespace()
    return TextTokenizer(backend, "words")


def written(ids):
    return " ".join(f"w{i}" for i in ids)


def chains(rng, weights, count, length=60):
    """Return texts of a Markov chain with these transition weights (V, V)."""
    cumulative = np.cumsum(weights / weights.sum(1, keepdims=True), 1)
    texts = []
    for _ in range(count):
        ids = [int(rng.integers(WORDS))]
        for u in rng.random(length - 1):
            ids.append(min(int(np.searchsorted(cumulative[ids[-1]], u)), WORDS - 1))
        texts.append(written(ids))
    return texts


@pytest.fixture(scope="module")
def planted():
    """Return a chain, a green list of a quarter of its pairs, and the chain with green pairs e^2 times as likely."""
    rng = np.random.default_rng(1)
    weights = rng.gamma(1.0, size=(WORDS, WORDS))
    green = rng.random((WORDS, WORDS)) < 0.25
    return weights, green, weights * np.exp(2.0 * green)


@pytest.fixture(scope="module")
def stolen(tokenizer, planted):
    rng = np.random.default_rng(2)
    weights, _, marked = planted
    return steal(chains(rng, marked, 500), chains(rng, weights, 500), tokenizer)


def test_scores_are_the_clipped_ratio_of_the_docstring(tokenizer):
    """Against counts in plain Python, from two small corpora whose pairs overlap in part."""
    marked, base = ["w1 w2 w3 w1 w2", "w1 w2 w9", "w7"], ["w1 w2 w3 w1 w4", "w1 w3 w3 w5"]
    numbers = [[[int(word[1:]) for word in text.split()] for text in texts] for texts in (marked, base)]
    m, b = (Counter(pair for ids in texts for pair in pairwise(ids)) for texts in numbers)
    expected = {}
    for c, t in {*m, *b}:
        q = sum(n for (_, x), n in b.items() if x == t) / b.total()
        n_b, n_m = (sum(n for (x, _), n in counts.items() if x == c) for counts in (b, m))
        e = n_m * (b[c, t] + BACKOFF * q) / (n_b + BACKOFF)
        if max(m[c, t], e) >= 1:
            score = math.log((m[c, t] + PRIOR) / (e + PRIOR)) / math.log(CLIP)
            expected[c, t] = max(-1.0, min(1.0, score))
    found = steal(marked, base, tokenizer)
    assert {divmod(int(code), WORDS): float(s) for code, s in zip(found.codes, found.scores, strict=True)} == (
        pytest.approx(expected, abs=1e-6)
    )
    assert (found.marked_texts, found.base_texts, found.tokenizer) == (3, 2, tokenizer.fingerprint)


def test_a_planted_green_list_is_found_again(stolen, planted):
    """30,000 tokens over 1,600 pairs: those that score above 0.5 are green in over nine of ten cases, by chance in one of four."""
    _, green, _ = planted
    contexts, tokens = np.divmod(stolen.codes, WORDS)
    truth = green[contexts, tokens]
    assert truth[stolen.scores > 0.5].mean() > 0.9
    assert truth[stolen.scores < -0.5].mean() < 0.02
    assert (stolen.scores > 0.5).sum() > 0.6 * green.sum()


def test_without_a_mark_nothing_is_found(tokenizer, planted):
    """Two draws of one chain: scores scatter around 0, and those that are high are green no more often than others."""
    rng = np.random.default_rng(3)
    weights, green, _ = planted
    found = steal(chains(rng, weights, 300), chains(rng, weights, 300), tokenizer)
    contexts, tokens = np.divmod(found.codes, WORDS)
    high = found.scores > 0.5
    assert 0.05 < high.mean() < 0.3
    assert abs(green[contexts, tokens][high].mean() - 0.25) < 0.1  # 4 standard errors


def test_a_list_without_context_is_learnt_from_single_tokens(tokenizer, planted):
    rng = np.random.default_rng(4)
    weights, green, _ = planted
    unigram = weights * np.exp(2.0 * green[0])[None, :]
    found = steal(chains(rng, unigram, 100), chains(rng, weights, 100), tokenizer, width=0)
    assert found.codes.tolist() == list(range(WORDS))
    assert ((found.scores > 0.2) == green[0]).mean() > 0.9
    assert (found.score(np.array([3, 9]), np.array([5, 5])) == found.scores[5]).all()


def test_pairs_that_are_not_in_the_list_score_nothing(stolen):
    code, score = int(stolen.codes[7]), stolen.scores[7]
    assert stolen.score(np.array([code // WORDS]), np.array([code % WORDS])) == score
    few = StolenList(np.array([WORDS + 2]), np.array([0.5], np.float32), 1, WORDS, "")
    contexts, tokens = np.arange(3)[:, None], np.arange(4)
    expected = np.zeros((3, 4))
    expected[1, 2] = 0.5
    assert (few.score(contexts, tokens) == expected).all()
    empty = StolenList(np.empty(0, np.int64), np.empty(0, np.float32), 1, WORDS, "")
    assert (empty.score(contexts, tokens) == 0).all()


def test_a_list_is_read_as_it_was_written(stolen, tmp_path):
    path = tmp_path / "list.safetensors"
    stolen.save(path)
    again = load_stolen(path)
    assert (again.codes == stolen.codes).all()
    assert (again.scores == stolen.scores).all()
    assert {**vars(again), "codes": 0, "scores": 0} == {**vars(stolen), "codes": 0, "scores": 0}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": "other"}, "has format 'other'"),
        ({"facts": "{}"}, "cannot be read"),
        ({"codes": np.array([2, 1])}, "must ascend"),
        ({"codes": np.array([1, WORDS**2])}, "must ascend"),
        ({"scores": np.array([0.0, np.nan], np.float32)}, "from -1 to 1"),
        ({"scores": np.array([0.0, 0.5])}, "wrong kind"),
        ({"scores": np.array([0.0], np.float32)}, "wrong kind"),
        ({"width": 3}, "wrong kind"),
    ],
)
def test_a_damaged_list_is_refused_in_one_line(tmp_path, changes, expected):
    given = {
        "codes": np.array([1, 2]),
        "scores": np.array([0.0, 0.5], np.float32),
        "format": "assay-stolen-1",
        "width": 1,
    }
    given |= changes
    facts = {"width": given["width"], "vocab_size": WORDS, "tokenizer": "", "marked_texts": 1, "base_texts": 1}
    path = tmp_path / "list.safetensors"
    arrays = {name: given[name] for name in ("codes", "scores")}
    save_file(arrays, path, {"format": given["format"], "facts": given.get("facts", json.dumps(facts))})
    with pytest.raises(DataError, match=expected) as refusal:
        load_stolen(path)
    assert "\n" not in str(refusal.value)


def test_files_that_are_no_list_are_refused(tmp_path):
    for content in (None, b"", b"\x80\x04pickle"):
        path = tmp_path / "list.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError, match="not a file" if content is None else "cannot be read"):
            load_stolen(path)


def test_wide_contexts_and_texts_with_nothing_to_learn_are_refused(tokenizer):
    with pytest.raises(ValueError, match="width must be 0 or 1, got 2"):
        steal(["w1 w2"], ["w1 w2"], tokenizer, width=2)
    with pytest.raises(DataError, match="the marked texts hold no two tokens"):
        steal(["w1", ""], ["w1 w2"], tokenizer)
    with pytest.raises(DataError, match="the base texts hold no two tokens"):
        steal(["w1 w2"], [], tokenizer)
