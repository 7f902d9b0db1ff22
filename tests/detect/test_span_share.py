"""The search for stretches is a second test: it halves a classifier's share of alpha, and false alarms of both together stay below alpha."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from assay.detect.calibrate import fit
from assay.detect.calibrated import Calibrated
from assay.detect.classified import ClassifierDetector
from assay.detect.classifier import ClassifierScores, calibration_signature
from assay.detect.detection import CalibratedScore, Detection, Threshold
from assay.detect.lm_scores import LMScores
from assay.detect.machine_spans import CORE, MachineSpanFinder, calibrate_spans
from assay.detect.span_search import finder_of
from assay.detect.token_evidence import FEATURES, TokenEvidence
from scipy import stats

from .tiny_models import SIGNATURE, scores_of


def detection(p: float, span_p: float | None, smallest: float, smallest_span: float = math.nan) -> Detection:
    best = None if span_p is None else math.log10(span_p)
    made = CalibratedScore(smallest, "tokens", "", smallest_span_p=smallest_span)
    return Detection("c", 0.0, math.log10(p), math.nan, 9, 9, {}, best_span_log10_p=best, calibrated=made)


def test_two_tests_halve_the_share_and_either_may_reach_it() -> None:
    """By hand, at alpha .05: p = 1/40 is just detected by either of two tests, 1/39 by neither; 1/39 is out of reach where it is the least of both."""
    threshold = Threshold(0.05)
    assert threshold.decide([detection(1 / 40, 0.5, 1 / 40, 1 / 40)]).verdict == "detected"
    assert threshold.decide([detection(0.5, 1 / 40, 1 / 40, 1 / 40)]).verdict == "detected"
    assert threshold.decide([detection(1 / 39, None, 1 / 39)]).verdict == "detected", "without spans"
    assert threshold.decide([detection(1 / 39, 1 / 39, 1 / 39, 1 / 80)]).verdict == "not_detected"
    found = threshold.decide([detection(1 / 39, 1 / 39, 1 / 39, 1 / 39)])
    assert (found.verdict, found.tried) == ("abstain", 2)
    assert "(1/39 x 2 tests); use --alpha 0.0513 or more" in found.reasons[0]
    two = threshold.decide([detection(0.5, 1 / 80, 1 / 80, 1 / 80), detection(0.5, None, 1 / 80)])
    assert (two.verdict, two.tried) == ("detected", 4)


@dataclass(frozen=True)
class Dice:
    """A classifier whose fields are drawn, the text as seed: 80 tokens of one author, each with an even level of its own."""

    spans: MachineSpanFinder
    kind, summary, length_unit, name, normaliser, fitted = "dice", "mean", "tokens", "dice", "1", {}

    @property
    def scorer(self) -> dict[str, object]:
        return SIGNATURE.to_record()

    def read(self, texts: Sequence[str]) -> Iterator[tuple[float, LMScores]]:
        for text in texts:
            rng = np.random.default_rng(int(text.split()[-1]))
            log_prob = -np.abs(rng.normal(3.0 + 0.2 * rng.normal(), 2.0, 80))
            fields = scores_of(log_prob=log_prob, rank=np.ones(80), entropy=np.full(80, 2.0))
            fields.chars[:] = np.minimum(np.arange(80)[:, None] + [0, 1], len(text) - 1)
            yield float(log_prob.mean()), fields

    def score_prepared(self, prepared: Sequence[float]) -> ClassifierScores:
        return ClassifierScores(np.array(prepared), np.full(len(prepared), 80))

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        return self.score_prepared([score for score, _ in self.read(texts)])

    def parts(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        return {}, {}

    def with_spans(self, finder: MachineSpanFinder) -> "Dice":
        return replace(self, spans=finder)


def test_whole_text_and_stretches_together_flag_human_text_at_most_at_alpha() -> None:
    """160 texts at alpha .1, each with 19 others of its own as calibration: both tests have .05, and p = 1/20 is just detected. Expected at most 16, at
    least 8; above the upper 1e-6 quantile of Binomial(160, .1) with a chance of at most 1e-6, and each test alone speaks at times."""
    weights = np.zeros(len(FEATURES))
    weights[FEATURES.index("surprisal")] = -0.4
    tokens = TokenEvidence(weights, np.zeros(1, np.float32), np.ones(1, np.bool_), 1.0, 0.1 / CORE)
    dice = Dice(MachineSpanFinder("dice", {}, "1", SIGNATURE.to_record(), tokens))
    threshold, verdicts, by = Threshold(0.1), [], {"whole": 0, "stretch": 0}
    for trial in range(160):
        text, *others = (
            f"The sailors came home and nobody knew them again in the year {20 * trial + k}" for k in range(20)
        )
        fields = [one for _, one in dice.read(others)]
        whole = dice.score(others)
        calibration = fit(calibration_signature(dice), whole.scores, whole.lengths, data="", edges=[1, 999], n_min=19)
        stretches = calibrate_spans(finder_of(dice), fields, data="", edges=[1, 999], n_min=19)
        detector = ClassifierDetector([Calibrated(dice, calibration, stretches)], threshold, spans=True)
        (found,) = detector.detect([text])[0]
        assert not found.abstained
        by["whole"] += found.p_value <= 0.05 + 1e-9
        by["stretch"] += bool(found.spans)
        assert bool(found.spans) == (10**found.best_span_log10_p <= 0.05 + 1e-9)
        verdicts.append(detector.decide([found]).verdict)
    assert verdicts.count("detected") <= stats.binom.isf(1e-6, 160, 0.1)
    assert min(by.values()) >= 1
    assert max(by.values()) <= verdicts.count("detected") <= sum(by.values())
