"""Scoring in bulk gives what the detectors give text by text: numbers to the last bit, verdicts, spans, reasons; and one bad text costs one row."""

import gzip
import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from assay.corpus.scan_columns import BatchScorer, ScoreOptions
from assay.detect import classifier as registry
from assay.detect.calibrate import fit
from assay.detect.calibrated import with_calibrations
from assay.detect.calibration_file import write_calibration
from assay.detect.classified import ClassifierDetector
from assay.detect.classifier import ClassifierScores, calibration_signature, register_classifier, save_classifier
from assay.detect.declared import wrapper
from assay.detect.detection import Detection, Threshold
from assay.detect.find_classifier import find_classifier
from assay.detect.marks import MarkDetector
from assay.detect.normalise import VERSION
from assay.errors import AssayError, BadCalibration, BadProfile, DataError, TokenizerMismatch
from assay.models import EMBEDDED, embedded_path
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import candidate_words, green
from assay.watermark.key import Key, write_key
from assay.watermark.profile import Profile, load_mark, to_toml
from assay.watermark.tokenizer import TextTokenizer, load_tokenizer

KEYS = [Key(bytes(range(i, 32 + i))) for i in range(3)]
PROSE = (
    " was what the old man said when he came into the room, and nobody in the house knew what he had meant by it or why he "
    "would say it at all. They asked him again in the morning, but he only looked out of the window and was quiet."
)
GERMAN = (
    "Der Ausschuss trat am Donnerstag erneut zusammen, um zu entscheiden, was mit der alten Brücke geschehen soll, und mehrere Mitglieder "
    "meinten, es sei billiger, eine neue zu bauen, als sie vor dem Winter auszubessern. "
)
OWN_COLUMNS = ["n_chars", "hash", "language", "declared", "verdict", "log10_p", "tried", "reasons", "error"]


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return load_tokenizer(str(embedded_path()))


def written(tokenizer: TextTokenizer, seed: int, count: int, mark: GreenList | None = None) -> str:
    """Random English words; with a mark, four of five are green."""
    words = sorted(
        (i, token) for token, i in tokenizer.backend.get_vocab().items() if token[0] == "Ġ" and token[1:].isalpha()
    )
    ids, rng, found = np.array([i for i, _ in words]), np.random.default_rng(seed), []
    for _ in range(count):
        picked = int(rng.integers(len(ids)))
        if mark is not None and len(found) >= mark.context_width and rng.random() < 0.8:
            chosen = green(
                candidate_words(ids[found[len(found) - mark.context_width :]], ids, mark.hash_key), mark.gamma
            )
            picked = int(rng.choice(np.flatnonzero(chosen)))
        found.append(picked)
    return "".join(" " + words[i][1][1:] for i in found)


def saved(folder: Path, tokenizer: TextTokenizer, mark: GreenList, name: str, **changes: Any) -> str:
    """A profile with its key, as `mark new` writes them."""
    folder.mkdir(exist_ok=True)
    profile = Profile(
        mark.scheme,
        mark.parameters,
        f"{name}.key",
        mark.key.fingerprint,
        EMBEDDED,
        tokenizer.fingerprint,
        tokenizer.vocab_size,
    )
    (folder / f"{name}.toml").write_text(to_toml(replace(profile, **changes)))
    write_key(mark.key, folder / f"{name}.key")
    return str(folder / f"{name}.toml")


@pytest.fixture(scope="module")
def marks(tmp_path_factory, tokenizer) -> tuple[str, ...]:
    """Three: usual; wide, without a list; read after normalising."""
    folder = tmp_path_factory.mktemp("marks")
    return (
        saved(folder, tokenizer, GreenList(KEYS[0]), "usual"),
        saved(
            folder, tokenizer, GreenList(KEYS[1], gamma=0.5, context_width=2), "wide", skip_common="none", min_tokens=30
        ),
        saved(folder, tokenizer, GreenList(KEYS[2]), "normal", normaliser=VERSION),
    )


@pytest.fixture(scope="module")
def texts(tokenizer) -> list[str]:
    """Marked by one key, by two, in part, not at all, short, empty, hostile, and some real ones where they are at hand."""
    first, second = GreenList(KEYS[0]), GreenList(KEYS[1], gamma=0.5, context_width=2)
    made = [written(tokenizer, 1, 150, first), written(tokenizer, 2, 150, second), written(tokenizer, 3, 200)]
    made += [written(tokenizer, 4, 90) + written(tokenizer, 5, 120, first) + written(tokenizer, 6, 90)]
    made += [
        made[0] + made[1],
        "",
        "One.",
        " ",
        "na\u00efve \U0001f600 " * 60,
        "<|endoftext|>" * 50,
        made[0][:60] + GERMAN * 3,
        PROSE * 4,
    ]
    path = Path(__file__).parents[3] / "shared" / "data" / "detection" / "human_only.jsonl.gz"
    if path.is_file():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            made += [json.loads(line)["text"] for line, _ in zip(lines, range(300), strict=False)]
    return made


