"""A run that is killed with SIGKILL goes on, and ends with the table and the figures of one that was not. Real processes throughout."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .plan_cases import texts, write_texts

ASSAY = str(Path(sys.executable).parent / "assay")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
COMPARED = ("table.parquet", "metrics.json")

GIVEN = """
name = "given"
lengths = [0, 20]
draws = 50
[[texts]]
name = "people"
path = "people.jsonl"
[[texts]]
name = "machines"
path = "machines.jsonl"
[[attacks]]
name = "delete"
strengths = [0.1, 0.2, 0.3, 0.4]
[[detectors]]
name = "words"
function = "slow:score"
"""

SLOW = """
import time
def score(texts):
    time.sleep(0.1)
    return [sum(map(len, text.split())) / max(len(text.split()), 1) for text in texts]
"""

MARKED = """
name = "marked"
lengths = [0, 20]
draws = 50
[[marks]]
name = "w1"
profile = "w1.toml"
[[texts]]
name = "people"
path = "people.jsonl"
[[generate]]
name = "gen"
marks = ["none", "w1"]
n = 12
max_new_tokens = 40
min_new_tokens = 40
batch_size = 2
[[attacks]]
name = "delete"
strengths = [0.1, 0.5]
[[attacks]]
name = "resample"
strengths = [0.3]
[[detectors]]
name = "w1"
mark = "w1"
[[detectors]]
name = "fast"
classifier = "fast"
"""


def begin(folder: Path, out: str, workers: int = 1) -> "subprocess.Popen[str]":
    command = [ASSAY, "eval", "run", "plan.toml", "--out", out, "--allow-commands", "--workers", str(workers)]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip


def finish(folder: Path, out: str, workers: int = 1) -> dict[str, bytes]:
    """Run to the end and return what is compared."""
    process = begin(folder, out, workers)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert json.loads(output)["cells"] > 0
    return {name: (folder / out / name).read_bytes() for name in COMPARED}


def kill_when(process: "subprocess.Popen[str]", folder: Path, pattern: str, count: int) -> None:
    """Kill the whole group once `count` files are there that match."""
    while process.poll() is None and len(list(folder.glob(pattern))) < count:
        time.sleep(0.002)
    assert process.poll() is None, process.communicate()[1]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def fill(folder: Path, content: str) -> None:
    write_texts(folder / "people.jsonl", texts("human", 12))
    write_texts(folder / "machines.jsonl", texts("machine", 12))
    (folder / "slow.py").write_text(SLOW)
    (folder / "plan.toml").write_text(content)


def test_a_run_that_was_killed_twice_ends_with_the_same_bytes(tmp_path: Path) -> None:
    fill(tmp_path, GIVEN)
    whole = finish(tmp_path, "whole")
    kill_when(begin(tmp_path, "killed"), tmp_path, "killed/store/attack/*/*.zst", 3)
    kill_when(begin(tmp_path, "killed"), tmp_path, "killed/store/score/*/*.zst", 7)
    there = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed/store").glob("*/*/*.zst")}
    assert len([path for path in there if path.parts[-3] == "score"]) >= 7
    assert finish(tmp_path, "killed") == whole
    assert {path: path.stat().st_mtime_ns for path in there} == there  # what was done is not done again
    assert not list((tmp_path / "killed/store").glob("*/*/*.tmp"))


@pytest.mark.slow
def test_generation_and_model_attacks_resume_to_the_same_bytes_with_two_workers(tmp_path: Path) -> None:
    fill(tmp_path, MARKED)
    subprocess.run([ASSAY, "mark", "new", "w1.toml"], cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True)
    whole = finish(tmp_path, "whole", 2)
    process = begin(tmp_path, "killed", 2)
    while process.poll() is None and not _lines(tmp_path / "killed"):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < _lines(tmp_path / "killed") < 24
    kill_when(begin(tmp_path, "killed", 2), tmp_path, "killed/store/attack/*/*.zst", 2)
    process = begin(tmp_path, "killed", 2)
    while process.poll() is None and not list(tmp_path.glob("killed/store/score/*/*.zst")):
        time.sleep(0.005)
    process.kill()  # the driver alone: its workers end by themselves
    process.wait()
    assert finish(tmp_path, "killed", 2) == whole


def _lines(out: Path) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in out.glob("store/generate/*/texts.jsonl"))
