"""The contract behaves as a random function: uniform, avalanching, independent between neighbours.

Every test has a fixed seed and a stated false-alarm rate: the chance, over seeds, that a perfect random function fails it. It is 1e-6
per test case unless the docstring says otherwise; within a case the rates of its parts are divided (Bonferroni).
"""

import numpy as np
import pytest
from assay.watermark import hashing
from assay.watermark.hashing import HashKey, derive
from scipy import stats

FALSE_ALARM = 1e-6
KINDS = [("ordered", False), ("ordered", True), ("minhash", False), ("minhash", True)]
HEARD = KINDS[:3]  # a self-salted min-hash does not hear its context where the candidate has the least hash
SIXTY_FOUR = np.arange(64, dtype=np.uint64)


def schedule(seed: int, kind: str, width: int, salted: bool) -> HashKey:
    return derive(np.random.default_rng(seed).bytes(32), "greenlist", width, kind, salted)


def check_bytes_uniform(words: np.ndarray) -> None:
    """Chi-square of the top and of the low byte over 256 cells, each at half the false-alarm rate."""
    for byte in (words >> np.uint64(56), words & np.uint64(255)):
        counts = np.bincount(byte.astype(np.int64), minlength=256)
        assert stats.chisquare(counts).pvalue > FALSE_ALARM / 2


def check_flips(before: np.ndarray, after: np.ndarray) -> None:
    """Each of the 64 output bits flips in half of the pairs; before and after (inputs, N). Exact binomial, Bonferroni over cells."""
    inputs, n = before.shape
    flips = (((before ^ after)[..., None] >> SIXTY_FOUR) & np.uint64(1)).sum(1, dtype=np.int64)
    extreme = np.maximum(flips, n - flips).max()
    assert 2 * stats.binom.sf(extreme - 1, n, 0.5) > FALSE_ALARM / (inputs * 64)


def check_independent(first: np.ndarray, second: np.ndarray, gamma: float = 0.25) -> None:
    """Chi-square of the four joint counts of two green bits, with known margins; first and second (N,) words."""
    one, two = hashing.green(first, gamma), hashing.green(second, gamma)
    counts = np.bincount(2 * one + two, minlength=4)
    expected = len(one) * np.array([(1 - gamma) ** 2, gamma * (1 - gamma), gamma * (1 - gamma), gamma**2])
    assert stats.chisquare(counts, expected).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("kind", "salted"), KINDS)
@pytest.mark.parametrize("width", [0, 1, 4])
def test_words_are_uniform_over_keys(kind, salted, width):
    """6,000 random keys, one context, one token; false alarm 1e-6."""
    rng = np.random.default_rng(1)
    context, token = np.arange(5, 5 + width), np.array([17])
    keys = (derive(rng.bytes(32), "greenlist", width, kind, salted) for _ in range(6000))
    check_bytes_uniform(np.concatenate([hashing.candidate_words(context, token, key) for key in keys]))


@pytest.mark.parametrize(("kind", "salted"), KINDS)
@pytest.mark.parametrize("width", [1, 4])
def test_words_are_uniform_over_contexts(kind, salted, width):
    """400,000 random contexts of 31-bit ids; false alarm 1e-6."""
    key = schedule(2, kind, width, salted)
    ids = np.random.default_rng(3).integers(0, 2**31, 400_000)
    check_bytes_uniform(hashing.words_of(ids, key))


@pytest.mark.parametrize(("kind", "salted"), HEARD)
def test_words_are_uniform_over_consecutive_context_tokens(kind, salted):
    """One token after each of the contexts 0, 1, 2 ... 399,999; false alarm 1e-6."""
    key = schedule(4, kind, 1, salted)
    pairs = np.stack([np.arange(400_000), np.full(400_000, 11)], axis=1)
    check_bytes_uniform(hashing.words_of(pairs.ravel(), key)[::2])


@pytest.mark.parametrize(("kind", "salted"), KINDS)
@pytest.mark.parametrize("width", [0, 1, 4])
def test_words_are_uniform_over_consecutive_tokens(kind, salted, width):
    """The vocabulary 0 ... 399,999 after one context; false alarm 1e-6."""
    key = schedule(5, kind, width, salted)
    check_bytes_uniform(hashing.candidate_words(np.arange(7, 7 + width), np.arange(400_000), key))


