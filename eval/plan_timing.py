"""What a plan cost, from the figures that each part of the store carries: seconds of all runs that made it, not only of the last.

What a kill threw away is in no part, so it is not counted; a stage that two plans share counts in both. CPU seconds are those of the worker, without the processes
that a command detector starts.
"""

import json
import platform
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from assay.corpus.durable import write_json

from .plan_grid import Grid, Keys, damage_node
from .plan_workers import core_count
from .store import Figures, Node, Store


class StageClock:
    """How long the stages of a plan took by the clock on the wall, added up over all runs of it in a folder.

    Args:
        store: in which it is kept.
        plan: SHA-256 of the plan.
    """

    def __init__(self, store: Store, plan: str) -> None:
        self._path, self._plan = store.root / "wall.json", plan

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Time a stage; what a kill cuts short is not counted."""
        begun = perf_counter()
        yield
        found = self._read()
        own = found.setdefault(self._plan, {})
        own[name] = round(own.get(name, 0.0) + perf_counter() - begun, 3)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._path, found, durably=False)

    def seconds(self) -> dict[str, float]:
        """Return seconds by stage."""
        return self._read().get(self._plan, {})

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            return json.loads(self._path.read_bytes())
        except (
            FileNotFoundError,
            ValueError,
        ):  # not there yet, or cut by a power failure: only how long it took is lost
            return {}


def plan_timing(store: Store, grid: Grid, keys: Keys, wall: Mapping[str, float]) -> dict[str, Any]:
    """Return `timing.json`: what each stage and each detector cost, and by the clock each kind of stage (`wall`)."""
    sums: dict[tuple[str, str], Figures] = {}
    seen: set[Node] = set()

    def add(stage: str, name: str, one: Node, tokens: int = 0) -> None:
        if one in seen or not store.finished(one):
            return
        seen.add(one)
        figures = _sum(part.figures for part in store.parts(one)) + Figures(tokens=tokens)
        sums[stage, name] = sums.get((stage, name), Figures()) + figures

    for source in grid.sources:
        done = store.finished(source.node) or {}
        add(source.node.stage, source.name, source.node, int(done.get("tokens", 0)))
    for variant in grid.variants:
        if variant.attack is not None:
            done = store.finished(variant.node) or {}
            add("attack", variant.title, variant.node, int(done.get("tokens", 0)))
            add("damage", variant.title, damage_node(variant, keys))
    for task in grid.tasks:
        add("score", task.detector, task.node)
    stages = [{"stage": stage, "name": name, **_rounded(figures)} for (stage, name), figures in sums.items()]
    cost = [
        {
            "detector": name,
            "tokens": figures.tokens,
            "cpu_s": round(figures.cpu_s, 3),
            "s_per_million_tokens": round(1e6 * figures.cpu_s / figures.tokens, 3) if figures.tokens else None,
        }
        for (stage, name), figures in sums.items()
        if stage == "score"
    ]
    machine = {"cores": core_count(), "cpu": _cpu(), "python": platform.python_version(), "system": platform.system()}
    return {"stages": stages, "cost": cost, "wall_s": dict(wall), "machine": machine}


def _sum(figures: Iterable[Figures]) -> Figures:
    total = Figures()
    for one in figures:
        total = total + one
    return total


def _rounded(figures: Figures) -> dict[str, Any]:
    return {
        "texts": figures.texts, "tokens": figures.tokens,
        "wall_s": round(figures.wall_s, 3), "cpu_s": round(figures.cpu_s, 3),
    }  # fmt: skip


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(
                (line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine()
            )
    except OSError:
        return platform.machine()
