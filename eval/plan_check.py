"""Everything that can be known to be wrong with a plan before any work, all of it at once, each in one line with its place.

Models are looked for (hub models by their config) and not loaded; marks, files and calibrations are read; attacks and detectors are made, whose constructors
check their options. What only the texts can tell, one class and ids that repeat, is said when they are read, before anything is generated.
"""

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from assay.models import resolve

from .attack import Attack, make_attack
from .plan import AttackSpec, DetectorSpec, Plan
from .plan_generations import check_generation
from .plan_marks import check_mark, mark_model
from .plan_tables import PlanProblems, Problems, nearest, twice
from .score_table import UNATTACKED

if TYPE_CHECKING:
    from assay.watermark.profile import LoadedMark

    from .detector import EvalDetector

_NAME = re.compile(r"[^\W_][\w.+:-]*")
_SIDES = ("machine", "human")


@dataclass(frozen=True)
class ReadyAttack:
    """An attack of a plan, made and checked.

    Attributes:
        title: what tables call it.
        attack: the attack.
        strengths: what it runs at, in the plan's order.
        on: labels it is used on.
        spec: the plan's words, from which a worker makes it again.
    """

    title: str
    attack: Attack
    strengths: tuple[float, ...]
    on: tuple[str, ...]
    spec: AttackSpec


@dataclass(frozen=True)
class Checked:
    """A plan with what its check made: attacks, and marks (those the run will make under a key that is thrown away)."""

    plan: Plan
    attacks: tuple[ReadyAttack, ...]
    marks: "Mapping[str, LoadedMark]"
    detectors: "tuple[EvalDetector, ...]"


def check_plan(plan: Plan, called: str, *, allow_commands: bool = False) -> Checked:
    """Return the plan with its attacks, detectors and marks made.

    Raises:
        PlanProblems: with everything that is wrong.
    """
    problems = Problems(plan.problems)
    _check_head(plan, problems)
    _check_names(plan, problems)
    marks: dict[str, LoadedMark] = {}
    for number, mark in plan.numbered("marks"):
        with problems.at(f"[[marks]] {number}"):
            marks[mark.name] = check_mark(mark, mark_model(mark, plan.generate))
    for number, spec in plan.numbered("texts"):
        with problems.at(f"[[texts]] {number}"):
            spec.check()
    for number, generate in plan.numbered("generate"):
        check_generation(plan, generate, marks, f"[[generate]] {number}", problems)
    attacks: list[ReadyAttack] = []
    for number, one in plan.numbered("attacks"):
        with problems.at(f"[[attacks]] {number}"):
            attacks.append(_ready(one, plan, allow_commands=allow_commands))
    detectors: list[EvalDetector] = []
    broken = {mark.name for mark in plan.marks} - set(marks)  # said already
    for number, detector in plan.numbered("detectors"):
        mark = detector.spec.get("mark")
        if mark in broken or (isinstance(mark, str) and mark not in marks and plan.may_have("marks", mark)):
            continue
        with problems.at(f"[[detectors]] {number}"):
            detectors.append(_detector(detector, plan, marks, allow_commands=allow_commands))
    _check_sides(plan, problems)
    if problems:
        raise PlanProblems(called, problems)
    return Checked(plan, tuple(attacks), marks, tuple(detectors))


def options_of(spec: AttackSpec, plan: Plan) -> dict[str, Any]:
    """Return an attack's options; one that names a file beside the plan is that file."""
    return {name: _beside(value, plan.base) for name, value in spec.options.items()}


def _beside(value: Any, base: Path) -> Any:
    if isinstance(value, list):
        return [_beside(one, base) for one in cast("list[Any]", value)]
    is_name = isinstance(value, str) and 0 < len(value) < 1000 and "\n" not in value and "\0" not in value
    return str(base / value) if is_name and (base / value).is_file() else value


def detector_spec(spec: DetectorSpec, device: str = "auto") -> dict[str, Any]:
    """Return what `make_detector` is given: a classifier runs where the run does, unless the plan says otherwise."""
    found = dict(spec.spec)
    if "classifier" in found and device != "auto":
        found.setdefault("device", device)
    return found


def _check_head(plan: Plan, problems: Problems) -> None:
    head = plan.head
    for name, ok, expected in (
        ("name", bool(head.name.strip()), "not be empty"),
        ("alpha", 0.0 < head.alpha < 1.0, "be between 0 and 1"),
        ("draws", 1 <= head.draws <= 100_000, "be from 1 to 100000"),
        ("rates", bool(head.rates) and all(0.0 < rate < 1.0 for rate in head.rates), "be between 0 and 1, and not none"),
        ("lengths", bool(head.lengths) and all(0 <= t < 2**31 for t in head.lengths), "be 0 (whole) or tokens, and not none"),
        ("seed", 0 <= head.seed < 2**63, "be from 0 to 2**63 - 1"),
    ):  # fmt: skip
        if not ok:
            value = getattr(head, name)
            problems.append(f"{name} must {expected}, got {list(value) if isinstance(value, tuple) else value!r}")
    for name in ("rates", "lengths"):
        if again := twice(getattr(head, name)):
            problems.append(f"{name}: {again[0]:g} stands there twice")
    with problems.at("tokenizer"):
        from assay.watermark.tokenizer import load_tokenizer

        load_tokenizer(resolve(head.tokenizer))
    if head.judge:
        with problems.at("judge"):
            _find_model(head.judge)
    if head.encoder:
        with problems.at("encoder"):
            _find_encoder(head.encoder)
    if head.mauve:
        with problems.at("mauve"):
            _find_package("mauve")


