"""Calibrations as files: the same p-values as the fit, and refused in one line where the file is none."""

import json
from dataclasses import replace

import numpy as np
import pytest
from assay.detect.calibrate import fit
from assay.detect.calibration import TEXT_FILTER, Signature
from assay.detect.calibration_file import from_json, group_record, read_calibration, to_json, write_calibration
from assay.errors import BadCalibration

SIGNATURE = Signature("fast-detectgpt", "1", "1", "tokens", {"weights": "abcd", "dtype": "float32", "context": 512})


def made(n=1000, seed=0, **more):
    rng = np.random.default_rng(seed)
    options = {"data": "made up", "created": "2026-01-02", **more}
    return fit(SIGNATURE, rng.normal(size=n), rng.integers(40, 700, n), **options)


def test_a_calibration_reads_back_as_it_was(tmp_path):
    for calibration in (
        made(groups=["a", "b"] * 500, n_min=100, folds=["x", "y", "x", "y"] * 250),
        made(n=45_000),
        fit(SIGNATURE, np.arange(300) % 7, np.full(300, 9), data="tied, \u00e9", clusters=[str(i) for i in range(300)]),
    ):
        write_calibration(tmp_path / "c.json", calibration)
        back = read_calibration(tmp_path / "c.json")
        assert to_json(back) == to_json(calibration)
        assert back.sha256 == calibration.sha256
        assert back.groups[0].levels == calibration.groups[0].levels
        tests = np.random.default_rng(3).normal(size=200)
        for group, other in zip(back.groups, calibration.groups, strict=True):
            assert group.null.p_values(tests).tolist() == other.null.p_values(tests).tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]


def test_texts_chosen_by_another_rule_are_refused(tmp_path):
    replace(made(), text_filter=TEXT_FILTER).fits(SIGNATURE)
    write_calibration(tmp_path / "c.json", replace(made(), text_filter="0"))
    with pytest.raises(BadCalibration, match=rf"text_filter is '{TEXT_FILTER}', expected '0'; score the text"):
        read_calibration(tmp_path / "c.json").fits(SIGNATURE)


def changed(**fields):
    record = json.loads(to_json(made(n=300, edges=[0, 1000])))
    record.update(fields)
    return json.dumps({k: v for k, v in record.items() if v is not None})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "not JSON"),
        ("[]", "not a calibration"),
        ('{"scores": 1}', "not a calibration"),
        (changed(assay_calibration=2), "assay_calibration must be 1, got 2"),
        (changed(groups=None), "groups is missing"),
        (changed(groups=[]), "groups must not be empty"),
        (
            changed(groups=[{"label": "", "low": 1, "high": 9, "levels": [], "scores": [2.0, 1.0]}]),
            "must be finite and ascend",
        ),
        (changed(groups=[{"label": "", "low": 9, "high": 9, "levels": [], "scores": [1.0]}]), "expected low < high"),
        (
            changed(groups=[{"label": "", "low": 1, "high": 9, "levels": [], "scores": [1.0], "repeats": [0]}]),
            "one positive",
        ),
        (
            changed(groups=[{"label": "", "low": 1, "high": 9, "levels": [{"alpha": 1e-4}], "scores": [1.0]}]),
            "malformed: rank",
        ),
        (changed(groups=[{"label": "", "low": 1, "high": 9, "levels": [], "scores": [1.0]}]), "calibrate again"),
        (changed(groups=[7]), "malformed"),
        (changed(signature={"detector": "x"}), "is missing"),
        (changed(signature={"detector": "x", "colour": "red"}), "signature.colour is unknown"),
        (changed(scores_sha256="00"), "scores_sha256"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused_in_one_line(text, named, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(BadCalibration) as refused:
        read_calibration(path)
    assert named in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path):
    with pytest.raises(BadCalibration, match="does not exist; make one with"):
        read_calibration(tmp_path / "none.json")
    with pytest.raises(BadCalibration, match="cannot read calibration"):
        read_calibration(tmp_path)
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(BadCalibration, match="not UTF-8"):
        read_calibration(tmp_path / "b.json")
    with pytest.raises(BadCalibration, match="cannot write calibration"):
        write_calibration(tmp_path / "no" / "c.json", made())
    assert from_json(to_json(made())).data == "made up"


def test_what_is_shown_of_a_group_is_its_line_in_the_file_without_the_scores():
    calibration = made(edges=[0, 300, 700], folds=["x", "y", "z", "z"] * 250)
    for shown, written in zip(calibration.groups, json.loads(to_json(calibration))["groups"], strict=True):
        record = group_record(shown)
        assert record | {"scores": written["scores"]} == written
        for level in record["levels"]:
            assert level["held_out"]["rate"] == level["held_out"]["flagged"] / level["held_out"]["tested"]
