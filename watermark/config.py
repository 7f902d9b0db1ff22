"""What a `config.json` must say for Assay to take the model: a decoder with a language-model head and no Python of its own.

Read without torch or transformers; only a model that names code of its own (`auto_map`) has transformers asked whether it
can do without. What is decided here holds alike for `assay models show` and for loading.
"""

import json
from pathlib import Path
from typing import Any

from assay.errors import ModelError

DECODERS_OF_SEVERAL_SENSES = frozenset(
    {
        "dots3_note",
        "emu3",
        "gemma3",
        "gemma3n",
        "gemma4",
        "gemma4_unified",
        "got_ocr2",
        "llama4",
        "mllama",
        "moss_transcribe_diarize",
        "qwen3_5",
        "qwen3_5_moe",
        "qwen4_exp",
    }
)
"""Model types whose class ends with ForConditionalGeneration and that transformers (5.23) loads as causal models."""

ENCODERS = frozenset(
    {
        "bert",
        "bert-generation",
        "big_bird",
        "camembert",
        "data2vec-text",
        "electra",
        "ernie",
        "megatron-bert",
        "reformer",
        "rembert",
        "roberta",
        "roberta-prelayernorm",
        "roc_bert",
        "roformer",
        "xlm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xlnet",
        "xmod",
    }
)
"""Model types that transformers loads as causal models but whose tokens see later ones unless the config says otherwise."""

_HEADS = ("ForCausalLM", "LMHeadModel", "ModelWithLMHead", "GenerationDecoder")


def check_config(config: dict[str, Any], name: str) -> None:
    """Refuse a config that describes something else than a causal language model, or needs code of the model's own.

    Raises:
        ModelError: in one line.
    """
    if not isinstance(config.get("auto_map", {}), dict):
        raise ModelError(f"auto_map in the config.json of {name} must be a JSON object, got {config['auto_map']!r:.60}")
    if config.get("auto_map") and not _is_native(config.get("model_type")):
        raise ModelError(foreign_code(name, "config.json"))
    found = architectures(config, name)
    model_type = config.get("model_type")
    if config.get("is_encoder_decoder") or (found and not any(_is_causal(a, model_type) for a in found)):
        raise ModelError(
            f"{name} is {', '.join(found) or 'an encoder-decoder'}, not a causal language model; "
            "expected a decoder with a language-model head (...ForCausalLM)"
        )
    if not isinstance(model_type, str):
        raise ModelError(
            f"{name} is not a causal language model that transformers knows: its config.json names no model_type"
        )
    if model_type in ENCODERS and not (config.get("is_decoder") or config.get("causal")):
        raise ModelError(
            f"{name} is a {model_type} encoder, whose tokens see those after them, not a causal language model; "
            "expected a decoder (is_decoder in config.json)"
        )
    text_config(config, name)


def architectures(config: dict[str, Any], name: str) -> list[str]:
    """Return the class names that a config gives, [] if none; one that stands alone is a list of one."""
    found = config.get("architectures") or []
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(a, str) for a in found):
        raise ModelError(f"architectures in the config.json of {name} must be a list of class names, got {found!r:.60}")
    return found


def text_config(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the config of the language model, which models of several senses keep apart."""
    own = config.get("text_config")
    if "text_config" in config and not isinstance(own, dict | None):
        raise ModelError(f"text_config in the config.json of {name} must be a JSON object, got {type(own).__name__}")
    return {**config, **(own or {})}


def foreign_code(name: str, file: str) -> str:
    """Return the line that refuses Python of a model's own."""
    return (
        f"{name} asks for its own Python code (auto_map in {file}); Assay never runs code from a model: "
        "use a version of it that transformers supports natively"
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a model's file; a UTF-8 byte order mark is passed over.

    Raises:
        ModelError: in one line, if it cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}") from None
    except RecursionError:
        raise ModelError(f"{path} is not a model's config: it is nested too deeply to be read") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a model's config: expected a JSON object, got {type(content).__name__}")
    return content


def _is_causal(architecture: str, model_type: Any) -> bool:
    if architecture.endswith("ForConditionalGeneration"):
        return isinstance(model_type, str) and model_type in DECODERS_OF_SEVERAL_SENSES
    return architecture.endswith(_HEADS)


def _is_native(model_type: Any) -> bool:
    """Return whether transformers has a causal model of this type in its own code."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return isinstance(model_type, str) and model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
