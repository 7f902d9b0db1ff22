"""`assay detect --classifier` as a user runs it: verdicts with reasons, one line for each mistake, and the others go on. Real processes throughout."""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from assay.detect.calibrate import fit
from assay.detect.calibration_file import read_calibration, write_calibration
from assay.detect.classifier import calibration_signature, save_classifier
from assay.detect.fast_fit import fit_fast

ASSAY = str(Path(sys.executable).parent / "assay")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold")
SENTENCE = (
    "The keeper of the light wrote in his book that the wind had turned in the night and that the sea was rising. "
)


def plain(draw: random.Random) -> str:
    sentences = [
        f"{draw.choice(SUBJECTS).capitalize()} {draw.choice(VERBS)} {draw.choice(SUBJECTS)}." for _ in range(40)
    ]
    return " ".join(sentences)


def flowery(draw: random.Random) -> str:
    sentences = [
        f"Moreover, {draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(SUBJECTS)}, which is crucial;"
        for _ in range(30)
    ]
    return " ".join(sentences)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier `mine`, its calibration `cal.json` on 399 texts, a mark, and two texts."""
    made, draw = tmp_path_factory.mktemp("detect"), random.Random(0)
    texts = [plain(draw) for _ in range(60)] + [flowery(draw) for _ in range(60)]
    labels = np.repeat([False, True], 60)
    fast = fit_fast(texts, labels, ["a", "b"] * 60, np.random.default_rng(0), bits=14, n_words=50, name="mine")
    save_classifier(fast, made / "mine")
    found = fast.score([plain(draw) for _ in range(399)])
    calibration = fit(
        calibration_signature(fast),
        found.scores,
        found.lengths,
        data="plain texts",
        edges=[300, 3000],
        created="2026-01-01",
    )
    write_calibration(made / "cal.json", calibration)
    assert run("mark", "new", "mark.toml", cwd=made).returncode == 0
    records = [{"id": "plain", "text": plain(draw)}, {"id": "flowery", "text": flowery(draw), "source": "kept"}]
    (made / "texts.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return made


def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([ASSAY, *arguments], cwd=cwd, input=stdin, capture_output=True, env=ENVIRONMENT, check=False)


def detect(folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run("detect", "--classifier", "./mine", *arguments, cwd=folder, stdin=stdin)


def one_line(result: subprocess.CompletedProcess[bytes], *words: str) -> None:
    said = result.stderr.decode().strip()
    assert result.returncode == 1, said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("assay: ")
    for word in words:
        assert word in said, f"{word!r} is not in {said!r}"


def test_mark_and_classifier_stand_in_one_record(folder: Path) -> None:
    result = detect(folder, "texts.jsonl", "--calibration", "cal.json", "--mark", "mark.toml")
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    human, machine = (json.loads(line) for line in result.stdout.splitlines())
    assert [human["verdict"], machine["verdict"]] == ["not_detected", "detected"]
    assert machine["source"] == "kept"
    assert machine["threshold"] == {"alpha": 0.01, "source": "calibration"}
    assert (machine["combined"], machine["tried"]) == ("bonferroni", 2)
    mark, classifier = machine["detections"]
    assert mark["detector"].startswith("greenlist:")
    assert (classifier["detector"], classifier["p_value"], classifier["smallest_p"]) == ("mine", 1 / 400, 1 / 400)
    assert machine["log10_p"] == pytest.approx(np.log10(2 / 400))
    assert "tampering" not in machine
    assert detect(folder, "texts.jsonl", "--calibration", "cal.json", "--fail-on", "detected").returncode == 3


def test_at_an_alpha_out_of_reach_it_abstains_and_says_what_to_do(folder: Path) -> None:
    result = detect(folder, "texts.jsonl", "--calibration", "cal.json", "--alpha", "1e-3")
    assert (
        b"mine can detect nothing at --alpha 0.001: its smallest p-value 0.0025 times 1 test is more" in result.stderr
    )
    for record in map(json.loads, result.stdout.splitlines()):
        assert record["verdict"] == "abstain"
        assert (
            "mine: alpha 0.001 is below what its calibration can reach (1/400 x 1 test); use --alpha 0.0025"
            in (record["reasons"][0])
        )


def test_what_cannot_be_judged_says_why_and_the_others_go_on(folder: Path) -> None:
    """Broken, empty, one token, no letters, code, hidden characters, ten megabytes in one line; then a good one."""
    good = (folder / "texts.jsonl").read_bytes().splitlines()[1]
    text = json.loads(good)["text"]
    code = "def area(r):\n    if r < 0:\n        raise ValueError(r)\n    return 3.14 * r ** 2\nprint(area(2))\n" * 6
    given = {
        "empty": ("", "too short"),
        "one": ("sea", "too short: calibrated from 300 characters on"),
        "signs": ("!!! ?? 123 \U0001f41d", "no letters"),
        "code": (code, "code: 100% of the lines look like code"),
        "hidden": (text.replace("crucial", "cruc\u200bial"), "tampering: 30 hidden or look-alike characters"),
        "long": (SENTENCE * 95_000, "too long: calibrated up to 2999 characters"),
    }
    lines = [json.dumps({"id": name, "text": body}).encode() for name, (body, _) in given.items()]
    result = detect(folder, "--calibration", "cal.json", stdin=b"\n".join([b'{"id": "cut', *lines, good]))
    assert result.returncode == 0
    assert len(result.stderr.decode().splitlines()) == 1
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [r["verdict"] for r in records] == ["abstain"] * 7 + ["detected"]
    for record, (name, (_, words)) in zip(records[1:-1], given.items(), strict=True):
        assert record["id"] == name
        assert words in record["reasons"][0]
    assert records[5]["tampering"] == {
        "count": 30,
        "rate_per_1k": pytest.approx(17, abs=3),
        "by_kind": {"invisible": 30},
    }


def test_spans_of_a_mark_leave_a_classifier_of_whole_texts_out_and_say_so(folder: Path) -> None:
    arguments = ["texts.jsonl", "--calibration", "cal.json", "--mark", "mark.toml"]
    result = detect(folder, *arguments, "--spans")
    assert result.returncode == 0
    assert result.stderr.decode() == (
        "assay: --spans leaves it out: classifier './mine' scores whole texts and locates no stretches\n"
    )
    bare = [json.loads(line)["detections"][1] for line in detect(folder, *arguments).stdout.splitlines()]
    for record, before in zip(map(json.loads, result.stdout.splitlines()), bare, strict=True):
        mark, classifier = record["detections"]
        assert mark["spans"] == []
        assert classifier == before


def test_a_calibration_beside_the_classifier_is_found(folder: Path) -> None:
    beside = folder / "mine" / "calibration.json"
    beside.write_bytes((folder / "cal.json").read_bytes())
    try:
        assert detect(folder, "texts.jsonl").stdout == detect(folder, "texts.jsonl", "--calibration", "cal.json").stdout
    finally:
        beside.unlink()


def test_a_missing_or_foreign_calibration_is_one_line(folder: Path) -> None:
    one_line(
        detect(folder, "texts.jsonl"),
        "classifier './mine' has no calibration",
        "assay calibrate human.jsonl --classifier ./mine --out cal.json",
    )
    one_line(detect(folder, "texts.jsonl", "--calibration", "absent.json"), "calibration absent.json does not exist")
    made = read_calibration(folder / "cal.json")
    other = replace(made, signature=replace(made.signature, normaliser="0", detector_version="feedfeedfeedfeed"))
    write_calibration(folder / "other.json", other)
    one_line(
        detect(folder, "texts.jsonl", "--calibration", "other.json"),
        "other.json: the calibration of 'mine' does not fit",
        "detector_version is '",
        "normaliser is '1', expected '0'",
    )


def test_an_unknown_classifier_is_one_line(folder: Path) -> None:
    one_line(run("detect", "texts.jsonl", "--classifier", "oracle", cwd=folder), "unknown classifier 'oracle'")


def test_wrong_usage_is_exit_2_and_says_what_is_missing(folder: Path) -> None:
    for arguments, words in (
        (["--calibration", "cal.json", "--mark", "mark.toml"], "name the classifier with --classifier"),
        (["--classifier", "./mine", "--spans"], "scores whole texts and locates no stretches; name a mark"),
        (["--classifier", "./mine", "--html", "nowhere/page.html"], "the folder nowhere does not exist"),
        (["--classifier", "fast", "--classifier", "fast"], "--classifier fast is given 2 times; name it once"),
        (["--group", "news", "--mark", "mark.toml"], "name the classifier with --classifier"),
        (["--classifier", "./mine", "--dtype", "float3"], "is not one of 'auto', 'float32', 'bfloat16', 'float16'"),
        ([], "at least one --mark MARK.toml or --classifier NAME"),
    ):
        result = run("detect", "texts.jsonl", *arguments, cwd=folder)
        assert result.returncode == 2
        assert words in " ".join(result.stderr.decode().split())


def test_marks_alone_import_no_torch_and_no_classifier(folder: Path) -> None:
    program = (
        "import sys\nfrom assay.cli.main import cli\n"
        "cli.main(['detect', 'texts.jsonl', '--mark', 'mark.toml'], standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'scipy.stats', 'sklearn', 'assay.detect.classified', 'assay.detect.form'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, env=ENVIRONMENT, check=True
    )
    assert result.stderr == b"[]\n"
    assert "threshold" not in json.loads(result.stdout.splitlines()[0])


@pytest.mark.slow  # loads the embedded model
def test_a_page_shows_the_first_fifty_documents_and_says_so(folder: Path) -> None:
    lines = [json.dumps({"id": f"number-{i}", "text": "Nobody painted a dog." * (i == 0)}) for i in range(52)]
    result = run(
        "detect", "--mark", "mark.toml", "--html", "page.html", "--device", "cpu", cwd=folder, stdin="\n".join(lines).encode()
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 52
    assert b"page.html shows the first 50 of 52 documents" in result.stderr
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "number-49" in page
    assert "number-50" not in page
