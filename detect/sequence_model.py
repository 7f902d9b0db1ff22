"""Load a Hugging Face sequence classifier without running anybody's code, and find the label that means machine text.

Safetensors only, `trust_remote_code` off, and every tensor must be in the file: transformers fills what is missing with random numbers, a whole
head where a body without one is loaded. Which label is the machine's must be plain from its name, or be said: authors use
both orders, and LABEL_0 says nothing.
"""

import json
import logging
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from assay.errors import ModelError
from assay.watermark.hub import hub_folder, local_folder, quiet_hub
from assay.watermark.tokenizer import fingerprint
from assay.watermark.weights import weight_files

_MACHINE = frozenset(
    {"ai", "aigc", "bot", "chatgpt", "claude", "fake", "gemini", "gpt", "llama", "llm", "machine", "synthetic"}
)
_MADE = frozenset({"generated"})
"""Says machine where it stands alone; "human generated" is a human's."""
_HUMAN = frozenset({"authentic", "human", "person", "real"})
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class SequenceModel:
    """A sequence classifier with its tokenizer.

    Attributes:
        model: the transformers model, in evaluation mode.
        tokenizer: the transformers tokenizer, which is a fast one.
        labels: names of the K logits; one where the model has a single logit.
        revision: the hub commit, or None for a folder.
    """

    model: Any
    tokenizer: Any
    labels: tuple[str, ...]
    revision: str | None

    @property
    def tokenizer_fingerprint(self) -> str:
        """Sixteen hexadecimal digits that name how the tokenizer reads text."""
        return fingerprint(json.loads(self.tokenizer.backend_tokenizer.to_str()))


def load_sequence_model(source: str, device: str = "auto", dtype: str = "auto") -> SequenceModel:
    """Load a sequence classifier by folder or hub id.

    Args:
        source: folder or hub id.
        device: `auto` (CUDA if there is one), `cpu`, `cuda`, `cuda:1` ...
        dtype: `auto` (float32 on the CPU, the model's own on a GPU), `float32`, `bfloat16`, `float16`.

    Raises:
        ModelError: in one line, if it is no sequence classifier, has no safetensors, lacks tensors, asks for remote code, or cannot be found.
    """
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    folder = local_folder(source)
    if folder is not None:
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"{folder} is not a model folder: it has no config.json; name a folder written by save_pretrained"
            )
        weight_files(folder, str(folder))
    commit = None if folder is not None else hub_folder(source).name  # the cache names its folders by commit
    place, name = _device(device), source if folder is None else str(folder)
    failures = (
        *(OSError, ValueError, LookupError, ImportError, RuntimeError, TypeError, AttributeError),
        *(SafetensorError, StrictDataclassError),
    )
    try:
        with quiet_hub(), _quiet_loading():
            tokenizer: Any = AutoTokenizer.from_pretrained(name, truncation_side="right", trust_remote_code=False)
            loaded: Any = AutoModelForSequenceClassification.from_pretrained(
                name,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=_dtype(dtype, place),
                output_loading_info=True,
            )
    except failures as error:
        raise ModelError(_explain(source, error)) from None
    model, info = loaded
    if missing := sorted(info["missing_keys"]):
        found = f"{len(missing)} tensors missing, {missing[0]} for one"
        raise ModelError(
            f"{source!r} is no whole sequence classifier: {found}; expected one saved with its fitted head"
        )
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"the tokenizer of {source!r} has no `tokenizers` form; save one beside it as tokenizer.json")
    names = model.config.id2label
    labels = tuple(str(names.get(i, f"LABEL_{i}")) for i in range(int(model.config.num_labels)))
    return SequenceModel(model.to(place).eval(), tokenizer, labels, commit)


@dataclass(frozen=True)
class Sides:
    """Which logits speak for a machine and which for a human; a single logit speaks for one and against the other."""

    machine: tuple[int, ...]
    human: tuple[int, ...]


