"""`assay eval` as a user runs it."""

import csv
import json
from pathlib import Path

import pytest

from .scan_command import complaint, run

PLAN = """
name = "small"
lengths = [0, 20]
draws = 50
rates = [0.1, 0.01, 0.001]
[[texts]]
name = "people"
path = "${HUMAN}"
label = "human"
[[texts]]
name = "machines"
path = "machines.jsonl"
[[attacks]]
name = "delete"
strengths = [0.3]
[[detectors]]
name = "words"
function = "word_length:score"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, words in (("human", "the sea was calm and"), ("machine", "seas thereby calmed remarkable lights")):
        lines = [json.dumps({"id": f"{label}{i}", "text": f"{words} " * (8 + i), "label": label}) for i in range(12)]
        (tmp_path / f"{label}s.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "word_length.py").write_text(
        "def score(texts):\n    return [len(t) / max(len(t.split()), 1) for t in texts]\n"
    )
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


RUN = ("eval", "run", "plan.toml", "--set", "HUMAN=humans.jsonl", "--allow-commands", "--workers", "1")


def test_a_plan_runs_to_one_line_of_json_and_a_report(folder: Path) -> None:
    ran = run(*RUN, "--out", "out", cwd=folder)
    assert ran.code == 0, ran.errors
    (line,) = ran.output.splitlines()
    said = json.loads(line)
    assert (said["plan"], said["cells"]) == ("small", 4)
    assert Path(folder / said["report_html"]).is_file()
    (headline,) = said["headline"]
    assert (headline["detector"], headline["source"], headline["auroc"], headline["worst_attack"]) == (
        "words",
        "machines",
        1.0,
        "delete 0.3",
    )
    assert all(one.startswith("assay: ") for one in ran.errors.splitlines())


def test_all_problems_of_a_plan_are_said_a_line_each_and_nothing_is_done(folder: Path) -> None:
    wrong = (
        PLAN.replace('name = "delete"', 'name = "delte"')
        .replace("strengths = [0.3]", "strengths = [3.0]")
        .replace("draws = 50", "draws = 0")
    )
    (folder / "plan.toml").write_text(wrong)
    ran = run(*RUN, "--out", "out", cwd=folder)
    assert ran.code == 1
    assert ran.output == ""
    lines = ran.errors.splitlines()
    assert any("[[attacks]] 1: unknown attack 'delte'; did you mean 'delete'?" in line for line in lines)
    assert any("draws must be from 1 to 100000, got 0" in line for line in lines)
    assert lines[-1] == "assay: 2 problems in the plan; nothing was done"
    assert not (folder / "out").exists()


def test_a_variable_that_is_missing_or_malformed_is_said(folder: Path) -> None:
    ran = run("eval", "run", "plan.toml", "--out", "out", cwd=folder)
    assert ran.errors.splitlines()[0] == "assay: [[texts]] 1: the variable HUMAN is not given; give --set HUMAN=VALUE"
    assert run("eval", "run", "plan.toml", "--set", "HUMAN", "--out", "out", cwd=folder).code == 2


def test_commands_are_refused_without_leave(folder: Path) -> None:
    ran = run(*(one for one in RUN if one != "--allow-commands"), "--out", "out", cwd=folder)
    assert ran.code == 1
    assert "--allow-commands" in ran.errors


def test_a_dry_run_shows_the_grid_and_touches_nothing(folder: Path) -> None:
    ran = run(*RUN, "--out", "out", "--dry-run", cwd=folder)
    assert ran.code == 0, ran.errors
    said = json.loads(ran.output)
    assert said["grid"]["sources"] == {"people": {"human": 12}, "machines": {"machine": 12}}
    assert said["grid"]["cells"] == 8  # 2 sources x (none, delete) x 2 lengths x 1 detector
    rows = {(one["stage"], one["name"]): one for one in said["stages"]}
    assert (rows["attack", "delete"]["texts"], rows["attack", "delete"]["texts_to_do"]) == (24, 24)
    assert rows["score", "words"]["estimated_s"] is None  # nobody knows how long a function takes
    assert said["not_estimated"] == ["score words"]
    assert not (folder / "out").exists()


def test_a_dry_run_knows_what_is_done(folder: Path) -> None:
    assert run(*RUN, "--out", "out", cwd=folder).code == 0
    said = json.loads(run(*RUN, "--out", "out", "--dry-run", cwd=folder).output)
    assert {one["texts_to_do"] for one in said["stages"]} == {0}


def test_report_and_compare_take_finished_runs_and_refuse_others(folder: Path) -> None:
    assert run(*RUN, "--out", "a", cwd=folder).code == 0
    (folder / "plan.toml").write_text(PLAN.replace("strengths = [0.3]", "strengths = [0.6]"))
    assert run(*RUN, "--out", "b", cwd=folder).code == 0
    before = (folder / "a/metrics.json").read_bytes()
    assert run("eval", "report", "a", cwd=folder).code == 0
    assert (folder / "a/metrics.json").read_bytes() == before
    ran = run("eval", "compare", "a", "b/metrics.json", "--out", "compared", cwd=folder)
    assert ran.code == 0, ran.errors
    said = json.loads(ran.output)
    assert (said["same"], said["cells"], said["only_a"], said["only_b"]) == (False, 2, 2, 2)
    assert (folder / "compared/compare.html").is_file()
    assert "no run has finished there" in complaint(run("eval", "report", "compared", cwd=folder))
    assert "no run has finished there" in complaint(run("eval", "compare", "a", "nowhere", "--out", "c", cwd=folder))
    assert "did not write" in complaint(run("eval", "compare", "a", "b", "--out", "a", cwd=folder))


def test_the_shipped_plans_are_listed_with_what_they_need(tmp_path: Path) -> None:
    ran = run("eval", "plans", cwd=tmp_path)
    plans = {one["name"]: one for one in map(json.loads, ran.output.splitlines())}
    assert set(plans) == {"edits", "kgw-paper", "paraphrase", "passive", "quick", "reliability", "tiny"}
    assert plans["passive"]["needs"] == ["DATA"]
    ran = run("eval", "run", "quik", "--out", "out", cwd=tmp_path)
    assert "did you mean 'quick'?" in ran.errors


def test_raid_texts_become_predictions(tmp_path: Path) -> None:
    with (tmp_path / "raid.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "generation"])
        writer.writerows([f"id-{i}", f"A text about the sea, number {i}. " * 12] for i in range(5))
    ran = run("eval", "raid", "raid.csv", "--classifier", "fast", "--out", "predictions.json", cwd=tmp_path)
    assert ran.code == 0, ran.errors
    predictions = json.loads((tmp_path / "predictions.json").read_text())
    assert [one["id"] for one in predictions] == [f"id-{i}" for i in range(5)]
    assert all(isinstance(one["score"], float) for one in predictions)
    assert run("eval", "raid", "raid.csv", "--out", "p.json", cwd=tmp_path).code == 2


def test_help_has_an_example_for_each_command(tmp_path: Path) -> None:
    for command in ("run", "report", "compare", "plans", "raid"):
        assert "Example:" in run("eval", command, "--help", cwd=tmp_path).output


def test_mistakes_of_the_file_and_of_its_names_come_in_one_answer(folder: Path) -> None:
    wrong = PLAN.replace("strengths = [0.3]", "strenghts = [0.3]") + '[[detectors]]\nname = "c"\nclassifier = "fats"\n'
    (folder / "plan.toml").write_text(wrong)
    for more in ((), ("--dry-run",)):
        ran = run(*RUN, *more, "--out", "out", cwd=folder)
        lines = ran.errors.splitlines()
        assert lines[0].startswith("assay: [[attacks]] 1: unknown key 'strenghts'; did you mean 'strengths'?")
        assert lines[1].startswith("assay: [[detectors]] 2: unknown classifier 'fats'; did you mean 'fast'?")
        assert lines[2:] == ["assay: 2 problems in the plan; nothing was done"]
    assert not (folder / "out").exists()


def test_what_is_wrong_with_texts_stops_a_run_and_a_dry_run_alike(folder: Path) -> None:
    lines = (folder / "humans.jsonl").read_text().splitlines()
    (folder / "humans.jsonl").write_text("\n".join([*lines, lines[0]]) + "\n")
    (folder / "plan.toml").write_text(
        PLAN + '[[texts]]\nname = "same"\npath = "machines.jsonl"\nrole = "calibration"\n'
    )
    for more in ((), ("--dry-run",)):
        ran = run(*RUN, *more, "--out", "out", cwd=folder)
        assert ran.code == 1
        first, second, last = ran.errors.splitlines()
        assert first.startswith("assay: [[texts]] 1: text set 'people': the id 'human0' occurs twice")
        assert second.startswith("assay: text sets 'machines' and 'same' share 12 texts (the first: 'machine0')")
        assert last == "assay: 2 problems in the plan; nothing was done"


def test_a_finished_run_names_no_folder_of_the_machine(folder: Path) -> None:
    assert run(*RUN, "--out", "out", cwd=folder).code == 0
    assert json.loads((folder / "out/run.json").read_text())["set"] == {"HUMAN": "humans.jsonl"}
    for name in ("run.json", "plan.toml", "metrics.json", "timing.json", "report.html", "report.md"):
        assert str(folder) not in (folder / "out" / name).read_text(), name
