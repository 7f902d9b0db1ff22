"""Features of a text: hand-derived where they can be, the published ones equal to the metrics', and blind to padding."""

from dataclasses import replace

import numpy as np
import pytest
from assay.detect.document_features import CAPITAL, DIGIT, MARK, REST, WORD, document_features, token_kinds
from assay.detect.lm_scores import LMScores, LMSignature
from assay.detect.metrics import one_pass_metrics

SIGNATURE = LMSignature("", "m", None, "w", "float32", None, None, None, None, "t", "auto", 0, 128, 64)
KINDS = np.array([WORD, REST, MARK, CAPITAL, DIGIT] * 2, np.int8)


def scores(n: int = 200, seed: int = 0) -> LMScores:
    rng = np.random.default_rng(seed)
    entropy = rng.uniform(1, 6, n).astype(np.float32)
    log_prob = -rng.exponential(3, n).astype(np.float32)
    return LMScores(
        ids=rng.integers(0, len(KINDS), n).astype(np.int32),
        chars=np.zeros((n, 2), np.int64),
        first=0,
        log_prob=log_prob,
        rank=rng.integers(1, 2000, n).astype(np.int32),
        entropy=entropy,
        mu=-entropy,
        sigma2=rng.uniform(1, 5, n).astype(np.float32),
        top_log_prob=np.maximum(log_prob, -0.5).astype(np.float32),
        end_mu=float("nan"),
        n_tokens=n,
        signature=SIGNATURE,
    )


def test_kinds_of_tokens() -> None:
    tokens = ["\u0120the", "ing", "\u0120The", ",", "\u01202019", "7", "\u0120(", "\u0120", "\u0120\u00e9t\u00e9"]
    expected = [WORD, REST, CAPITAL, MARK, DIGIT, DIGIT, MARK, MARK, WORD]
    assert token_kinds(tokens, "\u0120").tolist() == expected


def test_levels_are_numpys() -> None:
    text = scores()
    found = document_features(text, KINDS)
    x = text.log_prob.astype(np.float64)
    assert found["log_prob mean"] == pytest.approx(x.mean())
    assert found["log_prob sd"] == pytest.approx(x.std())
    assert found["log_prob 25 %"] == pytest.approx(np.quantile(x, 0.25))
    assert found["rank <= 10"] == (text.rank <= 10).mean()
    assert found["share of word"] == (KINDS[text.ids] == WORD).mean()


def test_published_metrics_are_those_of_the_registry() -> None:
    """Fast-DetectGPT is divided by the root of the length here; LRR and DNA-DetectLLM differ by their guards and Binoculars' extra place."""
    text = replace(scores(3000), end_mu=-3.5)
    found = document_features(text, KINDS)
    theirs = {metric.name: metric.score(text) for metric in one_pass_metrics()}
    assert found["fast_detectgpt"] * np.sqrt(3000) == pytest.approx(theirs["fast_detectgpt"], rel=1e-3)
    assert found["binoculars"] == pytest.approx(theirs["binoculars"], rel=1e-3)
    assert found["dna_detectllm"] == pytest.approx(theirs["dna_detectllm"], rel=1e-3)
    assert found["log_prob mean"] == pytest.approx(theirs["log_likelihood"], rel=1e-6)


def test_a_prefix_has_the_features_of_the_text_cut_there() -> None:
    text = scores()
    parts = {
        name: getattr(text, name)[:64]
        for name in ("ids", "log_prob", "rank", "entropy", "mu", "sigma2", "top_log_prob")
    }
    assert document_features(text, KINDS, 64) == document_features(replace(text, **parts), KINDS)


def test_repetition_counts_runs_that_came_before() -> None:
    """a b a b ... of 40 tokens: 2 of 40 single tokens are new, 2 of 39 pairs, 2 of 38 triples."""
    text = replace(scores(40), ids=np.array([0, 1] * 20, np.int32))
    found = document_features(text, KINDS)
    assert found["repeats of 1"] == pytest.approx(1 - 2 / 40)
    assert found["repeats of 2"] == pytest.approx(1 - 2 / 39)
    assert found["repeats of 3"] == pytest.approx(1 - 2 / 38)


def test_all_are_finite_even_where_nothing_varies() -> None:
    flat = replace(scores(50), **{k: np.full(50, v, np.float32) for k, v in (("log_prob", 0.0), ("entropy", 0.0), ("sigma2", 0.0), ("top_log_prob", 0.0))}, rank=np.ones(50, np.int32))  # fmt: skip
    assert np.isfinite(list(document_features(flat, KINDS).values())).all()


def test_too_few_tokens_have_none() -> None:
    with pytest.raises(ValueError, match="at least 16 scored tokens, got 15"):
        document_features(scores(15), KINDS)
