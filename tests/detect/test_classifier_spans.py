"""Classifiers that locate stretches, with the embedded model: one pass, places in the text as it came, folders, calibrations, commands."""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from assay.cli.calibrate import calibrate
from assay.cli.detect import detect
from assay.detect.calibrate import fit
from assay.detect.calibrated import Calibrated, with_calibrations
from assay.detect.calibration import TEXT_FILTER, Calibration
from assay.detect.calibration_file import read_calibration, write_calibration
from assay.detect.classified import ClassifierDetector
from assay.detect.classifier import calibration_signature, load_classifier, save_classifier
from assay.detect.classifier_spans import calibrate_classifier_spans, fit_spans
from assay.detect.detection import Threshold
from assay.detect.embedded import EmbeddedClassifier
from assay.detect.fast_fit import fit_fast
from assay.detect.fusion import Fusion
from assay.detect.lm import LMScorer
from assay.detect.lm_scores import LMScores
from assay.detect.normalise import normalise
from assay.detect.plain import plain_text
from assay.detect.span_search import finder_of
from assay.errors import BadCalibration, ModelError
from click.testing import CliRunner, Result

SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold")
OPENINGS, PRAISE = ("Moreover", "In addition", "In the end"), ("important", "beautiful", "significant")
CODE = "def area(r):\n    if r < 0:\n        raise ValueError(r)\n    return 3.14 * r ** 2\nprint(area(2))\n" * 4


def person(draw: random.Random, sentences: int = 16) -> str:
    return " ".join(
        f"{draw.choice(SUBJECTS).capitalize()} {draw.choice(VERBS)} {draw.choice(SUBJECTS)}." for _ in range(sentences)
    )


def machine(draw: random.Random, sentences: int = 8) -> str:
    return " ".join(
        f'{draw.choice(OPENINGS)}, it is "important" to note that this is one of the most {draw.choice(PRAISE)} things in the world - truly.'
        for _ in range(sentences)
    )


@pytest.fixture(scope="module")
def bare() -> EmbeddedClassifier:
    """Without a finder, on 14 texts of either kind."""
    readings = EmbeddedClassifier.prepare(some_texts())
    return EmbeddedClassifier.fit(readings, np.repeat([False, True], 14), ["a", "b"] * 14, np.random.default_rng(0))


@pytest.fixture(scope="module")
def embedded(bare: EmbeddedClassifier) -> EmbeddedClassifier:
    labels = np.repeat([False, True], 14)
    return fit_spans(bare.on("cpu", "float32"), some_texts(), labels, ["a", "b"] * 14, np.random.default_rng(0))


@pytest.fixture(scope="module")
def humans() -> list[str]:
    draw = random.Random(1)
    return [person(draw, draw.randint(12, 30)) for _ in range(39)]


@pytest.fixture(scope="module")
def calibrated(embedded: EmbeddedClassifier, humans: list[str]) -> Calibrated:
    found = embedded.score(humans)
    edges = [int(found.lengths.min()), 400]
    whole = fit(calibration_signature(embedded), found.scores, found.lengths, data="made", edges=edges, n_min=30)
    stretches = calibrate_classifier_spans(embedded, [*humans, CODE], data="made", edges=edges, n_min=30)
    return Calibrated(embedded, whole, stretches)


@pytest.fixture(scope="module")
def detector(calibrated: Calibrated) -> ClassifierDetector:
    return ClassifierDetector([calibrated], Threshold(0.05), spans=True)


def some_texts() -> list[str]:
    draw = random.Random(0)
    return [person(draw) for _ in range(14)] + [machine(draw) for _ in range(14)]


def mixed() -> tuple[str, str]:
    """A person's sentences around a machine's, and the machine's."""
    draw = random.Random(2)
    inside = machine(draw, 5)
    return f"{person(draw, 8)} {inside} {person(draw, 8)}", inside


