"""What a model folder holds, read from its config and its weights' headers: no torch, no transformers, nothing executed.

A model is taken if its config describes a causal one (`config.py`), its weights are safetensors (`weights.py`) and its
tokenizer can be read; `load_model` asks the same questions first, so that what is shown also loads as far as files tell.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from assay.errors import ModelError

from .config import architectures, check_config, foreign_code, read_json, text_config
from .hub import hub_folder, is_file, local_folder
from .tokenizer import TextTokenizer, load_tokenizer
from .weights import is_adapter, read_weights, weight_files

_CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")
_VOCABULARIES = ("tokenizer.*", "*vocab*", "*.model", "*.tiktoken", "merges*", "tekken.json")


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


@dataclass(frozen=True)
class ModelPlace:
    """Where a model lies.

    Attributes:
        folder: its files; of a hub repository, the snapshot in the local cache.
        name: what to call it in messages: the folder or the hub id.
        on_hub: whether what the folder lacks can be fetched.
    """

    folder: Path
    name: str
    on_hub: bool


def inspect_model(name: str, source: str, revision: str | None = None, cached_only: bool = False) -> ModelFacts:
    """Return the facts of the model in the folder or hub repository `source`, called `name`.

    Of a hub repository that is not in the local cache only config and tokenizer are fetched; its weights are then not
    described. If `cached_only`, nothing is fetched, and what the cache lacks is an error.

    Raises:
        ModelError: in one line, if it is no causal language model, has no safetensors, or asks for Python of its own.
    """
    place = find_model(source, revision, cached_only)
    files = weight_files(place.folder, place.name, whole=not place.on_hub)
    config = read_json(place.folder / "config.json")
    text = text_config(config, place.name)
    tied = config.get("tie_word_embeddings", text.get("tie_word_embeddings")) is True
    weights = read_weights(files, tied) if files else None
    return ModelFacts(
        model=name,
        folder=str(place.folder),
        architecture=next(iter(architectures(config, place.name)), None),
        parameters=weights.parameters if weights else None,
        dtype=weights.dtype if weights else None,
        weights_bytes=weights.size_bytes if weights else None,
        context=next((text[key] for key in _CONTEXT if isinstance(text.get(key), int)), None),
        vocab_size=text["vocab_size"] if isinstance(text.get("vocab_size"), int) else None,
        tokenizer=model_tokenizer(place, revision).fingerprint,
    )


def find_model(source: str, revision: str | None = None, cached_only: bool = False) -> ModelPlace:
    """Return where the model lies, after refusing what is no causal model or needs code of its own; nothing is loaded.

    Raises:
        ModelError: in one line.
    """
    folder = local_folder(source)
    if folder is None:
        place = ModelPlace(hub_folder(source, revision, cached_only), source, on_hub=not cached_only)
    else:
        place = ModelPlace(folder, str(folder), on_hub=False)
        _check_is_model(folder)
    check_config(read_json(place.folder / "config.json"), place.name)
    if not place.on_hub:
        weight_files(place.folder, place.name)
    _check_tokenizer_code(place)
    return place


def model_tokenizer(place: ModelPlace, revision: str | None = None) -> TextTokenizer:
    """Return the tokenizer of a model, from its folder where that has one.

    Raises:
        ModelError: in one line, if there is none that can be read.
    """
    folder, name = place.folder, place.name
    if is_file(folder / "tokenizer.json"):
        return replace(load_tokenizer(str(folder)), source=name)
    has_vocabulary = any(any(folder.glob(kind)) for kind in _VOCABULARIES)
    if place.on_hub:
        try:
            return load_tokenizer(name, revision)
        except ModelError:
            if not has_vocabulary:
                raise
    if not has_vocabulary:
        raise ModelError(
            f"{name} has no tokenizer, expected tokenizer.json; save the tokenizer there with its save_pretrained"
        )
    try:
        return replace(load_tokenizer(str(folder)), source=name)
    except ModelError:
        raise ModelError(
            f"{name} has no tokenizer.json, and transformers makes no tokenizer of the files that are there; "
            "save one with the tokenizer's save_pretrained"
        ) from None


def _check_is_model(folder: Path) -> None:
    if is_file(folder / "config.json"):
        return
    if is_adapter(folder):
        raise ModelError(
            f"{folder} holds only an adapter, expected a whole model; merge it into its base model, then save_pretrained"
        )
    raise ModelError(f"{folder} is not a model folder: it has no config.json; name a folder written by save_pretrained")


def _check_tokenizer_code(place: ModelPlace) -> None:
    """Refuse a tokenizer of the model's own code; whether one that names such code has a native form, transformers says."""
    path = place.folder / "tokenizer_config.json"
    if not is_file(path) or not read_json(path).get("auto_map"):
        return
    from transformers import AutoTokenizer

    try:
        AutoTokenizer.from_pretrained(str(place.folder), trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, LookupError, ImportError, TypeError, AttributeError) as error:
        if "trust_remote_code" in str(error):
            raise ModelError(foreign_code(place.name, path.name)) from None
        raise ModelError(
            f"{place.name} has no tokenizer that can be read: {str(error).splitlines()[0][:200]}"
        ) from None
