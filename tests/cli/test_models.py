"""`assay models` as a user runs it, with a local hub cache and without the hub."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from assay.cli.models import models
from assay.models import embedded_path
from click.testing import CliRunner

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASSAY = str(Path(sys.executable).parent / "assay")


def assay(*arguments: str, cache: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", **settings}
    return subprocess.run([ASSAY, *arguments], capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A hub cache, laid out as huggingface_hub does: one whole model, one with pickled weights, one without weights."""
    for name in ("small", "pickled", "bare"):
        repository = tmp_path / "hub" / f"models--somebody--{name}"
        snapshot = repository / "snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        for file in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
            shutil.copy(embedded_path() / file, snapshot)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
        if name != "small":
            (snapshot / "model.safetensors").unlink()
        if name == "pickled":
            (snapshot / "pytorch_model.bin").write_bytes(b"x")
    return tmp_path / "hub"


def test_list_gives_what_works_and_says_what_does_not(cache: Path) -> None:
    done = assay("models", "list", cache=cache)
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["model"] for record in records] == ["embedded", "somebody/small"]
    assert records[0]["parameters"] == records[1]["parameters"] > 1e6
    assert records[0]["tokenizer"] == records[1]["tokenizer"]
    complaints = done.stderr.splitlines()
    assert len(complaints) == 2
    assert "somebody/bare" in complaints[0]
    assert "somebody/pickled" in complaints[1]


def test_without_the_hub_a_typo_is_one_line_and_list_does_not_ask(cache: Path) -> None:
    """Not told to stay offline, before a hub that does not answer: no retries, and none of the hub library's own lines."""
    dead = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9"}
    (cache / "models--somebody--small" / "snapshots" / COMMIT / "tokenizer.json").unlink()
    begin = time.perf_counter()
    typo = assay("models", "show", "somebody/smal", cache=cache, **dead)
    partial = assay("models", "show", "somebody/small", cache=cache, **dead)
    listed = assay("models", "list", cache=cache, **dead)
    assert time.perf_counter() - begin < 25  # one look-up with the retries of the hub library takes as long
    assert typo.stderr == (
        "assay: 'somebody/smal' is neither a folder nor a model in the local hub cache, and the hub cannot be reached; "
        "check the spelling, or name a folder\n"
    )
    assert partial.stderr == (
        "assay: the local hub cache holds 'somebody/small' without its tokenizer.json, and the hub cannot be reached; "
        "download the whole model again\n"
    )
    assert [json.loads(line)["model"] for line in listed.stdout.splitlines()] == ["embedded"]
    assert len(listed.stderr.splitlines()) == 3
    assert "somebody/small has no tokenizer, expected tokenizer.json" in listed.stderr


def test_a_revision_that_is_not_cached_is_said(cache: Path) -> None:
    done = assay("models", "show", "somebody/small", "--revision", "v2", cache=cache)
    assert done.stderr == (
        f"assay: the local hub cache holds 'somebody/small' at revision {COMMIT}, main, not at 'v2', and the hub cannot be "
        "reached; name one of those with --revision\n"
    )


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", '{"architectures": 5}'),
        ("config.json", '{"model_type": "llama", "text_config": []}'),
        ("config.json", '{"a":' * 100_000),
        ("config.json", None),
        ("model.safetensors", ""),
        ("model.safetensors", None),
        ("tokenizer.json", "{}"),
        ("tokenizer_config.json", "[]"),
        ("tokenizer.json", None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_one_bad_model_does_not_end_the_list(cache: Path, file: str, content: str | None) -> None:
    """None: a folder in place of the file."""
    for name in ("pickled", "bare"):
        shutil.rmtree(cache / f"models--somebody--{name}")
    shutil.copytree(cache / "models--somebody--small", cache / "models--another--bad")
    bad = cache / "models--another--bad" / "snapshots" / COMMIT / file
    bad.unlink()
    if content is None:
        bad.mkdir()
    else:
        bad.write_text(content)
    done = assay("models", "list", cache=cache)
    assert done.returncode == 0
    assert [json.loads(line)["model"] for line in done.stdout.splitlines()] == ["embedded", "somebody/small"]
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("assay: not usable: ")
    assert "another/bad" in done.stderr


@pytest.mark.parametrize("command", ["show", "path"])
def test_the_embedded_model_has_no_revisions(command: str, cache: Path) -> None:
    done = assay("models", command, "embedded", "--revision", "x", cache=cache)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "the embedded model has no revisions, got --revision x; leave it out" in done.stderr


def test_list_without_a_cache_is_the_embedded_model(tmp_path: Path) -> None:
    done = assay("models", "list", cache=tmp_path / "none")
    assert [json.loads(line)["model"] for line in done.stdout.splitlines()] == ["embedded"]
    assert done.stderr == ""


def test_show_says_what_was_measured_of_the_embedded_model(cache: Path) -> None:
    record = json.loads(assay("models", "show", cache=cache).stdout)
    metrics = json.loads((embedded_path() / "metrics.json").read_text())
    assert record["bits_per_byte"] == metrics["test"]["losses"]["all"]["bits_per_byte"]
    assert record["weights_sha256"] == metrics["model"]["weights_sha256"]
    assert record["architecture"] == "LlamaForCausalLM"
    assert Path(record["card"]).is_file()


def test_path_is_a_folder_that_from_pretrained_takes(cache: Path) -> None:
    assert assay("models", "path", cache=cache).stdout == f"{embedded_path()}\n"
    cached = Path(assay("models", "path", "somebody/small", cache=cache).stdout.rstrip("\n"))
    assert cached == cache / "models--somebody--small" / "snapshots" / COMMIT


def test_a_cached_model_generates(cache: Path) -> None:
    run = ("generate", "--no-mark", "--model", "somebody/small", "--max-new-tokens", "4", "--device", "cpu")
    record = json.loads(assay(*run, cache=cache).stdout)
    assert record["provenance"]["generator"]["revision"] == COMMIT


@pytest.mark.parametrize("command", ["show", "path"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("somebody/pickled", "only pytorch_model.bin (pickles can run code)"),
        ("somebody/unheard-of", "neither a folder nor a model in the local hub cache"),
        ("not a name", "cannot find the model 'not a name'"),
        ("", "the model's name is empty"),
        ("/no/such/dir", "no such folder: /no/such/dir"),
    ],
)
def test_what_is_no_model_is_one_line(command: str, name: str, words: str, cache: Path) -> None:
    done = assay("models", command, name, cache=cache)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


def test_a_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    done = assay("models", "show", str(tmp_path), cache=tmp_path / "none")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"assay: {tmp_path} is not a model folder: it has no config.json; name a folder written by save_pretrained"
    )


def test_weights_that_are_not_measured_yet_are_still_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training publishes new weights without figures; until they are measured there are none to show."""
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        shutil.copy(embedded_path() / file, tmp_path)
    monkeypatch.setattr("assay.cli.models.embedded_path", lambda: tmp_path)
    done = CliRunner().invoke(models, ["show"])
    assert done.exit_code == 0
    assert "bits_per_byte" not in json.loads(done.stdout)
    assert done.stderr == "assay: these weights have not been measured; run python -m assay.models.evaluate\n"
