"""The share of machine text: covered at the stated rate, and an alarm where the references do not fit the corpus."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
from assay.detect.clusters import cluster_codes, one_per_cluster, scored_sample, share_variance
from assay.detect.occurrence import (
    TextSample,
    fit_words,
    likelihood_share,
    occurrence,
    vocabulary_of,
    word_share,
    words,
)
from assay.detect.prevalence import compare, score_share
from assay.errors import DataError
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.stats import binom

FAST = "gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy"
LRR = "t5-3b_gpt-j-6B.lrr"
LIKELIHOOD = "whitebox(gpt-neo-2.7B).likelihood"


def crawl(rng, humans, machines, n, share):
    """Indices of n documents, a Binomial number of them machine text."""
    k = rng.binomial(n, share)
    return np.concatenate([rng.choice(humans, n - k), rng.choice(machines, k)])


class Split:
    """References from half of the originals, and a crawl from the other half; humans of one original are one
    cluster."""

    def __init__(self, peers, detector, seed, fit_on=None, apply_to=None, shift=(0.0, 0.0)):
        self.rng = np.random.default_rng(seed)
        scores = peers.score(detector)
        self.scores, self.pair, self.ai = scores, cluster_codes(peers.pair), peers.ai
        self.shifted = scores + np.where(peers.ai, shift[1], shift[0])
        half = (self.rng.random(self.pair.max() + 1) < 0.5)[self.pair]
        self.fit = half & np.isfinite(scores) & (True if fit_on is None else fit_on)
        self.rest = ~half & np.isfinite(scores) & (True if apply_to is None else apply_to)

    def share(self, share, n, n_boot=200):
        reference = [scored_sample(self.scores[at], self.pair[at]) for at in (self.fit & ~self.ai, self.fit & self.ai)]
        seen = crawl(self.rng, np.flatnonzero(self.rest & ~self.ai), np.flatnonzero(self.rest & self.ai), n, share)
        return score_share(*reference, scored_sample(self.shifted[seen], self.pair[seen]), self.rng, n_boot=n_boot)


@pytest.mark.parametrize(
    ("detector", "share"), [(FAST, 0.0), (FAST, 0.01), (FAST, 0.05), (FAST, 0.2), (LRR, 0.0), (LRR, 0.2)]
)
def test_intervals_cover_the_share_of_real_crawls_and_no_alarm_is_raised(peers, detector, share):
    """25 splits by original, crawls of 1,500: at least the .1 % quantile of Binomial(25, .95); alarms at most the other
    of .05."""
    found = [Split(peers, detector, seed).share(share, 1500) for seed in range(25)]
    assert sum(f.low <= share <= f.high for f in found) >= binom.ppf(0.001, 25, 0.95)
    assert sum(bool(f.message) for f in found) <= binom.ppf(0.999, 25, 0.05)
    tolerance = 0.01 if detector == FAST else 0.05
    assert np.mean([f.share for f in found]) == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_intervals_cover_on_independent_documents(share):
    """20 crawls of 800 with a weak detector (one standard deviation apart)."""
    covered = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        machine = rng.random(800) < share
        references = scored_sample(rng.normal(size=600)), scored_sample(rng.normal(1, 1, 500))
        found = score_share(*references, scored_sample(rng.normal(size=800) + machine), rng, n_boot=200)
        covered += found.low <= share <= found.high
    assert covered >= binom.ppf(0.001, 20, 0.95)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_references_of_news_do_not_pass_for_stories(peers, share):
    """Log-likelihood, references from news and encyclopaedia, corpus of stories: read low, so it must alarm, ten splits
    of ten."""
    stories = peers.domain == "writing"
    found = [Split(peers, LIKELIHOOD, seed, ~stories, stories).share(share, 500, 500) for seed in range(10)]
    assert all(f.message for f in found)
    assert np.mean([f.share for f in found]) <= 0.8 * share


def test_a_domain_that_scores_lower_alarms_instead_of_reading_a_fifth_as_nothing(peers):
    """Humans .6 lower, machine text 1.2 lower (real scores, shifted); and both less so, in a corpus of usual size."""
    kept = peers.domain != "squad"
    found = [Split(peers, FAST, seed, kept, kept, (-0.6, -1.2)).share(0.2, 1000, 500) for seed in range(10)]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        references = scored_sample(rng.normal(0.5, 0.93, 2000)), scored_sample(rng.normal(3.1, 1, 1500))
        corpus = np.concatenate([rng.normal(0.2, 0.93, 3200), rng.normal(1.8, 1, 800)])
        found.append(score_share(*references, scored_sample(corpus), rng, n_boot=500))
    assert all(f.share < 0.15 for f in found)
    assert all("do not believe the share" in f.message and "\n" not in f.message for f in found)


def test_what_cannot_be_estimated_is_refused_in_one_line():
    rng = np.random.default_rng(0)
    many, same, few = (scored_sample(rng.normal(size=n)) for n in (500, 400, 19))
    with pytest.raises(DataError, match="do not differ beyond their noise"):
        score_share(many, same, many, rng)
    with pytest.raises(DataError, match="the machine reference has 19 independent documents, expected at least 20"):
        score_share(many, few, many, rng)
    repeated = scored_sample(np.arange(100.0), np.arange(100) % 10)
    with pytest.raises(DataError, match="the corpus has 10 independent documents"):
        score_share(many, many, repeated, rng)
    with pytest.raises(DataError, match="do not differ"):
        score_share(scored_sample(np.zeros(50)), scored_sample(np.zeros(50)), many, rng)
    with pytest.raises(ValueError, match="confidence must be"):
        score_share(many, same, many, rng, confidence=1.0)


def test_two_estimates_that_disagree_say_so(peers):
    found = Split(peers, FAST, 1).share(0.2, 1500)
    other = replace(found, method="words", share=0.6, standard_error=0.05)
    assert compare(found, replace(found, share=found.share + 0.01)).message == ""
    assert "disagree (scores" in compare(found, other).message
    assert compare(found, other).p < 1e-6


def test_a_sample_leaves_out_what_has_no_score():
    sample = scored_sample([1.0, np.nan, 3.0, 4.0], ["a", "b", "c", "a"])
    assert sample.scores.tolist() == [1.0, 3.0, 4.0]
    assert (sample.clusters.tolist(), sample.n_clusters) == ([0, 1, 0], 2)
    for scores, clusters in (([np.nan], None), ([[1.0]], None), ([1.0], ["a", "b"])):
        with pytest.raises(ValueError, match=r"needs a one-dimensional|one label a score"):
            scored_sample(scores, clusters)


def test_one_of_each_cluster_is_drawn_with_equal_chance():
    """Cluster 0 has four documents: 4,000 draws, each within five standard errors of a quarter."""
    rng, clusters = np.random.default_rng(1), np.array([0, 1, 0, 0, 1, 0])
    drawn = np.array([one_per_cluster(clusters, rng) for _ in range(4000)])
    assert drawn.shape == (4000, 2)
    counts = np.bincount(drawn.ravel(), minlength=6)
    assert np.abs(counts[[0, 2, 3, 5]] - 1000).max() < 5 * (4000 * 0.25 * 0.75) ** 0.5


def test_the_variance_of_a_share_is_binomial_for_single_documents_and_larger_for_copies():
    rng = np.random.default_rng(2)
    single = np.eye(3)[rng.integers(0, 3, 900)]
    p = single.mean(0)
    np.testing.assert_allclose(share_variance(single), p * (1 - p) / 899, rtol=1e-9)
    np.testing.assert_allclose(share_variance(5 * single), share_variance(single), rtol=1e-9)


def test_words_are_runs_of_letters_in_lower_case():
    assert words("It's 3 o\u2019clock\u2014time. TIME x2") == {"it's", "o\u2019clock", "time", "x"}
    assert vocabulary_of(["a b", "a c"] * 5 + ["d"] * 9, [*range(10), *[10] * 9]) == {"a": 0, "b": 1, "c": 2}
    assert occurrence(["b b a", "", "zz"], {"a": 0, "b": 1}).toarray().tolist() == [[1, 1], [0, 0], [0, 0]]


def test_word_probabilities_by_hand():
    """Ten documents each; the word is in 8 of one kind and 2 of the other.

    Pooled (8 + 2 + .5) / 21 = .5; p = (2 + 1) / 12 = .25 and q = (8 + 1) / 12 = .75: log odds ln 9, constant ln(1/3).
    """
    human, machine = (csr_array(np.array([[1.0]] * k + [[0.0]] * (10 - k))) for k in (2, 8))
    model = fit_words(human, machine, np.ones(10), np.ones(10))
    assert model.log_odds.tolist() == pytest.approx([np.log(9)])
    assert model.log_ratio(machine)[[0, 9]].tolist() == pytest.approx([np.log(3), np.log(1 / 3)])
    assert fit_words(human, machine, np.full(10, 0.4), np.full(10, 0.4)).log_odds.tolist() == [
        0.0
    ]  # 4 clusters: too few


def test_the_likelihood_share_is_the_maximum():
    rng = np.random.default_rng(3)
    for share in (0.1, 0.6):
        x = rng.normal(size=5000) + 2 * (rng.random(5000) < share)
        ratio = 2 * x - 2  # log of N(2, 1) over N(0, 1)
        best = minimize_scalar(lambda a, r=ratio: -np.log1p(a * np.expm1(r)).sum(), bounds=(0, 1), method="bounded")
        assert likelihood_share(ratio) == pytest.approx(best.x, abs=1e-4)
        assert likelihood_share(ratio) == pytest.approx(share, abs=0.05)
    assert likelihood_share(np.full(10, -1000.0)) == pytest.approx(0.0)
    assert likelihood_share(np.full(10, 1000.0)) == pytest.approx(1.0)


@pytest.fixture(scope="module")
def texts(shared):
    """DetectRL's stories, news and abstracts without the rows that show their label on the surface."""
    with gzip.open(shared / "data" / "detection" / "detectrl_clean.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if "chat_lead" not in row.get("flags", [])]
    pair = np.array([row["pair_id"] for row in rows])
    domain = np.array([row["domain"] for row in rows])
    return (
        np.array([row["text"] for row in rows], dtype=object),
        pair,
        domain,
        np.array([r["label"] == "ai" for r in rows]),
    )


def word_crawl(texts, seed, share, fit_on, apply_to, n=300):
    text, pair, domain, ai = texts
    rng = np.random.default_rng(seed)
    half = (rng.random(len(np.unique(pair))) < 0.5)[cluster_codes(pair)]
    fit, rest = half & np.isin(domain, fit_on), ~half & np.isin(domain, apply_to)
    seen = crawl(rng, np.flatnonzero(rest & ~ai), np.flatnonzero(rest & ai), n, share)
    references = (np.flatnonzero(fit & ~ai)[::3], np.flatnonzero(fit & ai))
    samples = [TextSample(text[at].tolist(), pair[at].tolist()) for at in (*references, seen)]
    return word_share(*samples, rng, n_boot=200)


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_words_alone_tell_the_share_in_their_own_domains(texts, share):
    """Three splits with fixed seeds; at 95 % all but one cover with probability .993."""
    domains = np.unique(texts[2])
    found = [word_crawl(texts, seed, share, domains, domains) for seed in range(3)]
    assert sum(f.low <= share <= f.high for f in found) >= 2
    assert all(f.method == "words" for f in found)


def test_words_of_abstracts_do_not_pass_for_news_and_stories(texts):
    domains = np.unique(texts[2])
    abstracts = [d for d in domains if "arxiv" in d]
    assert len(abstracts) == 1
    others = [d for d in domains if d not in abstracts]
    assert all(word_crawl(texts, seed, 0.2, others, abstracts).message for seed in range(2))


def test_words_that_cannot_tell_are_refused():
    rng = np.random.default_rng(4)
    with pytest.raises(DataError, match="no word occurs in 5 independent reference texts"):
        word_share(TextSample(["one"] * 3), TextSample(["two"] * 3), TextSample(["x"]), rng)
    with pytest.raises(ValueError, match="one label a text"):
        word_share(TextSample(["one"], ["a", "b"]), TextSample(["two"]), TextSample(["x"]), rng)
