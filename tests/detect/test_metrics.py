"""The contract of every metric in the registry. A new metric is covered by being registered."""

import math
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
import torch
from assay.detect.lm import LMScorer
from assay.detect.lm_scores import LMScores
from assay.detect.metrics import (
    Additive,
    Featured,
    RewriteMetric,
    metric_class,
    metric_names,
    one_pass_metrics,
    register_metric,
)
from assay.errors import AssayError
from assay.models import embedded_path
from assay.watermark.model import CausalModel, load_model

from .tiny_models import HUMAN, scores_of, written_by

ONE_PASS = [m.name for m in one_pass_metrics()]
every_metric = pytest.mark.parametrize("name", metric_names())
every_one_pass_metric = pytest.mark.parametrize("name", ONE_PASS)


def make(name: str):
    return metric_class(name)()


def value(name: str, scores: LMScores) -> float:
    """The metric; of one with rewrites, against two that are shorter by a token and by two."""
    metric = make(name)
    if isinstance(metric, RewriteMetric):
        return metric.score_rewrites(scores, [shortened(scores, 1), shortened(scores, 2)])
    return metric.score(scores)


def shortened(scores: LMScores, by: int) -> LMScores:
    cut = max(len(scores) - by, 0)
    arrays = {
        f.name: getattr(scores, f.name)[:cut]
        for f in fields(LMScores)
        if f.name not in ("first", "end_mu", "n_tokens", "signature")
    }
    return replace(scores, **arrays, n_tokens=cut)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def embedded() -> CausalModel:
    return load_model("embedded", str(embedded_path()), device="cpu")


@pytest.fixture(scope="module")
def by_machine(embedded) -> list[LMScores]:
    return list(LMScorer(embedded).score(written_by(embedded)))


@every_metric
def test_a_metric_is_named_described_and_frozen(name):
    metric = make(name)
    assert metric.name == name
    assert metric.summary
    assert "arXiv" in metric.source or "19" in metric.source
    assert metric.needs <= {f.name for f in fields(LMScores)}
    with pytest.raises(FrozenInstanceError):
        metric.name = "other"  # type: ignore[misc]


@every_metric
def test_too_little_text_is_undefined_and_never_a_number_or_an_error(name):
    nothing, unscored = scores_of(first=0), scores_of(first=1, log_prob=[np.nan], rank=[0])
    assert math.isnan(value(name, nothing))
    assert math.isnan(value(name, unscored))
    if name in ONE_PASS:
        assert math.isnan(
            make(name).score(
                scores_of(
                    first=0,
                    **dict.fromkeys(("log_prob", "entropy", "mu", "sigma2", "top_log_prob"), [np.nan] * 20),
                    rank=[0] * 20,
                )
            )
        )


@every_metric
def test_a_metric_reads_the_fields_it_says_and_no_others(name, ways):
    metric, scores = make(name), ways[0][1]
    poisoned = {
        f: np.full_like(getattr(scores, f), -77)
        for f in ("log_prob", "rank", "entropy", "mu", "sigma2", "top_log_prob")
        if f not in metric.needs
    }
    spoilt = replace(scores, **poisoned, **({} if "end_mu" in metric.needs else {"end_mu": -77.0}))
    assert value(name, spoilt) == value(name, scores)
    assert math.isfinite(value(name, scores))


@every_one_pass_metric
def test_contributions_sum_to_the_score(name, ways):
    metric = make(name)
    if not isinstance(metric, Additive):
        assert name in {"perplexity", "lrr", "binoculars", "dna_detectllm", "lastde"}, (
            "say here that it is not additive"
        )
        return
    for scores in [*ways[0], *ways[3]]:
        parts = metric.contributions(scores)
        assert parts.shape == (len(scores),)
        assert parts.dtype == np.float64
        assert (parts[: scores.first] == 0).all()
        assert parts.sum() == pytest.approx(metric.score(scores), rel=1e-12)


@every_one_pass_metric
def test_features_are_named_and_finite(name, ways):
    metric, scores = make(name), ways[0][1]
    if isinstance(metric, Featured):
        assert metric.features(scores).shape == (len(metric.feature_names),)
        assert np.isfinite(metric.features(scores)).all()
        assert np.isnan(metric.features(scores_of())).all()


@pytest.fixture(scope="module")
def ways(embedded) -> list[list[LMScores]]:
    """The texts scored alone, in one batch, backwards in small ones, and without a start token."""
    alone = [next(LMScorer(embedded).score([text])) for text in HUMAN]
    backwards = list(LMScorer(embedded, batch_tokens=200).score(HUMAN[::-1]))
    without = list(LMScorer(embedded, start="none").score(HUMAN))
    return [alone, list(LMScorer(embedded).score(HUMAN)), backwards[::-1], without]


@every_one_pass_metric
def test_a_metric_does_not_depend_on_batch_padding_or_order(name, ways):
    """Lastde counts cosines in bins, so that rounding may move one of a few hundred across an edge; every other metric is smooth."""
    alone, *others = [[make(name).score(scores) for scores in way] for way in ways[:3]]
    for other in others:
        np.testing.assert_allclose(other, alone, rtol=0.1 if name == "lastde" else 1e-4)


@pytest.mark.parametrize("name", [n for n in ONE_PASS if n != "lastde"])
def test_what_the_model_wrote_scores_higher_than_what_people_wrote(name, ways, by_machine):
    """Means over six texts of 90 tokens at temperature 0.7 and three human ones. Lastde weighs texture and is left out."""
    machine, human = ([make(name).score(s) for s in scores] for scores in (by_machine, ways[0]))
    assert np.mean(machine) > np.mean(human)


def test_all_metrics_are_had_by_name_and_in_order():
    assert [m.name for m in one_pass_metrics(["rank", "lrr", "rank"])] == ["rank", "lrr"]
    assert ONE_PASS == sorted(ONE_PASS)
    assert sorted({*metric_names()} - {*ONE_PASS}) == ["detectgpt", "dna_gpt", "npr"]


def test_an_unknown_metric_is_one_line_that_names_the_known_ones():
    with pytest.raises(AssayError) as error:
        one_pass_metrics(["logrank"])
    assert str(error.value) == f"unknown metric 'logrank'; known: {', '.join(metric_names())}"
    with pytest.raises(AssayError, match="'npr' compares a text with rewrites of it"):
        one_pass_metrics(["npr"])


def test_a_name_is_registered_once():
    rank = metric_class("rank")
    with pytest.raises(ValueError, match="'rank' is registered twice"):
        register_metric("rank")(int)
    assert register_metric("rank")(rank) is rank


def test_a_package_adds_a_metric_through_its_entry_point(tmp_path):
    """A real distribution on the path of a fresh interpreter: named before it is imported, loaded on first use; torch stays out."""
    info = tmp_path / "foreign-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[assay.metrics]\nforeign = foreign_metric\n")
    (tmp_path / "foreign_metric.py").write_text(
        "from assay.detect.metrics import register_metric\n"
        "@register_metric('foreign')\nclass Foreign:\n    summary = 'from elsewhere'\n"
    )
    program = (
        "import sys; from assay.detect.metrics import metric_class, metric_names, one_pass_metrics\n"
        "assert 'foreign' in metric_names(), metric_names()\n"
        "assert 'foreign_metric' not in sys.modules\n"
        "assert metric_class('foreign').summary == 'from elsewhere'\n"
        "assert len(one_pass_metrics()) > 10\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd=tmp_path)
