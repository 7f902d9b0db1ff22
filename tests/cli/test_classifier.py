"""`assay classifier` as a user runs it: train, test, list, and what can be wrong with the input."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

ASSAY = str(Path(sys.executable).parent / "assay")
SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")


def assay(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ASSAY, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def record(number: int, machine: bool, draw: random.Random) -> dict[str, object]:
    pairs = [(draw.choice(SUBJECTS), draw.choice(SUBJECTS)) for _ in range(25)]
    human = (f"{a.capitalize()} saw {b}." for a, b in pairs)
    other = (f"Moreover, {a} saw {b}, which is crucial;" for a, b in pairs)
    text = " ".join(other if machine else human)
    return {
        "id": number,
        "text": text,
        "label": "ai" if machine else "human",
        "domain": "ab"[number % 2],
        "pair_id": f"{number % 2} {number // 8}",
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with labelled texts and a classifier trained on them."""
    path, draw = tmp_path_factory.mktemp("classifier"), random.Random(0)
    rows = [record(i, i % 4 >= 2, draw) for i in range(80)]
    (path / "labelled.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = assay("classifier", "train", "labelled.jsonl", "--group-field", "domain", "--cluster-field", "pair_id", "--out", "mine", cwd=path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path / "trained.jsonl").write_text(done.stdout)
    return path


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_training_reports_every_group_left_out_and_writes_no_pickle(folder: Path) -> None:
    reports = rows((folder / "trained.jsonl").read_text())
    assert [row["group"] for row in reports] == ["a", "b"]
    assert all(row["auroc"]["value"] == 1.0 for row in reports)
    assert [row["auroc"]["clusters"] for row in reports] == [10, 10]
    names = {path.name for path in (folder / "mine").iterdir()}
    assert names == {"classifier.json", "weights.safetensors", "validation.json"}
    assert json.loads((folder / "mine/validation.json").read_text())["leave_out"] == reports


def test_a_classifier_is_tested_on_other_texts(folder: Path) -> None:
    draw = random.Random(1)
    fresh = [record(i, i % 4 >= 2, draw) for i in range(20)]
    (folder / "fresh.jsonl").write_text("\n".join(map(json.dumps, fresh)))
    done = assay("classifier", "evaluate", "fresh.jsonl", "--classifier", "mine", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [row["group"] for row in rows(done.stdout)] == ["all"]
    assert rows(done.stdout)[0]["auroc"]["value"] == 1.0


def test_records_without_a_label_are_named_and_the_others_go_on(folder: Path) -> None:
    lines = (folder / "labelled.jsonl").read_text().splitlines()
    bad = ['{"text": "x"}', '{"text": "x", "label": "perhaps"}', "{", '{"text": 5, "label": 1}']
    (folder / "bad.jsonl").write_text("\n".join(bad + lines))
    done = assay("classifier", "evaluate", "bad.jsonl", "--classifier", "mine", cwd=folder)
    assert done.returncode == 0
    complaints = done.stderr.strip().splitlines()
    assert len(complaints) == 4
    assert "bad.jsonl:1" in complaints[0]
    assert "no such field" in complaints[0]
    assert "got 'perhaps'" in complaints[1]
    assert rows(done.stdout)[0]["human"] == 40


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("train", "one.jsonl", "--out", "x"), "need human and machine texts, got 1 human ones only", 1),
        (("train", "none.jsonl", "--out", "x"), "none.jsonl", 1),
        (("train", "labelled.jsonl", "--out", "mine"), "mine exists", 2),
        (("train", "labelled.jsonl", "--kind", "oracle", "--out", "x"), "unknown kind of classifier 'oracle'", 1),
        (("train", "labelled.jsonl", "--group-field", "genre", "--out", "x"), "none of", 1),
        (("train", "labelled.jsonl", "--kind", "pair", "--out", "x"), "is not trained here; kinds that are: embedded, fast", 1),
        (("evaluate", "labelled.jsonl", "--classifier", "."), "is not a classifier", 1),
        (("evaluate", "labelled.jsonl", "--classifier", "oracle"), "unknown classifier 'oracle'; expected", 1),
        (("evaluate", "labelled.jsonl", "--classifier", "magic:embedded"), "unknown classifier 'magic:embedded'", 1),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_the_end_in_one_line(
    folder: Path, arguments: tuple[str, ...], words: str, code: int
) -> None:
    (folder / "one.jsonl").write_text('{"text": "a b", "label": "human"}\n')
    done = assay("classifier", *arguments, cwd=folder)
    assert done.returncode == code
    assert words in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (folder / "x").exists()


def test_a_metric_under_a_model_is_tested_like_any_classifier(folder: Path) -> None:
    lines = (folder / "labelled.jsonl").read_text().splitlines()
    (folder / "few.jsonl").write_text("\n".join(lines[:12]))
    spec = ("--classifier", "fast_detectgpt:embedded", "--device", "cpu", "--dtype", "float32")
    done = assay("classifier", "evaluate", "few.jsonl", *spec, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [(row["group"], row["human"], row["machine"]) for row in rows(done.stdout)] == [("all", 6, 6)]
    assert 0 <= rows(done.stdout)[0]["auroc"]["value"] <= 1


def test_what_is_at_hand_is_listed_with_its_kind_and_calibration(tmp_path: Path) -> None:
    done = assay("classifier", "list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    named = {row["classifier"]: row for row in rows(done.stdout) if "classifier" in row}
    kinds = {row["kind"] for row in rows(done.stdout) if "classifier" not in row}
    assert {"fast", "pair", "sequence"} <= kinds
    assert named["pair:7b"]["models"] == ["tiiuae/falcon-7b-instruct", "tiiuae/falcon-7b"]
    assert all(row["kind"] in kinds and "calibration" in row for row in named.values())
