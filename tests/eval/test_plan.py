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


SENDING = {
    "rewrite": 'model = "m", address = "http://user:pass@host.example:8765/v1?key=1", key_env = "MY_SECRET"',
    "guided": 'detector = "fast", base = "rewrite", base_options = ["model=m", "address=http://host.example:8765/v1", "key_env=MY_SECRET"]',
}


@pytest.mark.parametrize("name", SENDING)
def test_a_plan_sends_texts_and_variables_only_where_that_is_allowed(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2")
    content = GIVEN.replace('name = "delete"', f'name = "{name}"\noptions = {{{SENDING[name]}}}')
    content = content.replace('function = "word_length:score"', 'classifier = "fast"')
    if name == "guided":
        check_plan(plan_of(folder, content), "plan.toml", allow_commands=True)
    assert problems_of(folder, content, allow=False) == (
        (
            f"[[attacks]] 1: attack '{name}' sends texts to http://host.example:8765/v1 with the environment variable MY_SECRET, "
            "which was not allowed; look at it, then add --allow-commands"
        ),
    )


def test_an_address_that_is_none_is_said_and_not_a_traceback(folder: Path) -> None:
    options = 'options = {model = "m", address = "http://[::1"}'
    (problem,) = problems_of(folder, GIVEN.replace('name = "delete"', f'name = "rewrite"\n{options}'))
    assert "address must be like http://host:port/v1" in problem


def every_problem(folder: Path, content: str) -> tuple[str, ...]:
    """Return what the file and the later checks say of a plan together, as the command line does."""
    with pytest.raises(PlanProblems) as said:
        plan_of(folder, content)
    assert said.value.parsed is not None
    with pytest.raises(PlanProblems) as later:
        check_plan(said.value.parsed, "plan.toml", allow_commands=True)
    return later.value.problems


def test_mistakes_of_the_file_and_of_what_it_names_are_said_together(folder: Path) -> None:
    content = GIVEN.replace("draws = 50", 'draws = "50"\nalpha = 2.0').replace("strengths =", "strenghts =")
    content += '[[attacks]]\nname = "delte"\n[[detectors]]\nname = "c"\nclassifier = "fats"\n'
    told = every_problem(folder, content)
    assert [one.split(";")[0] for one in told] == [
        "draws must be a whole number, got '50'",
        "[[attacks]] 1: unknown key 'strenghts'",
        "alpha must be between 0 and 1, got 2.0",
        "[[attacks]] 2: unknown attack 'delte'",
        "[[detectors]] 2: unknown classifier 'fats'",
    ]


def test_what_a_table_that_cannot_be_read_would_give_is_not_missed(tmp_path: Path) -> None:
    given_folder(tmp_path)
    content = MARKED.replace('scheme = "greenlist"', 'shceme = "greenlist"').replace("[[detectors]]", "[[detector]]")
    content = content.replace(
        "[[generate]]", '[[texts]]\nname = "people"\npth = "people.jsonl"\n[[generate]]\nprompts_from = "people"'
    )
    told = every_problem(tmp_path, content)
    assert [one.split(";")[0] for one in told] == [
        "unknown table 'detector'",
        "[[marks]] 1: unknown key 'shceme'",
        "[[texts]] 1: unknown key 'pth'",
    ]


def test_a_plan_with_wrong_tables_cannot_be_run_without_them(folder: Path) -> None:
    with pytest.raises(PlanProblems) as said:
        plan_of(folder, GIVEN + "[[attacks]]\nname = 3\n")
    assert said.value.parsed is not None
    with pytest.raises(PlanProblems, match="name must be text, got 3"):
        check_plan(said.value.parsed, "plan.toml", allow_commands=True)


def test_a_missing_variable_is_said_once(folder: Path) -> None:
    content = GIVEN.replace('"people.jsonl"', '"${DATA}/people.jsonl"').replace('"machines.jsonl"', '"${DATA}/m.jsonl"')
    assert every_problem(folder, content) == ("[[texts]] 1: the variable DATA is not given; give --set DATA=VALUE",)


@pytest.mark.parametrize("value", ["100", '[0, "x"]', "[1.5]"])
def test_a_list_that_is_none_is_called_one(folder: Path, value: str) -> None:
    told = every_problem(folder, GIVEN.replace("lengths = [0, 20]", f"lengths = {value}"))
    assert told[0].startswith("lengths must be a list of whole numbers, got ")


def test_an_option_that_is_missing_is_asked_for_as_a_plan_gives_it(folder: Path) -> None:
    problems = problems_of(folder, GIVEN.replace('name = "delete"', 'name = "rewrite"'))
    assert problems == ("[[attacks]] 1: attack 'rewrite' needs the option 'model'; give it (options = {model = ...})",)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('scheme = "greenlist"', 'scheme = "grenlist"', "[[marks]] 1: unknown scheme 'grenlist'; did you mean 'greenlist'?"),
        ('mark = "w1"', 'mark = "w11"', "[[detectors]] 1: detector 'w1': the plan has no mark 'w11'; did you mean 'w1'?"),
        ('mark = "w1"', 'classifier = "fats"', "[[detectors]] 1: unknown classifier 'fats'; did you mean 'fast'?"),
        ('mark = "w1"', 'classifier = "fast_detectgp:embedded"',
         "[[detectors]] 1: unknown classifier 'fast_detectgp:embedded'; did you mean 'fast_detectgpt:embedded'?"),
    ],
)  # fmt: skip
def test_the_nearest_name_is_offered(tmp_path: Path, old: str, new: str, expected: str) -> None:
    problems = problems_of(tmp_path, MARKED.replace(old, new, 1))
    assert [one for one in problems if one.startswith(expected)], problems


