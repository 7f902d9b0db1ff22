"""What a user can get wrong: one clear line on stderr, the right exit code, nothing lost. Real processes throughout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ASSAY = str(Path(sys.executable).parent / "assay")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
PARAGRAPH = (
    "My grandfather kept bees behind the tannery wall, eleven white hives on bricks, and a shed where smoke never quite left "
    "the rafters. Each August he weighed honey on brass scales bought from a bankrupt chemist, wrote figures in pencil upon "
    "the doorframe, then sold jars to drivers who stopped for petrol. Once a swarm settled on our postman's bicycle; he "
    "waited two hours in the kitchen, eating plums, while grandmother read him yesterday's letters. Nobody was stung."
)
SENTENCE = (
    "The keeper of the light wrote in his book that the wind had turned in the night and that the sea was rising. "
)


def assay(*arguments: str, cwd: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [ASSAY, *arguments], cwd=cwd, input=stdin, capture_output=True, env={**ENVIRONMENT, **environment}, check=False
    )


def one_line(result: subprocess.CompletedProcess[bytes], *words: str, code: int = 1) -> None:
    said = result.stderr.decode().strip()
    assert result.returncode == code, said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("assay: ")
    assert "Traceback" not in said
    for word in words:
        assert word in said, f"{word!r} is not in {said!r}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = assay("mark", "new", "mark.toml", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    (tmp_path / "texts.jsonl").write_text(json.dumps({"id": "a", "text": PARAGRAPH}) + "\n")
    return tmp_path


def detect(folder: Path, *arguments: str, **kwargs: str) -> subprocess.CompletedProcess[bytes]:
    return assay("detect", *arguments, "--mark", "mark.toml", cwd=folder, **kwargs)


def test_missing_key_names_the_file_and_the_variable(folder: Path) -> None:
    (folder / "mark.key").rename(folder / "away.key")
    one_line(detect(folder, "texts.jsonl"), "mark.key", "does not exist", "ASSAY_KEY_FILE")
    assert detect(folder, "texts.jsonl", ASSAY_KEY_FILE=str(folder / "away.key")).returncode == 0


def test_world_readable_key_is_refused(folder: Path) -> None:
    (folder / "mark.key").chmod(0o644)
    one_line(detect(folder, "texts.jsonl"), "0644", "expected 0600", "chmod 600")


def test_garbage_key_is_refused_without_quoting_it(folder: Path) -> None:
    (folder / "mark.key").write_text("hunter2-secret\n")
    result = detect(folder, "texts.jsonl")
    one_line(result, "is not an assay key")
    assert b"hunter2" not in result.stderr


def test_key_of_another_mark_is_refused(folder: Path) -> None:
    assay("mark", "new", "other.toml", cwd=folder)
    (folder / "other.key").replace(folder / "mark.key")
    one_line(detect(folder, "texts.jsonl"), "the profile expects")


def test_profile_and_model_that_disagree_name_both_tokenizers(folder: Path, tmp_path: Path) -> None:
    from assay.models import embedded_path

    other = tmp_path / "other-model"
    other.mkdir()
    content = json.loads((embedded_path() / "tokenizer.json").read_text())
    content["model"]["merges"] = content["model"]["merges"][:-1]
    (other / "tokenizer.json").write_text(json.dumps(content))
    expected = json.loads(assay("mark", "show", "mark.toml", cwd=folder).stdout)["tokenizer_fingerprint"]
    one_line(detect(folder, "texts.jsonl", "--model", str(other)), "expects the tokenizer of 'embedded'", expected)
    one_line(
        assay("generate", "--mark", "mark.toml", "--model", str(other), cwd=folder), "expects the tokenizer", expected
    )


def test_mark_new_overwrites_neither_profile_nor_key(folder: Path) -> None:
    before = (folder / "mark.key").read_bytes(), (folder / "mark.toml").read_bytes()
    one_line(assay("mark", "new", "mark.toml", cwd=folder), "exists", "never overwritten")
    (folder / "mark.toml").unlink()
    one_line(assay("mark", "new", "mark.toml", cwd=folder), "mark.key exists", "never overwritten")
    assert (folder / "mark.key").read_bytes() == before[0]
    assert not (folder / "mark.toml").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--gamma", "1.5"], "gamma must be between 0 and 1, got 1.5"),
        (["--delta", "-1"], "delta must be above 0"),
        (["--context-width", "9"], "context_width must be a whole number from 0 to 8, got 9"),
        (["--scheme", "magic"], "unknown scheme 'magic'; known: greenlist"),
        (["--model", "no-such-model"], "neither a folder nor a model"),
    ],
)
def test_impossible_marks_are_refused_and_leave_no_file(tmp_path: Path, flags: list[str], words: str) -> None:
    one_line(assay("mark", "new", "m.toml", *flags, cwd=tmp_path, HF_HUB_OFFLINE="1"), words)
    assert list(tmp_path.iterdir()) == []


def test_misspelt_profile_field_is_refused(folder: Path) -> None:
    profile = folder / "mark.toml"
    profile.write_text(profile.read_text().replace("gamma", "gama"))
    one_line(detect(folder, "texts.jsonl"), "gama")


def test_broken_documents_are_reported_in_place_and_the_others_go_on(folder: Path) -> None:
    good = json.dumps({"id": 7, "text": PARAGRAPH, "source": "kept"}).encode()
    lines = [
        b'{"id": "cut", "text": "half a li',
        b'{"id": "latin", "text": "caf\xe9"}',
        b'{"id": "none"}',
        b'{"id": "empty", "text": ""}',
        b'{"id": "one", "text": "sea"}',
        good,
    ]
    (folder / "mixed.jsonl").write_bytes(b"\n".join(lines))
    result = detect(folder, "mixed.jsonl")
    assert result.returncode == 0
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [r["verdict"] for r in records] == ["abstain"] * 5 + ["not_detected"]
    assert [r["id"] for r in records[3:]] == ["empty", "one", 7]
    assert records[5]["source"] == "kept"
    for number, record in enumerate(records[:3], 1):
        assert f"mixed.jsonl:{number}" in record["reasons"][0]
    said = result.stderr.decode().splitlines()
    assert [f"mixed.jsonl:{n}: " in line for n, line in enumerate(said, 1)] == [True] * 3
    assert "too short" in records[3]["reasons"][0]
    assert "1 tokens" in records[4]["reasons"][0] or "2 tokens" in records[4]["reasons"][0]


def test_a_missing_file_is_said_and_the_others_go_on(folder: Path) -> None:
    result = detect(folder, "absent.jsonl", "texts.jsonl")
    one_line(result, "absent.jsonl")
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["a"]


def test_a_document_of_ten_megabytes_is_tested_whole(folder: Path) -> None:
    """The same sentence 90,000 times: two million tokens, two dozen distinct pairs."""
    (folder / "long.txt").write_text(SENTENCE * 90_000)
    record = json.loads(detect(folder, "long.txt", "--spans").stdout)
    seen = record["detections"][0]
    assert seen["n_tokens"] > 1_000_000
    assert seen["n_scored"] < 40
    assert record["verdict"] != "detected"


def test_wrong_usage_is_exit_2(folder: Path) -> None:
    assert assay("detect", "texts.jsonl", cwd=folder).returncode == 2
    assert assay("generate", cwd=folder).returncode == 2
    assert detect(folder, "texts.jsonl", "--alpha", "2").returncode == 2
    assert assay("generate", "--mark", "mark.toml", "--top-p", "0", cwd=folder).returncode == 2


def test_empty_prompts_file_is_one_line(folder: Path) -> None:
    (folder / "none.txt").write_text("\n\n")
    result = assay("generate", "--mark", "mark.toml", "--prompts", "none.txt", "--out", "out.jsonl", cwd=folder)
    one_line(result, "none.txt", "holds no prompt")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no config.json"),
        ({"config.json": '{"model_type": "llama"}'}, "no weights"),
        ({"config.json": '{"model_type": "llama"}', "pytorch_model.bin": "x"}, "pickles can run code"),
        ({"config.json": '{"auto_map": {"AutoModel": "evil.Evil"}}', "model.safetensors": "x"}, "its own Python code"),
    ],
)
def test_unsafe_or_empty_model_folders_are_refused(folder: Path, files: dict[str, str], words: str) -> None:
    model = folder / "model"
    model.mkdir()
    for name, content in files.items():
        (model / name).write_text(content)
    result = assay("generate", "--no-mark", "--model", str(model), "--out", "out.jsonl", cwd=folder)
    one_line(result, words)


def test_an_output_that_is_somebody_elses_is_not_touched(folder: Path) -> None:
    (folder / "diary.jsonl").write_text('{"dear": "diary"}\n')
    one_line(assay("generate", "--mark", "mark.toml", "--out", "diary.jsonl", cwd=folder), "exists", "not overwritten")
    assert (folder / "diary.jsonl").read_text() == '{"dear": "diary"}\n'


def test_a_run_resumes_with_its_settings_and_refuses_others(folder: Path) -> None:
    run = ["generate", "--mark", "mark.toml", "--max-new-tokens", "8", "--out", "out.jsonl"]
    assert assay(*run, "-n", "3", cwd=folder).returncode == 0
    written = (folder / "out.jsonl").read_bytes()
    assert len(written.splitlines()) == 3
    (folder / "out.jsonl").write_bytes(written[:-40])  # as a kill would leave it
    assert assay(*run, "-n", "3", cwd=folder).returncode == 0
    assert (folder / "out.jsonl").read_bytes() == written
    one_line(assay(*run, "-n", "3", "--seed", "1", cwd=folder), "begun with another decoding")
    assert (folder / "out.jsonl").read_bytes() == written


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [ASSAY, "detect", "texts.jsonl", "--mark", "mark.toml"],
            cwd=folder, stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    assert len(result.stderr.decode().strip().splitlines()) == 1, result.stderr
    assert b"space" in result.stderr


def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    lines = [json.dumps({"id": i, "text": PARAGRAPH}) for i in range(3000)]
    (folder / "many.jsonl").write_text("\n".join(lines))
    command = f"{ASSAY} detect many.jsonl --mark mark.toml | head -1 | wc -l"
    result = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, env=ENVIRONMENT, check=False)
    assert result.stdout.strip() == b"1"
    assert result.stderr == b""


def test_fail_on_detected_is_exit_3_and_nothing_else_is(folder: Path) -> None:
    run = assay("generate", "--mark", "mark.toml", "--max-new-tokens", "80", "--out", "marked.jsonl", cwd=folder)
    assert run.returncode == 0, run.stderr
    assert detect(folder, "marked.jsonl").returncode == 0
    assert detect(folder, "marked.jsonl", "--fail-on", "detected").returncode == 3
    assert detect(folder, "texts.jsonl", "--fail-on", "detected").returncode == 0
    assert detect(folder, "-", "--fail-on", "detected").returncode == 0


def test_the_key_appears_nowhere(folder: Path) -> None:
    secret = (folder / "mark.key").read_text().split()[1]
    run = assay("generate", "--mark", "mark.toml", "--max-new-tokens", "30", "--out", "out.jsonl", cwd=folder)
    shown = [run.stdout, run.stderr, detect(folder, "out.jsonl", "--spans").stdout]
    shown += [assay("mark", "show", "mark.toml", cwd=folder).stdout]
    shown += [path.read_bytes() for path in folder.iterdir() if path.name != "mark.key"]
    for output in shown:
        assert secret.encode() not in output
        assert bytes.fromhex(secret) not in output
