"""`assay scan` as a user runs it: resumed after kills, one line for each mistake, a report of the rest. Real processes throughout."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ASSAY = str(Path(sys.executable).parent / "assay")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold")
REPORTS = ("report.json", "report.md", "report.html")


def run(*arguments: str, cwd: Path, limit_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    def small_disk() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.run(
        [ASSAY, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=small_disk,
    )


def text(draw: random.Random) -> str:
    return " ".join(
        f"Then {draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(SUBJECTS)} on day {draw.randrange(999)}."
        for _ in range(14)
    )


def fill(folder: Path, shards: int, documents: int) -> None:
    folder.mkdir()
    for s in range(shards):
        draw = random.Random(s)
        lines = [json.dumps({"id": f"{s}-{i}", "text": text(draw)}) for i in range(documents)]
        (folder / f"part{s}.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mark, three shards `in`, and the scan of them in `whole`."""
    folder = tmp_path_factory.mktemp("scan")
    assert run("mark", "new", "mark.toml", cwd=folder).returncode == 0
    fill(folder / "in", 3, 400)
    result = run(
        "scan", "in", "--mark", "mark.toml", "--out", "whole", "--workers", "2", "--segment-documents", "50", cwd=folder
    )
    assert result.returncode == 0, result.stderr
    (folder / "whole.out").write_text(result.stdout)
    return folder


def outputs(out: Path) -> dict[str, bytes]:
    files = [path for kind in ("rows", "done") for path in (out / kind).iterdir()]
    return {str(path.relative_to(out)): path.read_bytes() for path in [*files, *(out / name for name in REPORTS)]}


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    """The one line of stderr that a failure is."""
    assert result.returncode == 1, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_stdout_is_one_line_of_json_and_the_folder_holds_rows_and_report(made: Path) -> None:
    summary = json.loads((made / "whole.out").read_text())
    assert summary["finished"] is True
    assert summary["documents"] == 1200
    assert len((made / "whole.out").read_text().splitlines()) == 1
    tables = [pq.read_table(path) for path in sorted((made / "whole/rows").iterdir())]
    assert [table.num_rows for table in tables] == [400, 400, 400]
    assert (made / summary["report"]).exists()
    assert not (made / "whole/parts").exists()
    assert not (made / "whole/claims").exists()
    assert json.loads((made / "whole/throughput.json").read_text())["documents"] == 1200


