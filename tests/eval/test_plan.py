"""Plans: what is wrong with one is said all at once, with its place and the nearest name, before anything is done."""

from pathlib import Path

import pytest
from assay.eval.plan import read_plan
from assay.eval.plan_check import check_plan
from assay.eval.plan_tables import PlanProblems
from assay.eval.shipped_plans import plan_facts, plan_path, shipped_plans

from .plan_cases import GIVEN, given_folder, plan_of, texts, write_texts

SHIPPED = ("edits", "kgw-paper", "paraphrase", "passive", "quick", "reliability", "tiny")


def problems_of(folder: Path, content: str, *, allow: bool = True, **variables: str) -> tuple[str, ...]:
    """Return what is said of a plan; it must be something."""
    with pytest.raises(PlanProblems) as said:
        check_plan(plan_of(folder, content, **variables), "plan.toml", allow_commands=allow)
    assert all("\n" not in problem for problem in said.value.problems)
    return said.value.problems


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    given_folder(tmp_path)
    return tmp_path


def test_a_plan_that_is_right_passes_and_keeps_its_order(folder: Path) -> None:
    checked = check_plan(plan_of(folder, GIVEN), "plan.toml", allow_commands=True)
    assert [one.name for one in checked.plan.texts] == ["people", "machines"]
    assert [(one.title, one.strengths) for one in checked.attacks] == [("delete", (0.2, 0.5))]
    assert [one.name for one in checked.detectors] == ["words"]


