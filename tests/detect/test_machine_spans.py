"""Machine-written stretches: evidence adds up as defined, false spans stay below alpha, planted stretches are found, and nothing misfit is scored."""

from dataclasses import replace

import numpy as np
import pytest
from assay.detect.calibration import TOO_SHORT
from assay.detect.calibration_file import from_json, to_json
from assay.detect.lm import LMScorer
from assay.detect.lm_scores import LMScores, LMSignature
from assay.detect.machine_spans import CORE, MachineSpanFinder, calibrate_spans
from assay.detect.token_evidence import FEATURES, TokenEvidence, token_features
from assay.detect.token_evidence_fit import letter_tokens
from assay.errors import BadCalibration, DataError, ModelError
from assay.models import embedded_path
from assay.watermark.model import load_model

SIGNATURE = LMSignature("0", "fake", None, "0" * 16, "float32", *[None] * 4, "0" * 16, "auto", 0, 64, 32)
VOCABULARY = 50
ALL = np.ones(VOCABULARY, np.bool_)
FIELDS = ("ids", "chars", "log_prob", "rank", "entropy", "mu", "sigma2", "top_log_prob")


def document(rng: np.random.Generator, machine: np.ndarray, first: int = 0) -> LMScores:
    """Tokens of three characters; those of a machine have lower ranks and less surprise, with a shift of each document's own."""
    n = len(machine)
    entropy = rng.uniform(1.0, 5.0, n)
    surprisal = np.maximum(entropy + rng.normal(0.3 + 0.2 * rng.normal(), 1.5, n) - 1.0 * machine, 0.05)
    rank = 1 + np.floor(np.expm1(surprisal)).astype(np.int32)
    start = 3 * np.arange(n)
    scores = LMScores(
        ids=rng.integers(0, VOCABULARY, n).astype(np.int32),
        chars=np.stack([start, start + 3], axis=1),
        first=first,
        log_prob=-surprisal.astype(np.float32),
        rank=rank,
        entropy=entropy.astype(np.float32),
        mu=-entropy.astype(np.float32),
        sigma2=np.full(n, 2.0, np.float32),
        top_log_prob=-np.minimum(surprisal, entropy).astype(np.float32),
        end_mu=-1.0,
        n_tokens=n,
        signature=SIGNATURE,
    )
    for name in ("log_prob", "entropy", "mu", "sigma2", "top_log_prob"):
        getattr(scores, name)[:first] = np.nan
    scores.rank[:first] = 0
    return scores


def prefix(scores: LMScores, n: int) -> LMScores:
    return replace(scores, **{name: getattr(scores, name)[:n] for name in FIELDS})


def documents(seed: int, count: int, machine: bool) -> list[LMScores]:
    rng = np.random.default_rng(seed)
    return [document(rng, np.full(int(rng.integers(150, 300)), machine)) for _ in range(count)]


@pytest.fixture(scope="module")
def finder() -> MachineSpanFinder:
    scores = documents(0, 150, False) + documents(1, 150, True)
    return MachineSpanFinder.fit(scores, np.repeat([False, True], 150), ["a", "b"] * 150, counted=ALL, name="made")


@pytest.fixture(scope="module")
def calibration(finder):
    return calibrate_spans(finder, documents(2, 800, False), data="made up", edges=[150, 300])


def of_weights(offset: float = 0.0, **weights: float) -> MachineSpanFinder:
    dense = np.zeros(len(FEATURES))
    for name, weight in weights.items():
        dense[FEATURES.index(name)] = weight
    tokens = TokenEvidence(dense, np.zeros(VOCABULARY, np.float32), ALL, offset, 0.1 / CORE)
    return MachineSpanFinder("hand", {}, "1", SIGNATURE.to_record(), tokens)


