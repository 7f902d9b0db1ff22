"""The training loop: one step after another until the budget is spent, with a log and checkpoints on the way.

Everything goes to the work folder: ``recipe.json``, ``log.jsonl``, ``checkpoint.pt`` and ``export/``. A run that finds a checkpoint there goes on from it, with
the same recipe only; under a step budget the curve is then the same as without the interruption. A run may also continue a published model: its
weights are the start (its optimisers' state is not), its log the beginning of the curve, steps and tokens count on, and the schedule begins again. On the CPU the passes are compiled and run
under bfloat16 autocast; master weights stay float32.
"""

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from transformers import LlamaForCausalLM

from .architecture import Size, build
from .checkpoint import LogRow, Position, append_log, cut_log, last_position, load_checkpoint, save_checkpoint
from .corpus import Tokens, even_crops, random_crops
from .export import Json, export, load_weights, start_record
from .optimizer import build_optimizers, scale_learning_rates
from .schedule import STAGES, Budget, Stage, learning_rate_factor, stage_at

LossFunction = Callable[[torch.Tensor], torch.Tensor]
VALID_ROWS = 64
VALID_LENGTH = 256


@dataclass(frozen=True)
class Recipe:
    """All that decides the run but the data: `batch_scale` multiplies the rows of every stage, for larger machines."""

    budget: Budget
    size: Size = field(default_factory=Size)
    stages: tuple[Stage, ...] = STAGES
    batch_scale: int = 1
    muon_lr: float = 0.02
    adam_lr: float = 0.005
    gradient_clip: float = 1.0
    seed: int = 0
    log_every: int = 20
    valid_every: int = 250
    checkpoint_every: int = 500
    compiled: bool = True


