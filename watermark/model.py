"""Load a causal model for generation, without running anybody's code.

Weights come from safetensors only (a pickle can execute code when opened) and `trust_remote_code` stays off.
"""

from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import Any

import torch
from assay.errors import ModelError

from .config import read_json
from .hub import quiet_hub
from .inspection import ModelPlace, find_model, model_tokenizer
from .tokenizer import TextTokenizer


@dataclass(frozen=True)
class CausalModel:
    """A causal language model with its tokenizer.

    Attributes:
        model: the transformers model, in evaluation mode.
        tokenizer: the transformers tokenizer, padding on the left.
        text_tokenizer: the same tokenizer as detection reads it.
        name: what the user called it.
        revision: the hub commit, or None for a folder.
    """

    model: Any
    tokenizer: Any
    text_tokenizer: TextTokenizer
    name: str
    revision: str | None

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.model.device

    @property
    def max_positions(self) -> int | None:
        """Longest sequence it can read, or None if it states none."""
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)


def load_model(
    name: str, source: str, revision: str | None = None, device: str = "auto", dtype: str = "auto"
) -> CausalModel:
    """Load a model by folder or hub id.

    Args:
        name: what to call it in records.
        source: folder or hub id (`embedded` resolved already).
        revision: hub revision.
        device: `auto` (CUDA if there is one), `cpu`, `cuda`, `cuda:1` ...
        dtype: `auto` (float32 on the CPU, the model's own on a GPU), `float32`, `bfloat16`, `float16`.

    Raises:
        ModelError: in one line, if it is no causal model, has no safetensors, asks for remote code, or cannot be found.
    """
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # transformers shows one for a 10 MB file; ours is about the texts
    found = find_model(source, revision)
    text_tokenizer = model_tokenizer(found, revision)
    source = found.name
    place = _device(device)
    try:
        common: dict[str, Any] = {"revision": revision, "trust_remote_code": False, **_mended_config(found)}
        with quiet_hub():
            tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left", **common)
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                source, use_safetensors=True, dtype=_dtype(dtype, place), output_loading_info=True, **common
            )
    except (
        OSError,
        ValueError,
        LookupError,
        ImportError,
        RuntimeError,
        TypeError,
        AttributeError,
        SafetensorError,
        StrictDataclassError,
    ) as error:
        raise ModelError(_explain(name, error)) from None
    model, info = loaded
    if info["missing_keys"]:  # transformers would fill them with random numbers
        names = sorted(info["missing_keys"])
        raise ModelError(
            f"the weights of {name!r} are incomplete: {len(names)} tensors missing, {names[0]} for one; save the whole model again"
        )
    # `generate()` takes from here what a call leaves unset: the model's own penalties, beams and filters, which no record shows
    ids = {field: getattr(model.generation_config, field) for field in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.generation_config = GenerationConfig(**ids)
    model = model.to(place).eval()
    commit = found.folder.name if found.on_hub else None  # the cache names its folders by commit
    return CausalModel(model, tokenizer, text_tokenizer, name, commit)


def _mended_config(found: ModelPlace) -> dict[str, Any]:
    """Return the config where transformers would trip over its file, which we read: a byte order mark before the JSON."""
    from transformers import AutoConfig

    path = found.folder / "config.json"
    if not path.read_bytes().startswith(BOM_UTF8):
        return {}
    return {"config": AutoConfig.for_model(**read_json(path))}


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
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in kinds:
        raise ModelError(f"dtype must be auto, {', '.join(kinds)}, got {dtype!r}")
    return kinds[dtype]


def _explain(name: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "trust_remote_code" in text or "custom code" in text:
        return f"{name!r} asks for its own Python code; Assay never runs code from a model: use one that transformers supports natively"
    if "safetensors" in text:
        return f"{name!r} has no safetensors weights, and pickles can run code; convert it with save_pretrained"
    if "Unrecognized configuration class" in text or "Unrecognized model" in text:
        return f"{name!r} is not a causal language model that transformers knows"
    return f"cannot load model {name!r}: {text[:300]}"
