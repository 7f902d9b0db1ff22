"""The cascade: who is asked, what the others say then, and that false alarms stay below alpha whatever is passed on."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from assay.detect.calibrate import fit
from assay.detect.calibrated import Calibrated
from assay.detect.cascade import Cascade
from assay.detect.classified import ClassifierDetector
from assay.detect.classifier import ClassifierScores, calibration_signature
from assay.detect.detection import Threshold
from assay.detect.normalise import VERSION

PROSE = (
    " is what the old man said when he came into the room, and nobody in the house knew what he had meant by it or why he "
    "would say it at all. They asked him again in the morning, but he only looked out of the window and was quiet."
)
CODE = "def area(r):\n    if r < 0:\n        raise ValueError(r)\n    return 3.14 * r ** 2\nprint(area(2))\n" * 12
N_NULL = 999


@dataclass
class Told:
    """A classifier whose score is the number at one place among those that a text begins with; it remembers what it read."""

    kind: ClassVar[str] = "told"
    summary: ClassVar[str] = "reads its score off the text"
    length_unit: ClassVar[str] = "characters"
    name: str
    place: int
    fitted: dict[str, Any] = field(default_factory=dict)
    normaliser: str = VERSION
    scorer: dict[str, Any] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def score(self, texts: list[str]) -> ClassifierScores:
        self.seen += texts
        scores = [float(text.split(" ")[self.place]) if text[0].isdigit() else math.nan for text in texts]
        return ClassifierScores(np.array(scores), np.array([len(text) for text in texts], np.int64))

    def parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"place": self.place}, {}


def text(*scores: float) -> str:
    return " ".join(f"{score:.9f}" for score in scores) + PROSE


def calibrated(name: str, place: int, low: int = 100) -> Calibrated:
    """Calibrated on the scores .001 to .999: one between s and s + .001 has p = 1 - s."""
    classifier = Told(name, place)
    scores = np.arange(1, N_NULL + 1) / (N_NULL + 1)
    lengths = np.linspace(low, 2_000, N_NULL).astype(np.int64)
    made = fit(calibration_signature(classifier), scores, lengths, data="uniform", edges=[low, 2_001], n_min=30)
    return Calibrated(classifier, made)


@pytest.fixture
def pair() -> list[Calibrated]:
    return [calibrated("cheap", 0), calibrated("dear", 1)]


def test_a_calibrated_score_is_its_p_value(pair):
    (row,) = ClassifierDetector(pair, Threshold(0.1)).detect([text(0.75, 0.99)])
    assert [one.p_value for one in row] == pytest.approx([0.25, 0.01], abs=0.0011)


def test_only_what_the_first_leaves_undecided_goes_on(pair):
    """alpha = .1 for two: decided at p <= .05, left alone above .5."""
    texts = [text(0.9905, 0.1), text(0.7, 0.99), text(0.4005, 0.99), text(0.6, 0.3)]
    cascade = Cascade(pair, Threshold(0.1))
    rows = cascade.detect(texts)
    assert pair[1].classifier.seen == [texts[1], texts[3]]
    assert [row[1].abstained for row in rows] == [
        "not asked: cheap p 0.01 decides",
        "",
        "not asked: cheap p 0.6 > 0.5",
        "",
    ]
    verdicts = [cascade.threshold.decide(row).verdict for row in rows]
    assert verdicts == ["detected", "detected", "not_detected", "not_detected"]
    assert vars(cascade.counts) == {"seen": 4, "decided": 1, "cleared": 1, "passed_on": 2, "refused": 0}


def test_who_is_asked_says_what_it_says_without_a_cascade(pair):
    rng = np.random.default_rng(1)
    texts = [text(*rng.random(2)) for _ in range(60)]
    cascade = Cascade(pair, Threshold(0.1), pass_on=0.7).detect(texts)
    plain = ClassifierDetector(pair, Threshold(0.1)).detect(texts)
    asked = [not row[1].abstained.startswith("not asked") for row in cascade]
    assert 20 < sum(asked) < 60
    for got, expected, both in zip(cascade, plain, asked, strict=True):
        assert got[0].to_record() == expected[0].to_record()
        assert not both or got[1].to_record() == expected[1].to_record()


@pytest.mark.parametrize("pass_on", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("dependence", ["independent", "same", "opposite", "dear ones only where passed on"])
def test_false_alarms_stay_below_alpha_for_every_rule_and_dependence(dependence, pass_on):
    """2,000 human texts, whose scores have exactly the law of the calibration, at alpha = .2 for two classifiers and a mark that says nothing: two
    thirds of .2 may be detected, and four standard errors more (a chance of 3e-5 a case); no fewer than the first one's third."""
    rng = np.random.default_rng(2)
    first = rng.random(2_000)
    second = {
        "independent": rng.random(2_000),
        "same": first,
        "opposite": 1.0 - first,
        "dear ones only where passed on": (first + 0.5) % 1.0,
    }[dependence]
    cascade = Cascade([calibrated("cheap", 0), calibrated("dear", 1)], Threshold(0.2), detectors=3, pass_on=pass_on)
    rows = cascade.detect([text(a, b) for a, b in zip(first, second, strict=True)])
    silent = replace(rows[0][0], detector="third", abstained="a mark that says nothing")
    found = [cascade.threshold.decide([*row, silent]).verdict == "detected" for row in rows]
    bound = 2 / 3 * 0.2
    assert np.mean(found) <= bound + 4 * math.sqrt(bound / 2_000)
    assert np.mean(found) >= bound / 2 - 4 * math.sqrt(bound / 2_000), "the first one's share at least"


def test_a_text_that_is_too_short_for_the_first_goes_on_to_one_that_can_judge_it():
    pair = [calibrated("cheap", 0, low=1_000), calibrated("dear", 1)]
    cascade = Cascade(pair, Threshold(0.1))
    (row,) = cascade.detect([text(0.2, 0.99)])
    assert "too short" in row[0].abstained
    assert row[1].abstained == ""
    assert cascade.threshold.decide(row).verdict == "detected"


def test_a_text_that_no_classifier_judges_is_not_passed_on(pair):
    cascade = Cascade(pair, Threshold(0.1))
    (row,) = cascade.detect([CODE])
    assert pair[1].classifier.seen == []
    assert row[1].abstained.startswith("not asked: unusual form")
    assert cascade.threshold.decide(row).verdict == "abstain"
    assert cascade.counts.refused == 1


def test_one_classifier_is_a_cascade_of_one_and_no_text_is_no_row(pair):
    alone = Cascade(pair[:1], Threshold(0.1))
    assert [len(row) for row in alone.detect([text(0.5, 0.5)])] == [1]
    assert Cascade(pair, Threshold(0.1)).detect([]) == []


def test_a_share_that_is_none_is_refused(pair):
    for pass_on in (0.0, 1.5, math.nan):
        with pytest.raises(ValueError, match="pass_on must be above 0 and at most 1"):
            Cascade(pair, Threshold(0.1), pass_on=pass_on)