@pytest.mark.parametrize("gamma", [0.1, 0.25, 0.5])
@pytest.mark.parametrize(("kind", "salted"), KINDS)
def test_the_share_of_green_is_gamma(kind, salted, gamma):
    """Exact binomial over 400,000 tokens; false alarm 1e-6."""
    key = schedule(6, kind, 1, salted)
    hits = int(hashing.green(hashing.candidate_words(np.array([3]), np.arange(400_000), key), gamma).sum())
    assert stats.binomtest(hits, 400_000, gamma).pvalue > FALSE_ALARM


@pytest.mark.parametrize("depth", [1, 30, 64])
def test_tournament_bits_are_fair_and_pairwise_independent(depth):
    """Each bit and the exclusive or of each two are heads in half of 100,000 words; exact binomial, false alarm 1e-6."""
    words = hashing.candidate_words(np.array([3]), np.arange(100_000), schedule(7, "ordered", 1, False))
    signs = 1.0 - 2.0 * hashing.bits(words, depth)
    together = np.abs(signs.T @ signs)[~np.eye(depth, dtype=np.bool_)]
    extreme = max(float(np.abs(signs.sum(0)).max()), float(together.max(initial=0.0)))
    heads = (100_000 + round(extreme)) // 2
    assert 2 * stats.binom.sf(heads - 1, 100_000, 0.5) > FALSE_ALARM / (depth * (depth + 1) / 2)


@pytest.mark.parametrize(("kind", "salted"), KINDS)
def test_each_bit_of_the_token_flips_each_bit_of_the_word_in_half_of_the_cases(kind, salted):
    """31 x 64 bits over 2,000 random tokens after one context; false alarm 1e-6."""
    key = schedule(8, kind, 1, salted)
    tokens = np.random.default_rng(9).integers(0, 2**31, 2000)
    before = hashing.candidate_words(np.array([12]), tokens, key)
    after = [hashing.candidate_words(np.array([12]), tokens ^ (1 << bit), key) for bit in range(31)]
    check_flips(np.tile(before, (31, 1)), np.stack(after))


@pytest.mark.parametrize("lag", [1, 2, 8])
@pytest.mark.parametrize(("kind", "salted"), HEARD)
def test_each_bit_of_a_context_token_flips_each_bit_of_the_word_in_half_of_the_cases(kind, salted, lag):
    """31 x 64 bits over 2,000 random contexts; false alarm 1e-6. A min-hash listens to one token only, so it has width 1 here."""
    width = 8 if kind == "ordered" else 1
    key = schedule(10, kind, width, salted)
    rows = np.random.default_rng(lag).integers(0, 2**31, (2000, width + 1))
    after = []
    for bit in range(31):
        flipped = rows.copy()
        flipped[:, width - min(lag, width)] ^= 1 << bit
        after.append(words_of_rows(flipped, key))
    check_flips(np.tile(words_of_rows(rows, key), (31, 1)), np.stack(after))


def words_of_rows(rows: np.ndarray, key: HashKey) -> np.ndarray:
    """The word of the last token of each row (N, width + 1)."""
    return hashing.words_of(rows.ravel(), key)[:: rows.shape[1]]


@pytest.mark.parametrize(("kind", "salted"), KINDS)
def test_each_bit_of_the_key_flips_each_bit_of_the_word_in_half_of_the_cases(kind, salted):
    """256 x 64 bits over 100 random keys; false alarm 1e-6."""
    rng, context, token = np.random.default_rng(11), np.array([3, 4]), np.array([5])

    def word(secret: bytes) -> np.uint64:
        return hashing.candidate_words(context, token, derive(secret, "greenlist", 2, kind, salted))[0]

    secrets = [rng.bytes(32) for _ in range(100)]
    before = np.array([word(s) for s in secrets])
    flipped = [
        [word((int.from_bytes(s, "little") ^ (1 << bit)).to_bytes(32, "little")) for s in secrets] for bit in range(256)
    ]
    check_flips(np.tile(before, (256, 1)), np.array(flipped))


@pytest.mark.parametrize(("kind", "salted"), KINDS)
def test_neighbouring_tokens_are_green_independently(kind, salted):
    """t and t + 1, t and t + 2, t and t + 64 after one context, over a vocabulary of 400,000; false alarm 3e-6."""
    words = hashing.candidate_words(np.array([3, 4]), np.arange(400_000), schedule(12, kind, 2, salted))
    for step in (1, 2, 64):
        check_independent(words[:-step], words[step:])


