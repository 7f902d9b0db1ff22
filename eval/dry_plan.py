"""What a plan would do: its grid, texts and tokens by stage, what of it is there already, and about how long the rest takes. Nothing is written.

Given texts are read to be counted. Seconds come from rates measured once (`RATES`: CPU seconds of one core of an AMD EPYC server that others used too), divided by the workers; a guide,
and on a quiet machine too high. What has no rate, another model, a command, a service, is named and left out of the sum.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .eval_detectors import make_detector
from .plan import GenerateSpec
from .plan_check import Checked, detector_spec
from .plan_grid import Grid, ScoreTask, Source, Variant, make_grid
from .plan_keys import plan_keys
from .plan_marks import made_path
from .plan_tables import PlanProblems, Problems
from .score_table import HUMAN, MACHINE
from .set_problems import SharedTexts, class_problems
from .store import Store

if TYPE_CHECKING:
    from assay.watermark.profile import LoadedMark

    from .subject import Subject

RATES = {
    "generate": 1_300.0,
    "attack": 1_000_000.0,
    "attack with the embedded model": 1_400.0,
    "score, mark": 500_000.0,
    "score, fast": 55_000.0,
    "score, embedded": 6_000.0,
    "score, scores": 10_000_000.0,
}
"""Tokens a second on one core."""

_CHARS_PER_TOKEN = 4.3


@dataclass(frozen=True)
class Size:
    """Texts and their tokens (about)."""

    texts: int = 0
    tokens: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.texts + other.texts, self.tokens + other.tokens)


def dry_plan(
    checked: Checked, out: Path, workers: int, device: str = "auto", say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Return the grid of a checked plan and what it costs, JSON-ready; what is wrong with single texts goes to `say`.

    Raises:
        PlanProblems: with all that is wrong with the texts.
    """
    plan = checked.plan
    given = _read_sets(checked, say)
    keys = plan_keys(plan)
    marks = _marks(checked, out)
    specs = [(one.name, detector_spec(one, device)) for one in plan.detectors]
    detectors = [make_detector(name, spec, marks, True, plan.base) for name, spec in specs]  # made, not run
    grid = make_grid(checked, marks, detectors, keys)
    store = Store(out / "store")
    sizes = {source.name: _source_size(source, given) for source in grid.sources}
    tested = {label for source in grid.sources if source.role == "test" for label in sizes[source.name]}
    if problems := class_problems(tested, only_marks=all(one.kind == "mark" for one in detectors)):
        raise PlanProblems(plan.head.name, problems)
    stages = [*_generations(grid, store, sizes), *_attacks(grid, store, sizes), *_scores(grid, store, sizes, checked)]
    known = [one["estimated_s"] for one in stages if one["estimated_s"] is not None]
    unknown = sorted({f"{one['stage']} {one['name']}" for one in stages if one["estimated_s"] is None and one["texts"]})
    return {
        "plan": plan.head.name,
        "grid": {
            "sources": {name: {label: size.texts for label, size in by.items()} for name, by in sizes.items()},
            "attacks": {one.title: list(one.strengths) for one in checked.attacks},
            "lengths": list(plan.head.lengths),
            "detectors": [one.name for one in checked.detectors],
            "cells": len(grid.tasks),
        },
        "stages": stages,
        "workers": workers,
        "estimated_s": round(sum(known) / max(workers, 1), 1),
        "not_estimated": unknown,
        "estimate": "from measured rates of one core and the embedded model; a guide, not a promise",
    }


def _marks(checked: Checked, out: Path) -> "Mapping[str, LoadedMark]":
    """Return the marks of the folder where it has them, so that what is done is known; else those of the check."""
    from assay.watermark.profile import load_mark

    plan, found = checked.plan, dict(checked.marks)
    for mark in plan.marks:
        path = made_path(mark, plan.generate, out / "marks") if mark.scheme else None
        if path is not None and path.exists():
            found[mark.name] = load_mark(path)
    return found


