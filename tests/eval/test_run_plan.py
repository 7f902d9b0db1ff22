"""A plan from nothing to a report, and what a second run does again: no more than what has changed."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from assay.errors import DataError
from assay.eval.cut_texts import read_texts
from assay.eval.plan import read_plan
from assay.eval.run_plan import run_plan
from assay.eval.score_table import ScoreTable
from assay.eval.shipped_plans import shipped_plans
from assay.eval.stage_report import measure_again
from assay.eval.store import Node, Store

from .plan_cases import GIVEN, given_folder, plan_of, texts, write_texts


def run(path: Path, out: Path, **options: Any) -> dict[str, Any]:
    """Run the plan in a file, in this process unless told otherwise."""
    return run_plan(read_plan(path), out, lambda _: None, allow_commands=True, **{"workers": 1, **options})


def made(out: Path) -> dict[str, float]:
    """Return when each part of the store was written, by its path there."""
    return {str(p.relative_to(out / "store")): p.stat().st_mtime_ns for p in (out / "store").glob("*/*/*.zst")}


def stages(paths: Mapping[str, float] | set[str]) -> set[str]:
    return {path.split("/")[0] for path in paths}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder and the figures of the shipped plan `tiny`, run once."""
    out = tmp_path_factory.mktemp("tiny") / "out"
    return out, run(shipped_plans()["tiny"], out)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return given_folder(tmp_path)


def test_the_tiny_plan_goes_from_nothing_to_a_report(tiny: tuple[Path, dict[str, Any]]) -> None:
    out, metrics = tiny
    for name in ("report.html", "report.md", "table.parquet", "metrics.json", "timing.json", "plan.toml"):
        assert (out / name).stat().st_size > 0, name
    assert json.loads((out / "metrics.json").read_text()) == json.loads(json.dumps(metrics))
    assert (out / "plan.toml").read_bytes() == shipped_plans()["tiny"].read_bytes()
    assert set(metrics["signature"]["texts"]) == {"passages", "gen/unmarked", "gen/w1"}
    found = {(c["detector"], c["source"], c["attack"], c["length"]): c for c in metrics["cells"]}
    assert found["w1", "gen/w1", "none", 0]["tpr"]["1e-05"]["value"] == 1.0  # delta 4, 60 tokens
    assert found["w1", "gen/w1", "delete", 0]["n_machine"] == 12
    assert ("w1", "gen/unmarked", "none", 0) not in found  # a null of the mark, not something to find


def test_the_table_has_one_row_for_each_text_attack_length_and_detector(tiny: tuple[Path, dict[str, Any]]) -> None:
    table = ScoreTable.read(tiny[0] / "table.parquet")
    keys = list(
        zip(*(table[name] for name in ("text_id", "source", "attack", "strength", "length", "detector")), strict=True)
    )
    assert len(set(keys)) == len(keys)
    assert set(table["detector"]) == {"w1", "fast"}
    assert table.kinds == {"w1": "mark", "fast": "classifier"}
    marked = (table["source"] == "gen/w1") & (table["detector"] == "w1")
    assert set(zip(table["attack"][marked], table["length"][marked], strict=True)) == {
        (attack, length) for attack in ("none", "delete", "copy-paste") for length in (0, 30)
    }
    unmarked = (table["source"] == "gen/unmarked") & (table["detector"] == "w1")
    assert set(table["attack"][unmarked]) == {"none"}  # only a null: attacks of it tell nothing of this mark
    cut = (table["length"] == 30) & (table["attack"] != "copy-paste")  # pasting comes after the cut, deletion before it
    assert set(table["n_tokens"][cut]) == {30}


def test_scores_are_those_of_the_mark_detector_itself(tiny: tuple[Path, dict[str, Any]]) -> None:
    from assay.detect.marks import detect_text

    out, _ = tiny
    table = ScoreTable.read(out / "table.parquet")
    profile = next((out / "marks").glob("*.toml"))
    written = [
        json.loads(line) for p in (out / "store/generate").glob("*/texts.jsonl") for line in p.read_text().splitlines()
    ]
    texts_there = {one["id"]: one["text"] for one in written if one["provenance"]["watermark"]}
    rows = (table["source"] == "gen/w1") & (table["detector"] == "w1") & (table["attack"] == "none")
    for length in (0, 30):
        for row in np.flatnonzero(rows & (table["length"] == length))[:4]:
            text = texts_there[table["text_id"][row]]
            cut = read_texts([text], "embedded").cut(0, length)
            (detection,) = detect_text(cut, profile)[1]
            assert table["log10_p"][row] == detection.log10_p
            assert table["n_scored"][row] == detection.n_scored