def loss_function(model: LlamaForCausalLM, device: torch.device) -> LossFunction:
    """Return the mean cross-entropy in nats per token of a batch of crops, (rows, length + 1) int64."""

    def loss(crops: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(input_ids=crops[:, :-1], use_cache=False).logits
        return functional.cross_entropy(logits.float().flatten(0, 1), crops[:, 1:].flatten())

    return loss


@contextmanager
def deterministic() -> Generator[None]:
    """Have torch add in a fixed order: compiled for several threads, the embedding's gradient would otherwise differ in its last bits."""
    before, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


def valid_loss(loss: LossFunction, tokens: Tokens, device: torch.device) -> float:
    """Return the mean loss on evenly spaced crops, 64 x 256 tokens, or as many as a short split has room for."""
    length = min(VALID_LENGTH, len(tokens) - 1)
    rows = max(1, min(VALID_ROWS, len(tokens) // length))
    crops = torch.from_numpy(even_crops(tokens, rows, length)).to(device)
    with torch.no_grad():
        losses = [loss(part).item() * len(part) for part in crops.split(16)]
    return sum(losses) / rows


def same_run(path: Path, recipe: Recipe) -> Position:
    """Return where the run ended that the run in a work folder continues, if any.

    Raises:
        ValueError: if the recipe written there is another than `recipe`.
    """
    stored: Json = json.loads(path.read_text(encoding="utf-8"))
    asked: Json = json.loads(json.dumps(asdict(recipe)))
    for name, value in asked.items():
        if stored["recipe"].get(name) != value:
            found = f"{name} {stored['recipe'].get(name)!r}, got {value!r}"
            raise ValueError(f"{path.parent} holds a run with {found}; repeat its settings, or use an empty folder")
    return Position(**stored["continues"]["ended"]) if "continues" in stored else Position()


class Run:
    """A run under way: the network, its optimisers, and how far it has come (`step`, `tokens`, `elapsed_s`)."""

    def __init__(
        self, recipe: Recipe, work: Path, device: torch.device, initial: Path | None = None, note: str = ""
    ) -> None:
        """Go on from the checkpoint in `work`; without one start from the published model in `initial`, or afresh.

        Raises:
            ValueError: if the work folder holds a run with another recipe, or `initial` was published without its log.
        """
        self.recipe, self.work, self.device = recipe, work, device
        self.model = build(recipe.size, recipe.seed)
        nn.Module.to(self.model, device)  # the override in transformers has a signature no type checker can read
        self.optimizers = build_optimizers(self.model, recipe.muon_lr, recipe.adam_lr)
        checkpoint = work / "checkpoint.pt"
        if checkpoint.exists():
            self.before = same_run(work / "recipe.json", recipe)
            position = load_checkpoint(checkpoint, self.model, self.optimizers)
            cut_log(work / "log.jsonl", position.step)
        else:
            self.before = position = self._begin(initial, note)
        self.step, self.tokens, self.elapsed_s = position.step, position.tokens, position.elapsed_s
        self.stage = stage_at(recipe.stages, self.progress)
        self._started = time.monotonic() - position.elapsed_s
        self._plain_loss = loss_function(self.model, device)
        self._loss = torch.compile(self._plain_loss, dynamic=False) if recipe.compiled else self._plain_loss

    def _begin(self, initial: Path | None, note: str) -> Position:
        """Write the recipe and the log's beginning, load the weights of `initial`; return where its run ended."""
        log = self.work / "log.jsonl"
        log.unlink(missing_ok=True)
        before = Position()
        if initial is not None:
            before = last_position(initial / "training.jsonl")
            load_weights(self.model, initial)
            log.write_bytes((initial / "training.jsonl").read_bytes())
        record = start_record(asdict(self.recipe), str(self.device), note, initial, before)
        (self.work / "recipe.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return before

    @property
    def progress(self) -> float:
        """The share of this run's budget spent, in [0, 1]."""
        return self.recipe.budget.progress(self.step - self.before.step, self.elapsed_s - self.before.elapsed_s)

    def advance(self, train_tokens: Tokens) -> torch.Tensor:
        """Make one optimiser step; return its training loss without waiting for the device."""
        self.stage = stage_at(self.recipe.stages, self.progress)
        scale_learning_rates(self.optimizers, learning_rate_factor(self.progress))
        rows = self.stage.rows * self.recipe.batch_scale
        crops = random_crops(train_tokens, self.recipe.seed, self.step, rows, self.stage.length)
        with deterministic():
            loss = self._loss(torch.from_numpy(crops).to(self.device))
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.tokens += rows * self.stage.length
        self.elapsed_s = time.monotonic() - self._started
        return loss.detach()

    def log(self, split: str, loss: float) -> None:
        """Append one row to the log; say it on stderr when it is a validation loss."""
        row = LogRow(
            split=split,
            step=self.step,
            tokens=self.tokens,
            elapsed_s=round(self.elapsed_s, 1),
            progress=round(self.progress, 5),
            length=self.stage.length,
            loss=round(loss, 4),
        )
        append_log(self.work / "log.jsonl", row)
        if split == "valid":
            rate = (self.tokens - self.before.tokens) / (self.elapsed_s - self.before.elapsed_s)
            sys.stderr.write(f"{self.progress:.1%}  {rate:.0f} tokens/s  {row}\n")

    def validate(self, valid_tokens: Tokens) -> None:
        """Log the loss on the validation sample."""
        self.log("valid", valid_loss(self._plain_loss, valid_tokens, self.device))

    def save(self) -> None:
        """Write a checkpoint and the exported model."""
        position = Position(self.step, self.tokens, self.elapsed_s)
        save_checkpoint(self.work / "checkpoint.pt", self.model, self.optimizers, position)
        export(self.model, self.work)


def train(
    recipe: Recipe,
    train_tokens: Tokens,
    valid_tokens: Tokens,
    work: Path,
    device: torch.device,
    initial: Path | None = None,
    note: str = "",
) -> Position:
    """Run or resume the training in `work` until the budget is spent; return where it ended.

    With `initial`, the folder of a published model of the same size and tokenizer, training goes on from its weights; once there is a
    checkpoint in `work`, that alone counts. `note` is for the card.
    """
    run = Run(recipe, work, device, initial, note)
    recent: list[torch.Tensor] = []
    while run.progress < 1.0:
        recent.append(run.advance(train_tokens))
        last = run.progress >= 1.0
        if last or run.step % recipe.log_every == 0:
            run.log("train", torch.stack(recent).mean().item())
            recent.clear()
        if last or run.step % recipe.valid_every == 0:
            run.validate(valid_tokens)
        if last or run.step % recipe.checkpoint_every == 0:
            run.save()
    return Position(run.step, run.tokens, run.elapsed_s)