def test_a_scan_whose_whole_group_was_killed_goes_on_to_the_same_files(made: Path) -> None:
    command = ["scan", "in", "--mark", "mark.toml", "--out", "killed", "--workers", "2", "--segment-documents", "50"]
    process = subprocess.Popen(
        [ASSAY, *command],
        cwd=made,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and not list((made / "killed").glob("parts/*/00001.json")):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (made / "killed/report.json").exists()
    result = run(*command, cwd=made)
    assert result.returncode == 0, result.stderr
    assert outputs(made / "killed") == outputs(made / "whole")


def test_workers_end_when_their_driver_is_killed(made: Path) -> None:
    process = subprocess.Popen(
        [ASSAY, "scan", "in", "--mark", "mark.toml", "--out", "orphans", "--workers", "2", "--segment-documents", "5"],
        cwd=made, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and not list((made / "orphans").glob("parts/*/00001.json")):
        time.sleep(0.005)
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


def test_the_same_command_again_changes_nothing_and_another_is_refused(made: Path) -> None:
    before = outputs(made / "whole")
    command = ["scan", "in", "--mark", "mark.toml", "--out", "whole", "--segment-documents", "50"]
    again = run(*command, cwd=made)
    assert again.stdout == (made / "whole.out").read_text()
    assert outputs(made / "whole") == before
    assert "score.alpha was 0.001, is 0.05" in complaint(run(*command, "--alpha", "0.05", cwd=made))


def test_report_only_writes_the_report_from_the_ledger_alone(made: Path) -> None:
    before = outputs(made / "whole")
    for name in REPORTS:
        (made / "whole" / name).unlink()
    assert run("scan", "--report-only", "--out", "whole", cwd=made).returncode == 0
    assert outputs(made / "whole") == before


def test_runs_that_share_a_folder_end_with_the_same_files(made: Path) -> None:
    command = [
        "scan",
        "in",
        "--mark",
        "mark.toml",
        "--out",
        "shared",
        "--workers",
        "1",
        "--segment-documents",
        "50",
        "--num-shards",
        "2",
    ]
    first = run(*command, "--shard-index", "1", cwd=made)
    assert json.loads(first.stdout) == {"finished": False, "shards_left": 2, "out": "shared"}
    assert run(*command, "--shard-index", "0", cwd=made).returncode == 0
    assert outputs(made / "shared") == outputs(made / "whole")


def test_a_file_that_vanished_is_named_and_the_others_are_finished(made: Path, tmp_path: Path) -> None:
    """It vanishes once the plan is made, before its turn comes."""
    fill(tmp_path / "in", 3, 1000)
    command = ["scan", "in", "--mark", str(made / "mark.toml"), "--out", "out", "--workers", "1"]
    process = subprocess.Popen(
        [ASSAY, *command], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not (tmp_path / "out/scan.json").exists():
        time.sleep(0.002)
    (tmp_path / "in/part2.jsonl").rename(tmp_path / "gone")
    output, errors = process.communicate()
    assert process.returncode == 1
    assert json.loads(output)["finished"] is False
    assert "part2.jsonl" in errors.splitlines()[-1]
    assert len(list((tmp_path / "out/done").iterdir())) == 2
    (tmp_path / "gone").rename(tmp_path / "in/part2.jsonl")
    assert run(*command, cwd=tmp_path).returncode == 0
    assert len(list((tmp_path / "out/done").iterdir())) == 3


def test_a_full_disk_ends_the_run_with_one_line_and_it_resumes(made: Path) -> None:
    """A limit on the size of files (EFBIG) stands for the full disk: the system refuses the write alike."""
    command = ["scan", "in", "--mark", "mark.toml", "--out", "full", "--workers", "1", "--segment-documents", "50"]
    assert "what is finished is safe; make room" in complaint(run(*command, cwd=made, limit_bytes=9_000))
    assert run(*command, cwd=made).returncode == 0
    assert outputs(made / "full") == outputs(made / "whole")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["none", "--mark", "mark.toml", "--out", "x"], "none"),
        (["mark.key", "in", "--mark", "none.toml", "--out", "x"], "none.toml"),
        (["in", "--mark", "mark.toml", "--model", "no/such-model", "--out", "x"], "no/such-model"),
        (["mixed", "--mark", "mark.toml", "--out", "x"], "mixed mixes formats"),
        (["in", "--mark", "mark.toml", "--out", "in"], "holds 3 other files"),
        (["in", "--mark", "mark.toml", "--out", "mark.toml"], "is a file"),
        (["--report-only", "--out", "in"], "holds no scan.json"),
    ],
)
def test_each_mistake_is_one_line(made: Path, arguments: list[str], expected: str) -> None:
    (made / "mixed").mkdir(exist_ok=True)
    (made / "mixed/a.jsonl").write_text('{"id": "1", "text": "x"}\n')
    (made / "mixed/b.warc").write_text("WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    assert expected in complaint(run("scan", *arguments, cwd=made))


@pytest.mark.parametrize(
    "arguments",
    [
        ["in", "--out", "x"],
        ["--mark", "mark.toml", "--out", "x"],
        ["in", "--mark", "mark.toml"],
        ["in", "--mark", "mark.toml", "--out", "x", "--keep", "maybe"],
        ["in", "--mark", "mark.toml", "--out", "x", "--shard-bytes", "many"],
        ["in", "--mark", "mark.toml", "--out", "x", "--shard-index", "2", "--num-shards", "2"],
        ["in", "--mark", "mark.toml", "--out", "x", "--sample", "0"],
        ["in", "--mark", "mark.toml", "--out", "x", "--sidecar", "../up"],
        ["in", "--mark", "mark.toml", "--out", "x", "--sidecar", "a", "--sample", "0.5"],
    ],
)
def test_wrong_usage_exits_with_2(made: Path, arguments: list[str]) -> None:
    assert run("scan", *arguments, cwd=made).returncode == 2
    assert not (made / "x").exists()


def test_a_dry_run_counts_and_writes_nothing(made: Path) -> None:
    result = run("scan", "in", "--mark", "mark.toml", "--out", "dry", "--dry-run", "--shard-bytes", "100k", cwd=made)
    found = json.loads(result.stdout)
    size = sum(path.stat().st_size for path in (made / "in").iterdir())
    assert (found["files"], found["file_bytes"]) == (3, size)
    assert found["shards"] >= 6
    assert found["estimated_s"] > 0
    assert not (made / "dry").exists()


def test_a_limit_is_of_the_first_documents_of_the_plan(made: Path) -> None:
    result = run("scan", "in", "--mark", "mark.toml", "--out", "first", "--limit", "450", cwd=made)
    assert json.loads(result.stdout)["documents"] == 450
    tables = [pq.read_table(path, columns=["id"])["id"].to_pylist() for path in sorted((made / "first/rows").iterdir())]
    assert [len(ids) for ids in tables] == [400, 50]
    assert tables[1] == [f"1-{i}" for i in range(50)]


def test_help_imports_nothing_heavy(made: Path) -> None:
    code = (
        "import sys\nfrom assay.cli.main import cli\ntry:\n    cli.main(['scan', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'torch', 'pyarrow', 'scipy', 'numba', 'ray', 'tqdm'} & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=made)
    assert result.stderr.strip() == "[]"
    assert "assay scan" in result.stdout
