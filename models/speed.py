"""How fast the model scores and generates on the CPU of this machine."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaForCausalLM

from .sampling import generate
from .scoring import batch_losses


@dataclass(frozen=True)
class Speed:
    """Tokens per second on the CPU; scoring at batch 16 x 256 on one thread, generation of new tokens on all threads."""

    scoring_float32: float
    scoring_bfloat16: float
    generation_batch_1: float
    generation_batch_16: float
    threads: int


def rate(tokens: int, work: Callable[[], object], repeats: int) -> float:
    """Return tokens per second of the fastest of `repeats` calls, after one to warm up."""
    work()
    best = math.inf
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return round(tokens / best, 0)


def measure_speed(folder: Path, threads: int) -> Speed:
    """Time scoring on one thread and generation on `threads`."""
    ids = torch.from_numpy(np.random.default_rng(0).integers(1, 8192, size=(16, 257)))
    scoring: list[float] = []
    torch.set_num_threads(1)
    for dtype in (torch.float32, torch.bfloat16):
        model = LlamaForCausalLM.from_pretrained(folder, dtype=dtype)
        scoring.append(rate(16 * 256, lambda model=model: batch_losses(model, ids[:, :-1], ids[:, 1:]), repeats=5))
    torch.set_num_threads(threads)
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    generation = [
        rate(rows * 128, lambda rows=rows: generate(model, ids[:rows, :8], 128, 1.0), repeats=3) for rows in (1, 16)
    ]
    return Speed(scoring[0], scoring[1], generation[0], generation[1], threads)