@pytest.mark.parametrize(("kind", "salted"), HEARD)
def test_neighbouring_contexts_give_independent_lists(kind, salted):
    """Contexts c and c + 1, over 400,000 tokens, at each lag of an ordered context; false alarm 2e-6."""
    width = 2 if kind == "ordered" else 1
    key, vocabulary = schedule(13, kind, width, salted), np.arange(400_000)
    first = np.array([900, 5000])[:width]
    for lag in range(width):
        second = first.copy()
        second[lag] += 1
        one, two = (hashing.candidate_words(c, vocabulary, key) for c in (first, second))
        check_independent(one, two)


@pytest.mark.parametrize(("kind", "salted"), KINDS)
def test_keys_that_differ_in_one_bit_give_independent_lists(kind, salted):
    """The first, a middle and the last bit of the key, over 400,000 tokens; false alarm 3e-6."""
    secret, vocabulary = bytes(range(32)), np.arange(400_000)
    before = hashing.candidate_words(np.array([3]), vocabulary, derive(secret, "greenlist", 1, kind, salted))
    for bit in (0, 100, 255):
        other = (int.from_bytes(secret, "little") ^ (1 << bit)).to_bytes(32, "little")
        after = hashing.candidate_words(np.array([3]), vocabulary, derive(other, "greenlist", 1, kind, salted))
        check_independent(before, after)


def test_shapes_and_schemes_of_one_key_give_independent_lists():
    """Width, kind, salt and scheme each changed, over 400,000 tokens; false alarm 4e-6."""
    vocabulary, context = np.arange(400_000), np.array([3])
    base = hashing.candidate_words(context, vocabulary, derive(bytes(32), "greenlist", 1, "ordered", False))
    others = [("other", 1, "ordered", False), ("greenlist", 1, "minhash", False), ("greenlist", 1, "ordered", True)]
    for shape in others:
        check_independent(base, hashing.candidate_words(context, vocabulary, derive(bytes(32), *shape)))
    wider = derive(bytes(32), "greenlist", 2, "ordered", False)
    check_independent(base, hashing.candidate_words(np.array([0, 3]), vocabulary, wider))


def test_no_two_of_a_million_ordered_contexts_share_a_hash():
    """1e12 / 2 pairs over 2^64 values: false alarm 3e-8."""
    grid = np.stack(np.divmod(np.arange(1_000_000), 1000), axis=1)
    words = words_of_rows(np.concatenate([grid, np.full((1_000_000, 1), 7)], axis=1), schedule(14, "ordered", 2, False))
    assert len(np.unique(words)) == 1_000_000


@pytest.mark.parametrize("salted", [False, True])
def test_order_matters_to_ordered_contexts_and_not_to_minhash_ones(salted):
    """Swap two of four context tokens at each pair of lags: every ordered word changes, no min-hash word does."""
    rng = np.random.default_rng(15)
    rows = rng.permuted(np.tile(np.arange(500), (200, 1)), axis=1)[:, :5]
    for kind in ("ordered", "minhash"):
        key = schedule(16, kind, 4, salted)
        before = words_of_rows(rows, key)
        for i in range(4):
            for j in range(i):
                swapped = rows.copy()
                swapped[:, [i, j]] = swapped[:, [j, i]]
                same = words_of_rows(swapped, key) == before
                assert same.all() if kind == "minhash" else not same.any()


def test_a_minhash_outlives_an_edit_when_another_token_has_the_least_hash():
    """One of four context tokens replaced: the word survives with probability 3/5 (the least of five hashes is one of the
    three kept); exact binomial over 4,000 random contexts, false alarm 1e-6."""
    rng = np.random.default_rng(17)
    rows = rng.integers(0, 2**31, (4000, 5))
    key = schedule(18, "minhash", 4, False)
    edited = rows.copy()
    edited[:, 2] = rng.integers(0, 2**31, 4000)
    kept = int((words_of_rows(rows, key) == words_of_rows(edited, key)).sum())
    assert stats.binomtest(kept, 4000, 0.6).pvalue > FALSE_ALARM


def test_a_self_salted_minhash_hears_its_context_unless_the_candidate_has_the_least_hash():
    """All four context tokens replaced: the word survives with probability 1/9, the least of nine hashes being the candidate's;
    exact binomial over 4,000 random contexts, false alarm 1e-6."""
    rng = np.random.default_rng(19)
    rows, others = rng.integers(0, 2**31, (2, 4000, 5))
    others[:, 4] = rows[:, 4]
    key = schedule(20, "minhash", 4, True)
    kept = int((words_of_rows(rows, key) == words_of_rows(others, key)).sum())
    assert stats.binomtest(kept, 4000, 1 / 9).pvalue > FALSE_ALARM
