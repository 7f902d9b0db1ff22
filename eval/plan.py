"""A plan: what is measured, as one TOML file, and nothing of how it is run.

    name = "edits"                 description, seed, alpha, lengths, tokenizer, rates, draws, judge, encoder, mauve
    [[marks]]                      name, and `profile`, or `scheme` with `parameters`: then the run makes the mark
    [[texts]]                      a set of given texts (`assay.eval.text_sets`)
    [[generate]]                   texts that the run has a model write, with and without marks
    [[attacks]]                    name in the registry, strengths, options, on
    [[detectors]]                  name, and one of mark, classifier, scores, command, function

Sources that come of it: a text set under its name; NAME/unmarked and NAME/MARK of a generation; NAME/human, the people's own continuations, where
the prompts are the beginnings of a text set. A file's path is relative to the plan's folder. What is wrong with a plan is said all at once
(`PlanProblems`); whether models and files are there is `plan_check.py`'s.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .plan_tables import PlanProblems, filled, nearest, read_table
from .plan_unread import Unread, is_wrong, said_once, unread_tables

if TYPE_CHECKING:
    from .text_sets import TextSetSpec

UNMARKED = "none"
"""Among the marks of a generation: text without one."""
_PARTS = ("marks", "texts", "generate", "attacks", "detectors")


@dataclass(frozen=True)
class MarkSpec:
    """A mark: the profile of one that exists, or a scheme and its parameters, of which the run makes one with a key of its own.

    `model` is the one whose tokenizer a made mark is for; without it that of the first generation that uses the mark. The others are options of
    `assay mark new`.
    """

    name: str
    profile: str = ""
    scheme: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model: str = ""
    min_tokens: int = 20
    skip_common: str = "en-1"
    normalise: bool = False


@dataclass(frozen=True)
class GenerateSpec:
    """Texts that a model writes: one for each prompt and mark.

    Attributes:
        name: sources are NAME/unmarked, NAME/MARK and, with `prompts_from`, NAME/human.
        marks: names of marks; `none` is unmarked text.
        prompts: file of prompts, as `assay generate --prompts`; with neither this nor `prompts_from` the model begins by itself.
        prompts_from: a text set whose human texts begin the prompts; their own rest, cut to `max_new_tokens`, is NAME/human.
        prompt_tokens: tokens of each human text that are the prompt.
        n: prompts used.
        human_tokens: human texts with a shorter rest are left out; 0 stands for `max_new_tokens`, so that both sides are equally long.
        seed: that of the plan if it is not given.
    """

    name: str
    model: str = "embedded"
    revision: str = ""
    dtype: str = "auto"
    marks: tuple[str, ...] = (UNMARKED,)
    prompts: str = ""
    prompts_from: str = ""
    prompt_field: str = "prompt"
    prompt_tokens: int = 30
    n: int = 100
    max_new_tokens: int = 200
    min_new_tokens: int = 0
    human_tokens: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    batch_size: int = 32
    seed: int | None = None
    chat: bool = True

    def source(self, mark: str) -> str:
        """Return the name of the source of its texts under a mark."""
        return f"{self.name}/{'unmarked' if mark == UNMARKED else mark}"

    @property
    def human_source(self) -> str:
        """Name of the source of the people's own continuations."""
        return f"{self.name}/human"


