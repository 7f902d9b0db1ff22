"""`assay scan` is killed, its inputs vanish, its disk fills up: the next run goes on, and says what to do. Real processes throughout."""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .scan_command import ASSAY, ENVIRONMENT, Ran, fill, outputs, run

pytestmark = pytest.mark.slow
QUICK = ("--workers", "2", "--segment-documents", "50")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mark, three shards `in`, and the scan of them in `whole`."""
    folder = tmp_path_factory.mktemp("scan")
    assert run("mark", "new", "mark.toml", cwd=folder).code == 0
    fill(folder / "in", 3, 400)
    assert run("scan", "in", "--mark", "mark.toml", "--out", "whole", *QUICK, cwd=folder).code == 0
    return folder


def begin(*arguments: str, cwd: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [ASSAY, *arguments], cwd=cwd, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def until_seen(process: "subprocess.Popen[str]", folder: Path, pattern: str) -> None:
    while process.poll() is None and not list(folder.glob(pattern)):
        time.sleep(0.002)


def test_a_scan_whose_whole_group_was_killed_goes_on_to_the_same_files(made: Path) -> None:
    command = ["scan", "in", "--mark", "mark.toml", "--out", "killed", *QUICK]
    process = begin(*command, cwd=made)
    until_seen(process, made / "killed", "parts/*/00001.json")
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (made / "killed/report.json").exists()
    result = run(*command, cwd=made)
    assert result.code == 0, result.errors
    assert outputs(made / "killed") == outputs(made / "whole")


def test_workers_end_when_their_driver_is_killed(made: Path) -> None:
    process = begin(
        "scan", "in", "--mark", "mark.toml", "--out", "orphans", "--workers", "2", "--segment-documents", "5", cwd=made
    )
    until_seen(process, made / "orphans", "parts/*/00001.json")
    process.kill()
    process.wait()
    until = time.monotonic() + 10
    while time.monotonic() < until and any_of_group(process.pid):
        time.sleep(0.05)
    assert not any_of_group(process.pid)


def any_of_group(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("change", ["vanished", "changed"])
def test_an_input_that_is_gone_or_another_is_named_with_what_to_do_and_the_others_are_reported(
    made: Path, tmp_path: Path, change: str
) -> None:
    """It happens once the plan is made, before the file's turn comes."""
    fill(tmp_path / "in", 3, 1000)
    command = ["scan", "in", "--mark", str(made / "mark.toml"), "--out", "out", "--workers", "1"]
    process = begin(*command, cwd=tmp_path)
    until_seen(process, tmp_path, "out/scan.json")
    (tmp_path / "in/part2.jsonl").rename(tmp_path / "gone")
    if change == "changed":
        (tmp_path / "in/part2.jsonl").write_text('{"id": "x", "text": "another"}\n')
    output, errors = process.communicate()
    assert process.returncode == 1
    assert json.loads(output)["finished"] is False
    last = errors.splitlines()[-1]
    assert "in/part2.jsonl is gone" in last if change == "vanished" else "in/part2.jsonl has changed" in last
    assert "another --out; --report-only reports on the shards that are finished" in last
    assert len(list((tmp_path / "out/done").iterdir())) == 2
    partial = run("scan", "--report-only", "--out", "out", cwd=tmp_path)
    assert (partial.code, json.loads(partial.output)["documents"]) == (0, 2000)
    assert "missing in this report: 00002-part2.jsonl" in partial.errors
    page = (tmp_path / "out/report.html").read_text()
    assert "shard_unfinished" in page
    assert "part2.jsonl" in page
    (tmp_path / "gone").rename(tmp_path / "in/part2.jsonl")
    assert run(*command, cwd=tmp_path).code == 0
    assert len(list((tmp_path / "out/done").iterdir())) == 3


def limited(*arguments: str, cwd: Path, limit_bytes: int) -> Ran:
    """Run with a limit on the size of files (EFBIG), which stands for the full disk: the system refuses the write alike."""

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    found = subprocess.run(
        [ASSAY, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=small_disk,
    )
    return Ran(found.returncode, found.stdout, found.stderr)


def test_a_full_disk_ends_the_run_with_one_line_and_it_resumes(made: Path) -> None:
    command = ["scan", "in", "--mark", "mark.toml", "--out", "full", "--workers", "1", "--segment-documents", "50"]
    result = limited(*command, cwd=made, limit_bytes=9_000)
    assert (result.code, result.output) == (1, "")
    assert len(result.errors.splitlines()) == 1
    assert "what is finished is safe; make room" in result.errors
    assert run(*command, cwd=made).code == 0
    assert outputs(made / "full") == outputs(made / "whole")


def test_an_output_folder_that_takes_no_more_files_ends_the_run_with_one_line(made: Path) -> None:
    """A file where the folder of the finished tables belongs: the mkdir in the worker fails."""
    command = ["scan", "in", "--mark", "mark.toml", "--out", "blocked", *QUICK]
    process = begin(*command, cwd=made)
    until_seen(process, made, "blocked/scan.json")
    (made / "blocked/rows").write_text("")
    output, errors = process.communicate()
    assert (process.returncode, output) == (1, "")
    assert len(errors.splitlines()) == 1
    assert "cannot write to blocked: File exists; what is finished is safe" in errors
    (made / "blocked/rows").unlink()
    assert run(*command, cwd=made).code == 0
    assert outputs(made / "blocked") == outputs(made / "whole")
