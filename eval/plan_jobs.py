"""A run in hand: the plan with what was made for it, and the jobs that its workers are given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .plan import Plan
from .plan_check import Checked, ReadyAttack, options_of
from .plan_grid import Grid, Keys, Source, Variant, seed_of
from .stage_attack import AttackJob
from .stage_generate import GenerateJob
from .stage_score import DetectorsAt
from .store import Node, Store

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


def generate_job(running: Running, source: Source, variant: Variant | None) -> GenerateJob:
    """Return the job that writes a generated source, as it is or under an attack that acts while it is written."""
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


def attack_job(running: Running, variant: Variant, ready: ReadyAttack, damage: Node, number: int) -> AttackJob:
    """Return the job that attacks one part of a source."""
    head, options = running.plan.head, options_of(ready.spec, running.plan)
    if running.device != "auto" and "device" in {field.name for field in fields(cast("Any", ready.attack))}:
        options.setdefault("device", running.device)  # where it runs is no part of what it does: not in the key
    return AttackJob(
        running.store.root, variant.source.node, number, variant.node, damage, ready.spec.name,
        options, variant.strength, head.seed, variant.sides, variant.cut, head.tokenizer,
        head.encoder,
    )  # fmt: skip