def test_features_are_what_their_names_say():
    """One token at a time, from the definitions, in float64."""
    scores = document(np.random.default_rng(3), np.zeros(90, np.bool_), first=1)
    found = token_features(scores, np.arange(1, 90))
    s, h = -scores.log_prob[1:].astype(float), scores.entropy[1:].astype(float)
    rank, ids = scores.rank[1:], scores.ids[1:].tolist()
    assert found.shape == (89, len(FEATURES))

    def column(name):
        return found[:, FEATURES.index(name)]

    for t in (0, 1, 15, 16, 17, 64, 65, 88):
        near = np.mean((s - h)[max(t - 16, 0) : t]) if t else 0.0
        far = np.mean(s[max(t - 64, 0) : t]) if t else 0.0
        used = float(ids[t] in ids[max(t - 64, 0) : t])
        expected = {
            "surprisal": s[t],
            "log rank": np.log(rank[t]),
            "excess / deviation": (s[t] - h[t]) / (np.sqrt(2.0) + 0.5),
            "surprisal * entropy / 10": s[t] * h[t] / 10,
            "excess of the last 16": near,
            "surprisal of the last 64": far,
            "|excess - excess of the last 16|": abs(s[t] - h[t] - near),
            "used in the last 64": used,
            "used in the last 64, rank from 21": used * (rank[t] >= 21),
        }
        for name, value in expected.items():
            assert column(name)[t] == pytest.approx(value, abs=1e-9), name
    cells = found[:, [k for k, name in enumerate(FEATURES) if name.startswith("rank from")]]
    assert (cells.sum(1) == 1).all()
    inside = (rank >= 6) & (rank < 21) & (h >= 2) & (h < 3)
    assert np.array_equal(column("rank from 6, entropy from 2") == 1, inside)
    assert inside.any()


def test_statistic_is_the_best_of_all_segments_less_what_a_core_needs():
    scores = document(np.random.default_rng(4), np.arange(120) > 70, first=1)
    finder = of_weights(1.0, surprisal=-0.4)
    values = finder.evidence(scores)
    assert values[0] == 0
    np.testing.assert_allclose(values[1:], 1.0 + 0.4 * scores.log_prob[1:], atol=1e-6)
    total = np.cumsum(values - 0.1)
    brute = max(total[b] - total[a] for a in range(120) for b in range(a + 1, 120))
    assert finder.best(scores) == pytest.approx(brute, abs=1e-4)
    assert of_weights(-1.0).best(scores) == 0.0


def test_tokens_without_a_letter_change_nothing_wherever_they_stand(finder):
    """Line breaks strewn into a document leave the other tokens' evidence, the best core and the span's counts as they are."""
    rng = np.random.default_rng(14)
    plain = document(rng, np.ones(120, np.bool_))
    at = np.sort(rng.choice(120, 30))
    fields = {name: np.insert(getattr(plain, name), at, getattr(plain, name)[at], axis=0) for name in FIELDS}
    strewn = replace(plain, **{**fields, "ids": np.insert(plain.ids, at, 0)}, n_tokens=150)
    some = ALL.copy()
    some[0] = False
    plain = replace(plain, ids=np.maximum(plain.ids, 1))
    strewn = replace(strewn, ids=np.insert(plain.ids, at, 0))
    deaf = replace(finder, tokens=replace(finder.tokens, counted=some))
    breaks = strewn.ids == 0
    assert (deaf.evidence(strewn)[breaks] == 0).all()
    np.testing.assert_allclose(deaf.evidence(strewn)[~breaks], finder.evidence(plain), atol=1e-12)
    assert deaf.best(strewn) == finder.best(plain) > 0


def test_evidence_of_a_token_does_not_depend_on_what_follows(finder):
    scores = document(np.random.default_rng(5), np.zeros(100, np.bool_))
    np.testing.assert_allclose(finder.evidence(prefix(scores, 60)), finder.evidence(scores)[:60], atol=1e-12)


def test_the_sum_over_a_window_tells_authors_apart_as_log_odds_do(finder):
    """On fresh windows of one author; the offset puts the two authors' means at equal distances from zero."""
    sums = [
        np.array([finder.evidence(prefix(d, 64)).sum() for d in documents(6 + side, 200, bool(side))])
        for side in (0, 1)
    ]
    assert np.mean(sums[1][:, None] > sums[0]) > 0.95
    assert sums[0].mean() < 0 < sums[1].mean()
    assert abs(sums[0].mean() + sums[1].mean()) < 0.25 * (sums[1].mean() - sums[0].mean())


