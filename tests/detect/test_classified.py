"""Classifiers as detectors: conformal p-values, abstention with reasons, calibrations that do not fit, and false alarms at the stated rate."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from assay.detect.calibrate import fit
from assay.detect.calibrated import Calibrated, with_calibrations
from assay.detect.calibration import Calibration
from assay.detect.calibration_file import write_calibration
from assay.detect.classified import ClassifierDetector, tampered
from assay.detect.classifier import ClassifierScores, calibration_signature, save_classifier
from assay.detect.detection import Threshold
from assay.detect.fast import FastClassifier
from assay.detect.fast_fit import fit_fast
from assay.detect.marks import MarkDetector
from assay.detect.normalise import normalise
from assay.errors import BadCalibration, DataError, ModelError
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from scipy import stats

SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold")
CODE = "def area(r):\n    if r < 0:\n        raise ValueError(r)\n    return 3.14 * r ** 2\nprint(area(2))\n" * 12


def plain(draw: random.Random, sentences: int = 40) -> str:
    """A text of short sentences; its words vary, and so does its score."""
    return " ".join(
        f"{draw.choice(SUBJECTS).capitalize()} {draw.choice(VERBS)} {draw.choice(SUBJECTS)}." for _ in range(sentences)
    )


def flowery(draw: random.Random) -> str:
    return " ".join(
        f"Moreover, {draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(SUBJECTS)}, which is crucial;"
        for _ in range(30)
    )


def calibrate(classifier: FastClassifier, n: int = 199, groups: list[str] | None = None) -> Calibration:
    """A calibration on `n` plain texts of about 900 to 2,000 characters."""
    draw = random.Random(7)
    found = classifier.score([plain(draw, draw.randint(30, 60)) for _ in range(n)])
    edges = [int(found.lengths.min()), int(found.lengths.max()) + 1]
    made = calibration_signature(classifier)
    return fit(made, found.scores, found.lengths, data="plain texts", groups=groups, edges=edges, n_min=30)


@pytest.fixture(scope="module")
def fast() -> FastClassifier:
    draw = random.Random(0)
    texts = [plain(draw) for _ in range(60)] + [flowery(draw) for _ in range(60)]
    labels = np.repeat([False, True], 60)
    return fit_fast(texts, labels, ["a", "b"] * 60, np.random.default_rng(0), bits=14, n_words=50)


@pytest.fixture(scope="module")
def calibration(fast: FastClassifier) -> Calibration:
    return calibrate(fast)


@pytest.fixture(scope="module")
def detector(fast: FastClassifier, calibration: Calibration) -> ClassifierDetector:
    return ClassifierDetector([Calibrated(fast, calibration)], Threshold(1e-2))


def test_the_pvalue_is_the_share_of_calibration_texts_that_score_as_high(
    fast: FastClassifier, calibration: Calibration, detector: ClassifierDetector
) -> None:
    """(1 + #{human >= score}) / (n + 1), counted here; machine text reaches 1/200 and human text does not."""
    draw = random.Random(3)
    texts = [plain(draw) for _ in range(5)] + [flowery(draw)]
    humans = calibration.groups[0].null.all_scores()
    for text, (found,) in zip(texts, detector.detect(texts), strict=True):
        score = fast.score([text]).scores[0]
        assert found.statistic == score
        assert found.p_value == pytest.approx((1 + (humans >= score).sum()) / 200)
        assert not found.abstained
    decision = detector.decide(detector.detect(texts)[-1])
    assert decision.verdict == "detected"
    assert decision.to_record() == {
        "verdict": "detected",
        "log10_p": pytest.approx(np.log10(1 / 200)),
        "tried": 1,
        "threshold": {"alpha": 0.01, "source": "calibration"},
    }


def test_a_record_has_all_that_its_pvalue_rests_on(detector: ClassifierDetector, calibration: Calibration) -> None:
    record = detector.detect([flowery(random.Random(4))])[0][0].to_record()
    assert record == {
        "detector": "fast",
        "log10_p": pytest.approx(np.log10(1 / 200)),
        "p_value": 1 / 200,
        "smallest_p": 1 / 200,
        "score": record["score"],
        "length": record["length"],
        "length_unit": "characters",
        "calibration": calibration.sha256[:16],
        "warnings": [],
    }


def test_what_the_calibration_says_nothing_about_abstains_with_the_reason(
    detector: ClassifierDetector, calibration: Calibration
) -> None:
    low, high = calibration.groups[0].low, calibration.groups[0].high
    text = plain(random.Random(5))
    hidden = text.replace("painted", "p\u200bainted").replace("found", "f\u200bound")
    count = hidden.count("\u200b")
    expected = {
        "": [f"too short: calibrated from {low} characters on", "no letters"],
        "sea": [f"too short: calibrated from {low} characters on"],
        "!!! ?? 123 \U0001f41d": ["no letters"],
        text * 9: [f"too long: calibrated up to {high - 1} characters"],
        CODE: ["code: "],
        hidden: [f"tampering: {count} hidden or look-alike characters (", f"invisible {count})"],
    }
    for given, (found,) in zip(expected, detector.detect(list(expected)), strict=True):
        assert found.n_tests == 0
        for words in expected[given]:
            assert words in found.abstained
        decision = detector.decide([found])
        assert (decision.verdict, decision.tried) == ("abstain", 0)
        assert decision.to_record()["reasons"] == [f"fast: {found.abstained}"]
        assert found.to_record()["p_value"] is None
    assert detector.detect([hidden])[0][0].calibrated.tampering["count"] == count


def test_two_hidden_characters_are_no_tampering_and_three_in_a_short_text_are() -> None:
    text = "Nobody painted a dog, and the doctor sold it. " * 4
    for count, says in ((2, False), (3, True)):
        read = normalise(text.replace("painted", "p\u200bainted", count))
        assert read.tampering.count == count
        assert bool(tampered(read)) is says
    assert not tampered(normalise((text * 50).replace("painted", "p\u200bainted", 10))), "10 in 9,200: 1.1 per 1,000"


def test_a_calibration_of_other_weights_or_another_normaliser_is_refused_at_once(
    fast: FastClassifier, calibration: Calibration
) -> None:
    other = FastClassifier(fast.name, fast.fitted, fast.words, fast.weights[::-1].copy(), fast.bias)
    with pytest.raises(BadCalibration, match=r"does not fit these scores: detector_version is '\w+', expected"):
        ClassifierDetector([Calibrated(other, calibration)])
    old = replace(calibration, signature=replace(calibration.signature, normaliser="0"))
    with pytest.raises(BadCalibration, match="normaliser is '1', expected '0'"):
        ClassifierDetector([Calibrated(fast, old)])
    with pytest.raises(BadCalibration, match=r"^no classifier given"):
        ClassifierDetector([])


def test_without_a_group_the_least_favourable_decides_and_the_record_says_so(fast: FastClassifier) -> None:
    """Group x has the higher human scores, so its p-value is the larger one."""
    made = calibrate(fast, 120)
    scores = made.groups[0].null.all_scores()
    half, lengths = np.sort(scores), np.full(120, 300)
    groups = ["y"] * 60 + ["x"] * 60
    grouped = fit(made.signature, half, lengths, data="", groups=groups, edges=[1, 2000], n_min=30)
    (found,) = ClassifierDetector([Calibrated(fast, grouped)]).detect([plain(random.Random(8))])[0]
    assert found.p_value == pytest.approx((1 + (half[60:] >= found.statistic).sum()) / 61)
    assert found.warnings == ("no group given: the least favourable of 2 groups",)


class Brittle:
    """The fast classifier, but some texts are too much for it."""

    def __init__(self, inner: FastClassifier, error: Exception) -> None:
        self._inner, self._error = inner, error

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def score(self, texts: list[str]) -> ClassifierScores:
        if any("dynamite" in text for text in texts):
            raise self._error
        return self._inner.score(texts)


def test_a_classifier_that_fails_on_one_text_keeps_the_others(
    fast: FastClassifier, calibration: Calibration, detector: ClassifierDetector
) -> None:
    draw = random.Random(9)
    texts = [plain(draw), "dynamite " + plain(draw), flowery(draw)]
    for error in (DataError("no"), RuntimeError("CUDA\nout of memory"), IndexError("index 9")):
        found = ClassifierDetector([Calibrated(Brittle(fast, error), calibration)]).detect(texts)
        assert found[0] == detector.detect(texts)[0] or found[0][0].p_value == detector.detect(texts)[0][0].p_value
        assert found[2][0].statistic == detector.detect(texts)[2][0].statistic
        said = found[1][0].abstained
        assert said.startswith(f"the classifier failed on this text: {type(error).__name__}: ")
        assert "\n" not in said
    with pytest.raises(ModelError):  # the model is gone: no text's fault
        ClassifierDetector([Calibrated(Brittle(fast, ModelError("gone")), calibration)]).detect(texts)


def test_each_classifier_gets_the_calibration_that_fits_it_or_the_one_beside_it(
    fast: FastClassifier, calibration: Calibration, tmp_path: Path
) -> None:
    folder, path = tmp_path / "mine", tmp_path / "cal.json"
    save_classifier(fast, folder)
    write_calibration(path, calibration)
    with pytest.raises(
        BadCalibration, match=rf"^classifier '{folder}' has no calibration.*assay calibrate human\.jsonl --classifier"
    ):
        with_calibrations([(str(folder), fast)], [])
    assert with_calibrations([(str(folder), fast)], [path])[0].calibration.sha256 == calibration.sha256
    write_calibration(folder / "calibration.json", calibrate(fast, 120))
    assert with_calibrations([(str(folder), fast)], [])[0].calibration.n_given == 120
    assert with_calibrations([(str(folder), fast)], [path])[0].calibration.n_given == 199, "a named one comes first"
    other = FastClassifier(fast.name, fast.fitted, fast.words, fast.weights[::-1].copy(), fast.bias)
    with pytest.raises(
        BadCalibration, match=r"cal\.json: the calibration of 'fast' does not fit these scores: detector_version"
    ):
        with_calibrations([("other", other)], [path])
    write_calibration(tmp_path / "again.json", calibrate(fast, 100))
    with pytest.raises(BadCalibration, match="several calibrations fit"):
        with_calibrations([(str(folder), fast)], [path, tmp_path / "again.json"])
    foreign = replace(calibration, signature=replace(calibration.signature, detector="embedded"))
    write_calibration(tmp_path / "foreign.json", foreign)
    with pytest.raises(BadCalibration, match=r"foreign\.json is of 'embedded', got the classifier 'fast'"):
        with_calibrations([(str(folder), fast)], [tmp_path / "foreign.json"])
    both = with_calibrations([("a", fast), ("b", other)], [path, _other_calibration(other, tmp_path)])
    assert [one.calibration.signature.detector_version for one in both] == [
        calibration_signature(one).detector_version for one in (fast, other)
    ]


def _other_calibration(other: FastClassifier, folder: Path) -> Path:
    write_calibration(folder / "other.json", calibrate(other, 60))
    return folder / "other.json"


class LetterE:
    """A classifier whose score is the share of e; 20 lines stand for one with a law nobody knows."""

    kind, summary, length_unit, name, normaliser = "letter", "share of e", "characters", "letter", "1"
    fitted: dict[str, object] = {}  # noqa: RUF012
    scorer: dict[str, object] = {}  # noqa: RUF012

    def score(self, texts: list[str]) -> ClassifierScores:
        shares = [text.count("e") / max(len(text), 1) for text in texts]
        return ClassifierScores(np.array(shares), np.array([len(text) for text in texts]))

    def parts(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        return {}, {}


def test_marks_and_classifier_together_flag_human_text_at_most_at_alpha(
    loaded_of: Callable[..., object], words: dict[str, int]
) -> None:
    """240 texts at alpha .05, each with a calibration of 39 other texts of its own, so that they are independent but for a key shared by 20; some
    too short for the mark. Each detector has .025, and p = 1/40 is just detected. Expected at most 12, at least about 6 by the classifier:
    above the upper 1e-6 quantile of Binomial(240, .05) with a chance of 1e-6, none with .0023; fixed seed."""
    draw = random.Random(11)
    vocabulary = [word for word in words if word.strip().islower()]

    def human() -> str:
        return " ".join(
            f"the{draw.choice(vocabulary)} of{draw.choice(vocabulary)} and" for _ in range(draw.randint(8, 40))
        )

    classifier, threshold, verdicts, abstained = LetterE(), Threshold(0.05), [], 0
    made = calibration_signature(classifier)
    for group in range(12):
        mark = loaded_of(GreenList(Key(bytes([group]) * 32)), min_tokens=80)
        texts = [human() for _ in range(20)]
        for text, seen in zip(texts, MarkDetector([mark], threshold, spans=True).detect(texts), strict=True):
            scores = classifier.score([human() for _ in range(39)])
            calibration = fit(made, scores.scores, scores.lengths, data="", edges=[1, 10_000], n_min=39)
            (found,) = ClassifierDetector([Calibrated(classifier, calibration)]).detect([text])[0]
            assert not found.abstained
            abstained += bool(seen[0].abstained)
            verdicts.append(threshold.decide([*seen, found]).verdict)
    assert 60 < abstained < 180, "both kinds of text are there"
    assert 1 <= verdicts.count("detected") <= stats.binom.isf(1e-6, 240, 0.05)
    assert verdicts.count("abstain") == 0