def sides(labels: Sequence[str], chosen: str | None, source: str) -> Sides:
    """Return which of `labels` are whose; `chosen` names the machine's by name or index, against all others.

    Without a choice labels are known by words in their names. Where only one side is plain, the rest is the other's; where both are, a third kind
    ("mixed") is neither's.

    Raises:
        ModelError: in one line that lists the labels, if it is not plain or `chosen` is none of them.
    """
    listed = ", ".join(f"{i} {label}" for i, label in enumerate(labels))
    if chosen is not None:
        index = _chosen(labels, chosen)
        if index is None:
            raise ModelError(f"{source!r} has no label {chosen!r}; it has: {listed}")
        return Sides((index,), tuple(i for i in range(len(labels)) if i != index))
    owners = [label_side(label) for label in labels]
    machine = tuple(i for i, owner in enumerate(owners) if owner == "machine")
    human = tuple(i for i, owner in enumerate(owners) if owner == "human")
    if not machine and not human:
        raise ModelError(
            f"which label of {source!r} means machine text is not plain from their names: {listed}; "
            f"say it by name or number, as in hf:{source}#0"
        )
    if len(labels) == 1:
        return Sides(machine, human)
    rest = tuple(i for i in range(len(labels)) if i not in (*machine, *human))
    found = Sides(machine or rest, human or rest)
    if not found.machine or not found.human:
        raise ModelError(
            f"all labels of {source!r} sound alike, expected machine and human ones: {listed}; say which is the "
            f"machine's, as in hf:{source}#0"
        )
    return found


def label_side(label: str) -> str | None:
    """Return `machine` or `human` where the words of a label say so, else None ("LABEL_1", "human edited by AI", "not AI").

    >>> [label_side(label) for label in ("ChatGPT", "AI-generated", "Human", "human_generated", "LABEL_0")]
    ['machine', 'machine', 'human', 'human', None]
    """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", label)
    words = frozenset(re.findall(r"[a-z]+", split.lower()))
    if words & {"not", "non", "no"} or (words & _HUMAN and words & _MACHINE):
        return None
    if words & _HUMAN:
        return "human"
    return "machine" if words & (_MACHINE | _MADE) else None


def log_odds(logits: torch.Tensor, which: Sides) -> torch.Tensor:
    """Return (B,) float32: log p(machine) - log p(human) from `logits` (B, K); of two labels the difference of their logits, of one the logit itself.

    Nothing saturates: no probability is formed.
    """
    logits = logits.float()
    ours = [
        logits[:, list(columns)].logsumexp(1) if columns else torch.zeros_like(logits[:, 0])
        for columns in (which.machine, which.human)
    ]
    return ours[0] - ours[1]


def longest(model: Any, tokenizer: Any, at_most: int) -> int:
    """Return how many tokens, special ones included, the model reads at once; `at_most`, or 512 where nothing says.

    RoBERTa and its kin count positions from behind the padding's, so their table is longer than what they read.
    """
    config = model.config.get_text_config()
    told: Mapping[str, Any] = {
        "config": getattr(config, "max_position_embeddings", None),
        "tokenizer": tokenizer.model_max_length,
    }
    limits = [limit for limit in told.values() if isinstance(limit, int) and 0 < limit < 10**9]
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            begin = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - begin)
    return min([*limits, at_most]) if limits else min(512, at_most)


@contextmanager
def _quiet_loading() -> Generator[None]:
    """Silence the table that transformers prints of tensors it misses: we say so in one line."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _chosen(labels: Sequence[str], chosen: str) -> int | None:
    by_name = [i for i, label in enumerate(labels) if label.lower() == chosen.lower()]
    if len(by_name) == 1:
        return by_name[0]
    return int(chosen) if chosen.isdecimal() and int(chosen) < len(labels) else None


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}; try --device cpu") from None
    return place


def _dtype(dtype: str, device: torch.device) -> Any:
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    if dtype not in _DTYPES:
        raise ModelError(f"dtype must be auto, {', '.join(_DTYPES)}, got {dtype!r}")
    return _DTYPES[dtype]


def _explain(name: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "trust_remote_code" in text or "custom code" in text:
        return f"{name!r} asks for its own Python code; Assay never runs code from a model: use one that transformers supports natively"
    if "safetensors" in text:
        return f"{name!r} has no safetensors weights, and pickles can run code; convert it with save_pretrained"
    if "Unrecognized configuration class" in text or "Unrecognized model" in text:
        return f"{name!r} is not a sequence classifier that transformers knows"
    return f"cannot load model {name!r}: {text[:300]}"
