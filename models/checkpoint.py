"""Interrupt and resume: the training state on disk, and the log cut back to it.

Batches are a function of (seed, step), so weights, optimiser state and three counters are all there is. Checkpoints are
pickles written and read by the same user in a work folder (read with ``weights_only=True``); none is part of the model.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn


@dataclass(frozen=True)
class Position:
    """How far a run has come: optimiser steps, training tokens, seconds of wall time."""

    step: int = 0
    tokens: int = 0
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class LogRow:
    """One line of the log; `loss` in nats per token, `split` is ``train`` (mean since the row before) or ``valid``.

    Steps, tokens and seconds count on when a run continues another; `progress` begins again. `length` is that of the training sequences at the time, in tokens.
    """

    split: str
    step: int
    tokens: int
    elapsed_s: float
    progress: float
    length: int
    loss: float


def save_checkpoint(
    path: Path, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], position: Position
) -> None:
    """Write the state in one move, so that a kill at any moment leaves a whole checkpoint behind."""
    state = {
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "position": asdict(position),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def load_checkpoint(path: Path, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> Position:
    """Fill `model` and `optimizers` from `path` and return the position reached."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return Position(**state["position"])


def append_log(path: Path, row: LogRow) -> None:
    """Add one JSON line to the log."""
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(row)) + "\n")


def read_log(path: Path) -> list[LogRow]:
    """Return the rows of a log, none if it does not exist."""
    if not path.exists():
        return []
    return [LogRow(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def last_position(path: Path) -> Position:
    """Return where the run that wrote this log ended.

    Raises:
        ValueError: if there is no log at `path`, or it is empty.

    """
    rows = read_log(path)
    if not rows:
        raise ValueError(f"a run can only continue a model that was published with its log; {path.name} has no rows")
    return Position(rows[-1].step, rows[-1].tokens, rows[-1].elapsed_s)


def cut_log(path: Path, step: int) -> None:
    """Drop the rows after `step`: they belong to work that was lost with an interruption."""
    kept = [row for row in read_log(path) if row.step <= step]
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in kept), encoding="utf-8")
