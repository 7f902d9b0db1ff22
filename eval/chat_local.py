"""An instruction model on this machine, asked through its chat template and the generation loop of `assay generate`, without a mark."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from assay.errors import ModelError
from assay.models import resolve
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.model import CausalModel, load_model


@dataclass(frozen=True)
class _Prompt:
    id: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    messages: tuple[dict[str, Any], ...] = ()


def answer_locally(
    model: str,
    device: str,
    prompts: Sequence[str],
    seeds: Sequence[int],
    temperature: float,
    top_p: float,
    max_tokens: int,
) -> list[str]:
    """Return what the model says to each prompt; a model without a chat template goes on from the prompt.

    Each prompt has a stream of its own; batches are of one prompt length or padded, so a draw within about 1e-6 of a boundary may differ between batches.

    Raises:
        AssayError: in one line, if the model cannot be loaded or a prompt does not fit it.
    """
    loaded = _model(model, device)
    decoding = Decoding(max_new_tokens=max_tokens, temperature=temperature, top_p=top_p)
    # a text's stream comes from its prompt's id, so the id is the seed
    wanted = [_Prompt(f"{seed}", prompt) for prompt, seed in zip(prompts, seeds, strict=True)]
    answers: dict[str, str] = {}
    for batch in generate(wanted, loaded, None, decoding):
        if batch.refused:
            raise batch.refused[0]
        answers |= {str(record["id"]): str(record["text"]).strip() for record in batch.records}
    if missing := [one.id for one in wanted if one.id not in answers]:
        raise ModelError(
            f"the model {model!r} answered {len(answers)} of {len(wanted)} prompts; {missing[0]} is missing"
        )
    return [answers[one.id] for one in wanted]


@lru_cache(maxsize=2)
def _model(model: str, device: str) -> CausalModel:
    return load_model(model, resolve(model), device=device)
