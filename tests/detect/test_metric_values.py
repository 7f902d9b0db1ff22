"""Metrics by hand, and the peers' formulas and constants stated anew in float64 over whole arrays."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from assay.detect.binoculars import THRESHOLDS, published_verdict
from assay.detect.fast_detectgpt import NORMALS, published_probability
from assay.detect.lm import LMScorer
from assay.detect.lm_scores import LMScores
from assay.detect.metrics import metric_class
from assay.detect.vocabulary import reduce_logits
from assay.watermark.model import CausalModel
from scipy import stats

from .tiny_models import HUMAN, Oracle, oracle, scores_of, tiny

LN2, LN3 = math.log(2), math.log(3)


def make(name: str):
    return metric_class(name)()


@pytest.fixture(scope="module")
def pair() -> tuple[CausalModel, CausalModel]:
    return tiny("gpt2", seed=1), tiny("llama", seed=2)


def three_words() -> LMScores:
    """Three places over three words, and the place after them; the text is words 0, 2, 1.

    q_1 = (1/2, 1/4, 1/4), q_2 = (1/4, 1/4, 1/2), q_3 = (1/2, 1/4, 1/4), q_4 = (1/3, 1/3, 1/3)
    log q(x) = -ln 2, -ln 2, -2 ln 2;  ranks 1, 1, 2 (word 2 is as probable as word 1, not more);
    H = 1.5 ln 2 each, at the end ln 3;  log q is -ln 2 or -2 ln 2 with probability 1/2 each: variance (ln 2 / 2)^2;  best log q = -ln 2.
    """
    q = torch.tensor([[1 / 2, 1 / 4, 1 / 4], [1 / 4, 1 / 4, 1 / 2], [1 / 2, 1 / 4, 1 / 4], [1 / 3] * 3])
    found = reduce_logits(q.log() + 5, np.array([0, 2, 1, 0]))  # a constant more changes nothing
    names = ("log_prob", "entropy", "mu", "sigma2", "top_log_prob")
    columns = dict(zip(names, found.values[:3].T, strict=True))
    return scores_of(first=0, end_mu=float(found.values[3, 2]), rank=found.rank[:3], **columns)


CROSS_ENTROPY = (3 * 1.5 * LN2 + LN3) / 4  # four places, the one after the text among them


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_likelihood", -4 / 3 * LN2),
        ("perplexity", -(2 ** (4 / 3))),
        ("rank", -4 / 3),
        ("log_rank", -LN2 / 3),
        ("entropy", -1.5 * LN2),
        ("lrr", 4.0),  # (4/3 ln 2) / (ln 2 / 3)
        ("gltr", 1.0),
        ("fast_detectgpt", 1 / math.sqrt(3)),  # (-4 ln 2 + 4.5 ln 2) / sqrt(3 (ln 2 / 2)^2)
        ("binoculars", -(4 / 3 * LN2) / CROSS_ENTROPY),
        ("dna_detectllm", -(4 / 3 * LN2 + LN2) / (2 * CROSS_ENTROPY)),
    ],
)
def test_three_words_by_hand(name, expected):
    assert make(name).score(three_words()) == pytest.approx(expected, rel=1e-6)


def test_gltr_bins_by_hand():
    """0-based ranks 0, 9 | 10, 99 | 100 | 1000, 5000 are the bins < 10, < 100, < 1000 and the rest."""
    scores = scores_of(rank=[1, 10, 11, 100, 101, 1001, 5001, 1])
    np.testing.assert_allclose(make("gltr").features(scores), [3 / 8, 2 / 8, 1 / 8, 2 / 8])
    assert make("gltr").score(scores) == 3 / 8


def test_where_every_token_is_the_models_first_choice_a_ratio_of_ranks_is_undefined():
    certain = scores_of(log_prob=[-0.1, -0.2], rank=[1, 1])
    assert math.isnan(make("lrr").score(certain))
    assert math.isnan(make("npr").score_rewrites(certain, [certain]))
    assert make("log_rank").score(certain) == 0


def test_lastde_by_hand():
    """Log-probs -1, -2, -1, -2, ...: at scale 1 windows alternate between (-1,-2,-1) and (-2,-1,-2), all cosines are 8 / sqrt(54), one bin,
    entropy 0; so at scale 3 and 5; at scales 2 and 4 the means are equal, cosine 1, entropy 0. No spread: undefined. One odd value gives a spread."""
    series = [-1.0, -2.0] * 10
    assert math.isnan(make("lastde").score(scores_of(log_prob=series)))
    assert math.isfinite(make("lastde").score(scores_of(log_prob=[*series, -6.0, *series])))
    assert math.isnan(make("lastde").score(scores_of(log_prob=series[:7])))


def test_metrics_with_rewrites_by_hand():
    """ll = -2; rewrites -3 and -5: mean -4, population deviation 1: z = 2. One rewrite alone has no deviation: 1 in its place.
    Log-ranks ln 2 and, of the rewrites, ln 4 and ln 8: (2 + 3) / 2. Second halves: -1 against -2 and -4."""
    own = scores_of(log_prob=[-3.0, -1.0], rank=[2, 2])
    others = [scores_of(log_prob=[-4.0, -2.0], rank=[4, 4]), scores_of(log_prob=[-6.0, -4.0], rank=[8, 8])]
    assert make("detectgpt").score_rewrites(own, others) == pytest.approx(2.0)
    assert make("detectgpt").score_rewrites(own, others[:1]) == pytest.approx(1.0)
    assert make("npr").score_rewrites(own, others) == pytest.approx(2.5)
    assert make("dna_gpt").score_rewrites(own, others) == pytest.approx(2.0)
    for name in ("detectgpt", "npr", "dna_gpt"):
        assert math.isnan(make(name).score_rewrites(own, []))


# the peers' formulas, stated anew


def peers(o: Oracle) -> dict[str, float]:
    """Every metric as its authors compute it, from (L, V) arrays of log q and log p in float64, turned so that higher is machine."""
    n = len(o.targets)
    log_q, p = o.log_q[:n], np.exp(o.log_p[:n])
    own = log_q[np.arange(n), o.targets]
    order = np.argsort(-log_q, axis=1, kind="stable")
    ranks = np.argmax(order == o.targets[:, None], axis=1) + 1
    mean = (p * log_q).sum(1)
    variance = (p * log_q**2).sum(1) - mean**2
    cross = -(np.exp(o.log_p) * o.log_q).sum(1).mean()  # one place more than the numerator
    return {
        "log_likelihood": own.mean(),
        "perplexity": -np.exp(-own.mean()),
        "rank": -ranks.mean(),
        "log_rank": -np.log(ranks).mean(),
        "entropy": (np.exp(log_q) * log_q).sum(1).mean(),
        "lrr": own.sum() / -np.log(ranks).sum(),
        "gltr": (ranks - 1 < 10).mean(),
        "fast_detectgpt": (own.sum() - mean.sum()) / np.sqrt(variance.sum()),
        "binoculars": -(-own.mean() / cross),
        "dna_detectllm": -((-own.mean() - log_q.max(1).mean()) / (2 * cross)),
    }


@pytest.mark.parametrize("start", ["auto", "none"])
@pytest.mark.parametrize("paired", [False, True])
def test_equal_to_the_peers_formulas(pair, start, paired):
    scorer, reference = pair
    used = reference if paired else None
    for text, scores in zip(HUMAN, LMScorer(scorer, used, start=start).score(HUMAN), strict=True):
        expected = peers(oracle(scorer, text, 0 if start == "auto" else None, used))
        for name, theirs in expected.items():
            assert make(name).score(scores) == pytest.approx(theirs, rel=1e-5), name


def test_lastde_is_equal_to_its_histogram_over_all_bins(pair):
    """With numpy's own histogram over all 10 n bins, cosine and deviation written out."""
    for scores in LMScorer(pair[0]).score(HUMAN):
        series, found = scores.log_prob.astype(np.float64), []
        for tau in range(1, 6):
            smooth = np.array([series[i : i + tau].mean() for i in range(len(series) - tau + 1)])
            windows = np.array([smooth[i : i + 3] for i in range(len(smooth) - 2)])
            cosines = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in pairwise(windows)]
            share = np.histogram(cosines, bins=10 * len(series), range=(-1, 1))[0] / len(cosines)
            found.append(stats.entropy(share) / np.log(10 * len(series)))
        assert make("lastde").score(scores) == pytest.approx(series.mean() / np.std(found, ddof=1), rel=1e-5)


