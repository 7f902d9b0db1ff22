"""Rewrites by a causal model: few tokens change, the seed decides which, and the metrics that use them tell machine text."""

import numpy as np
import pytest
import torch
from assay.detect.lm import LMScorer
from assay.detect.metrics import metric_class
from assay.detect.rewriting import Continuation, SpanResampler, score_with_rewrites
from assay.models import embedded_path
from assay.watermark.model import CausalModel, load_model

from .tiny_models import HUMAN, tiny, written_by


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
def pair() -> tuple[CausalModel, CausalModel]:
    return tiny("gpt2", seed=1), tiny("llama", seed=2)


def token_ids(model: CausalModel, text: str) -> list[int]:
    return model.text_tokenizer.backend.encode(text, add_special_tokens=False).ids


def test_resampled_spans_are_a_small_share_and_follow_the_seed(pair):
    model, _ = pair
    rewriter = SpanResampler(model, context=20)
    first, again, other = (rewriter.rewrite(HUMAN[1], 3, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert first == again != other
    assert len(set(first)) == 3
    own = token_ids(model, HUMAN[1])
    rows = torch.tensor([own] * 4)
    rewriter._resample(rows[:, :40], 0, torch.Generator().manual_seed(1))
    changed = (rows != torch.tensor(own)).sum(1)
    assert (changed <= 6).all(), "three spans of two in forty tokens"
    assert (changed >= 3).all()
    assert (rows[:, 40:] == torch.tensor(own[40:])).all()


def test_a_continuation_keeps_the_first_half(pair):
    model, _ = pair
    own = token_ids(model, HUMAN[0])
    kept = model.text_tokenizer.backend.decode(own[: round(len(own) / 2)])
    made = Continuation(model).rewrite(HUMAN[0], 2, torch.Generator().manual_seed(3))
    assert all(text.startswith(kept) for text in made)
    assert len({*made, HUMAN[0]}) == 3


@pytest.mark.parametrize("make_rewriter", [SpanResampler, Continuation])
@pytest.mark.parametrize("text", ["", "a", "!"])
def test_what_is_too_short_to_rewrite_is_no_error(pair, make_rewriter, text):
    for model in pair:
        assert len(make_rewriter(model).rewrite(text, 2, torch.Generator().manual_seed(0))) == 2


@pytest.fixture(scope="module")
def written(embedded) -> list[str]:
    return written_by(embedded)


@pytest.mark.parametrize("name", ["detectgpt", "npr", "dna_gpt"])
def test_metrics_with_rewrites_tell_the_models_own_text(name, embedded, written):
    """Three texts each at temperature 0.7 and by people, a few rewrites of the first forty tokens."""
    count = 2 if name == "dna_gpt" else 5
    rewriter = Continuation(embedded) if name == "dna_gpt" else SpanResampler(embedded)
    beginnings = [[text[:160] for text in texts[:3]] for texts in (written, HUMAN)]
    machine, human = (
        list(score_with_rewrites(texts, metric_class(name)(), LMScorer(embedded), rewriter, count, seed=7))
        for texts in beginnings
    )
    assert np.mean(machine) > np.mean(human)
