"""A detection holds no verdict; the threshold corrects for every p-value that was looked at; records are strict JSON."""

import json
import math
from dataclasses import replace

import pytest
from assay.detect.detection import Detection, Threshold
from assay.detect.marks import MarkDetector
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key


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