def test_no_key_is_anywhere_but_in_its_file(tiny: tuple[Path, dict[str, Any]]) -> None:
    out, _ = tiny
    (key_file,) = (out / "marks").glob("*.key")
    assert key_file.stat().st_mode & 0o777 == 0o600
    secret = re.search(r"[0-9a-f]{64}", key_file.read_text())
    assert secret is not None
    for path in out.rglob("*"):
        if path.is_file() and path != key_file:
            assert secret[0].encode() not in path.read_bytes(), path
            assert bytes.fromhex(secret[0]) not in path.read_bytes(), path


def test_a_second_run_makes_nothing_again_and_ends_with_the_same_bytes(tiny: tuple[Path, dict[str, Any]]) -> None:
    out, _ = tiny
    before = made(out), (out / "table.parquet").read_bytes(), (out / "metrics.json").read_bytes()
    run(shipped_plans()["tiny"], out)
    assert (made(out), (out / "table.parquet").read_bytes(), (out / "metrics.json").read_bytes()) == before


def test_timing_adds_up_what_every_part_cost(tiny: tuple[Path, dict[str, Any]]) -> None:
    out, _ = tiny
    timing = json.loads((out / "timing.json").read_text())
    sums = {(one["stage"], one["name"]): one for one in timing["stages"]}
    assert sums["generate", "gen/w1"]["tokens"] == 12 * 60
    assert sums["score", "w1"]["texts"] == int((ScoreTable.read(out / "table.parquet")["detector"] == "w1").sum())
    assert {one["detector"] for one in timing["cost"]} == {"w1", "fast"}
    assert set(timing["wall_s"]) >= {"texts", "generate", "attack", "score"}


def test_the_report_is_made_again_from_the_table(tiny: tuple[Path, dict[str, Any]]) -> None:
    out, _ = tiny
    before = (out / "metrics.json").read_bytes()
    (out / "report.html").unlink()
    measure_again(out)
    assert (out / "metrics.json").read_bytes() == before
    assert (out / "report.html").exists()
    with pytest.raises(DataError, match="no run has finished there"):
        measure_again(out / "store")


def test_a_new_detector_scores_and_nothing_is_attacked_again(given: Path) -> None:
    out = given.parent / "out"
    run(given, out)
    before = made(out)
    given.write_text(GIVEN + '\n[[detectors]]\nname = "fast"\nclassifier = "fast"\n')
    metrics = run(given, out)
    after = made(out)
    assert {path: after[path] for path in before} == before
    assert stages(set(after) - set(before)) == {"score"}
    assert {cell["detector"] for cell in metrics["cells"]} == {"words", "fast"}


def test_a_new_strength_redoes_only_itself(given: Path) -> None:
    out = given.parent / "out"
    run(given, out)
    before = made(out)
    given.write_text(GIVEN.replace("[0.2, 0.5]", "[0.2, 0.4, 0.5]"))
    run(given, out)
    new = set(made(out)) - set(before)
    assert stages(new) == {"attack", "damage", "score"}
    assert len([path for path in new if path.startswith("attack/")]) == 2  # one part of people, one of machines


def test_the_number_of_workers_changes_no_figure(given: Path) -> None:
    run(given, given.parent / "one")
    run(given, given.parent / "two", workers=2)
    for name in ("table.parquet", "metrics.json"):
        assert (given.parent / "one" / name).read_bytes() == (given.parent / "two" / name).read_bytes(), name


def test_more_texts_than_a_part_holds_all_come_through(given: Path) -> None:
    write_texts(given.parent / "machines.jsonl", texts("machine", 300))
    metrics = run(given, given.parent / "out")
    (whole,) = [c for c in metrics["cells"] if (c["attack"], c["strength"], c["length"]) == ("delete", 0.5, 0)]
    assert (whole["n_machine"], whole["n_human"]) == (300, 20)
    assert whole["auroc"]["value"] > 0.9  # an s at every word's end


