"""The classifiers that are shipped: whole, calibrated by what fits them, and sane on texts of both kinds."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from assay.detect.calibrated import with_calibrations
from assay.detect.calibration_file import read_calibration
from assay.detect.classified import ClassifierDetector
from assay.detect.classifier import calibration_signature
from assay.detect.find_classifier import find_classifier, shipped_calibration, shipped_classifiers

HUMAN = (
    "We left Harwich a little after four, with the wind in the north-east and freshening. Nobody on deck liked the look of it, and "
    "old Pruett, who had sailed these waters since the war, said so twice. By midnight we were pumping. I remember the cook, a "
    "small deaf man from Hull, standing in the galley door with a loaf under each arm, asking if we should want breakfast. "
    "We did not, as it turned out; but he made it all the same, and those of us who could still stand ate it off the hatch "
    "cover at six, in a grey light, with the lifeboat from Lowestoft already in sight and the sea going down."
)


def test_all_three_are_there() -> None:
    assert shipped_classifiers() == ["embedded", "fast", "fusion"]


@pytest.mark.parametrize("name", ["embedded", "fast", "fusion"])
def test_each_has_a_calibration_that_fits_and_reaches_one_percent(name: str) -> None:
    path = shipped_calibration(name)
    assert path is not None
    calibration = read_calibration(path)
    calibration.fits(calibration_signature(find_classifier(name)))
    assert max(group.null.smallest_p for group in calibration.groups) <= 0.01
    assert min(group.null.n for group in calibration.groups) >= 200
    assert len([label for label in calibration.labels if label]) >= 8


@pytest.mark.parametrize("name", ["embedded", "fast", "fusion"])
def test_a_human_text_is_not_called_machine_and_nonsense_abstains(name: str) -> None:
    detector = ClassifierDetector(with_calibrations([(name, find_classifier(name))], []))
    texts = [HUMAN, "", "One", "x = [i for i in range(10)]\n" * 30, "\u0421\u0432\u0435\u0442\u0430 " * 80]
    human, *others = [detector.decide(found) for found in detector.detect(texts)]
    assert human.verdict == "not_detected"
    assert [one.verdict for one in others] == ["abstain"] * 4
    assert all(one.reasons for one in others)


@pytest.mark.parametrize(("name", "words"), [("fast", "6,000 characters"), ("embedded", "1,024 tokens")])
def test_what_is_not_read_is_said(name: str, words: str) -> None:
    detector = ClassifierDetector(with_calibrations([(name, find_classifier(name))], [], group="story"))
    short, long = (found[0] for found in detector.detect([HUMAN, HUMAN * 20]))
    assert f"only the first {words} were read" in long.warnings
    assert short.warnings == ("by the humans of group 'story'",)


@pytest.mark.parametrize("name", ["embedded", "fusion"])
def test_stretches_have_a_calibration_that_fits(name: str) -> None:
    (one,) = with_calibrations([(name, find_classifier(name))], [], spans=True)
    assert one.span_calibration is not None, one.no_spans
    detections = ClassifierDetector([one], spans=True).detect([HUMAN])[0]
    assert detections[0].best_span_log10_p is not None


def test_no_text_is_in_the_weights() -> None:
    """What is shipped holds words of the list, numbers, and nothing that a text could hide in."""
    folder = Path(str(files("assay.models"))) / "classifiers"
    for path in folder.glob("*/classifier.json"):
        words = json.loads(path.read_text(encoding="utf-8"))["values"]
        words = words.get("words") or words.get("fast", {}).get("words", [])
        assert all(len(word.split()) == 1 for word in words)
        assert np.mean([len(word) for word in words] or [0]) < 12
