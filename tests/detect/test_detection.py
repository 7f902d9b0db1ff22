"""A detection holds no verdict; the threshold corrects for every p-value that was looked at; records are strict JSON."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from assay.detect.detection import CalibratedScore, Detection, Threshold
from assay.detect.marks import MarkDetector
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from scipy import stats


def test_the_corrected_pvalue_decides_and_not_the_smallest():
    def seen(log10_p: float, best: float | None = None) -> Detection:
        return Detection("greenlist:m", 1, log10_p, 0.0, 50, 60, {}, best_span_log10_p=best)

    threshold = Threshold(1e-3)
    assert threshold.decide([seen(-3.1)]).verdict == "detected"
    assert threshold.decide([seen(-3.1), seen(-0.2)]).verdict == "not_detected"
    assert threshold.decide([seen(-3.1, -0.5)]).verdict == "not_detected"
    assert threshold.decide([seen(-0.5, -3.4)]).verdict == "detected"
    assert threshold.decide([seen(math.log10(1e-3))]).verdict == "detected"
    assert threshold.decide([seen(-0.1), seen(-0.2)]).log10_p == 0.0
    silent = replace(seen(-30.0, -30.0), abstained="too short")
    decision = threshold.decide([silent, seen(-3.1)])
    assert (decision.verdict, decision.tried, decision.log10_p) == ("detected", 1, -3.1)


@pytest.mark.parametrize("tests", [1, 2, 7])
def test_the_correction_is_bonferronis_exactly(tests):
    """n p-values of 1e-5 / n are 1e-5 together; a p-value far below the smallest float keeps its logarithm."""
    for log10_p in (-5.0 - math.log10(tests), -400.0):
        seen = [Detection("greenlist:m", 1, log10_p, 0.0, 50, 60, {}) for _ in range(tests)]
        decision = Threshold(1e-5 * (1 + 1e-9)).decide(seen)
        assert decision.tried == tests
        assert decision.log10_p == pytest.approx(log10_p + math.log10(tests), abs=1e-12)
        assert decision.verdict == "detected"
        assert Threshold(0.9e-5).decide(seen).verdict == ("not_detected" if log10_p > -10 else "detected")


def test_nothing_to_decide_on_is_an_abstention():
    decision = Threshold().decide([])
    assert (decision.verdict, decision.log10_p, decision.tried) == ("abstain", None, 0)


@pytest.mark.parametrize("marks", [1, 3])
def test_the_spans_shown_are_those_within_the_share_of_alpha_of_one_test(loaded_of, write, marks):
    """2 p-values a mark share alpha = .02; 40 texts with a short marked stretch, so that the best span falls on either side."""
    loaded = [loaded_of(GreenList(Key(bytes([i]) * 32))) for i in range(marks)]
    detector = MarkDetector(loaded, Threshold(0.02), spans=True)
    texts = [
        write(seed, 60) + write(seed + 500, seed % 20, loaded[0].mark) + write(seed + 900, 60) for seed in range(40)
    ]
    best = [found for row in detector.detect(texts) for found in row]
    shown = [bool(found.spans) for found in best]
    assert shown == [found.best_span_log10_p <= math.log10(0.02 / (2 * marks)) for found in best]
    assert 3 < sum(shown) < len(shown) - 3
    assert all(span.log10_p <= math.log10(0.02 / (2 * marks)) for found in best for span in found.spans)


@pytest.mark.parametrize(("alpha", "minimum"), [(0.0, None), (1.0, None), (float("nan"), None), (0.1, 0)])
def test_a_threshold_out_of_range_is_refused(alpha, minimum):
    with pytest.raises(ValueError, match=r"alpha must be between 0 and 1|min_tokens must be at least 1"):
        Threshold(alpha, min_tokens=minimum)


def test_records_are_strict_json(loaded_of, write):
    mark = GreenList(Key(bytes(range(32))))
    detector = MarkDetector([loaded_of(mark)], spans=True)
    for text in ("", "Naïve \U0001f469\u200d\U0001f467 words.", write(1, 200, mark)):
        (found,) = detector.detect([text])[0]
        record = json.loads(json.dumps([found.to_record(), detector.decide([found]).to_record()], allow_nan=False))
        assert record[0]["n_tokens"] == found.n_tokens
        assert ("spans" in record[0]) is not bool(found.abstained)
        assert ("reasons" in record[1]) is bool(found.abstained)
        assert mark.key.secret.hex() not in json.dumps(record)


def marked(log10_p: float, abstained: str = "", best: float | None = None) -> Detection:
    return Detection("greenlist:m", 20, log10_p, 1.5, 50, 60, {}, best_span_log10_p=best, abstained=abstained)


def scored(p: float, smallest: float, abstained: str = "", name: str = "fast") -> Detection:
    made = CalibratedScore(smallest, "tokens", "0123456789abcdef")
    return Detection(name, 1.5, math.log10(p), math.nan, 80, 80, {}, abstained=abstained, calibrated=made)


def test_records_of_marks_alone_are_what_they_were_before_there_were_classifiers():
    """Written down from the release before; field by field and in this order."""
    found = replace(marked(-3.5, best=-1.0), profile_fingerprint="p", key_fingerprint="k", warnings=("w",))
    assert json.dumps(found.to_record()) == (
        '{"detector": "greenlist:m", "log10_p": -3.5, "p_value": 0.00031622776601683794, "z": 1.5, "statistic": 20, '
        '"n_scored": 50, "n_tokens": 60, "skipped": {}, "best_span_log10_p": -1.0, "spans": [], "warnings": ["w"], '
        '"profile": "p", "key": "k"}'
    )
    silent = marked(-3.5, "too short")
    assert json.dumps(Threshold().decide([marked(-4.0), silent]).to_record()) == (
        '{"verdict": "detected", "log10_p": -4.0, "tried": 1}'
    )
    assert json.dumps(Threshold().decide([silent]).to_record()) == (
        '{"verdict": "abstain", "log10_p": null, "tried": 0, "reasons": ["greenlist:m: too short"]}'
    )


def test_a_mark_and_a_classifier_share_alpha_and_the_record_says_how():
    """1/2001 twice is 9.995e-4: detected at 1e-3, and with spans the mark needs a quarter of alpha."""
    decision = Threshold(1e-3).decide([marked(-0.3), scored(1 / 2001, 1 / 2001)])
    assert decision.to_record() == {
        "verdict": "detected",
        "log10_p": pytest.approx(math.log10(2 / 2001)),
        "tried": 2,
        "combined": "bonferroni",
        "threshold": {"alpha": 1e-3, "source": "calibration"},
    }
    for p, verdict in ((2.4e-4, "detected"), (2.6e-4, "not_detected")):
        both = [marked(-0.3, best=math.log10(p)), scored(0.5, 1 / 2001)]
        decision = Threshold(1e-3).decide(both)
        assert (decision.verdict, decision.tried) == (verdict, 4)
        assert decision.log10_p == pytest.approx(math.log10(4 * p))


def test_a_conformal_pvalue_that_is_alpha_but_for_rounding_is_detected():
    """k/(n + 1) times the detectors against alphas that meet it exactly in decimal."""
    for n, tests, alpha in ((199, 2, 0.01), (99, 1, 0.01), (299, 3, 0.01), (1999, 2, 0.001), (599, 6, 0.01)):
        seen = [scored(1 / (n + 1), 1 / (n + 1)), *(scored(0.9, 1 / (n + 1), name=str(i)) for i in range(1, tests))]
        assert Threshold(alpha).decide(seen).verdict == "detected"
        assert Threshold(alpha * 0.999).decide(seen).verdict == "abstain"


def test_a_classifier_that_cannot_reach_alpha_is_no_reason_to_say_not_detected():
    silent = marked(-9.0, "too short or too repetitive: 3 of 4 tokens, needs 20")
    decision = Threshold(1e-3).decide([silent, scored(0.4, 1 / 1501)])
    assert (decision.verdict, decision.tried) == ("abstain", 2)
    assert decision.reasons == (
        f"greenlist:m: {silent.abstained}",
        "fast: alpha 0.001 is below what its calibration can reach (1/1501 x 2 tests); use --alpha 0.00133 or more, or calibrate on more text",
    )
    assert decision.to_record()["log10_p"] == pytest.approx(math.log10(0.8))
    assert Threshold(0.00134).decide([silent, scored(0.4, 1 / 1501)]).verdict == "not_detected"
    alone = Threshold(1e-3).decide([scored(1 / 201, 1 / 201)])
    assert (alone.verdict, alone.tried) == ("abstain", 1)
    assert "(1/201 x 1 test)" in alone.reasons[0]
    spoken = Threshold(1e-3).decide([marked(-0.5), scored(0.4, 1 / 201)])
    assert spoken.verdict == "not_detected", "the mark could have been found"
    assert spoken.to_record()["reasons"][0].startswith("fast: alpha 0.001 is below")


def test_where_nothing_is_detected_the_reasons_name_those_that_abstained():
    decision = Threshold(1e-2).decide([marked(-0.5), scored(0.001, 1 / 2001, "code: 80% of the lines look like code")])
    assert (decision.verdict, decision.tried) == ("not_detected", 2)
    assert decision.to_record()["reasons"] == ["fast: code: 80% of the lines look like code"]
    assert "reasons" not in Threshold(1e-2).decide([marked(-0.5), scored(0.5, 1 / 2001)]).to_record()
    both = Threshold(1e-2).decide([marked(-0.5, "too short"), scored(0.001, 1 / 2001, "too short")])
    assert (both.verdict, both.log10_p, both.tried) == ("abstain", None, 0)
    assert both.to_record()["threshold"]["source"] == "calibration"


def test_a_classifier_that_abstains_gives_no_other_one_its_share():
    """Classifier b is silent exactly where a's p-value is below .01: a p-value valid on average. Were a then tested at the full alpha
    of .01, a would be wrong at .01 and b at .005, together .015; with shares a is wrong at .005, b at .005."""
    rng, detected = np.random.default_rng(0), 0
    for p_a, p_b in np.ceil(rng.random((20_000, 2)) * 1000) / 1000:
        silent = "too short" if p_a <= 0.01 else ""
        decision = Threshold(0.01).decide([scored(p_a, 1e-3, name="a"), scored(p_b, 1e-3, silent, "b")])
        detected += decision.verdict == "detected"
    assert detected <= stats.binom.isf(1e-6, 20_000, 0.01)
    assert detected > stats.binom.isf(1 - 1e-6, 20_000, 0.008)
