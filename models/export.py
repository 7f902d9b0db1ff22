"""What leaves the work folder: the network in bfloat16 with its tokenizer, its recipe and its training log.

`export` follows every checkpoint, so that a usable model is always at hand; `publish` copies the finished one to where it is shipped.
"""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import GenerationConfig, LlamaForCausalLM

from .bpe import END_OF_TEXT_ID
from .checkpoint import Position

Json = dict[str, Any]

SHIPPED = {
    "export/config.json": "config.json",
    "export/generation_config.json": "generation_config.json",
    "export/model.safetensors": "model.safetensors",
    "export/tokenizer.json": "tokenizer.json",
    "export/tokenizer_config.json": "tokenizer_config.json",
    "recipe.json": "recipe.json",
    "log.jsonl": "training.jsonl",
}


@dataclass(frozen=True)
class Machine:
    """Where a run took place."""

    processor: str
    threads: int
    python: str
    torch: str


def processor(device: str = "cpu") -> str:
    """Return the name of the GPU, or of the CPU as the system gives it."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def machine(device: str) -> Machine:
    """Describe the machine this process trains on."""
    return Machine(processor(device), torch.get_num_threads(), platform.python_version(), torch.__version__)


def load_weights(model: LlamaForCausalLM, folder: Path) -> None:
    """Fill `model` with the weights of a published model of the same size.

    Raises:
        RuntimeError: if the sizes differ.

    """
    published = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    model.load_state_dict(published.state_dict())


def start_record(recipe: dict[str, object], device: str, note: str, initial: Path | None, before: Position) -> Json:
    """Return what ``recipe.json`` says of a run: its settings and machine and, under ``continues``, the run that it goes on from.

    Args:
        recipe: the settings as plain values.
        device: where it runs.
        note: a sentence about the run for the card.
        initial: folder of the published model it starts from, if any.
        before: where the run that made that model ended.
    """
    record: Json = {"recipe": json.loads(json.dumps(recipe)), "machine": asdict(machine(device)), "note": note}
    if initial is not None:
        record["continues"] = {
            "weights_sha256": hashlib.sha256((initial / "model.safetensors").read_bytes()).hexdigest(),
            "ended": asdict(before),
            **json.loads((initial / "recipe.json").read_text(encoding="utf-8")),
        }
    return record


def export(model: LlamaForCausalLM, work: Path) -> None:
    """Write the network in bfloat16 with its tokenizer to ``export/`` in the work folder, ready for from_pretrained."""
    folder = work / "export"
    copy = LlamaForCausalLM(model.config)
    nn.Module.to(copy, torch.bfloat16)
    copy.load_state_dict(model.state_dict())
    copy.generation_config = GenerationConfig(
        bos_token_id=END_OF_TEXT_ID, eos_token_id=END_OF_TEXT_ID, pad_token_id=END_OF_TEXT_ID, do_sample=True
    )
    copy.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((work / "tokenizer" / name).read_bytes())


def publish(work: Path, out: Path) -> None:
    """Copy what is shipped from the work folder to `out`; what was measured on other weights is removed from there."""
    out.mkdir(parents=True, exist_ok=True)
    for source, target in SHIPPED.items():
        (out / target).write_bytes((work / source).read_bytes())
    for stale in ("metrics.json", "README.md", "loss.png"):
        (out / stale).unlink(missing_ok=True)