def test_binoculars_published_cuts_reproduce():
    """Their rule: a ratio below the cut is machine text. The ratio here is minus the score."""
    assert THRESHOLDS == {"accuracy": 0.9015310749276843, "low-fpr": 0.8536432310785527}
    for mode, cut in THRESHOLDS.items():
        assert published_verdict(-np.nextafter(cut, 0), mode) is True
        assert published_verdict(-cut, mode) is False
    assert published_verdict(-0.88, "accuracy") is True
    assert published_verdict(-0.88) is False
    assert published_verdict(math.nan) is None


@pytest.mark.parametrize("name", NORMALS)
def test_fast_detectgpt_published_probabilities_reproduce(name):
    """N(c; mu1, 2 sigma0) / (N(c; mu0, sigma0) + N(c; mu1, 2 sigma0)), by scipy."""
    law = NORMALS[name]
    for c in (-30.0, -3.0, 0.0, 1.5, 2.0, 6.0, 40.0):
        human = stats.norm.logpdf(c, law.human_mean, law.human_sd)
        machine = stats.norm.logpdf(c, law.machine_mean, 2 * law.human_sd)
        expected = np.exp(machine - np.logaddexp(human, machine))
        assert published_probability(c, name) == pytest.approx(expected, rel=1e-10)
    assert published_probability(-8, name) > 0.9, "not monotone: a very low score looks like machine text too"