def _read_sets(checked: Checked, say: Callable[[str], None]) -> dict[str, dict[str, Size]]:
    """Return texts and tokens of each text set by label.

    Raises:
        PlanProblems: with what is wrong with any of them, and with those that share texts.
    """
    from .text_sets import load_subjects

    problems, shared, sets = Problems(), SharedTexts(), dict[str, dict[str, Size]]()
    for number, spec in checked.plan.numbered("texts"):
        found: dict[str, Size] = {}
        with problems.at(f"[[texts]] {number}"):
            shared.add(spec.name, spec.role, _counted(load_subjects(spec, say), found))
            sets[spec.name] = found
    if problems := [*problems, *shared.problems(sets)]:
        raise PlanProblems(checked.plan.head.name, problems)
    return sets


def _counted(subjects: "Iterator[Subject]", found: dict[str, Size]) -> "Iterator[tuple[str, str]]":
    """Yield id and text of each, adding it to the sizes by label."""
    for one in subjects:
        found[one.label] = found.get(one.label, Size()) + Size(1, round(len(one.text) / _CHARS_PER_TOKEN))
        yield one.id, one.text


def _source_size(source: Source, given: Mapping[str, dict[str, Size]]) -> dict[str, Size]:
    """Return texts and tokens of a source by label."""
    return {source.label: _asked_for(source.generate)} if source.generate is not None else given[source.name]


def _asked_for(spec: GenerateSpec) -> Size:
    return Size(spec.n, spec.n * spec.max_new_tokens)


def _generations(grid: Grid, store: Store, sizes: Mapping[str, Mapping[str, Size]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for variant in grid.variants:
        spec = variant.source.generate
        if variant.node.stage == "generate" and spec is not None:
            rate = RATES["generate"] if spec.model == "embedded" else None
            name = variant.source.name + (f" under {variant.title} {variant.strength:g}" if variant.attack else "")
            size = sizes[variant.source.name][MACHINE]
            rows.append(_row("generate", name, size, Size() if store.finished(variant.node) else size, rate))
    return rows


def _attacks(grid: Grid, store: Store, sizes: Mapping[str, Mapping[str, Size]]) -> list[dict[str, Any]]:
    rows: dict[str, tuple[Size, Size, float | None]] = {}
    for variant in grid.variants:
        if variant.attack is None or variant.node.stage != "attack":
            continue
        rate: float | None = RATES["attack"]
        if variant.attack.attack.needs_model:
            embedded = variant.attack.spec.options.get("model", "embedded") == "embedded"
            rate = RATES["attack with the embedded model"] if embedded else None
        size = _size(variant, sizes, variant.sides)
        left = Size() if store.finished(variant.node) else size
        all_of, missing, _ = rows.get(variant.title, (Size(), Size(), rate))
        rows[variant.title] = all_of + size, missing + left, rate
    return [_row("attack", name, *values) for name, values in rows.items()]


def _scores(
    grid: Grid, store: Store, sizes: Mapping[str, Mapping[str, Size]], checked: Checked
) -> list[dict[str, Any]]:
    specs = {one.name: one.spec for one in checked.plan.detectors}
    kinds = {one.name: one.kind for one in checked.detectors}
    rows: dict[str, tuple[Size, Size]] = {}
    for task in grid.tasks:
        size = _cut(_size(task.variant, sizes, task.labels), task)
        left = Size() if store.finished(task.node) else size
        all_of, missing = rows.get(task.detector, (Size(), Size()))
        rows[task.detector] = all_of + size, missing + left
    found: list[dict[str, Any]] = []
    for name, (all_of, missing) in rows.items():
        kind = str(specs[name].get("classifier", kinds[name]))
        found.append(_row("score", name, all_of, missing, RATES.get(f"score, {kind}")))
    return found


def _size(variant: Variant, sizes: Mapping[str, Mapping[str, Size]], labels: tuple[str, ...]) -> Size:
    total = Size()
    for label in (MACHINE, HUMAN):
        if label in labels:
            total = total + sizes[variant.source.name].get(label, Size())
    return total


def _cut(size: Size, task: ScoreTask) -> Size:
    return Size(size.texts, min(size.tokens, size.texts * task.length)) if task.length else size


def _row(stage: str, name: str, all_of: Size, missing: Size, rate: float | None) -> dict[str, Any]:
    return {
        "stage": stage,
        "name": name,
        "texts": all_of.texts,
        "tokens": all_of.tokens,
        "texts_to_do": missing.texts,
        "estimated_s": None if rate is None else round(missing.tokens / rate, 1),
    }
