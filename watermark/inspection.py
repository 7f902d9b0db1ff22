"""What a model folder holds, read from its config and its weights' headers: no torch, no transformers, nothing executed.

Here is decided what Assay takes as a model: a decoder with a language-model head, safetensors weights, no Python of its own.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import ModelError

from .tokenizer import load_tokenizer

_HEADS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""How classes end that transformers can load as causal models; the last are decoders inside a model of several senses."""

_CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model without loading it; None where nothing on this machine says it.

    Attributes:
        model: name as given (`embedded`, folder, hub id).
        folder: where its files lie, for a hub id in the local cache.
        architecture: class that transformers would load.
        parameters: numbers in the weights; tied ones count once.
        dtype: element type that most of them have, as safetensors names it (`BF16`, `F32`).
        weights_bytes: size of the weights on disk.
        context: longest sequence in tokens.
        vocab_size: width of the logits.
        tokenizer: fingerprint of the tokenizer; marks are made for it.
    """

    model: str
    folder: str
    architecture: str | None
    parameters: int | None
    dtype: str | None
    weights_bytes: int | None
    context: int | None
    vocab_size: int | None
    tokenizer: str


def inspect_model(name: str, source: str, revision: str | None = None) -> ModelFacts:
    """Return the facts of the model in the folder or hub repository `source`, called `name`.

    Of a hub repository that is not in the local cache only config and tokenizer are fetched; its weights are then not described.

    Raises:
        ModelError: in one line, if it is no causal language model, has no safetensors, or asks for Python of its own.
    """
    folder = Path(source)
    if folder.is_dir():
        check_folder(folder)
    else:
        folder = hub_folder(source, revision)
        check_architecture(read_config(folder / "config.json"), source)
        _check_weights(folder, source, whole=False)
    config = read_config(folder / "config.json")
    text: dict[str, Any] = {**config, **(config.get("text_config") or {})}
    weights = sorted(folder.glob("*.safetensors"))
    parameters, dtype = _count(weights) if weights else (None, None)
    return ModelFacts(
        model=name,
        folder=str(folder),
        architecture=next(iter(config.get("architectures") or []), None),
        parameters=parameters,
        dtype=dtype,
        weights_bytes=sum(path.stat().st_size for path in weights) if weights else None,
        context=next((text[key] for key in _CONTEXT if isinstance(text.get(key), int)), None),
        vocab_size=text.get("vocab_size"),
        tokenizer=load_tokenizer(source, revision).fingerprint,
    )


def cached_models() -> list[str]:
    """Return the hub ids of all model repositories in the local cache, whether or not Assay can use them."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        found = scan_cache_dir()
    except CacheNotFound:
        return []
    return sorted(repo.repo_id for repo in found.repos if repo.repo_type == "model")


def hub_folder(source: str, revision: str | None = None) -> Path:
    """Return the folder of the local cache that holds the hub repository `source`; its config is fetched if it is not there.

    Raises:
        ModelError: if there is no such model here or on the hub.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        cached = try_to_load_from_cache(source, "config.json", revision=revision)
        if isinstance(cached, str):
            return Path(cached).parent
        return Path(hf_hub_download(source, "config.json", revision=revision)).parent
    except LocalEntryNotFoundError:
        raise ModelError(
            f"{source!r} is neither a folder nor a model in the local hub cache, and the hub cannot be reached; "
            "check the spelling, or name a folder"
        ) from None
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(f"cannot find the model {source!r}: {str(error).splitlines()[0][:200]}") from None


def check_folder(folder: Path) -> None:
    """Refuse a folder that is no causal model or cannot be loaded safely, before anything is loaded.

    Raises:
        ModelError: in one line.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder} is not a model folder: it has no config.json; name a folder written by save_pretrained"
        )
    config = read_config(folder / "config.json")
    if config.get("auto_map"):
        raise ModelError(
            f"{folder} asks for its own Python code (auto_map in config.json); Assay never runs code from a model: "
            "use a version of it that transformers supports natively"
        )
    check_architecture(config, str(folder))
    _check_weights(folder, str(folder))


def check_architecture(config: dict[str, Any], name: str) -> None:
    """Refuse a config that describes something else than a causal language model; one that does not say passes.

    Raises:
        ModelError: in one line.
    """
    architectures = [str(a) for a in config.get("architectures") or []]
    if config.get("is_encoder_decoder") or (architectures and not any(a.endswith(_HEADS) for a in architectures)):
        raise ModelError(
            f"{name} is {', '.join(architectures) or 'an encoder-decoder'}, not a causal language model; "
            "expected a decoder with a language-model head (...ForCausalLM)"
        )


def read_config(path: Path) -> dict[str, Any]:
    """Return the content of a `config.json`.

    Raises:
        ModelError: if it cannot be read or is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a model's config: expected a JSON object, got {type(content).__name__}")
    return content


def _check_weights(folder: Path, name: str, whole: bool = True) -> None:
    """Refuse pickles without safetensors; no weights at all only where the folder should be `whole`."""
    others = sorted(p.name for kind in ("*.bin", "*.pt", "*.pth") for p in folder.glob(kind))
    if list(folder.glob("*.safetensors")) or not (others or whole):
        return
    found = f"only {', '.join(others[:3])} (pickles can run code)" if others else "no weights"
    raise ModelError(f"{name} has {found}, expected *.safetensors; convert it with save_pretrained")


def _count(weights: list[Path]) -> tuple[int, str]:
    """Return how many numbers the files hold and the element type that most of them have."""
    from safetensors import SafetensorError, safe_open

    numbers: Counter[str] = Counter()
    for path in weights:
        try:
            with safe_open(path, framework="numpy") as tensors:
                for name in tensors.keys():  # noqa: SIM118 (not a dict)
                    part = tensors.get_slice(name)
                    size = 1
                    for length in part.get_shape():
                        size *= length
                    numbers[part.get_dtype()] += size
        except SafetensorError as error:
            raise ModelError(f"{path} is not a safetensors file: {error}") from None
    return numbers.total(), numbers.most_common(1)[0][0] if numbers else "none"
