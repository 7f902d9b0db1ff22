"""Run a plan: texts, generation, attacks, scores, quality, table, figures, report; each stage only what the store lacks.

    OUT/plan.toml, run.json       the plan as it was given, and what was given with it
    OUT/marks/                    marks the run made, keys with mode 0600
    OUT/store/                    every stage's output by content (`store.py`)
    OUT/table.parquet             the score table
    OUT/metrics.json, timing.json figures with their signature; what they cost
    OUT/report.html, report.md

A run may be killed at any moment. Given again it goes on, and table and figures are those of a run that was not, to the byte. Another plan into the same folder uses
what both share. Two runs at once are refused.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from assay.corpus.scan_worker import one_thread

from .plan import Plan
from .plan_check import Checked, check_plan, detector_spec
from .plan_folder import claimed, record_plan
from .plan_grid import Source, Variant, damage_node, make_grid, texts_nodes
from .plan_jobs import Running, Say, attack_job, generate_job
from .plan_keys import plan_keys
from .plan_marks import mark_paths
from .plan_tables import PlanProblems, Problems
from .plan_timing import StageClock
from .plan_workers import Workers, usual_workers
from .set_problems import SharedTexts, class_problems
from .stage_attack import AttackJob, run_attack
from .stage_generate import run_generate
from .stage_score import DetectorsAt, ScoreJob, Wanted, run_score
from .stage_texts import load_texts, make_prompts
from .store import Node, Store, canonical_sha256


def run_plan(
    plan: Plan,
    out: Path,
    say: Say,
    *,
    called: str = "",
    allow_commands: bool = False,
    device: str = "auto",
    workers: int = 0,
) -> dict[str, Any]:
    """Run a plan into a folder and return its figures (`metrics.json`).

    Args:
        plan: what to measure.
        out: new, empty, or a folder of earlier runs.
        say: gets one line at a time for people.
        called: the plan's file, for messages.
        allow_commands: whether the plan may run commands and Python functions, and send texts to addresses.
        device: where models run.
        workers: processes; 0 for the usual number.

    Raises:
        PlanProblems: with all that is wrong with the plan, before any work, or with its texts, before anything is generated.
        AssayError: in one line, if a stage cannot be done; what is finished stays.
    """
    one_thread()
    checked = check_plan(plan, called or plan.head.name, allow_commands=allow_commands)
    if device not in ("auto", "cpu"):
        _check_device(device)
    with claimed(out), Workers(workers_of(checked, device, workers)) as pool:
        running = prepare(checked, out, say, allow_commands=allow_commands, device=device)
        clock = StageClock(running.store, canonical_sha256(plan.source))
        with clock.stage("texts"):
            read_given(running)
        record_plan(out, plan, called or plan.head.name)
        with clock.stage("generate"):
            generate(running, pool)
        with clock.stage("attack"):
            attack(running, pool)
        with clock.stage("score"):
            score(running, pool)
        from .stage_report import finish

        return finish(running, pool, clock)


def prepare(checked: Checked, out: Path, say: Say, *, allow_commands: bool, device: str) -> Running:
    """Make the marks that are not there, and with them detectors and grid."""
    from assay.watermark.profile import load_mark

    from .eval_detectors import make_detector

    plan = checked.plan
    marks = mark_paths(plan.marks, plan.generate, out / "marks")
    loaded = {name: load_mark(path) for name, path in marks.items()}
    specs = {one.name: detector_spec(one, device) for one in plan.detectors}
    detectors = tuple(make_detector(name, spec, loaded, allow_commands, plan.base) for name, spec in specs.items())
    keys = plan_keys(plan)
    grid = make_grid(checked, loaded, detectors, keys)
    at = DetectorsAt(specs, marks, allow_commands, plan.base)
    return Running(checked, out, marks, keys, detectors, grid, at, device, say)


def read_given(running: Running) -> None:
    """Read the text sets and make the prompts; refuse what cannot be tested, before anything is generated.

    Raises:
        PlanProblems: with all that is wrong with the texts.
    """
    plan, store = running.plan, running.store
    sets, problems = texts_nodes(plan, running.keys), Problems()
    for number, spec in plan.numbered("texts"):
        with problems.at(f"[[texts]] {number}"):
            load_texts(store, spec, sets[spec.name], running.say)
    problems += _shared(store, plan, sets)
    for number, one in plan.numbered("generate"):
        texts = sets[one.prompts_from] if one.prompts_from else None
        if texts is None or store.finished(texts):
            with problems.at(f"[[generate]] {number}"):
                make_prompts(store, one, plan, running.grid.prompts[one.name], texts, running.say)
    if all(store.finished(place) for place in sets.values()):
        problems += class_problems(_labels(running), only_marks=all(one.kind == "mark" for one in running.detectors))
    if problems:
        raise PlanProblems(plan.head.name, problems)


def _shared(store: Store, plan: Plan, sets: Mapping[str, Node]) -> list[str]:
    """Return which of the sets that could be read share texts."""
    shared = SharedTexts()
    for spec in plan.texts:
        if store.finished(sets[spec.name]):
            shared.add(spec.name, spec.role, ((one["id"], one["text"]) for one in store.records(sets[spec.name])))
    return shared.problems(sets)


def _labels(running: Running) -> set[str]:
    """Return the labels of the texts that are tested."""
    labels: set[str] = set()
    for source in running.grid.sources:
        if source.role == "test":
            found = [source.label] if source.generate else [one["label"] for one in running.store.records(source.node)]
            labels |= set(found)
    return labels


def generate(running: Running, pool: Workers) -> None:
    """Write the texts of every generation, with and without marks, and under attacks that act while they are written."""
    wanted: dict[Node, tuple[Source, Variant | None]] = {
        one.node: (one, None) for one in running.grid.sources if one.node.stage == "generate"
    }
    for variant in running.grid.variants:
        if variant.attack is not None and variant.node.stage == "generate":
            wanted[variant.node] = variant.source, variant
    jobs = [
        generate_job(running, source, variant)
        for place, (source, variant) in wanted.items()
        if not running.store.finished(place)
    ]
    _run(running, pool, run_generate, jobs, "generate", lambda job: f"generation {job.title!r}")


def attack(running: Running, pool: Workers) -> None:
    """Attack what is not attacked yet, model attacks first: they are the longest."""
    store, jobs, places = running.store, list[AttackJob](), dict[Node, int]()
    for variant in running.grid.variants:
        if variant.attack is None or variant.node.stage != "attack" or variant.node in places:
            continue
        damage = damage_node(variant, running.keys)
        parts = places[variant.node] = places[damage] = parts_of(store, variant.source.node)
        if store.finished(variant.node) and store.finished(damage):
            continue
        jobs += [
            attack_job(running, variant, variant.attack, damage, number)
            for number in range(parts)
            if not (store.has(variant.node, number) and store.has(damage, number))
        ]
    dear = {one.title for one in running.checked.attacks if one.attack.needs_model}
    jobs.sort(key=lambda job: job.name not in dear)
    _run(running, pool, run_attack, jobs, "attack", lambda job: f"attack {job.name!r}")
    for place, parts in places.items():
        if not store.finished(place):
            store.finish(place, parts)


def score(running: Running, pool: Workers) -> None:
    """Score what is not scored yet."""
    store, asked, places = running.store, dict[tuple[Node, int, bool], dict[Node, Wanted]](), dict[Node, int]()
    for task in running.grid.tasks:
        variant = task.variant
        parts = places[task.node] = parts_of(store, variant.node)
        for number in range(parts):
            if not store.has(task.node, number):
                one = Wanted(task.node, task.detector, task.length, task.labels)
                asked.setdefault((variant.node, number, bool(variant.cut)), {})[task.node] = one
    tokenizer = running.plan.head.tokenizer
    jobs = [
        ScoreJob(store.root, texts, number, cut, tuple(wanted.values()), tokenizer, running.at)
        for (texts, number, cut), wanted in asked.items()
    ]
    _run(running, pool, run_score, jobs, "score", lambda job: f"scoring with {job.wanted[0].detector!r}")
    for place, parts in places.items():
        if not store.finished(place):
            store.finish(place, parts)


def _run(
    running: Running,
    pool: Workers,
    work: Callable[[Any], Any],
    jobs: Sequence[Any],
    title: str,
    what: Callable[[Any], str],
) -> None:
    """Run the jobs of a stage, and say what was done."""
    if jobs:
        begun = perf_counter()
        pool.run(work, jobs, title, what)
        running.say(f"{title}: {len(jobs):,} {'job' if len(jobs) == 1 else 'jobs'} in {perf_counter() - begun:,.1f} s")


def parts_of(store: Store, one: Node) -> int:
    """Return how many parts a finished node has."""
    done = store.finished(one)
    if done is None:
        raise ValueError(f"{one.stage} {one.key} is not finished")
    return int(done["parts"])


def workers_of(checked: Checked, device: str, workers: int) -> int:
    """Return how many workers a run has: as asked for, or the usual number for its models."""
    plan = checked.plan
    models = [one.model for one in plan.generate] + [plan.head.judge, plan.head.encoder]
    models += [str(one.options.get("model", "embedded")) for one in plan.attacks]
    models += [_model_of(str(one.spec.get("classifier", ""))) for one in plan.detectors]
    return workers or usual_workers(models, device)


def _model_of(classifier: str) -> str:
    """Return the model that a classifier reads with, as far as its name says: METRIC:MODEL; shipped ones are small."""
    return classifier.partition(":")[2]


def _check_device(device: str) -> None:
    import torch
    from assay.errors import ModelError

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}; try --device cpu") from None