def _check_names(plan: Plan, problems: Problems) -> None:
    """Refuse names that repeat, are no names, or mean something else."""
    sources = [one.name for one in (*plan.texts, *plan.generate)]
    for part, names in (
        ("[[marks]]", [one.name for one in plan.marks]),
        ("[[texts]] and [[generate]]", sources),
        ("[[attacks]]", [one.title for one in plan.attacks]),
        ("[[detectors]]", [one.name for one in plan.detectors]),
    ):
        problems += [f"{part}: two are called {name!r}; give each its own " + ("label" if "attacks" in part else "name")
                     for name in twice(names)]  # fmt: skip
        for name in dict.fromkeys(names):
            if not _NAME.fullmatch(name):
                problems.append(f"{part}: {name!r} is no name: letters and digits, then also . _ - + :")
    reserved = {"none", "unmarked", "human"}
    problems += [
        f"[[marks]] {n}: a mark cannot be called {m.name!r}" for n, m in plan.numbered("marks") if m.name in reserved
    ]
    problems += [
        f"[[attacks]] {n}: {UNATTACKED!r} is the text as it was; choose another label"
        for n, a in plan.numbered("attacks")
        if a.title == UNATTACKED
    ]
    if not plan.detectors and not plan.may_have("detectors"):
        problems.append("there is no [[detectors]]: name at least one")
    if not sources and not plan.may_have("texts") and not plan.may_have("generate"):
        problems.append("there are no texts: name at least one [[texts]] or [[generate]]")


def _ready(spec: AttackSpec, plan: Plan, *, allow_commands: bool) -> ReadyAttack:
    """Return an attack of the plan.

    Raises:
        PlanProblems, AssayError: if it is unknown, has wrong options, lacks what it needs, or sends texts where nobody allowed it.
    """
    attack = make_attack(spec.name, options_of(spec, plan), "options = {{{} = ...}}")
    wrong = [
        f"strength must be above 0 and at most 1, got {one:g} (the text as it was is always measured)"
        for one in spec.strengths
        if not (math.isfinite(one) and 0.0 < one <= 1.0)
    ]
    wrong += [f"the strength {one:g} stands there twice" for one in twice(spec.strengths)]
    for side in spec.on:
        if side not in _SIDES:
            near = difflib.get_close_matches(side, _SIDES, 1)
            wrong.append(
                f"on must be of machine, human, got {side!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
    if not spec.on:
        wrong.append("on is empty; expected machine, human, or both")
    if attack.stage == "generation" and not plan.generate and not plan.may_have("generate"):
        wrong.append(f"attack {spec.name!r} acts while a text is generated, and the plan has no [[generate]]")
    sends: Callable[[], str] | None = getattr(attack, "sends", None)
    if sends is not None and not allow_commands and (address := sends()):
        wrong.append(
            f"attack {spec.name!r} sends texts to {address}, which was not allowed; look at it, then add --allow-commands"
        )
    if wrong:
        raise PlanProblems("", wrong)
    check: Callable[[], None] | None = getattr(attack, "check", None)
    if check is not None:
        check()
    return ReadyAttack(spec.title, attack, tuple(spec.strengths) or attack.strengths, tuple(spec.on), spec)


def _detector(
    spec: DetectorSpec, plan: Plan, marks: "Mapping[str, LoadedMark]", *, allow_commands: bool
) -> "EvalDetector":
    """Return a detector of the plan.

    Raises:
        AssayError: if it cannot be made, lacks what it needs, or looks for a mark that no text carries.
    """
    from assay.errors import DataError

    from .eval_detectors import make_detector

    mark, named = spec.spec.get("mark"), [one.name for one in plan.marks]  # those that cannot be made too
    if isinstance(mark, str) and mark not in named and not mark.endswith(".toml"):
        raise DataError(f"detector {spec.name!r}: the plan has no mark {mark!r}; {nearest(mark, named)}")
    found = make_detector(spec.name, detector_spec(spec), marks, allow_commands, plan.base)
    check: Callable[[], None] | None = getattr(found, "check", None)
    if check is not None:
        check()
    carried = {mark for one in plan.generate for mark in one.marks} | {getattr(one, "mark", "") for one in plan.texts}
    unknown = plan.may_have("generate") or plan.may_have("texts")
    if found.mark and found.mark not in carried and not unknown:
        raise DataError(f"detector {spec.name!r} looks for the mark {found.mark!r}, which no source carries")
    return found


def _check_sides(plan: Plan, problems: Problems) -> None:
    """Refuse what forced labels alone show to be one class."""
    if plan.may_have("texts") or plan.may_have("generate"):
        return
    labels = {one.label for one in plan.texts if one.name not in plan.prompt_sets() and one.role == "test"}
    if labels == {"human"} and not plan.generate:
        problems.append("all texts are human: name machine texts, or a [[generate]]")
    all_marks = all("mark" in one.spec for one in plan.detectors)
    if labels == {"machine"} and not plan.prompt_sets() and not all_marks:
        problems.append("all texts are machine texts: a detector without a law needs human ones")


def _find_model(name: str) -> None:
    from assay.watermark.inspection import find_model

    find_model(resolve(name))


def _find_encoder(name: str) -> None:
    from assay.watermark.hub import hub_folder, local_folder

    if local_folder(name) is None:
        hub_folder(name)


def _find_package(name: str) -> None:
    from importlib.util import find_spec

    from assay.errors import DataError

    if find_spec(name) is None:
        raise DataError(f"needs the package {name}, which is not installed; install it, or leave it out")