def test_human_documents_have_a_false_span_at_most_as_often_as_alpha(finder, calibration):
    """The rate over 800 calibration and 400 fresh documents exceeds .10 + 3.5 sd (.064) with probability < 1e-3."""
    fresh = documents(8, 400, False)
    hit = np.mean([bool(finder.find(d, calibration, 0.1)) for d in fresh])
    assert hit <= 0.10 + 3.5 * np.sqrt(0.1 * 0.9 * (1 / 400 + 1 / 800))
    p = np.array([finder.p_value(d, calibration).p[0] for d in fresh])
    assert np.mean(p <= 0.1) == hit


def test_planted_stretches_are_found_where_they_are(finder, calibration):
    rng, ious = np.random.default_rng(9), []
    for start in (0, 80, 160):
        truth = np.zeros(290, np.bool_)
        truth[start : start + 130] = True
        for _ in range(20):
            scores = document(rng, truth)
            spans = finder.find(scores, calibration, 0.05)
            found = np.zeros(290, np.bool_)
            for span in spans:
                found[span.start_token : span.stop_token] = True
                assert (span.start, span.stop) == (3 * span.start_token, 3 * span.stop_token)
                assert span.n_scored == span.stop_token - span.start_token
                assert 0 < span.score <= finder.evidence(scores)[span.start_token : span.stop_token].clip(0).sum()
                assert np.log10(calibration.smallest_p) - 1e-12 <= span.log10_p <= np.log10(0.05)
            ious.append((found & truth).sum() / (found | truth).sum())
    assert np.mean(np.array(ious) > 0) > 0.9
    assert np.mean(ious) > 0.7


def test_spans_are_the_stretches_to_the_token_each_with_the_p_of_its_core():
    """By hand: tokens add 0.8 (machine) or -1.0 (human); a core needs 0.1 more, so 40 machine tokens score 40 * 0.7 = 28.

    The human document with 20 such tokens in a row has 14; one such document in 99 others: p = 1/101 above it, 2/101 at it.
    """
    finder = of_weights(1.0, surprisal=-0.4)

    def made(machine):
        scores = document(np.random.default_rng(0), machine)
        return replace(scores, log_prob=np.where(machine, -0.5, -5.0).astype(np.float32))

    places = np.arange(200)
    humans = [made(places >= 200)] * 99 + [made(places < 20)]
    calibration = calibrate_spans(finder, humans, data="made up", edges=[100, 300], n_min=100)
    assert calibration.groups[0].null.scores == pytest.approx([0.0, 14.0], abs=1e-3)
    both = made((places < 40) | ((places >= 100) & (places < 120)))
    spans = finder.find(both, calibration, 0.05)
    assert [(s.start_token, s.stop_token, s.start, s.stop, s.n_scored) for s in spans] == [
        (0, 40, 0, 120, 40),
        (100, 120, 300, 360, 20),
    ]
    assert [s.score for s in spans] == pytest.approx([28.0, 14.0], abs=1e-3)
    assert [10**s.log10_p for s in spans] == pytest.approx([1 / 101, 2 / 101])
    assert len(finder.find(both, calibration, 0.015)) == 1
    # a human gap of 6 tokens costs 6 and the stretches add 32 and 8: one span; its core has 28 - 6.6 + 7
    bridged = made((places < 40) | ((places >= 46) & (places < 56)))
    (span,) = finder.find(bridged, calibration, 0.015)
    assert (span.start_token, span.stop_token, span.score) == (0, 56, pytest.approx(28.4, abs=1e-3))


def test_documents_outside_the_calibrated_lengths_abstain_with_a_reason(finder, calibration):
    short = document(np.random.default_rng(10), np.ones(100, np.bool_))
    assert finder.find(short, calibration, 0.05) == ()
    said = finder.p_value(short, calibration)
    assert said.reason[0] == TOO_SHORT
    assert "too short: calibrated from 150 tokens on" in calibration.explain(int(said.reason[0]))


