"""One pass over texts: the fields are what the formulas say, whatever the batch, the window, the model's head or the device's twin."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from assay.detect.lm import LMScorer, start_token, weights_fingerprint
from assay.detect.lm_scores import LMScores
from assay.detect.logits import LogitRows
from assay.detect.windows import windows
from assay.errors import ModelError, TokenizerMismatch
from assay.models import embedded_path
from assay.watermark.model import CausalModel, load_model

from .tiny_models import VOCABULARY, causal, oracle, tiny

FIELD_NAMES = ("log_prob", "rank", "entropy", "mu", "sigma2", "top_log_prob")
TEXTS = [
    "The keeper of the light wrote in his book that the wind had turned in the night.",
    "",
    "Bees.",
    "!!! ... ??? 12345",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich \U0001f41d\U0001f41d and home again by the shore road, slowly.",
    "a",
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models() -> dict[str, CausalModel]:
    embedded = load_model("embedded", str(embedded_path()), device="cpu")
    return {"gpt2": tiny("gpt2"), "llama": tiny("llama"), "embedded": embedded}


def assert_same(found: LMScores, expected: LMScores, atol: float = 1e-4) -> None:
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.chars, expected.chars)
    assert (found.first, found.n_tokens) == (expected.first, expected.n_tokens)
    for name in ("log_prob", "entropy", "mu", "sigma2", "top_log_prob"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-4, atol=atol, err_msg=name)
    # two logits that agree to the last digit may change places
    assert (found.rank != expected.rank).mean() < 0.05 if len(found) else True
    np.testing.assert_allclose(found.end_mu, expected.end_mu, atol=atol)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "embedded"])
@pytest.mark.parametrize("start", ["auto", "none"])
def test_fields_are_those_of_the_whole_log_softmax_in_float64(models, kind, start):
    model = models[kind]
    for text, found in zip(TEXTS, LMScorer(model, start=start).score(TEXTS), strict=True):
        first = 0 if start == "auto" else 1
        assert found.first == first
        assert found.n_scored == max(len(found) - first, 0)
        if not text:
            assert math.isnan(found.end_mu)
            continue
        expected = oracle(model, text, 0 if start == "auto" else None)
        for name, values in expected.fields.items():
            np.testing.assert_allclose(found.scored(name), values, rtol=1e-5, atol=2e-5, err_msg=name)
            if first and len(found):
                assert getattr(found, name)[0] == 0 if name == "rank" else math.isnan(getattr(found, name)[0])
        assert found.end_mu == pytest.approx(expected.end_mu, rel=1e-5)


def test_a_pair_is_cut_to_the_narrower_vocabulary_before_the_softmax(models):
    """The reference has 24 rows of padding with random weights: cut after the softmax they would take probability away."""
    reference = tiny("llama", seed=5, vocab_size=VOCABULARY + 24)
    (found,) = LMScorer(models["gpt2"], reference, start="none").score([TEXTS[0]])
    expected = oracle(models["gpt2"], TEXTS[0], None, reference)
    assert expected.log_q.shape[1] == VOCABULARY
    for name, values in expected.fields.items():
        np.testing.assert_allclose(found.scored(name), values, rtol=1e-5, atol=2e-5, err_msg=name)
    assert found.end_mu == pytest.approx(expected.end_mu, rel=1e-5)
    (same,) = LMScorer(models["gpt2"], models["gpt2"]).score([TEXTS[0]])
    assert_same(same, next(LMScorer(models["gpt2"]).score([TEXTS[0]])), atol=1e-5)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "embedded"])
def test_a_text_is_scored_the_same_alone_in_a_batch_and_in_any_order(models, kind):
    texts = [*TEXTS, TEXTS[0] * 5, TEXTS[4] * 3]
    alone = [next(LMScorer(models[kind]).score([text])) for text in texts]
    for batch_tokens in (1, 60, 8192):
        scorer = LMScorer(models[kind], batch_tokens=batch_tokens)
        for found, expected in zip(scorer.score(texts), alone, strict=True):
            assert_same(found, expected)
    for found, expected in zip(LMScorer(models[kind]).score(texts[::-1]), alone[::-1], strict=True):
        assert_same(found, expected)


def test_a_long_text_is_scored_window_by_window(models):
    """Each row is what the model says after its own window's tokens alone, computed here one window at a time."""
    model, text = models["gpt2"], TEXTS[0] * 4
    (found,) = LMScorer(model, context=24, stride=8).score([text])
    inputs = [0, *found.ids.tolist()]
    expected = np.full(len(inputs), np.nan)
    for w in windows(0, len(inputs), 24, 8):
        with torch.no_grad():
            log_q = torch.log_softmax(model.model(torch.tensor([inputs[w.start : w.stop]])).logits[0].double(), -1)
        for row in range(w.first, min(w.stop, len(found))):
            expected[row] = log_q[row - w.start, int(found.ids[row])]
    assert len(found) > 60
    np.testing.assert_allclose(found.log_prob, expected[:-1], rtol=1e-5, atol=2e-5)