def test_every_mistake_of_the_file_is_said_with_its_place(folder: Path) -> None:
    wrong = (
        GIVEN.replace("lengths =", "lenghts =")
        .replace("strengths =", "strenghts =")
        .replace("draws = 50", 'draws = "50"')
    )
    with pytest.raises(PlanProblems) as said:
        plan_of(folder, wrong + "\n[[detector]]\nname = 'x'\n")
    told = "\n".join(said.value.problems)
    assert "unknown key 'lenghts'; did you mean 'lengths'?" in told
    assert "[[attacks]] 1: unknown key 'strenghts'; did you mean 'strengths'?" in told
    assert "draws must be a whole number, got '50'" in told
    assert "unknown table 'detector'; did you mean 'detectors'?" in told
    assert str(said.value).endswith(f"(and {len(said.value.problems) - 1} more)")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "delete"', 'name = "delte"', "[[attacks]] 1: unknown attack 'delte'; did you mean 'delete'?"),
        ("strengths = [0.2, 0.5]", "strengths = [0.2, 1.5]", "[[attacks]] 1: strength must be above 0 and at most 1, got 1.5"),
        ("strengths = [0.2, 0.5]", "strengths = [0.0]", "[[attacks]] 1: strength must be above 0 and at most 1, got 0"),
        ("strengths = [0.2, 0.5]", "strengths = [0.2, 0.2]", "[[attacks]] 1: the strength 0.2 stands there twice"),
        ("strengths = [0.2, 0.5]", "options = {rat = 1}", "[[attacks]] 1: attack 'delete' has no option 'rat'"),
        ("strengths = [0.2, 0.5]", 'on = ["humans"]', "[[attacks]] 1: on must be of machine, human, got 'humans'; did you mean 'human'?"),
        ("strengths = [0.2, 0.5]", 'label = "none"', "[[attacks]] 1: 'none' is the text as it was"),
        ('path = "people.jsonl"', 'path = "peeple.jsonl"', "[[texts]] 1: "),
        ('path = "people.jsonl"', 'path = "people.jsonl"\nformat = "rade"', "[[texts]] 1: text set 'people': unknown format 'rade'"),
        ('name = "machines"', 'name = "people"', "[[texts]] and [[generate]]: two are called 'people'"),
        ('function = "word_length:score"', 'mark = "w1"', "[[detectors]] 1: detector 'words': the plan has no mark 'w1'"),
        ('function = "word_length:score"', 'classifier = "fats"', "[[detectors]] 1: "),
        ('function = "word_length:score"', 'funktion = "word_length:score"', "[[detectors]] 1: detector 'words' has none of"),
        ("lengths = [0, 20]", "lengths = [-5]", "lengths must be 0 (whole) or tokens, and not none, got [-5]"),
        ("lengths = [0, 20]", "rates = [0.0]", "rates must be between 0 and 1, and not none, got [0.0]"),
        ("lengths = [0, 20]", "lengths = [20, 20]", "lengths: 20 stands there twice"),
        ("lengths = [0, 20]", 'judge = "nowhere/no-model"', "judge: 'nowhere/no-model' is neither a folder nor a model"),
        ("lengths = [0, 20]", 'tokenizer = "./missing"', "tokenizer: "),
        ("draws = 50", "alpha = 2.0", "alpha must be between 0 and 1, got 2.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_said(
    folder: Path, old: str, new: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert old in GIVEN
    problems = problems_of(folder, GIVEN.replace(old, new, 1))
    assert len(problems) == 1, problems
    assert problems[0].startswith(expected)


def test_code_of_others_needs_to_be_allowed(folder: Path) -> None:
    (problem,) = problems_of(folder, GIVEN, allow=False)
    assert "--allow-commands" in problem


MARKED = """
name = "marked"
[[marks]]
name = "w1"
scheme = "greenlist"
[[generate]]
name = "gen"
marks = ["none", "w1"]
[[detectors]]
name = "w1"
mark = "w1"
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('marks = ["none", "w1"]', 'marks = ["none", "w11"]', "[[generate]] 1: unknown mark 'w11'; did you mean 'w1'?"),
        ('marks = ["none", "w1"]', 'marks = ["none"]', "[[detectors]] 1: detector 'w1' looks for the mark 'w1', which no source carries"),
        ('scheme = "greenlist"', 'scheme = "grenlist"', "[[marks]] 1: unknown scheme 'grenlist'"),
        ('scheme = "greenlist"', 'scheme = "greenlist"\nparameters = {gamma = 2.0}', "[[marks]] 1: "),
        ('scheme = "greenlist"', "", "[[marks]] 1: needs either profile"),
        ('scheme = "greenlist"', 'profile = "no.toml"', "[[marks]] 1: profile "),
        ('marks = ["none", "w1"]', 'marks = ["none", "w1"]\nmodel = "./no-model"', "[[generate]] 1: "),
        ('marks = ["none", "w1"]', 'marks = ["none", "w1"]\nprompts_from = "people"', "[[generate]] 1: prompts_from names no text set"),
        ('marks = ["none", "w1"]', 'marks = ["none", "w1"]\nprompts = "no.jsonl"', "[[generate]] 1: the file of prompts"),
        ('marks = ["none", "w1"]', 'marks = ["none", "w1"]\nmax_new_tokens = 5000', "[[generate]] 1: 5001 tokens with the prompt are too many"),
        ('marks = ["none", "w1"]', 'marks = ["none", "w1"]\nn = 0', "[[generate]] 1: n must be at least 1, got 0"),
        ('marks = ["none", "w1"]', 'marks = ["none", "w1"]\ntemperature = -1', "[[generate]] 1: temperature must be 0 (greedy)"),
    ],
)  # fmt: skip
def test_what_cannot_be_generated_is_said(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in MARKED
    problems = problems_of(tmp_path, MARKED.replace(old, new, 1))
    told = [problem for problem in problems if problem.startswith(expected)]
    assert told, problems


def test_an_attack_on_generation_needs_one(folder: Path) -> None:
    problems = problems_of(folder, GIVEN.replace('name = "delete"', 'name = "interleave"'))
    assert problems == (
        "[[attacks]] 1: attack 'interleave' acts while a text is generated, and the plan has no [[generate]]",
    )


def test_people_alone_are_one_class(folder: Path) -> None:
    content = GIVEN.replace('path = "people.jsonl"', 'path = "people.jsonl"\nlabel = "human"')
    content = content.replace('path = "machines.jsonl"', 'path = "machines.jsonl"\nlabel = "human"')
    assert problems_of(folder, content) == ("all texts are human: name machine texts, or a [[generate]]",)


def test_variables_are_filled_in_and_missed_by_name(folder: Path) -> None:
    content = GIVEN.replace('"people.jsonl"', '"${HUMAN}"').replace(
        "draws = 50", 'draws = 50\ndescription = "${WHY:-no reason}"'
    )
    with pytest.raises(PlanProblems) as said:
        plan_of(folder, content)
    assert said.value.problems == ("[[texts]] 1: the variable HUMAN is not given; give --set HUMAN=VALUE",)
    plan = plan_of(folder, content, HUMAN="people.jsonl")
    assert plan.head.description == "no reason"
    assert Path(plan.texts[0].path) == folder / "people.jsonl"
    with pytest.raises(PlanProblems, match="the plan has no variable 'HUMEN'"):
        plan_of(folder, content, HUMAN="people.jsonl", HUMEN="x")


def test_paths_are_meant_from_the_folder_of_the_plan(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    check_plan(read_plan(folder / "plan.toml"), "plan.toml", allow_commands=True)


def test_the_shipped_plans_are_these_and_can_be_listed() -> None:
    assert tuple(shipped_plans()) == SHIPPED
    facts = {path.stem: plan_facts(path) for path in shipped_plans().values()}
    assert {name for name, one in facts.items() if one["needs"]} == {"edits", "paraphrase", "passive"}
    assert facts["paraphrase"]["needs"] == ["HUMAN", "ORIGINALS", "PARAPHRASES"]
    assert all(one["description"].endswith((".", ")")) for one in facts.values())
    with pytest.raises(PlanProblems, match="did you mean 'quick'"):
        plan_path("quik")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_plans_can_be_read_and_those_without_other_models_pass(
    name: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    data = shared / "data" / "detection"
    values = {
        "HUMAN": data / "human_only.jsonl.gz", "ORIGINALS": data / "detectrl_clean.jsonl.gz",
        "PARAPHRASES": data / "detectrl_attacked.jsonl.gz", "DATA": data,
    }  # fmt: skip
    path = shipped_plans()[name]
    plan = read_plan(path, {key: str(values[key]) for key in plan_facts(path)["needs"]})
    if name in ("kgw-paper", "reliability"):
        with pytest.raises(PlanProblems) as said:
            check_plan(plan, name)
        assert all("hub" in problem or "datasets" in problem for problem in said.value.problems), said.value.problems
    else:
        assert check_plan(plan, name).detectors


def test_passages_of_the_shipped_plans_are_the_shipped_human_texts() -> None:
    import json

    from assay.eval.demo import human_passages

    lines = (shipped_plans()["tiny"].parent / "passages.jsonl").read_text().splitlines()
    pieces = [json.loads(line) for line in lines]
    whole = {" ".join(passage.text.split()) for passage in human_passages()}
    halves = [" ".join(one["text"] for one in pieces[i : i + 2]) for i in range(0, len(pieces), 2)]
    assert set(halves) == whole


def test_texts_that_repeat_an_id_stop_before_generation(folder: Path) -> None:
    from assay.errors import DataError
    from assay.eval.run_plan import run_plan

    write_texts(folder / "people.jsonl", [*texts("human", 3), texts("human", 1)[0]])
    content = GIVEN + '\n[[generate]]\nname = "gen"\n'
    with pytest.raises(DataError, match="the id 'human-0' occurs twice"):
        run_plan(plan_of(folder, content), folder / "out", lambda _: None, allow_commands=True)
    assert not (folder / "out/store/generate").exists()


def test_given_texts_of_one_class_stop_before_generation(folder: Path) -> None:
    from assay.errors import DataError
    from assay.eval.run_plan import run_plan

    write_texts(folder / "people.jsonl", [{**one, "label": "machine"} for one in texts("human", 4)])
    with pytest.raises(DataError, match="one class: no human text"):
        run_plan(plan_of(folder, GIVEN), folder / "out", lambda _: None, allow_commands=True)
