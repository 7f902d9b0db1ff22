"""Options of attacks that need a model, a file or a service: small ones made here, once a process.

The contract asks what becomes of texts and not whether an attack is any good: models that were never trained and a stolen list of nothing in particular do.
"""

import json
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import assay.eval

sys.path.append(str(Path(__file__).parent))
from test_rewrite import Service

_SMALL = {"device": "cpu", "max_new_tokens": 12}


@cache
def _kept() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="attack-contract-")  # removed when the process ends


def _folder() -> Path:
    return Path(_kept().name)


def _human_words() -> list[str]:
    return (Path(assay.eval.__file__).parent / "human.txt").read_text(encoding="utf-8").split()


def _write_records(name: str, records: list[dict[str, str]]) -> str:
    path = _folder() / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


@cache
def pairs_file() -> str:
    """Return a file of a dozen pairs: every so many words are replaced by two, and what stood first stands last."""
    words = _human_words()
    records: list[dict[str, str]] = []
    for k in range(12):
        before = words[5 * k : 5 * k + 20 + 4 * k]
        after = [part for i, word in enumerate(before) for part in (("so", "it") if i % (3 + k % 3) == 2 else (word,))]
        records.append({"before": " ".join(before), "after": " ".join([*after[4:], *after[:4]])})
    return _write_records("pairs.jsonl", records)


@cache
def text_files() -> tuple[str, str]:
    """Return two files of two dozen short texts, to be taken for marked and for unmarked ones."""
    words = _human_words()
    texts = [{"text": " ".join(words[at : at + 12])} for at in range(0, 48 * 12, 12)]
    return _write_records("marked.jsonl", texts[::2]), _write_records("base.jsonl", texts[1::2])


@cache
def stolen_file() -> str:
    """Return a stolen list learnt from `text_files`."""
    from assay.eval.causal_text import causal_text
    from assay.eval.stealing import steal

    lines = (Path(path).read_text(encoding="utf-8").splitlines() for path in text_files())
    marked, base = ([json.loads(line)["text"] for line in own] for own in lines)
    path = _folder() / "list.safetensors"
    steal(marked, base, causal_text("embedded", "cpu").model.text_tokenizer).save(path)
    return str(path)


@cache
def t5(seed: int) -> str:
    """Return the folder of a tiny T5 with random weights."""
    from tiny_seq2seq import save_tiny_t5

    return save_tiny_t5(_folder() / f"t5-{seed}", seed)


@cache
def prompts_file() -> str:
    """Return a file with the prompt that the service below understands."""
    path = _folder() / "prompts.txt"
    path.write_text("Say it.\nPASSAGE:{text}\n", encoding="utf-8")
    return str(path)


@cache
def service_address() -> str:
    """Return the address of a service on this machine that answers in capitals until the process ends."""
    running = Service()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    return running.address


OPTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "replay": lambda: {
        "pairs": [pairs_file()],
        "original_field": "before",
        "paraphrase_field": "after",
        "device": "cpu",
    },
    "guided": lambda: {
        "detector": "fast",
        "base_options": ["device=cpu"],
        "candidates": 2,
        "device": "cpu",
    },
    "scrub": lambda: dict(zip(("marked", "base"), text_files(), strict=True)),
    "forge": lambda: {"stolen": stolen_file()},
    "paraphrase": lambda: {"model": t5(0), **_SMALL},
    "paraphrase (plain)": lambda: {"model": t5(0), "style": "plain", "sent_interval": 1, **_SMALL},
    "translate": lambda: {"there": t5(1), "back": t5(2), **_SMALL},
    "rewrite": lambda: {"model": "embedded", "sentences": 2, "max_tokens": 12, "device": "cpu"},
    "rewrite (service)": lambda: {
        "model": "writer-1",
        "address": service_address(),
        "prompts": prompts_file(),
        "sentences": 1,
        "retries": 0,
    },
}
"""Name of an attack, with what is special about it in brackets, to a function that makes the options it needs."""
OTHERS: dict[tuple[str, str], Any] = {
    ("guided", "base_options"): ("device=cpu", "span=3"),
    ("paraphrase", "order"): 20,
    ("paraphrase", "prefix"): "say: ",
    ("paraphrase", "style"): "plain",
    ("replay", "fill"): "recorded",
    ("replay", "kind"): "polish",
    ("translate", "back_prefix"): "from: ",
    ("translate", "temperature"): 1.0,
    ("translate", "there_prefix"): "to: ",
}
"""Other values of options, where half as much or one more will not do."""
