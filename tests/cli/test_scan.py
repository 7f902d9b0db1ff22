"""`assay scan` as a user runs it: one line for each mistake, a report of the rest. The command runs in this process, its workers in their own;
what is killed is in `test_scan_killed.py`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from .scan_command import REPORTS, complaint, fill, outputs, run

QUICK = ("--workers", "1", "--segment-documents", "50")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mark, three shards `in`, and the scan of them in `whole`."""
    folder = tmp_path_factory.mktemp("scan")
    assert run("mark", "new", "mark.toml", cwd=folder).code == 0
    fill(folder / "in", 3, 100)
    result = run(
        "scan", "in", "--mark", "mark.toml", "--out", "whole", "--workers", "2", "--segment-documents", "50", cwd=folder
    )
    assert result.code == 0, result.errors
    (folder / "whole.out").write_text(result.output)
    return folder


@pytest.fixture(scope="module")
def lossy(made: Path) -> tuple[Path, str, str]:
    """A scan of a folder with two broken lines, a file that is named and none of ours, and one in a folder: stdout and stderr."""
    fill(made / "broken", 1, 20)
    lines = (made / "broken/part0.jsonl").read_text().splitlines()
    lines[3], lines[7] = "{broken", '{"id": "x", "no": "text"}'
    (made / "broken/part0.jsonl").write_text("\n".join(lines) + "\n")
    (made / "broken/picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (made / "paper.pdf").write_bytes(b"%PDF-1.4 \x00\x01")
    result = run("scan", "broken", "paper.pdf", "--mark", "mark.toml", "--out", "lossy", *QUICK, cwd=made)
    assert result.code == 1
    return made / "lossy", result.output, result.errors


def test_stdout_is_one_line_of_json_and_the_folder_holds_rows_and_report(made: Path) -> None:
    summary = json.loads((made / "whole.out").read_text())
    assert summary["finished"] is True
    assert summary["documents"] == 300
    assert summary["refused"] == 0
    assert len((made / "whole.out").read_text().splitlines()) == 1
    tables = [pq.read_table(path) for path in sorted((made / "whole/rows").iterdir())]
    assert [table.num_rows for table in tables] == [100, 100, 100]
    assert (made / summary["report"]).exists()
    assert not (made / "whole/parts").exists()
    assert not (made / "whole/claims").exists()
    assert json.loads((made / "whole/throughput.json").read_text())["documents"] == 300


def test_the_same_command_again_changes_nothing_and_another_is_refused(made: Path) -> None:
    before = outputs(made / "whole")
    command = ["scan", "in", "--mark", "mark.toml", "--out", "whole", "--segment-documents", "50"]
    again = run(*command, cwd=made)
    assert again.output == (made / "whole.out").read_text()
    assert outputs(made / "whole") == before
    assert "score.alpha was 0.001, is 0.05" in complaint(run(*command, "--alpha", "0.05", cwd=made))


def test_report_only_writes_the_report_from_the_ledger_alone(made: Path) -> None:
    before = outputs(made / "whole")
    for name in REPORTS:
        (made / "whole" / name).unlink()
    assert run("scan", "--report-only", "--out", "whole", cwd=made).code == 0
    assert outputs(made / "whole") == before


def test_runs_that_share_a_folder_end_with_the_same_files_and_a_report_of_one_names_what_is_missing(made: Path) -> None:
    command = ["scan", "in", "--mark", "mark.toml", "--out", "shared", *QUICK, "--num-shards", "2"]
    first = run(*command, "--shard-index", "1", cwd=made)
    assert json.loads(first.output) == {"finished": False, "shards_left": 2, "refused": 0, "out": "shared"}
    partial = run("scan", "--report-only", "--out", "shared", cwd=made)
    assert partial.code == 0
    assert json.loads(partial.output)["documents"] == 100
    assert "2 of 3 shards are not finished" in partial.errors
    assert "00000-part0.jsonl, 00002-part2.jsonl" in partial.errors
    lost = json.loads((made / "shared/report.json").read_text())["lost"]["shard_unfinished"]
    assert lost["count"] == 2
    assert "part2.jsonl" in json.dumps(lost)
    assert run(*command, "--shard-index", "0", cwd=made).code == 0
    assert outputs(made / "shared") == outputs(made / "whole")


def test_a_run_of_an_array_that_has_no_shard_says_so_and_succeeds(made: Path) -> None:
    result = run(
        "scan", "in", "--mark", "mark.toml", "--out", "array", "--shard-index", "5", "--num-shards", "8", cwd=made
    )
    assert result.code == 0
    assert json.loads(result.output) == {"finished": False, "shards_left": 3, "refused": 0, "out": "array"}
    assert result.errors.splitlines() == [
        "assay: no shard is this run's (5 of 8, and the plan has 3); there is nothing to do"
    ]
    assert not (made / "array").exists()


def test_what_was_lost_is_one_line_at_the_end(lossy: tuple[Path, str, str]) -> None:
    said = next(line for line in lossy[2].splitlines() if "could not be read" in line)
    assert said.startswith("assay: 2 items could not be read: bad_json 1, no_text_field 1; first: broken/part0.jsonl:")
    assert said.endswith("all in lossy/report.html")
    assert json.loads(lossy[1])["lost"] == 2


def test_a_file_that_was_named_and_is_not_read_fails_the_run_and_one_in_a_folder_does_not(
    lossy: tuple[Path, str, str], made: Path
) -> None:
    assert json.loads(lossy[1])["refused"] == 2
    assert lossy[2].splitlines()[-1].startswith("assay: 1 of the files that were named are not read, paper.pdf first: ")
    (made / "pictures").mkdir()
    for name in ("broken/part0.jsonl", "broken/picture.png"):
        (made / "pictures" / Path(name).name).write_bytes((made / name).read_bytes())
    result = run("scan", "pictures", "--mark", "mark.toml", "--out", "unnamed", *QUICK, cwd=made)
    assert result.code == 0
    assert json.loads(result.output)["refused"] == 1


def test_a_text_field_that_is_nowhere_is_an_error(made: Path) -> None:
    result = run("scan", "in", "--mark", "mark.toml", "--out", "body", "--text-field", "body", *QUICK, cwd=made)
    assert result.code == 1
    assert len(result.errors.splitlines()) == 1
    assert "not one document was read, and 300 items could not be: no_text_field 300" in result.errors
    assert "--text-field" in result.errors
    assert json.loads(result.output)["documents"] == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["none", "--mark", "mark.toml", "--out", "x"], "none"),
        (["mark.key", "in", "--mark", "none.toml", "--out", "x"], "none.toml"),
        (["mixed", "--mark", "mark.toml", "--out", "x"], "mixed mixes formats"),
        (["in", "--mark", "mark.toml", "--out", "in"], "holds 3 other files"),
        (["in", "--mark", "mark.toml", "--out", "mark.toml"], "is a file"),
        (["in", "--mark", "mark.toml", "--out", "mark.toml/x"], "cannot use --out mark.toml/x: Not a directory"),
        (["in", "--mark", "mark.toml", "--out", "a" * 300], "File name too long; expected a folder"),
        (["in", "--mark", "mark.toml", "--out", "s3://bucket/out"], "--out s3://bucket/out is a URL"),
        (["--report-only", "--out", "in"], "holds no scan.json"),
        (["--report-only", "--out", "mark.toml"], "cannot use --out mark.toml: Not a directory"),
        (["--report-only", "--out", "s3://bucket/out"], "is a URL"),
    ],
)
def test_each_mistake_is_one_line(made: Path, arguments: list[str], expected: str) -> None:
    (made / "mixed").mkdir(exist_ok=True)
    (made / "mixed/a.jsonl").write_text('{"id": "1", "text": "x"}\n')
    (made / "mixed/b.warc").write_text("WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    assert expected in complaint(run("scan", *arguments, cwd=made))
    assert not (made / "s3:").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["in", "--mark", "mark.toml", "--model", "no/such-model", "--out", "x"], "no/such-model"),
        (["in", "--mark", "mark.toml", "--out", "/proc/x"], "cannot use --out /proc/x: "),
    ],
)
def test_a_mistake_that_shows_once_the_workers_have_begun_is_one_line(
    made: Path, arguments: list[str], expected: str
) -> None:
    assert expected in complaint(run("scan", *arguments, "--workers", "1", cwd=made))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["in", "--out", "x"], "nothing to look for"),
        (["--mark", "mark.toml", "--out", "x"], "no INPUT"),
        (["in", "--mark", "mark.toml"], "--out"),
        (["in", "--mark", "mark.toml", "--out", "x", "--keep", "maybe"], "maybe"),
        (["in", "--mark", "mark.toml", "--out", "x", "--shard-bytes", "many"], "many"),
        (["in", "--mark", "mark.toml", "--out", "x", "--shard-index", "2", "--num-shards", "2"], "--shard-index 2"),
        (["in", "--mark", "mark.toml", "--out", "x", "--sample", "0"], "--sample"),
        (["in", "--mark", "mark.toml", "--out", "x", "--sidecar", "../up"], "../up"),
        (["in", "--mark", "mark.toml", "--out", "x", "--sidecar", "a", "--sample", "0.5"], "--sidecar"),
        (["in", "--report-only", "--out", "x"], "INPUT would change nothing"),
        (["--report-only", "--mark", "mark.toml", "--workers", "2", "--out", "x"], "--mark, --workers would change"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_it(made: Path, arguments: list[str], named: str) -> None:
    result = run("scan", *arguments, cwd=made)
    assert result.code == 2
    assert named in result.errors
    assert not (made / "x").exists()


def test_a_dry_run_counts_and_writes_nothing(made: Path) -> None:
    result = run("scan", "in", "--mark", "mark.toml", "--out", "dry", "--dry-run", "--shard-bytes", "30k", cwd=made)
    found = json.loads(result.output)
    size = sum(path.stat().st_size for path in (made / "in").iterdir())
    assert (found["files"], found["file_bytes"]) == (3, size)
    assert found["shards"] >= 6
    assert found["estimated_core_s"] > 0 or found["documents_per_s"] > 3000
    assert not (made / "dry").exists()


def test_a_limit_is_of_the_first_documents_of_the_plan(made: Path) -> None:
    result = run("scan", "in", "--mark", "mark.toml", "--out", "first", "--limit", "130", cwd=made)
    assert json.loads(result.output)["documents"] == 130
    tables = [pq.read_table(path, columns=["id"])["id"].to_pylist() for path in sorted((made / "first/rows").iterdir())]
    assert [len(ids) for ids in tables] == [100, 30]
    assert tables[1] == [f"1-{i}" for i in range(30)]


def test_help_imports_nothing_heavy(made: Path) -> None:
    code = (
        "import sys\nfrom assay.cli.main import cli\ntry:\n    cli.main(['scan', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'torch', 'pyarrow', 'scipy', 'numba', 'ray', 'tqdm'} & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=made)
    assert result.stderr.strip() == "[]"
    assert "assay scan" in result.stdout