def test_an_emptied_text_is_kept_and_counted(given: Path) -> None:
    given.write_text(GIVEN.replace("[0.2, 0.5]", "[1.0]"))
    out = given.parent / "out"
    metrics = run(given, out)
    table = ScoreTable.read(out / "table.parquet")
    attacked = table["attack"] == "delete"
    assert attacked.sum() == 40
    assert table["empty"][attacked].all()
    assert {one["emptied"] for one in metrics["damage"]} == {20}


BEGUN = """
name = "begun"
[[marks]]
name = "w1"
scheme = "greenlist"
[[texts]]
name = "people"
path = "people.jsonl"
[[generate]]
name = "gen"
marks = ["none", "w1"]
prompts_from = "people"
prompt_tokens = 5
max_new_tokens = 12
min_new_tokens = 12
n = 6
batch_size = 6
[[attacks]]
name = "interleave"
strengths = [1.0]
[[detectors]]
name = "w1"
mark = "w1"
"""


def test_prompts_are_the_beginnings_of_people_and_their_rest_is_the_human_side(tmp_path: Path) -> None:
    write_texts(
        tmp_path / "people.jsonl",
        [*texts("human", 8), {**texts("human", 1, seed=1)[0], "id": "short", "text": "too short"}],
    )
    out, said = tmp_path / "out", list[str]()
    metrics = run_plan(plan_of(tmp_path, BEGUN), out, said.append, workers=1)
    assert set(metrics["signature"]["texts"]) == {"gen/human", "gen/unmarked", "gen/w1"}
    originals = {
        one["id"]: one["text"] for one in map(json.loads, (tmp_path / "people.jsonl").read_text().splitlines())
    }
    written = [
        json.loads(line) for p in (out / "store/generate").glob("*/texts.jsonl") for line in p.read_text().splitlines()
    ]
    prompts = {one["id"]: one["prompt"] for one in written}
    assert len(prompts) == 6
    people = Store(out / "store").records(*_nodes(out, "texts", "too"))
    rests = {one["id"]: one["text"] for one in people}
    assert set(rests) == set(prompts)
    for name, prompt in prompts.items():
        assert read_texts([prompt], "embedded").n_tokens[0] == 5
        assert originals[name].startswith(prompt + rests[name])
        assert abs(read_texts([rests[name]], "embedded").n_tokens[0] - 12) <= 1
    table = ScoreTable.read(out / "table.parquet")
    clusters = {(t, c) for t, c in zip(table["text_id"], table["cluster"], strict=True)}
    assert len(clusters) == 6  # a person's text and what was written after its beginning move together
    assert set(table["attack"][table["source"] == "gen/w1"]) == {"none", "interleave"}
    assert set(table["attack"][table["source"] == "gen/unmarked"]) == {"none"}


def _nodes(out: Path, stage: str, without: str) -> list[Node]:
    """Return the nodes of a stage none of whose texts holds a phrase."""
    store = Store(out / "store")
    found = [Node(stage, path.name) for path in (out / "store" / stage).iterdir()]
    return [one for one in found if not any(without in record["text"] for record in store.records(one))]


def test_few_long_enough_texts_are_said_and_none_stops(tmp_path: Path) -> None:
    write_texts(tmp_path / "people.jsonl", texts("human", 3))
    said: list[str] = []
    plan = plan_of(tmp_path, BEGUN.replace("max_new_tokens = 12", "max_new_tokens = 500"))
    with pytest.raises(DataError, match="no prompt that can be used; left out 3 people's texts of under 505 tokens"):
        run_plan(plan, tmp_path / "out", said.append, workers=1)


def test_the_folder_of_others_is_refused_and_left_as_it_was(given: Path) -> None:
    out = given.parent / "theirs"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="holds files that `assay eval run` did not write"):
        run(given, out)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_two_runs_at_once_are_refused(given: Path) -> None:
    import fcntl

    out = given.parent / "out"
    run(given, out)
    with (out / ".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another run is writing to"):
            run(given, out)