def overlap(span: tuple[int, int], truth: tuple[int, int]) -> float:
    both = min(span[1], truth[1]) - max(span[0], truth[0])
    return both / (max(span[1], truth[1]) - min(span[0], truth[0]))


def test_one_pass_gives_the_score_and_the_stretches(
    calibrated: Calibrated, detector: ClassifierDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The score is what it is without spans, and the language model reads each text once."""
    text, inside = mixed()
    texts, passed = [text, person(random.Random(3))], []
    alone = ClassifierDetector([calibrated], Threshold(0.05)).detect(texts)
    whole_pass = LMScorer.score

    def counting(self: LMScorer, given: Iterator[str]) -> Iterator[LMScores]:
        for scores in whole_pass(self, given):
            passed.append(len(scores))
            yield scores

    monkeypatch.setattr(LMScorer, "score", counting)
    (found,), (human,) = detector.detect(texts)
    assert len(passed) == 2
    assert [found.statistic, human.statistic] == [alone[0][0].statistic, alone[1][0].statistic]
    assert (alone[0][0].best_span_log10_p, alone[0][0].n_tests, found.n_tests, human.n_tests) == (None, 1, 2, 2)
    start = text.index(inside)
    span = max(found.spans, key=lambda one: one.score)
    assert overlap((span.start, span.stop), (start, start + len(inside))) > 0.7
    assert span.log10_p == found.best_span_log10_p == pytest.approx(math.log10(1 / 40))
    assert human.spans == ()
    assert 10**human.best_span_log10_p > 0.05


def test_places_are_those_of_the_text_as_it_came(detector: ClassifierDetector) -> None:
    """Line breaks, curly quotes, dashes, doubled and hidden characters change no token, and the stretch is the same words."""
    text, _ = mixed()
    marks = iter("\u201c\u201d" * text.count('"'))
    dirty = "".join(next(marks) if c == '"' else c for c in text).replace(" - ", " \u2014 ").replace(". ", ".\n\n")
    dirty = "\ufeff" + dirty.replace(" to note", "\nto no\u200bte", 1).replace("it is", "it  is", 2)
    assert plain_text(normalise(dirty).text) == text
    (clean,), (found,) = detector.detect([text, dirty])
    assert not found.abstained
    assert len(dirty) > len(text) + 10
    there, here = (max(one.spans, key=lambda span: span.score) for one in (clean, found))
    assert len(clean.spans) == len(found.spans)
    assert (here.start_token, here.stop_token, here.score) == (there.start_token, there.stop_token, there.score)
    words = dirty[here.start : here.stop]
    assert "\u200b" in words
    assert "\n" in words
    assert plain_text(normalise(words).text) == text[there.start : there.stop].strip()


def test_what_is_not_judged_has_no_stretches(detector: ClassifierDetector) -> None:
    text, _ = mixed()
    hidden = text.replace(" note", " no\u200bte")
    for given, words in (
        (hidden, "tampering: 5 hidden"),
        (CODE, "code: "),
        (machine(random.Random(4), 40), "too long"),
        ("", "no letters"),
    ):
        (found,) = detector.detect([given])[0]
        assert words in found.abstained
        assert (found.spans, found.best_span_log10_p, found.n_tests) == ((), None, 0)
        assert "spans" not in found.to_record()


def test_a_record_holds_the_stretches_and_what_they_rest_on(
    detector: ClassifierDetector, calibrated: Calibrated
) -> None:
    (found,) = detector.detect([mixed()[0]])[0]
    record = json.loads(json.dumps(found.to_record()))
    span = max(record["spans"], key=lambda one: one["score"])
    assert set(span) == {"start", "stop", "start_token", "stop_token", "n_scored", "score", "log10_p"}
    assert record["best_span_log10_p"] == span["log10_p"] == pytest.approx(math.log10(1 / 40))
    assert record["smallest_span_p"] == pytest.approx(1 / 40)
    assert record["span_calibration"] == calibrated.span_calibration.sha256[:16] != record["calibration"]


def test_a_length_the_stretches_are_not_calibrated_for_keeps_its_share_and_says_why(calibrated: Calibrated) -> None:
    (group,) = calibrated.span_calibration.groups
    longer = replace(calibrated.span_calibration, groups=(replace(group, low=300),))
    (found,) = ClassifierDetector([replace(calibrated, span_calibration=longer)], Threshold(0.05), spans=True).detect(
        [person(random.Random(5))]
    )[0]
    assert math.isnan(found.best_span_log10_p)
    assert (found.abstained, found.spans, found.n_tests) == ("", (), 2)
    assert found.warnings == ("stretches: too short: calibrated from 300 tokens on",)
    assert found.to_record()["best_span_log10_p"] is None
    assert Threshold(0.05).decide([found]).log10_p == min(found.log10_p + math.log10(2), 0.0)


def test_a_text_that_is_read_in_part_says_so(detector: ClassifierDetector, calibrated: Calibrated) -> None:
    (group,) = calibrated.calibration.groups
    wide = replace(calibrated.calibration, groups=(replace(group, high=5000),))
    text = person(random.Random(6), 160)
    (found,) = ClassifierDetector([replace(calibrated, calibration=wide)], spans=True).detect([text])[0]
    assert found.n_tokens == 1024
    assert any(w.startswith("stretches: only the first 1,024 of 1,") for w in found.warnings)


def test_folders_keep_the_finder_and_scores_do_not_know_of_it(
    bare: EmbeddedClassifier, embedded: EmbeddedClassifier, tmp_path: Path
) -> None:
    text, _ = mixed()
    save_classifier(embedded, tmp_path / "with")
    save_classifier(bare, tmp_path / "bare")
    again = load_classifier(tmp_path / "with")
    assert load_classifier(tmp_path / "bare").spans is None
    assert again.fitted == embedded.fitted
    assert again.fitted["spans"] == {"texts": 28, "machine": 14, "domains": 2}
    assert finder_of(again).signature == finder_of(embedded).signature
    assert calibration_signature(again) == calibration_signature(embedded)
    assert again.score([text]).scores[0] == bare.score([text]).scores[0]
    assert "spans" not in embedded.with_spans(None).fitted
    foreign = replace(embedded.spans, scorer={**embedded.spans.scorer, "weights": "0" * 16})
    with pytest.raises(ModelError, match=r"the span finder was fitted with weights 0{16}, classifier 'embedded' has"):
        bare.with_spans(foreign)


def test_fusion_locates_what_its_embedded_member_does_under_its_own_name(
    embedded: EmbeddedClassifier, tmp_path: Path
) -> None:
    labels = np.repeat([False, True], 14)
    fast = fit_fast(some_texts(), labels, ["a", "b"] * 14, np.random.default_rng(0), bits=12, n_words=40)
    fusion = Fusion("both", {}, fast, embedded.with_spans(None), np.zeros(2), np.ones(2))
    assert fusion.spans is None
    save_classifier(fusion.with_spans(embedded.spans), tmp_path)
    again = load_classifier(tmp_path)
    text, _ = mixed()
    ((part, fields),) = again.read([text])
    assert again.score_prepared([part]).scores[0] == fusion.score([text]).scores[0]
    finder = finder_of(again)
    assert finder.signature.detector == "both/spans"
    assert finder.best(fields) == finder_of(embedded).best(fields) > 0


def test_the_draw_is_even_over_groups_and_no_larger_than_asked(bare: EmbeddedClassifier) -> None:
    """30 texts of one group and 6 of another: 10 a label are 5 and 5 of them where both have 5, and the same again."""
    draw = random.Random(8)
    texts = [person(draw, 5) for _ in range(18)] + [machine(draw, 3) for _ in range(18)]
    labels, groups = [False] * 18 + [True] * 18, (["big"] * 13 + ["small"] * 5) * 2
    made = [fit_spans(bare, texts, labels, groups, np.random.default_rng(1), per_label=10).spans for _ in range(2)]
    assert made[0].fitted == {"texts": 20, "machine": 10, "domains": 2}
    assert made[0].signature == made[1].signature
    with pytest.raises(ValueError, match="got 36 texts, 36 labels and 1 groups"):
        fit_spans(bare, texts, labels, ["a"], np.random.default_rng(1))


def test_calibration_leaves_out_what_is_not_judged_and_groups_too_small(
    embedded: EmbeddedClassifier, calibrated: Calibrated, humans: list[str]
) -> None:
    made = calibrated.span_calibration
    assert made.signature.detector == "embedded/spans"
    assert (made.n_given, made.left_out["unusual form (language)"], made.text_filter) == (40, 1, TEXT_FILTER)
    groups = ["news"] * 30 + ["rare"] * 9
    clusters = [str(k // 2) for k in range(39)]
    by_group = calibrate_classifier_spans(embedded, humans, groups, clusters, edges=[1, 999], n_min=10)
    assert (by_group.labels, by_group.groups[0].null.n) == (["news"], 15)
    assert by_group.left_out["in groups too small even together"] == 9
    assert by_group.left_out["another document of its cluster"] == 15
    with pytest.raises(BadCalibration, match="there are 0 independent human documents"):
        calibrate_classifier_spans(embedded, [CODE])


def test_another_calibration_is_refused_and_none_is_said(calibrated: Calibrated, embedded: EmbeddedClassifier) -> None:
    with pytest.raises(BadCalibration, match="detector is 'embedded/spans', expected 'embedded'"):
        ClassifierDetector([replace(calibrated, span_calibration=calibrated.calibration)], spans=True)
    with pytest.raises(BadCalibration, match="no calibration of stretches given"):
        ClassifierDetector([replace(calibrated, span_calibration=None)], spans=True)
    other = replace(calibrated.span_calibration, signature=replace(calibrated.span_calibration.signature, scorer={
        **calibrated.span_calibration.signature.scorer, "dtype": "bfloat16"}))  # fmt: skip
    with pytest.raises(BadCalibration, match="dtype is 'float32', expected 'bfloat16'"):
        ClassifierDetector([replace(calibrated, span_calibration=other)], spans=True)


@pytest.fixture(scope="module")
def folder(calibrated: Calibrated, humans: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`mine`, an embedded classifier with its calibration beside it; `quick`, a fast one; files of texts."""
    made = tmp_path_factory.mktemp("spans")
    save_classifier(calibrated.classifier, made / "mine")
    write_calibration(made / "mine" / "calibration.json", calibrated.calibration)
    labels = np.repeat([False, True], 14)
    fast = fit_fast(some_texts(), labels, ["a", "b"] * 14, np.random.default_rng(0), bits=12, n_words=40)
    save_classifier(fast, made / "quick")
    found = fast.score(humans)
    quick = fit(calibration_signature(fast), found.scores, found.lengths, data="", edges=[1, 9999], n_min=30)
    write_calibration(made / "quick" / "calibration.json", quick)
    (made / "human.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in [*humans, CODE]))
    (made / "text.jsonl").write_text(json.dumps({"id": 1, "text": mixed()[0]}) + "\n")
    return made


def run(folder: Path, *arguments: str) -> Result:
    given = [f"{folder}/{a}" if (folder / a.partition("/")[0]).exists() else a for a in arguments]
    return CliRunner().invoke(detect, [f"{folder}/text.jsonl", *given, "--alpha", "0.08", "--device", "cpu"])


def test_calibrate_and_detect_from_the_command_line(folder: Path, calibrated: Calibrated) -> None:
    """The file's calibration is the one made from texts; given by --calibration or lying beside, the stretches are the same."""
    edges = calibrated.span_calibration.groups[0]
    options = ["--classifier", str(folder / "mine"), "--spans", "--min-group", "30", "--device", "cpu"]
    more = ["--edges", f"{edges.low},{edges.high}", "--out", str(folder / "spans.json")]
    made = CliRunner().invoke(calibrate, [str(folder / "human.jsonl"), *options, *more])
    assert made.exit_code == 0, made.output
    written = read_calibration(folder / "spans.json")
    assert (written.sha256, written.left_out) == (calibrated.span_calibration.sha256, written.left_out)
    assert not written.signature.differences(calibrated.span_calibration.signature)
    result = run(folder, "--classifier", "mine", "--spans", "--calibration", "spans.json")
    assert (result.exit_code, result.stderr) == (0, "")
    record = json.loads(result.stdout)
    span = max(record["detections"][0]["spans"], key=lambda one: one["score"])
    assert record["verdict"] == "detected"
    start = mixed()[0].index(mixed()[1])
    assert overlap((span["start"], span["stop"]), (start, start + len(mixed()[1]))) > 0.7
    unspanned = json.loads(run(folder, "--classifier", "mine").stdout)
    assert "spans" not in unspanned["detections"][0]
    (folder / "mine" / "spans.json").write_bytes((folder / "spans.json").read_bytes())
    beside = run(folder, "--classifier", "mine", "--spans", "--classifier", "quick")
    (folder / "mine" / "spans.json").unlink()
    mine, quick = json.loads(beside.stdout)["detections"]
    assert mine["best_span_log10_p"] == span["log10_p"]
    assert "spans" not in quick
    assert beside.stderr.count("\n") == 2  # quick is left out of the search; and 4 tests by 39 humans cannot reach 0.08
    assert "can detect nothing at --alpha 0.08: its smallest p-value 0.025 times 4 tests" in beside.stderr
    assert "assay: --spans leaves it out: classifier" in beside.stderr
    assert "scores whole texts and locates no stretches" in beside.stderr


def test_mistakes_about_stretches_are_one_line(folder: Path, calibrated: Calibrated) -> None:
    write_calibration(folder / "own.json", calibrated.span_calibration)
    for arguments, code, words in (
        (["--classifier", "quick", "--spans"], 2, "--spans: classifier"),
        (
            ["--classifier", "mine", "--classifier", "quick", "--spans"],
            1,
            "has no calibration of stretches; make one on",
        ),
        (
            ["--classifier", "mine", "--calibration", "own.json"],
            1,
            "which locates stretches; add --spans, or leave it out",
        ),
        (["--classifier", "quick", "--spans", "--calibration", "own.json", "--min-tokens", "5"], 2, "is about marks"),
    ):
        result = run(folder, *arguments)
        assert result.exit_code == (code if code == 2 else 1)
        said = result.stderr if code == 2 else str(result.exception)
        assert isinstance(result.exception, SystemExit if code == 2 else BadCalibration)
        assert words in said
        assert code == 2 or "\n" not in said
    refused = CliRunner().invoke(
        calibrate,
        [
            str(folder / "human.jsonl"),
            "--classifier",
            str(folder / "quick"),
            "--spans",
            "--out",
            str(folder / "x.json"),
        ],
    )
    assert refused.exit_code == 2
    assert "scores whole texts and locates no stretches" in refused.stderr
    assert not (folder / "x.json").exists()


def test_with_calibrations_says_which_cannot_locate(
    embedded: EmbeddedClassifier, bare: EmbeddedClassifier, folder: Path
) -> None:
    one = with_calibrations([(str(folder / "mine"), embedded)], [], spans=True)[0]
    assert one.span_calibration is None
    assert f"assay calibrate human.jsonl --classifier {folder / 'mine'} --spans --out spans.json" in one.no_spans
    blank = Calibration(calibration_signature(bare), one.calibration.groups, "", "2026-01-01", 39, {}, False, 0)
    write_calibration(folder / "bare.json", blank)
    (two,) = with_calibrations([("bare", bare)], [folder / "bare.json"], spans=True)
    assert two.no_spans == "classifier 'bare' was made without what locates stretches"