def test_a_mark_that_is_not_there_is_said_beside_one_that_cannot_be_made(tmp_path: Path) -> None:
    content = MARKED.replace('scheme = "greenlist"', 'scheme = "x"') + '[[detectors]]\nname = "d"\nmark = "w9"\n'
    told = problems_of(tmp_path, content)
    assert "[[detectors]] 2: detector 'd': the plan has no mark 'w9'; known: w1" in told


def test_all_that_is_wrong_with_the_texts_is_said_at_once(folder: Path) -> None:
    from assay.eval.dry_plan import dry_plan
    from assay.eval.run_plan import run_plan

    write_texts(folder / "people.jsonl", [*texts("human", 3), texts("human", 1)[0]])
    content = GIVEN.replace('path = "machines.jsonl"', 'path = "machines.jsonl"\nwhere = {domain = "x"}')
    plan = plan_of(folder, content + '[[texts]]\nname = "more"\npath = "people.jsonl"\n')
    expected = (
        "[[texts]] 1: text set 'people': the id 'human-0' occurs twice",
        "[[texts]] 2: text set 'machines': where and where_not leave none of 20 texts",
        "[[texts]] 3: text set 'more': the id 'human-0' occurs twice",
    )
    with pytest.raises(PlanProblems) as ran:
        run_plan(plan, folder / "out", lambda _: None, allow_commands=True)
    with pytest.raises(PlanProblems) as dry:
        dry_plan(check_plan(plan, "plan.toml", allow_commands=True), folder / "none", 1)
    for said in (ran, dry):
        assert [one.startswith(two) for one, two in zip(said.value.problems, expected, strict=True)] == [True] * 3


SHARED = """
[[texts]]
name = "again"
path = "again.jsonl"
role = "ROLE"
"""


@pytest.mark.parametrize(
    ("role", "why"),
    [("calibration", "would set thresholds and be tested by them"), ("test", "would be counted twice")],
)
def test_texts_in_two_sets_are_refused_by_run_and_dry_run(folder: Path, role: str, why: str) -> None:
    from assay.eval.dry_plan import dry_plan
    from assay.eval.run_plan import run_plan

    others = [{**one, "id": f"new-{one['id']}", "cluster": ""} for one in texts("human", 5)]
    write_texts(folder / "again.jsonl", [*others, *texts("human", 4, seed=1)])
    content = GIVEN + SHARED.replace("ROLE", role) + '\n[[generate]]\nname = "gen"\n'
    plan = plan_of(folder, content.replace('name = "people"\n', 'name = "people"\nlimit = 20\n'))
    expected = (
        (
            f"text sets 'people' and 'again' share 5 texts (the first: 'new-human-0'), which {why}; "
            "keep each in one of them (where, where_not), or take other texts"
        ),
    )
    with pytest.raises(PlanProblems) as ran:
        run_plan(plan, folder / "out", lambda _: None, allow_commands=True)
    with pytest.raises(PlanProblems) as dry:
        dry_plan(check_plan(plan, "plan.toml", allow_commands=True), folder / "none", 1)
    assert ran.value.problems == dry.value.problems == expected
    assert not (folder / "out/store/generate").exists()


def test_a_dry_run_refuses_one_class(folder: Path) -> None:
    from assay.eval.dry_plan import dry_plan

    write_texts(folder / "people.jsonl", [{**one, "label": "machine"} for one in texts("human", 4)])
    checked = check_plan(plan_of(folder, GIVEN), "plan.toml", allow_commands=True)
    with pytest.raises(PlanProblems, match="one class: no human text"):
        dry_plan(checked, folder / "out", 1)
