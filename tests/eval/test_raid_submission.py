"""A submission is what RAID's own code reads: a JSON list of id and score, one for each text."""

import csv
import json

import pytest
from assay.errors import DataError
from assay.eval.eval_detectors import make_detector
from assay.eval.function_detector import FunctionDetector
from assay.eval.raid_submission import raid_predictions


@pytest.fixture
def test_csv(tmp_path):
    path = tmp_path / "test.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "generation"])
        writer.writerows([f"id-{i}", f"Text {i},\nwith a newline."] for i in range(600))
    return path


def lengths(texts):
    return [len(text) for text in texts]


def test_predictions_are_raids_records_in_the_order_of_its_file(test_csv, tmp_path):
    out, said = tmp_path / "predictions.json", []
    counts = raid_predictions(test_csv, FunctionDetector("mine", lengths), out, said.append)
    found = json.loads(out.read_text())
    assert found == [{"id": f"id-{i}", "score": float(len(f"Text {i},\nwith a newline."))} for i in range(600)]
    assert counts == {"texts": 600, "without_score": 0}
    assert said == []


def test_predictions_come_back_as_stored_scores(test_csv, tmp_path):
    raid_predictions(test_csv, FunctionDetector("mine", lengths), tmp_path / "p.json", print)
    stored = make_detector("peer", {"scores": str(tmp_path / "p.json")}, {})
    assert stored.score(["", ""], ["id-7", "id-599"]).score.tolist() == [23.0, 25.0]


def test_what_raid_would_drop_or_nobody_would_notice_is_said(test_csv, tmp_path):
    said = []
    detector = FunctionDetector("mine", lambda texts: [None if "Text 5," in text else 0.25 for text in texts])
    counts = raid_predictions(test_csv, detector, tmp_path / "p.json", said.append)
    assert counts == {"texts": 600, "without_score": 1}
    assert said == [
        "1 of 600 texts have no score (no score): RAID leaves out every cell that holds one of them",
        "all scores are 0.25: this detector tells nothing apart, do not submit it",
    ]
    assert json.loads((tmp_path / "p.json").read_text())[5] == {"id": "id-5", "score": None}


def test_a_submission_is_there_whole_or_not_at_all(test_csv, tmp_path):
    calls = []

    def fails(texts):
        calls.append(len(texts))
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return lengths(texts)

    out = tmp_path / "p.json"
    with pytest.raises(DataError, match="failed on 256 texts: RuntimeError: out of memory"):
        raid_predictions(test_csv, FunctionDetector("mine", fails), out, print)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test.csv"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"id": "a", "generation": "x"}\n{"id": "a", "generation": "y"}\n', "the id 'a' occurs twice"),
        ('{"id": "a", "text": "x"}\n', "RAID's records have 'generation'"),
        ('{"generation": "x"}\n', "RAID's records have 'id'"),
        ('{"id": "a", "generation": "x"}\nnot json\n', ":2: not JSON"),
    ],
)
def test_a_file_that_is_not_raids_is_one_line(tmp_path, content, said):
    path = tmp_path / "test.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        raid_predictions(path, FunctionDetector("mine", lengths), tmp_path / "p.json", print)
    with pytest.raises(DataError, match="there is no folder"):
        raid_predictions(path, FunctionDetector("mine", lengths), tmp_path / "absent" / "p.json", print)
