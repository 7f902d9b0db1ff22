"""How fast the model loads, scores and generates on the CPU of this machine."""

import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaForCausalLM

from .sampling import generate
from .scoring import batch_losses

NEW_TOKENS = 200


@dataclass(frozen=True)
class Speed:
    """Best of several runs on the CPU; scoring of 256-token rows on one thread, generation of 200 new tokens a text on `threads`.

    All but those in seconds are tokens per second. In a process of its own, after `import torch`: `import_s` is the import of the classes
    from transformers, which loading waits for the first time, `load_s` from_pretrained of tokenizer and model; the fastest of three processes.
    """

    scoring_float32: float
    scoring_float32_batch_1: float
    scoring_bfloat16: float
    scoring_bfloat16_batch_1: float
    generation_batch_1: float
    generation_batch_16: float
    generation_16_texts_s: float
    import_s: float
    load_s: float
    threads: int


def fastest(work: Callable[[], object], repeats: int) -> float:
    """Return the seconds of the fastest of `repeats` calls, after one to warm up."""
    work()
    best = math.inf
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def start_up(folder: Path) -> tuple[float, float]:
    """Return the seconds that a new process needs, once torch is there, to import transformers and to load the model."""
    code = (
        "import sys, time, torch\n"
        "begun = time.perf_counter()\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast\n"
        "there = time.perf_counter()\n"
        "AutoTokenizer.from_pretrained(sys.argv[1]); AutoModelForCausalLM.from_pretrained(sys.argv[1])\n"
        "print(there - begun, time.perf_counter() - there)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    import_s, load_s = done.stdout.split()
    return float(import_s), float(load_s)


def measure_speed(folder: Path, threads: int) -> Speed:
    """Time loading, scoring on one thread and generation on `threads`."""
    vocab_size = LlamaForCausalLM.from_pretrained(folder).config.vocab_size
    ids = torch.from_numpy(np.random.default_rng(0).integers(1, vocab_size, size=(16, 257)))
    scoring: list[float] = []
    torch.set_num_threads(1)
    for dtype in (torch.float32, torch.bfloat16):
        model = LlamaForCausalLM.from_pretrained(folder, dtype=dtype)
        for rows in (16, 1):
            seconds = fastest(
                lambda model=model, rows=rows: batch_losses(model, ids[:rows, :-1], ids[:rows, 1:]), repeats=5
            )
            scoring.append(round(rows * 256 / seconds))
    torch.set_num_threads(threads)
    import_s, load_s = (min(times) for times in zip(*(start_up(folder) for _ in range(3)), strict=True))
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    alone, together = (
        fastest(lambda rows=rows: generate(model, ids[:rows, :8], NEW_TOKENS, 1.0), repeats=3) for rows in (1, 16)
    )
    return Speed(
        *scoring,
        generation_batch_1=round(NEW_TOKENS / alone),
        generation_batch_16=round(16 * NEW_TOKENS / together),
        generation_16_texts_s=round(together, 2),
        import_s=round(import_s, 2),
        load_s=round(load_s, 3),
        threads=threads,
    )