def test_empty_texts_and_fields_that_are_not_finite_have_no_score(finder, calibration):
    whole = document(np.random.default_rng(11), np.ones(200, np.bool_))
    assert np.isnan(finder.best(prefix(whole, 0)))
    broken = replace(whole, entropy=np.where(np.arange(200) == 50, np.nan, whole.entropy).astype(np.float32))
    assert np.isnan(finder.best(broken))
    for scores in (prefix(whole, 0), broken):
        assert finder.find(scores, calibration, 0.05) == ()
        assert np.isnan(finder.p_value(scores, calibration).p[0])


def test_parts_and_calibration_file_give_the_same_spans(finder, calibration):
    values, arrays = finder.parts()
    again = MachineSpanFinder.from_parts(finder.name, finder.fitted, values, arrays)
    read = from_json(to_json(calibration))
    assert again.signature == finder.signature
    scores = document(np.random.default_rng(12), np.ones(280, np.bool_))
    assert again.find(scores, read, 0.5) == finder.find(scores, calibration, 0.5) != ()
    with pytest.raises(ValueError, match="weights must be of"):
        MachineSpanFinder.from_parts("x", {}, values, {**arrays, "span_weights": np.zeros(3)})
    with pytest.raises(ValueError, match="fitted with evidence '0', this version has '1'"):
        MachineSpanFinder.from_parts("x", {}, {**values, "evidence": "0"}, arrays)
    with pytest.raises(KeyError):
        MachineSpanFinder.from_parts("x", {}, values, {"span_weights": arrays["span_weights"]})


def test_what_does_not_fit_is_refused_in_one_line(finder, calibration):
    scores = document(np.random.default_rng(13), np.zeros(200, np.bool_))
    other = replace(scores, signature=replace(SIGNATURE, weights="1" * 16))
    with pytest.raises(ModelError, match="weights is '1111111111111111', expected '0000000000000000'"):
        finder.evidence(other)
    with pytest.raises(BadCalibration, match="detector is 'hand/spans'"):
        of_weights().find(scores, calibration, 0.05)
    with pytest.raises(ValueError, match="alpha must be between 0 and 1, got 5"):
        finder.find(scores, calibration, 5)
    with pytest.raises(ModelError, match="weights is"):
        MachineSpanFinder.fit([scores, other], [True, False], ["a", "a"], counted=ALL)
    with pytest.raises(DataError, match="only human ones"):
        MachineSpanFinder.fit([scores], [False], ["a"], counted=ALL)
    with pytest.raises(ValueError, match="1 documents, 2 labels and 1 domains"):
        MachineSpanFinder.fit([scores], [False, True], ["a"], counted=ALL)


def test_scores_of_the_embedded_model_are_what_it_reads():
    """The real pass: a finder fitted on its scores reads those of a new text, and spans are in the text's characters."""
    model = load_model("embedded", str(embedded_path()), device="cpu")
    plain = "The old ferry crossed twice a day, and nobody who lived on the far bank had ever asked why. " * 3
    texts = [plain, "Colourless 77 zebras; quorum vex, thus! Nymph jock waltz? Bad quiz -- from Mr. Fox's lynx. " * 3]
    scores = list(LMScorer(model).score(texts))
    counted = letter_tokens(model.text_tokenizer)
    assert counted[scores[0].ids[0]]
    assert not counted[scores[0].ids[-2]], "a full stop has no letter"
    assert counted.sum() > 0.8 * len(counted)
    finder = MachineSpanFinder.fit(scores, [True, False], ["a", "a"], counted=counted)
    calibration = calibrate_spans(finder, [scores[1]] * 30, data="one text", edges=[1, 1000], n_min=20)
    spans = finder.find(scores[0], calibration, 0.05)
    assert sum(span.stop - span.start for span in spans) > 0.5 * len(plain)
    assert "ferry" in plain[spans[0].start : spans[0].stop]
    assert finder.find(scores[1], calibration, 0.05) == ()
