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
from dataclasses import dataclass, fields
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from assay.corpus.scan_worker import one_thread
from assay.errors import DataError

from .plan import Plan
from .plan_check import Checked, ReadyAttack, check_plan, detector_spec, options_of
from .plan_folder import claimed
from .plan_grid import Grid, Keys, Source, Variant, damage_node, make_grid, seed_of
from .plan_keys import plan_keys
from .plan_marks import mark_paths
from .plan_timing import StageClock
from .plan_workers import Workers, usual_workers
from .score_table import HUMAN
from .stage_attack import AttackJob, run_attack
from .stage_generate import GenerateJob, run_generate
from .stage_score import DetectorsAt, ScoreJob, Wanted, run_score
from .stage_texts import load_texts, make_prompts
from .store import Node, Store, canonical_sha256

if TYPE_CHECKING:
    from .detector import EvalDetector

Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """One run.

    Attributes:
        checked: the plan.
        out: folder of the results.
        marks: profiles by the names of the marks.
        keys: what stands behind the plan's names.
        detectors: the detectors, made.
        grid: everything that is needed.
        at: how workers make the detectors.
        device: where models run.
        say: what writes a line.
    """

    checked: Checked
    out: Path
    marks: Mapping[str, Path]
    keys: Keys
    detectors: "tuple[EvalDetector, ...]"
    grid: Grid
    at: DetectorsAt
    device: str
    say: Say

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.checked.plan

    @property
    def store(self) -> Store:
        """Where stages keep what they make."""
        return Store(self.out / "store")


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
        allow_commands: whether detectors of the plan may be commands and Python functions.
        device: where models run.
        workers: processes; 0 for the usual number.

    Raises:
        PlanProblems: with all that is wrong with the plan, before any work.
        AssayError: in one line, if a stage cannot be done; what is finished stays.
    """
    one_thread()
    checked = check_plan(plan, called or plan.head.name, allow_commands=allow_commands)
    if device not in ("auto", "cpu"):
        _check_device(device)
    with claimed(out, plan, called), Workers(workers_of(checked, device, workers)) as pool:
        running = prepare(checked, out, say, allow_commands=allow_commands, device=device)
        clock = StageClock(running.store, canonical_sha256(plan.source))
        with clock.stage("texts"):
            read_given(running)
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
    """Read the text sets and make the prompts; refuse texts of one class, before anything is generated.

    Raises:
        DataError: in one line.
    """
    plan, store = running.plan, running.store
    from .plan_grid import texts_nodes

    sets = texts_nodes(plan, running.keys)
    for spec in plan.texts:
        load_texts(store, spec, sets[spec.name], running.say)
    for one in plan.generate:
        texts = sets[one.prompts_from] if one.prompts_from else None
        make_prompts(store, one, plan, running.grid.prompts[one.name], texts, running.say)
    check_classes(running)


def check_classes(running: Running) -> None:
    """Refuse a plan whose texts are all of one class, unless the law alone can judge (marks need no human texts).

    Raises:
        DataError: in one line.
    """
    store, labels = running.store, set[str]()
    for source in running.grid.sources:
        if source.role == "test":
            found = [source.label] if source.generate else [one["label"] for one in store.records(source.node)]
            labels |= set(found)
    if "machine" not in labels:
        raise DataError("the plan's texts are of one class: no machine text among them; name some, or a [[generate]]")
    if HUMAN not in labels and not all(one.kind == "mark" for one in running.detectors):
        raise DataError(
            "the plan's texts are of one class: no human text among them, and only marks have a law to go without; "
            "name human texts, or take the beginnings of some as prompts (prompts_from)"
        )


def generate(running: Running, pool: Workers) -> None:
    """Write the texts of every generation, with and without marks, and under attacks that act while they are written."""
    wanted: dict[Node, tuple[Source, Variant | None]] = {
        one.node: (one, None) for one in running.grid.sources if one.node.stage == "generate"
    }
    for variant in running.grid.variants:
        if variant.attack is not None and variant.node.stage == "generate":
            wanted[variant.node] = variant.source, variant
    jobs = [
        _generate_job(running, source, variant)
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
            _attack_job(running, variant, variant.attack, damage, number)
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


def _generate_job(running: Running, source: Source, variant: Variant | None) -> GenerateJob:
    spec = source.generate
    if spec is None:
        raise ValueError(f"source {source.name} is not generated")
    hook = None
    if variant is not None and variant.attack is not None:
        hook = (variant.attack.spec.name, options_of(variant.attack.spec, running.plan), variant.strength)
    return GenerateJob(
        running.store.root,
        source.node if variant is None else variant.node,
        running.grid.prompts[spec.name],
        spec,
        running.marks[source.mark] if source.mark else None,
        seed_of(spec, running.plan),
        running.device,
        source.name if variant is None else f"{source.name} under {variant.title}",
        hook,
    )


def _attack_job(running: Running, variant: Variant, ready: ReadyAttack, damage: Node, number: int) -> AttackJob:
    head, options = running.plan.head, options_of(ready.spec, running.plan)
    if running.device != "auto" and "device" in {field.name for field in fields(cast("Any", ready.attack))}:
        options.setdefault("device", running.device)  # where it runs is no part of what it does: not in the key
    return AttackJob(
        running.store.root, variant.source.node, number, variant.node, damage, ready.spec.name,
        options, variant.strength, head.seed, variant.sides, variant.cut, head.tokenizer,
        head.encoder,
    )  # fmt: skip