def test_a_worker_that_dies_is_one_line(given: Path) -> None:
    (given.parent / "word_length.py").write_text(
        "import os, signal\ndef score(texts):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with pytest.raises(DataError, match="a worker died at scoring with 'words'"):
        run(given, given.parent / "out", workers=2)


def test_made_marks_have_other_keys_in_other_folders_and_the_same_in_one(tmp_path: Path) -> None:
    from assay.eval.plan import MarkSpec
    from assay.eval.plan_marks import mark_paths
    from assay.watermark.profile import load_mark

    marks = [MarkSpec("w1", scheme="greenlist")]
    first = load_mark(mark_paths(marks, [], tmp_path / "a")["w1"]).profile
    again = load_mark(mark_paths(marks, [], tmp_path / "a")["w1"]).profile
    other = load_mark(mark_paths(marks, [], tmp_path / "b")["w1"]).profile
    assert first == again
    assert first.key_fingerprint != other.key_fingerprint


def test_a_refused_plan_leaves_the_records_of_the_finished_run(given: Path) -> None:
    out = given.parent / "out"
    run(given, out)
    names = ("plan.toml", "run.json", "metrics.json")
    before = [(out / name).read_bytes() for name in names]
    write_texts(given.parent / "people.jsonl", [*texts("human", 3), texts("human", 1)[0]])
    given.write_text(GIVEN.replace("draws = 50", "draws = 60"))
    with pytest.raises(DataError, match="occurs twice"):
        run(given, out)
    assert [(out / name).read_bytes() for name in names] == before


def test_a_refused_first_run_can_be_given_again(given: Path) -> None:
    out = given.parent / "out"
    write_texts(given.parent / "people.jsonl", [*texts("human", 3), texts("human", 1)[0]])
    with pytest.raises(DataError, match="occurs twice"):
        run(given, out)
    assert not (out / "plan.toml").exists()
    write_texts(given.parent / "people.jsonl", texts("human", 6))
    run(given, out)
    assert (out / "plan.toml").read_text() == GIVEN


def test_what_is_kept_of_a_run_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    from assay.eval.plan_folder import record_plan

    values = {
        "HUMAN": f"{tmp_path}/my texts/h.jsonl", "MODEL": "facebook/opt-1.3b", "METRIC": f"log_rank:{tmp_path}/m,~/n/r",
        "ADDRESS": "http://localhost:8000/v1",
    }  # fmt: skip
    plan = plan_of(tmp_path, GIVEN + "".join(f"# ${{{name}}}\n" for name in values), **values)
    record_plan(tmp_path, plan, f"{tmp_path}/plan.toml")
    assert json.loads((tmp_path / "run.json").read_text()) == {
        "made_by": "assay eval run", "plan": "plan.toml",
        "set": {"HUMAN": "h.jsonl", "MODEL": "facebook/opt-1.3b", "METRIC": "log_rank:m,r", "ADDRESS": "http://localhost:8000/v1"},
    }  # fmt: skip


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import sys; sys.exit()"])
def test_a_detector_that_exits_is_one_line(given: Path, code: str) -> None:
    number = str(len(code))  # a module is imported once in a process
    (given.parent / f"exits{number}.py").write_text(f"def score(texts):\n    {code}\n")
    given.write_text(GIVEN.replace("word_length", f"exits{number}"))
    with pytest.raises(DataError, match=r"exits\d+:score failed on .* texts: SystemExit"):
        run(given, given.parent / "out")
    (given.parent / f"leaves{number}.py").write_text(f"{code}\n")
    given.write_text(GIVEN.replace("word_length", f"leaves{number}"))
    with pytest.raises(DataError, match=r"cannot import leaves\d+: SystemExit"):
        run(given, given.parent / "out")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("metrics.json", b"{", "cannot be read"),
        ("metrics.json", b'{"format": "assay-eval-1"}', "is damaged: settings is missing"),
        ("metrics.json", b"[]", "is damaged: settings is missing"),
        ("metrics.json", None, "the figures in .* are damaged"),
        ("timing.json", b"\xff", "cannot be read"),
        ("timing.json", b"{}", "is damaged: stages is missing"),
        ("timing.json", b'{"stages": [1], "cost": [2], "wall_s": {}}', "the figures in .* are damaged"),
    ],
)
def test_damaged_figures_are_one_line(
    tiny: tuple[Path, dict[str, Any]], tmp_path: Path, name: str, content: bytes | None, expected: str
) -> None:
    for file in ("metrics.json", "timing.json", "table.parquet"):
        (tmp_path / file).write_bytes((tiny[0] / file).read_bytes())
    if content is None:
        metrics = json.loads((tmp_path / name).read_text())
        content = json.dumps({**metrics, "settings": {}}).encode()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=expected):
        measure_again(tmp_path)