def rows_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    return batch.to_pylist()


def check(
    row: dict[str, Any], detections: list[Detection], names: list[str], threshold: Threshold, spans: bool
) -> None:
    """One row against the detections of the text and what the threshold makes of them."""
    decision = threshold.decide(detections)
    assert (row["verdict"], row["log10_p"], row["tried"]) == (decision.verdict, decision.log10_p, decision.tried)
    assert row["error"] == ""
    if decision.verdict == "abstain":
        assert row["reasons"] == "; ".join(decision.reasons)
    for name, one in zip(names, detections, strict=True):
        silent = bool(one.abstained)
        assert row[f"{name}.log10_p"] == (None if silent else one.log10_p)
        assert row[f"{name}.n_scored"] == one.n_scored
        assert row[f"{name}.statistic"] == (None if math.isnan(one.statistic) else one.statistic)
        assert (row[f"{name}.verdict"] == "abstain") == silent
        if spans:
            found = [{"start": s.start, "stop": s.stop, "log10_p": s.log10_p} for s in one.spans]
            assert row[f"{name}.spans"] == (None if silent or one.best_span_log10_p is None else found)
    own = [row[f"{name}.verdict"] for name in names]
    assert (row["verdict"] == "detected") == ("detected" in own)


@pytest.mark.parametrize("spans", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_marks_are_scored_as_by_their_detector_to_the_last_bit(marks, texts, count, spans):
    options = ScoreOptions(marks=marks[:count], spans=spans, languages="any", alpha=1e-3)
    threshold = Threshold(1e-3)
    detector = MarkDetector([load_mark(path) for path in marks[:count]], threshold, spans=spans)
    scorer = BatchScorer(options)
    names = [info.name for info in scorer.detectors]
    batch = scorer.score(texts)
    found = rows_of(batch)
    for row, detections in zip(found, detector.detect(texts), strict=True):
        check(row, detections, names, threshold, spans)
    assert [found[i]["verdict"] for i in (0, 2, 5)] == ["detected", "not_detected", "abstain"]
    assert found[3]["greenlist:usual.spans"] if spans else "greenlist:usual.spans" not in found[3]
    assert batch.schema == scorer.schema


def test_rows_do_not_depend_on_their_batch(marks, texts):
    scorer = BatchScorer(ScoreOptions(marks=marks, spans=True))
    together = rows_of(scorer.score(texts[:60]))
    assert together == [row for text in texts[:60] for row in rows_of(scorer.score([text]))]
    assert rows_of(scorer.score(texts[:60][::-1])) == together[::-1]
    empty = scorer.score([])
    assert (empty.num_rows, empty.schema) == (0, scorer.schema)


def test_columns_come_in_the_agreed_order_and_types(marks):
    scorer = BatchScorer(ScoreOptions(marks=marks[:2], spans=True))
    names = [
        f"greenlist:{mark}.{column}"
        for mark in ("usual", "wide")
        for column in ("log10_p", "statistic", "n_scored", "verdict", "spans")
    ]
    assert scorer.schema.names == OWN_COLUMNS + names
    kinds = {name: str(scorer.schema.field(name).type) for name in scorer.schema.names}
    assert [kinds[name] for name in ("n_chars", "hash", "log10_p", "tried")] == [
        "int32",
        "fixed_size_binary[16]",
        "double",
        "int16",
    ]
    spans = pa.list_(pa.struct([("start", pa.int32()), ("stop", pa.int32()), ("log10_p", pa.float64())]))
    assert scorer.schema.field("greenlist:wide.spans").type == spans
    assert pa.Table.from_batches([scorer.score([PROSE]), scorer.score([GERMAN, ""])]).num_rows == 3


@pytest.fixture(scope="module")
def shipped(marks) -> BatchScorer:
    return BatchScorer(ScoreOptions(marks=marks[:1], classifiers=("fast",), alpha=0.05, languages="any"))


def test_marks_and_a_classifier_decide_as_the_threshold_does(marks, texts, shipped):
    threshold = Threshold(0.05, "calibration")
    share = replace(threshold, alpha=0.025)
    mark = MarkDetector([load_mark(marks[0])], share)
    classifier = ClassifierDetector(with_calibrations([("fast", find_classifier("fast"))], []), share)
    detections = [[*a, *b] for a, b in zip(mark.detect(texts), classifier.detect(texts), strict=True)]
    found = rows_of(shipped.score(texts))
    assert [info.kind for info in shipped.detectors] == ["mark", "classifier"]
    for row, one in zip(found, detections, strict=True):
        check(row, one, ["greenlist:usual", "fast"], threshold, spans=False)
        assert row["reasons"] == "; ".join(threshold.decide(one).reasons)


def test_a_declaration_is_reported_and_not_read(marks, texts):
    scorer = BatchScorer(ScoreOptions(marks=marks[:1]))
    record = json.dumps({"text": texts[0], "provenance": {"source_type": "trainedAlgorithmicMedia"}})
    given = [texts[0], texts[0] + wrapper(b"manifest" * 40), record, texts[2]]
    plain, wrapped, generated, beside = rows_of(
        scorer.score(given, fields=[{}, {}, {}, {"provenance": json.loads(record)["provenance"]}])
    )
    assert [row["declared"] for row in (plain, wrapped, generated, beside)] == ["", "c2pa", "assay", "assay"]
    for row, text in ((wrapped, given[1]), (generated, given[2])):
        assert row["greenlist:usual.log10_p"] == plain["greenlist:usual.log10_p"]
        assert row["hash"] == hashlib.blake2b(text.encode(), digest_size=16).digest() != plain["hash"]
        assert row["n_chars"] == len(text)


def test_a_mark_tried_on_english_abstains_on_german_unless_told_otherwise(marks, tokenizer):
    given = [GERMAN * 4, PROSE * 4, "Kurz."]
    found = {}
    for languages in ("auto", "any", "de", "en, de"):
        scorer = BatchScorer(ScoreOptions(marks=marks[:2], languages=languages))
        found[languages] = rows_of(scorer.score(given, languages=["", "", "deu"]))
    assert [row["language"] for row in found["auto"]] == ["de", "en", "de"]
    german, english, short = found["auto"]
    assert german["greenlist:usual.log10_p"] is None
    assert german["greenlist:wide.log10_p"] is not None, "this one has no English list"
    assert german["tried"] == 1
    assert english["tried"] == 2
    assert short["reasons"].startswith("greenlist:usual: language: de, judged: en; greenlist:wide: too short")
    assert found["any"][0]["greenlist:usual.log10_p"] is not None
    assert [row["verdict"] for row in found["de"]] == ["not_detected", "abstain", "abstain"]
    assert (
        found["de"][1]["reasons"]
        == "greenlist:usual: language: en, judged: de; greenlist:wide: language: en, judged: de"
    )
    assert [row["tried"] for row in found["en, de"]] == [2, 2, 0]


@register_classifier("test_fragile")
@dataclass
class Fragile:
    """Scores by the number a text begins with; one that holds "trap" raises what no classifier expects."""

    kind: ClassVar[str] = "test_fragile"
    summary: ClassVar[str] = "for tests"
    length_unit: ClassVar[str] = "characters"
    name: str
    fitted: dict[str, Any] = field(default_factory=dict)
    normaliser: str = VERSION
    scorer: dict[str, Any] = field(default_factory=dict)

    def score(self, texts: list[str]) -> ClassifierScores:
        if any("trap" in text for text in texts):
            raise OSError("the disk is gone\nfor good")
        if any("no model" in text for text in texts):
            raise BadCalibration("no text's fault")
        scores = [float(text.split(" ")[0]) if text[0].isdigit() else 0.0 for text in texts]
        return ClassifierScores(np.array(scores), np.array([len(text) for text in texts], np.int64))

    def parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {"weights": np.zeros(1)}

    @classmethod
    def from_parts(cls, name: str, fitted: dict[str, Any], values: dict[str, Any], arrays: dict[str, Any]) -> "Fragile":
        return cls(name, fitted)


@pytest.fixture(scope="module")
def fragile(tmp_path_factory) -> tuple[str, ...]:
    """Two classifiers on disk with calibrations: a score s between 0 and 1 has p = 1 - s."""
    folders = []
    for name in ("cheap", "dear"):
        folder, made = tmp_path_factory.mktemp("classifiers") / name, Fragile(name)
        save_classifier(made, folder)
        scores, lengths = np.arange(1, 1000) / 1000, np.linspace(100, 2_000, 999).astype(np.int64)
        calibration = fit(calibration_signature(made), scores, lengths, data="uniform", edges=[100, 2_001], n_min=30)
        write_calibration(folder / "calibration.json", calibration)
        folders.append(str(folder))
    assert "test_fragile" in registry.classifier_kinds()
    return tuple(folders)


def test_a_text_that_raises_costs_its_own_row_and_no_other(marks, fragile):
    scorer = BatchScorer(ScoreOptions(marks=marks[:1], classifiers=fragile, alpha=0.1))
    good = [f"0.{digits}{PROSE}" for digits in ("999", "700", "100")]
    given = [good[0], "a trap" + PROSE, good[1], "\ud800" + PROSE, good[2]]
    found = rows_of(scorer.score(given))
    alone = [row for text in good for row in rows_of(scorer.score([text]))]
    assert [found[i] for i in (0, 2, 4)] == alone
    assert [row["verdict"] for row in alone] == ["detected", "not_detected", "not_detected"]
    assert found[1]["error"] == "OSError: the disk is gone for good"
    assert found[3]["error"] == r"DataError: holds the lone surrogate \ud800 at character 0"
    for row, text in ((found[1], given[1]), (found[3], given[3])):
        assert (row["verdict"], row["log10_p"], row["tried"], row["reasons"]) == ("abstain", None, 0, "")
        assert (row["cheap.log10_p"], row["cheap.verdict"], row["greenlist:usual.n_scored"]) == (None, "abstain", 0)
        assert row["n_chars"] == len(text)
        assert len(row["hash"]) == 16


def test_the_cascade_asks_the_later_ones_only_in_between_and_counts(fragile):
    scorer = BatchScorer(ScoreOptions(classifiers=fragile, alpha=0.1))
    found = rows_of(scorer.score([f"0.{digits}{PROSE}" for digits in ("999", "700", "100")] + ["a trap" + PROSE]))
    assert [row["dear.log10_p"] is not None for row in found] == [False, True, False, False]
    assert "dear: not asked: cheap p 0.9 > 0.5" in found[2]["reasons"]
    assert scorer.cascade_counts == {"seen": 3, "decided": 1, "cleared": 1, "passed_on": 1, "refused": 0}
    every = BatchScorer(ScoreOptions(classifiers=fragile, alpha=0.1, cascade=False))
    assert every.cascade_counts == {}
    assert rows_of(every.score(["0.100" + PROSE]))[0]["dear.log10_p"] is not None


def test_what_comes_after_the_first_of_a_cascade_is_marked_as_a_selection(fragile):
    both = [BatchScorer(ScoreOptions(classifiers=fragile, alpha=0.1, cascade=cascade)) for cascade in (True, False)]
    assert [[info.asked_after for info in one.detectors] for one in both] == [["", "cheap"], ["", ""]]
    assert both[0].detectors[0].calibration_n == 999
    assert not both[0].detectors[0].least_favourable


def test_a_classifier_that_can_detect_nothing_at_this_alpha_says_so_once(marks, fragile):
    """The least p is 1/1000; three tests at alpha 0.002 ask for 0.00067, two for 0.001, which it meets."""
    why = "can detect nothing at --alpha 0.002: its smallest p-value 0.001 times 3 tests is more; raise alpha, look for less at once, or calibrate on more text"
    scorer = BatchScorer(ScoreOptions(marks=marks[:1], classifiers=fragile, alpha=0.002))
    assert [info.cannot_detect for info in scorer.detectors] == ["", why, why]
    assert [note for note in scorer.notes if "detect nothing" in note] == [f"cheap {why}", f"dear {why}"]
    row = rows_of(scorer.score(["1" + PROSE]))[0]
    assert (row["cheap.log10_p"], row["cheap.verdict"]) == (pytest.approx(-3.0), "abstain")
    enough = BatchScorer(ScoreOptions(classifiers=fragile, alpha=0.002))
    assert [info.cannot_detect for info in enough.detectors] == ["", ""]
    assert rows_of(enough.score(["1" + PROSE]))[0]["cheap.verdict"] == "detected"


def test_the_least_p_of_a_calibration_with_labels_is_that_of_its_least_favourable_group(tmp_path):
    """Of a label with 999 texts and one with 99, a text of no known label has p of at least 1/100; of one that is named, that of its own."""
    made = Fragile("labelled")
    save_classifier(made, tmp_path / "labelled")
    scores = np.concatenate((np.arange(1, 1000) / 1000, np.arange(1, 100) / 100))
    labels = ["large"] * 999 + ["small"] * 99
    calibration = fit(
        calibration_signature(made), scores, np.full(1098, 500), groups=labels, data="two", edges=[100, 2_001], n_min=30
    )
    write_calibration(tmp_path / "labelled" / "calibration.json", calibration)
    found = {}
    for group in (None, "large", "small"):
        options = ScoreOptions(classifiers=(str(tmp_path / "labelled"),), alpha=0.005, group=group)
        found[group] = BatchScorer(options).detectors[0]
    assert [found[group].smallest_p for group in (None, "large", "small")] == [0.01, 0.001, 0.01]
    assert [found[group].calibration_n for group in (None, "large", "small")] == [99, 999, 99]
    assert [found[group].least_favourable for group in (None, "large", "small")] == [True, False, False]
    assert [bool(found[group].cannot_detect) for group in (None, "large", "small")] == [True, False, True]


def test_what_is_no_text_s_fault_is_raised(fragile):
    with pytest.raises(BadCalibration, match="no text's fault"):
        BatchScorer(ScoreOptions(classifiers=fragile[:1])).score(["no model" + PROSE, PROSE])


def test_records_name_what_decides_a_score_and_no_secret(marks, fragile, tmp_path, tokenizer):
    options = ScoreOptions(marks=marks, classifiers=fragile)
    scorer = BatchScorer(options)
    said = json.dumps([options.to_record(), [info.to_record() for info in scorer.detectors]])
    for key in KEYS:
        assert key.secret.hex() not in said
        assert key.fingerprint in said
    assert [info.name for info in scorer.detectors] == [
        "greenlist:usual",
        "greenlist:wide",
        "greenlist:normal",
        "cheap",
        "dear",
    ]
    assert [info.gamma for info in scorer.detectors] == [0.25, 0.5, 0.25, None, None]
    assert [info.smallest_p for info in scorer.detectors] == [None] * 3 + [0.001] * 2
    assert [info.languages for info in scorer.detectors] == ["en", "any", "en", "form", "form"]
    one = saved(tmp_path / "one", tokenizer, GreenList(KEYS[0]), "mark")
    moved = saved(tmp_path / "two", tokenizer, GreenList(KEYS[0]), "mark")
    other_key = saved(tmp_path / "three", tokenizer, GreenList(KEYS[1]), "mark")
    other_minimum = saved(tmp_path / "four", tokenizer, GreenList(KEYS[0]), "mark", min_tokens=50)
    record, same, *others = [ScoreOptions(marks=(path,)).to_record() for path in (one, moved, other_key, other_minimum)]
    assert record == same
    assert record not in others
    calibration = Path(fragile[0]) / "calibration.json"
    before, content = ScoreOptions(classifiers=fragile).to_record(), calibration.read_bytes()
    calibration.write_bytes(content + b"\n")
    assert ScoreOptions(classifiers=fragile).to_record() != before
    calibration.write_bytes(content)


def test_two_profiles_of_one_name_are_two_detectors(tmp_path, tokenizer, texts):
    paths = [saved(tmp_path / str(i), tokenizer, GreenList(key), "mark") for i, key in enumerate(KEYS[:2])]
    scorer = BatchScorer(ScoreOptions(marks=tuple(paths), languages="any"))
    assert [info.name for info in scorer.detectors] == ["greenlist:mark", "greenlist:mark#2"]
    row = rows_of(scorer.score(texts[:1]))[0]
    assert (row["greenlist:mark.verdict"], row["greenlist:mark#2.verdict"]) == ("detected", "not_detected")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"marks": ()}, DataError, "nothing to look for"),
        ({"marks": (0, 0)}, BadProfile, "given twice"),
        ({"languages": "english"}, DataError, "english is no language"),
        ({"languages": ","}, DataError, "none is no language"),
        ({"model": "tests-no-such-model/x"}, AssayError, "tests-no-such-model"),
        ({"calibrations": ("none.json",), "classifiers": ("fast",)}, BadCalibration, "none.json"),
    ],
)
def test_options_that_cannot_be_used_are_refused_in_one_line(marks, change, error, said, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    given = {"marks": (0,)} | change
    given["marks"] = tuple(marks[i] for i in given["marks"])
    with pytest.raises(error, match=said) as caught:
        BatchScorer(ScoreOptions(**given))
    assert "\n" not in str(caught.value)


def test_a_tokenizer_of_another_mark_is_refused(marks, tmp_path, tokenizer):
    changed = saved(tmp_path, tokenizer, GreenList(KEYS[0]), "foreign", tokenizer_fingerprint="0" * 16)
    with pytest.raises(TokenizerMismatch, match="expects the tokenizer"):
        BatchScorer(ScoreOptions(marks=(changed,)))