@dataclass(frozen=True)
class AttackSpec:
    """An attack at several strengths; its usual ones if none are given."""

    name: str
    label: str = ""
    strengths: tuple[float, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    on: tuple[str, ...] = ("machine", "human")

    @property
    def title(self) -> str:
        """What it is called in tables."""
        return self.label or self.name


@dataclass(frozen=True)
class DetectorSpec:
    """A detector: its name, and what `make_detector` is given."""

    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Head:
    """What stands above the tables of a plan.

    Attributes:
        alpha: a verdict is `detected` at this p-value.
        lengths: tokens of `tokenizer` that texts are cut to; 0 is the whole text.
        rates: false-positive rates at which detection is reported.
        draws: of the bootstrap.
        judge: model whose perplexity measures quality; empty for none.
        encoder: sentence encoder for similarity; empty for none.
    """

    name: str
    description: str = ""
    seed: int = 0
    alpha: float = 1e-3
    lengths: tuple[int, ...] = (0,)
    tokenizer: str = "embedded"
    rates: tuple[float, ...] = (0.05, 0.01, 0.001, 1e-5)
    draws: int = 1000
    judge: str = ""
    encoder: str = ""
    mauve: bool = False


@dataclass(frozen=True)
class Plan:
    """A plan as its file says it, variables replaced.

    Attributes:
        head: name and settings.
        base: folder that relative paths are meant from.
        source: the file as it was, for the copy beside the results.
        variables: what was given for its variables.
        problems: what is wrong with its file; a plan with any cannot be run, and is there for the later checks only.
        unread: tables that are missing here, because of these.
    """

    head: Head
    marks: tuple[MarkSpec, ...]
    texts: "tuple[TextSetSpec, ...]"
    generate: tuple[GenerateSpec, ...]
    attacks: tuple[AttackSpec, ...]
    detectors: tuple[DetectorSpec, ...]
    base: Path
    source: str
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    problems: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    def numbered(self, part: str) -> list[tuple[int, Any]]:
        """Return the tables of a part with their numbers in the file."""
        gone = {one.number for one in self.unread if one.part == part}
        numbers = (number for number in count(1) if number not in gone)
        return list(zip(numbers, getattr(self, part), strict=False))

    def may_have(self, part: str, name: str = "") -> bool:
        """Say whether a table that could not be read may be the one of that name, or with none any: then nobody can say that it is missing."""
        return any(one.part == part and (not name or one.name in ("", name)) for one in self.unread)

    def prompt_sets(self) -> set[str]:
        """Return the names of the text sets that only give prompts: their people's texts are in the table as NAME/human."""
        return {one.prompts_from for one in self.generate if one.prompts_from}


def read_plan(path: Path, variables: Mapping[str, str] | None = None) -> Plan:
    """Return the plan in a file.

    Raises:
        PlanProblems: with all that is wrong with the file; models, marks and texts are not looked for yet.
    """
    try:
        source = path.read_text(encoding="utf-8")
        content = tomllib.loads(source)
    except OSError as error:
        raise PlanProblems(str(path), [f"cannot be read: {error.strerror or error}"]) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanProblems(str(path), [f"is not TOML: {error}"]) from None
    return parse_plan(content, str(path), path.parent.absolute(), source, variables or {})


def parse_plan(content: Mapping[str, Any], called: str, base: Path, source: str, variables: Mapping[str, str]) -> Plan:
    """Return the plan in parsed TOML; arguments and errors as `read_plan`."""
    from .text_sets import TextSetSpec

    problems: list[str] = []
    used = source.count("${")
    for name in variables:
        if not used or ("${" + name) not in source:
            problems.append(f"--set {name}: the plan has no variable {name!r}")
    top = {name: value for name, value in content.items() if name not in _PARTS}
    for name in [name for name, value in top.items() if _is_table(value)]:
        problems.append(f"unknown table {name!r}; {nearest(name, _PARTS)}")
        del top[name]
    strange = bool([name for name in content if name not in _PARTS and name not in top])
    head = read_table(Head, filled(top, variables, "", problems), "", problems) or _usable_head(top, variables)
    parts = {part: _tables(content, part, variables, problems) for part in _PARTS}
    marks = _each(MarkSpec, parts["marks"], problems)
    texts = _each(TextSetSpec, [(at, _beside(table, "path", base)) for at, table in parts["texts"]], problems)
    generate = _each(GenerateSpec, [(at, _beside(table, "prompts", base)) for at, table in parts["generate"]], problems)
    attacks = _each(AttackSpec, parts["attacks"], problems)
    detectors = _detectors(parts["detectors"], problems)
    strange = strange or any(one.endswith("]]") and " must be tables, written [[" in one for one in problems)
    unread = unread_tables(parts, problems, strange=strange)
    marks = [_with_paths(mark, base) for mark in marks]
    problems = said_once(problems)
    plan = Plan(
        head, tuple(marks), tuple(texts), tuple(generate), tuple(attacks), tuple(detectors), base, source, dict(variables),
        tuple(problems), unread,
    )  # fmt: skip
    if problems:
        raise PlanProblems(called, problems, plan)
    return plan


def _usable_head(top: Mapping[str, Any], variables: Mapping[str, str]) -> Head:
    """Return the head of those keys that can be used, for the checks of the others."""
    good: dict[str, Any] = {"name": "unnamed"}
    for name, value in top.items():
        wrong: list[str] = []
        value = filled(value, variables, "", wrong)
        if read_table(Head, {"name": "unnamed", name: value}, "", wrong) is not None and not wrong:
            good[name] = value
    return read_table(Head, good, "", []) or Head("unnamed")


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(one, dict) for one in cast("list[Any]", value))
    )


def _tables(
    content: Mapping[str, Any], part: str, variables: Mapping[str, str], problems: list[str]
) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables of [[part]] with their places, variables replaced."""
    found = content.get(part, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in cast("list[Any]", found)):
        problems.append(f"{part} must be tables, written [[{part}]]")
        return []
    listed = cast("list[dict[str, Any]]", found)
    places = [f"[[{part}]] {number}" for number in range(1, len(listed) + 1)]
    return [(at, filled(table, variables, at, problems)) for at, table in zip(places, listed, strict=True)]


def _each(kind: type[Any], tables: Sequence[tuple[str, dict[str, Any]]], problems: list[str]) -> list[Any]:
    read = [(at, read_table(kind, table, at, problems)) for at, table in tables]
    return [one for at, one in read if one is not None and not is_wrong(at, problems)]  # its variables may be missing


def _detectors(tables: Sequence[tuple[str, dict[str, Any]]], problems: list[str]) -> list[DetectorSpec]:
    """Return the detectors; their keys, which depend on the kind, are `make_detector`'s to check."""
    detectors: list[DetectorSpec] = []
    for at, table in tables:
        name = table.get("name")
        if not isinstance(name, str):
            problems.append(
                f"{at}: " + ("the key 'name' is missing" if name is None else f"name must be text, got {name!r}")
            )
            continue
        if not is_wrong(at, problems):
            detectors.append(DetectorSpec(name, {key: value for key, value in table.items() if key != "name"}))
    return detectors


def _beside(table: dict[str, Any], key: str, base: Path) -> dict[str, Any]:
    """Return a table whose path is meant from the plan's folder."""
    value = table.get(key)
    return {**table, key: str(base / Path(value).expanduser())} if isinstance(value, str) and value else table


def _with_paths(mark: MarkSpec, base: Path) -> MarkSpec:
    from dataclasses import replace

    return replace(mark, profile=str(base / Path(mark.profile).expanduser())) if mark.profile else mark
