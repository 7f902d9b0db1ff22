"""When training ends, and what the learning rate and the batch are on the way there.

Everything is a function of progress in [0, 1]: the share of the steps done, or of the wall time spent. The second lets a run on a shared
machine finish its decay on time whatever else the cores are doing. Warm-up, then linear decay to zero
(Bergsma et al. 2025, arXiv:2502.15938); batches grow and sequences lengthen late, when longer context starts to pay.
"""

import re
from dataclasses import dataclass

WARM_UP = 0.01


@dataclass(frozen=True)
class Stage:
    """Batches of `rows` sequences of `length` tokens, used while progress is below `until`."""

    until: float
    rows: int
    length: int


STAGES = (
    Stage(until=0.30, rows=8, length=256),
    Stage(until=0.75, rows=16, length=256),
    Stage(until=0.93, rows=8, length=512),
    Stage(until=1.00, rows=4, length=1024),
)


def parse_stages(text: str, context: int) -> tuple[Stage, ...]:
    """Return the stages written as ``UNTIL:ROWSxLENGTH,...``, such as ``0.5:16x256,1:8x512``.

    Raises:
        ValueError: if the form is another, the shares do not rise to 1, or a batch is empty or longer than `context` tokens.

    """
    stages: list[Stage] = []
    for part in text.split(","):
        found = re.fullmatch(r"([0-9.]+):([0-9]+)x([0-9]+)", part.strip())
        if found is None:
            raise ValueError(f"a stage is UNTIL:ROWSxLENGTH, such as 0.5:16x256, got {part!r}")
        stages.append(Stage(float(found[1]), int(found[2]), int(found[3])))
    shares = [stage.until for stage in stages]
    if shares != sorted(set(shares)) or shares[0] <= 0.0 or shares[-1] != 1.0:
        raise ValueError(f"the shares of the stages must rise from above 0 to 1, got {shares}")
    if not all(stage.rows > 0 and 0 < stage.length <= context for stage in stages):
        raise ValueError(f"a batch needs rows of 1 to {context} tokens, got {text!r}")
    return tuple(stages)


@dataclass(frozen=True)
class StepBudget:
    """Train for `steps` optimiser steps."""

    steps: int

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return the share of the run that is over after `step` steps."""
        del elapsed_s
        return min(1.0, step / self.steps)


@dataclass(frozen=True)
class WallBudget:
    """Train for `minutes` of wall time, interruptions between a checkpoint and its resumption not counted."""

    minutes: float

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return the share of the run that is over after `elapsed_s` seconds."""
        del step
        return min(1.0, elapsed_s / (60.0 * self.minutes))


Budget = StepBudget | WallBudget


def stage_at(stages: tuple[Stage, ...], progress: float) -> Stage:
    """Return the stage in force at `progress`; the last one at and beyond its end."""
    return next((stage for stage in stages if progress < stage.until), stages[-1])


def learning_rate_factor(progress: float) -> float:
    """Return what every peak learning rate is multiplied with at `progress`."""
    if progress < WARM_UP:
        return 0.05 + 0.95 * progress / WARM_UP
    return (1.0 - progress) / (1.0 - WARM_UP)
