"""`assay calibrate`: which texts it takes, that what it writes are their scores, and one line for each mistake."""

import json
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from assay.cli.calibrate import calibrate
from assay.detect.calibration import TEXT_FILTER
from assay.detect.calibration_file import group_record, read_calibration
from assay.detect.classifier import calibration_signature, save_classifier
from assay.detect.fast_fit import fit_fast
from assay.errors import AssayError
from click.testing import CliRunner

ASSAY = str(Path(sys.executable).parent / "assay")
SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold")
CODE = "def f(x):\n    return x + 1\n\nfor i in range(10):\n    print(f(i))\n" * 5


def prose(draw: random.Random, machine: bool = False, sentences: int = 20) -> str:
    pieces = ["Moreover, {} {} {}, which is crucial;" if machine else "{} {} {}."] * sentences
    made = (p.format(draw.choice(SUBJECTS), draw.choice(VERBS), draw.choice(SUBJECTS)) for p in pieces)
    return " ".join(one[0].upper() + one[1:] for one in made)


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A classifier in a folder, and a file of 490 records of which 360 are humans to calibrate on."""
    folder, draw = tmp_path_factory.mktemp("calibrate"), random.Random(0)
    texts = [prose(draw, machine) for machine in (False, True) for _ in range(60)]
    labels = np.repeat([False, True], 60)
    classifier = fit_fast(texts, labels, ["a", "b"] * 60, np.random.default_rng(0), bits=12, n_words=40)
    save_classifier(classifier, folder / "mine")
    rows = [human(draw, i, "news" if i % 2 else "stories") for i in range(300)]
    rows += [human(draw, 300 + i, f"rare {i % 4}") for i in range(60)]
    kept = list(rows)
    rows += [human(draw, 400 + i, "news") | {"label": "ai"} for i in range(80)]
    rows += [human(draw, 500 + i, "news") | {"text": CODE} for i in range(20)]
    hidden = {"text": "\u200b".join(prose(draw))}
    rows += [human(draw, 520 + i, "news") | hidden for i in range(10)]
    rows += [human(draw, 530 + i, "news") | {"domain": None} for i in range(10)]
    rows += [human(draw, 540 + i, "news") | {"label": "unsure"} for i in range(9)]
    draw.shuffle(rows)
    lines = [*map(json.dumps, rows), '{"text": "half a']
    (folder / "human.jsonl").write_text("\n".join(lines))
    (folder / "plain.jsonl").write_text("\n".join(json.dumps({"text": row["text"]}) for row in kept))
    return SimpleNamespace(folder=folder, classifier=classifier, kept=kept)


def human(draw: random.Random, number: int, domain: str) -> dict[str, object]:
    return {
        "id": number,
        "text": prose(draw),
        "label": "human",
        "domain": domain,
        "page": number // 2,
        "year": number % 3,
    }


def test_the_humans_that_detection_would_judge_are_kept_by_group_and_all_others_counted(at_hand, tmp_path):
    """As a user runs it. 150 documents of each of two domains, 60 of four rare ones pooled; their scores, one a page."""
    done = subprocess.run(
        [ASSAY, "calibrate", "human.jsonl", "--classifier", "./mine", "--label-field", "label", "--group-field", "domain",
         "--cluster-field", "page", "--fold-field", "year", "--min-group", "25", "--edges", "0,10000",
         "--out", str(tmp_path / "cal.json")],
        cwd=at_hand.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = read_calibration(tmp_path / "cal.json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [group_record(group) for group in made.groups]
    assert [(g.label, g.null.n) for g in made.groups] == [("news", 150), ("other", 30), ("stories", 150)]
    assert {reason: count for reason, count in made.left_out.items() if count} == {
        "unreadable": 1, "machine text": 80, "no label": 9, "no group": 10, "unusual form (code)": 20, "tampering": 10,
        "another document of its cluster": 30,
    }  # fmt: skip
    assert made.n_given == 490 == sum(made.left_out.values()) + sum(group.null.n for group in made.groups)
    assert (made.signature, made.text_filter, made.data) == (
        calibration_signature(at_hand.classifier), TEXT_FILTER, "human.jsonl",
    )  # fmt: skip
    for group in made.groups:
        of_group = [r for r in at_hand.kept if r["domain"] == group.label or group.label == "other"]
        scores = at_hand.classifier.score([str(row["text"]) for row in of_group]).scores
        assert (
            np.isin(group.null.scores, scores.astype(np.float32).astype(np.float64)).mean() > 0.4
        )  # others: rounded up
        assert group.null.scores.max() <= np.nextafter(np.float32(scores.max()), np.float32(np.inf))
        assert group.levels[0].held_out.folds == "3 left out in turn"
    said = done.stderr.splitlines()
    assert said[0].startswith("assay: human.jsonl:490: not JSON")
    assert said[1].startswith(
        f"assay: wrote {tmp_path / 'cal.json'}: 330 of 490 documents; left out: 80 machine text, 30 a"
    )
    assert said[2:] == [
        "assay: smallest p reachable: 1/31 to 1/151, by group; a p below it needs more documents",
        "assay: groups: news, other, stories; for a document of no stated group the largest of their p-values counts",
    ]


def test_without_fields_all_texts_are_one_group_and_the_p_values_are_those_of_their_ranks(at_hand, tmp_path):
    result = run(at_hand, tmp_path, "plain.jsonl", "--data", "short stories", "--edges", "0,9999")
    assert result.exception is None
    assert "left out" not in result.stderr
    assert "smallest p reachable: 1/361; a p below it needs more documents" in result.stderr
    made = read_calibration(tmp_path / "cal.json")
    assert (made.data, made.labels, made.n_given) == ("short stories", [""], 360)
    scores = at_hand.classifier.score([str(row["text"]) for row in at_hand.kept])
    p = made.p_values(made.signature, scores.scores, scores.lengths).p
    at_least = (scores.scores[None] >= scores.scores[:, None]).sum(axis=1)
    assert np.allclose(p, (1 + at_least) / 361, rtol=0, atol=1.5 / 361)  # equal in float32 is equal


def run(at_hand, tmp_path, *arguments: str):
    files = [str(at_hand.folder / a) if a.endswith(".jsonl") else a for a in arguments]
    common = ["--classifier", str(at_hand.folder / "mine"), "--out", str(tmp_path / "cal.json")]
    return CliRunner().invoke(calibrate, [*common, *files])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["one.jsonl"], "there is 1 independent human document, expected at least 200; add texts"),
        (["few.jsonl"], "there are 30 independent human documents, expected at least 200"),
        (["code.jsonl"], "there are 0 independent human documents with a score, expected at least 200"),
        (["code.jsonl"], "(left out: 5 unusual form (code))"),
        (["plain.jsonl", "--label-field", "label"], "no document is labelled human in field 'label', got 360 no label"),
        (["plain.jsonl", "--group-field", "domian"], "none of 360 documents has the field 'domian'"),
        (
            ["plain.jsonl", "--cluster-field", "c"],
            "has the field 'c' with a name or number in it; correct --cluster-field",
        ),
        (["plain.jsonl", "--edges", "0,9,9999"], "documents of 0 to 8 characters, expected at least 200"),
        (
            ["human.jsonl", "--label-field", "label", "--group-field", "page", "--min-group", "400"],
            "'other' has 370 independent",
        ),
        (["plain.jsonl", "absent.jsonl"], "absent.jsonl"),
        (["plain.jsonl", "--classifier", "no-such"], "unknown classifier 'no-such'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_calibrated_is_one_line_and_no_file(at_hand, tmp_path, arguments, words):
    rows = {"one": [prose(random.Random(1))], "few": [prose(random.Random(i)) for i in range(30)], "code": [CODE] * 5}
    for name, texts in rows.items():
        (at_hand.folder / f"{name}.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    result = run(at_hand, tmp_path, *arguments)
    assert isinstance(result.exception, AssayError)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--edges", "9,5"], "must be at least two ascending lengths with commas between, as in 64,128,256; got '9,5'"),
        (["--edges", "5"], "got '5'"),
        (["--edges", "1,x"], "got '1,x'"),
        (["--min-group", "3"], "3 is not in the range x>=20"),
        (["--out", "absent/cal.json"], "absent is not a folder; make it first"),
        (["--out", __file__], "exists; name a file that does not, nothing is overwritten"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_said_before_anything_is_read(at_hand, tmp_path, arguments, words):
    result = run(at_hand, tmp_path, "absent.jsonl", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())
