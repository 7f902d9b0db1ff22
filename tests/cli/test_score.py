"""`assay score` as a user runs it: one record a document, one line for each mistake, and the others go on. Real processes throughout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ASSAY = str(Path(sys.executable).parent / "assay")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
SENTENCE = (
    "The keeper of the light wrote in his book that the wind had turned in the night and that the sea was rising. "
)
ONE_PASS = {"binoculars", "dna_detectllm", "entropy", "fast_detectgpt", "gltr", "lastde", "log_likelihood", "log_rank", "lrr", "perplexity", "rank"}  # fmt: skip


def score(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [ASSAY, "score", *arguments], cwd=cwd, input=stdin, capture_output=True, env=ENVIRONMENT, check=False
    )


def one_line(result: subprocess.CompletedProcess[bytes], *words: str, code: int = 1) -> None:
    said = result.stderr.decode().strip()
    assert result.returncode == code, said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("assay: ")
    for word in words:
        assert word in said, f"{word!r} is not in {said!r}"


def test_every_document_gets_its_record_in_order_and_broken_ones_say_why(tmp_path: Path) -> None:
    """A missing file, a line that is no JSON, one without text; empty, one token, no letters, ten megabytes in one line; a good one."""
    good = {"id": 7, "body": SENTENCE * 3, "source": "kept"}
    lines = [
        b'{"id": "cut", "body": "half a li',
        b'{"id": "none"}',
        b'{"id": "empty", "body": ""}',
        b'{"id": "one", "body": "a"}',
        b'{"id": "signs", "body": "!!! ?? 123 \xf0\x9f\x90\x9d"}',
        json.dumps({"id": "long", "body": SENTENCE * 95_000}).encode(),
        json.dumps(good).encode(),
    ]
    (tmp_path / "mixed.jsonl").write_bytes(b"\n".join(lines))
    result = score(
        "absent.jsonl", "mixed.jsonl", "--text-field", "body", "--max-tokens", "600", "--context", "512", cwd=tmp_path
    )
    assert result.returncode == 1, "a file could not be opened"
    said = result.stderr.decode().splitlines()
    assert len(said) == 3, said
    assert [word in line for word, line in zip(("absent.jsonl", "mixed.jsonl:1", "mixed.jsonl:2"), said, strict=True)]
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [r["id"] for r in records[1:]] == ["none", "empty", "one", "signs", "long", 7]
    for record in records:
        assert set(record["metrics"]) >= ONE_PASS
        assert set(record["metrics"]) == set(records[-1]["metrics"])
        assert record["model"] == "embedded"
        assert record["scorer"] == records[-1]["scorer"]
    for record in records[:3]:
        assert (record["n_tokens"], record["n_scored"]) == (0, 0)
        assert set(record["metrics"].values()) == {None}
    assert ["warnings" in r for r in records] == [True, True, False, False, False, True, False]
    assert records[0]["warnings"][0].startswith("unreadable: mixed.jsonl:1: not JSON")
    assert (records[3]["n_tokens"], records[3]["n_scored"]) == (1, 1)
    assert records[3]["metrics"]["log_likelihood"] < 0
    assert records[3]["metrics"]["lastde"] is None
    assert records[5]["n_tokens"] > 1_000_000
    assert records[5]["n_scored"] == 600
    assert records[5]["warnings"][0].startswith("only the first 600 of ")
    assert records[6]["source"] == "kept"
    assert "body" not in records[6]
    assert None not in records[6]["metrics"].values()
    assert records[6]["scorer"]["context"] == 512
    assert len(records[6]["scorer"]["weights"]) == 16


def test_chosen_metrics_with_tokens_under_a_pair(tmp_path: Path) -> None:
    """The reference is the model itself, so that mean and variance are the same as without it."""
    line = json.dumps({"text": SENTENCE}).encode()
    options = ["--metrics", "fast_detectgpt, log_rank", "--start", "none", "--with-tokens"]
    alone, pair = (score(*options, *more, cwd=tmp_path, stdin=line) for more in ([], ["--reference", "embedded"]))
    assert alone.returncode == pair.returncode == 0, pair.stderr
    assert alone.stderr == b""
    one, two = (json.loads(r.stdout) for r in (alone, pair))
    assert list(one["metrics"]) == ["fast_detectgpt", "log_rank"]
    assert one["metrics"]["fast_detectgpt"] == pytest.approx(two["metrics"]["fast_detectgpt"], rel=1e-4)
    assert "reference" not in one["scorer"]
    assert two["scorer"]["reference"] == "embedded"
    tokens = one["tokens"]
    assert {len(values) for values in tokens.values()} == {one["n_tokens"]}
    assert one["n_scored"] == one["n_tokens"] - 1
    assert (tokens["log_prob"][0], tokens["rank"][0], tokens["entropy"][0]) == (None, None, None)
    assert "".join(SENTENCE[a:b] for a, b in zip(tokens["start"], tokens["stop"], strict=True)) == SENTENCE


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--metrics", "logrank"], "unknown metric 'logrank'; known: binoculars, "),
        (["--metrics", "all,rank"], "unknown metric 'all'"),
        (["--metrics", "detectgpt"], "metric 'detectgpt' compares a text with rewrites of it"),
        (["--model", "no-such-model"], "neither a folder nor a model"),
    ],
)
def test_an_unknown_name_is_one_line(tmp_path: Path, options: list[str], words: str) -> None:
    result = score(*options, cwd=tmp_path, stdin=b'{"text": "a"}')
    one_line(result, words)
    assert result.stdout == b""


def test_wrong_usage_is_exit_2(tmp_path: Path) -> None:
    assert score("--context", "1", cwd=tmp_path).returncode == 2
    result = score("--context", "64", "--stride", "65", cwd=tmp_path, stdin=b"")
    assert result.returncode == 2
    assert "stride must be from 1 to the context (64), got 65" in result.stderr.decode()