def test_the_head_runs_by_chunks_and_no_logits_of_a_whole_batch_exist(models):
    model = tiny("llama", seed=9)
    seen: list[int] = []
    scorer = LMScorer(model)
    scorer._rows[0].rows = 50
    model.model.get_output_embeddings().register_forward_hook(lambda *a: seen.append(a[2].numel() // VOCABULARY))
    (found,) = scorer.score([TEXTS[0] * 8])
    assert scorer._rows[0].by_head
    assert max(seen) == 50
    assert sum(seen) == len(found) + 1


def test_a_model_that_changes_its_logits_after_the_head_keeps_them():
    """A soft cap, as Gemma has: the head alone would be wrong, so the model's own logits are used."""
    model = tiny("llama", seed=2)
    plain = model.model.forward

    def capped(**kwargs):
        out = plain(**kwargs)
        out.logits = 2.0 * torch.tanh(out.logits / 2.0)
        return out

    model.model.forward = capped
    scorer = LMScorer(model)
    assert not scorer._rows[0].by_head
    (found,) = scorer.score([TEXTS[0]])
    np.testing.assert_allclose(found.log_prob, oracle(model, TEXTS[0], 0).fields["log_prob"], rtol=1e-5, atol=1e-5)


def test_a_model_that_looks_ahead_is_refused():
    class LooksAhead(torch.nn.Module):
        device, dtype = torch.device("cpu"), torch.float32

        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(50, 50)

        def get_input_embeddings(self):
            return self.table

        def get_output_embeddings(self):
            return None

        def forward(self, input_ids, use_cache):
            return SimpleNamespace(logits=self.table(input_ids) + self.table(input_ids).mean(1, keepdim=True))

    with pytest.raises(ModelError, match="'seer' is not causal"):
        LogitRows(LooksAhead(), "seer")


def test_models_with_two_tokenizers_are_no_pair(models, tmp_path):
    import json

    from assay.watermark.tokenizer import load_tokenizer

    content = json.loads((embedded_path() / "tokenizer.json").read_text())
    content["model"]["merges"] = content["model"]["merges"][:-1]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    other = CausalModel(models["gpt2"].model, None, load_tokenizer(str(tmp_path)), "other", None)
    with pytest.raises(
        TokenizerMismatch, match=r"^a pair of models must share one tokenizer: 'llama-0' has \w{16}, 'other' has \w{16}"
    ):
        LMScorer(models["llama"], other)


def test_a_tokenizer_wider_than_the_model_is_refused():
    with pytest.raises(ModelError, match="ids up to 8191, but 'gpt2-0' has 8000 logits"):
        LMScorer(tiny("gpt2", vocab_size=8000))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "bos"}, "start must be 'auto' or 'none', got 'bos'"),
        ({"context": 1}, "context must be from 2 to 256"),
        ({"context": 257}, "context must be from 2 to 256"),
        ({"context": 10, "stride": 11}, "stride must be from 1 to the context"),
        ({"batch_tokens": 0}, "batch_tokens must be at least 1"),
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
    ],
    ids=str,
)
def test_an_option_out_of_range_says_what_is_expected(models, options, message):
    with pytest.raises(ValueError, match=message):
        LMScorer(models["gpt2"], **options)


def test_tokens_know_their_place_in_the_text(models):
    (found,) = LMScorer(models["gpt2"]).score([TEXTS[0]])
    assert "".join(TEXTS[0][a:b] for a, b in found.chars) == TEXTS[0]
    assert found.spread(np.ones(found.n_scored)).sum() == len(found)


def test_max_tokens_scores_the_beginning_and_says_so(models):
    whole, part = (next(LMScorer(models["gpt2"], max_tokens=n).score([TEXTS[0]])) for n in (None, 9))
    assert (len(part), part.n_scored, part.n_tokens, part.cut, whole.cut) == (9, 9, len(whole), True, False)
    np.testing.assert_allclose(part.log_prob, whole.log_prob[:9], atol=1e-5)


def test_texts_are_taken_as_they_are_needed(models):
    taken = 0

    def texts():
        nonlocal taken
        for _ in range(1100):
            taken += 1
            yield "a"

    scores = LMScorer(models["gpt2"]).score(texts())
    next(scores)
    assert taken == 512
    assert sum(1 for _ in scores) == 1099


def test_half_precision_is_reduced_in_float32(models):
    half = load_model("embedded", str(embedded_path()), device="cpu", dtype="bfloat16")
    (found,), (exact,) = (LMScorer(m).score([TEXTS[0]]) for m in (half, models["embedded"]))
    assert found.log_prob.dtype == np.float32
    np.testing.assert_allclose(found.log_prob, exact.log_prob, atol=0.2)
    signatures = found.signature, exact.signature
    assert [s.dtype for s in signatures] == ["bfloat16", "float32"]
    assert len({s.weights for s in signatures}) == 1


def test_the_signature_says_what_scores_must_share(models):
    reference = tiny("llama", seed=5)
    signature = LMScorer(models["gpt2"], reference, start="none", context=64).signature
    record = signature.to_record()
    assert (record["model"], record["reference"], record["start"], record["start_token"]) == (
        "gpt2-0",
        "llama-5",
        "none",
        None,
    )
    assert (record["context"], record["stride"], record["dtype"]) == (64, 32, "float32")
    assert record["weights"] != record["reference_weights"]
    assert "reference" not in LMScorer(models["gpt2"]).signature.to_record()


def test_the_weights_fingerprint_follows_the_weights():
    model = tiny("gpt2", seed=1).model
    before = weights_fingerprint(model)
    assert before == weights_fingerprint(tiny("gpt2", seed=1).model) != weights_fingerprint(tiny("gpt2", seed=2).model)
    with torch.no_grad():
        model.transformer.ln_f.weight *= 1.1
    assert weights_fingerprint(model) != before


def test_the_start_token_is_the_tokenizers_else_the_models_else_none(models):
    assert start_token(models["embedded"]) == 0
    assert start_token(models["gpt2"]) == 0
    model = causal(tiny("gpt2").model, "without")
    model.model.config.bos_token_id = None
    assert start_token(model) is None
    (found,) = LMScorer(model, start="auto").score([TEXTS[0]])
    assert found.first == 1
