"""Marks inside Hugging Face `generate()`: a watermarking config for the late slot, a logits processor for the early one.

    loaded = load_mark("mark.toml")
    model.generate(**inputs, watermarking_config=MarkConfig.for_tokenizer(loaded, tokenizer), do_sample=True)

puts the mark after temperature, top-k and top-p, on the tokens that survive them: delta is then what the sampler sees.
`logits_processor=[MarkProcessor(mark, pad_token_id=...)]` runs before the warpers: temperature divides delta (0.5 doubles it)
and green tokens enter the top-k that had not. Both are detected by the same test; the late slot is what the profile's delta means.

Stateless: what is marked depends on `input_ids` alone, so several calls, beams and batch mates cannot leak into each other.
Left padding is recognised as the leading run of `pad_token_id`; without that id a batch of unequal prompts would take padding for
context. Continuous batching (`generate_batch`) hands a processor the last token of each row and no more: enough for widths 0 and 1,
so those declare support; wider marks declare none, and transformers says so when it leaves them out.
"""

import json
from typing import Any, Self, cast

import torch
from torch import Tensor
from transformers import LogitsProcessor
from transformers.generation.configuration_utils import BaseWatermarkingConfig

from . import torch_hashing
from .bias import RowBias, neutral_bias
from .common import common_pairs
from .greenlist import GreenList
from .hashing import VERSION
from .pairs import CommonSet
from .profile import LoadedMark, check_tokenizer
from .tokenizer import load_tokenizer


class MarkProcessor(LogitsProcessor):
    """Adds delta to the green candidates of each row.

    Args:
        mark: the green-list mark.
        pad_token_id: the id that pads prompts on the left; None if prompts are never padded.
        common: pairs that are never scored, and so not marked either; without it they are marked like others, which costs
            quality and gains nothing.
    """

    def __init__(self, mark: GreenList, pad_token_id: int | None = None, common: CommonSet | None = None) -> None:
        self.supports_continuous_batching = mark.context_width <= 1
        self._mark = mark
        self._common = common or CommonSet()
        self._bias = RowBias(mark.hash_key, mark.gamma, mark.delta, self._common)
        self._pad_token_id = pad_token_id

    def __repr__(self) -> str:
        return f"MarkProcessor({self._mark!r}, pad_token_id={self._pad_token_id})"

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return new scores (B, V), same dtype and device. -inf stays -inf.

        `input_ids` is (B, T) int64; under continuous batching (B,), the last token of each row.
        """
        input_ids = (input_ids[:, None] if input_ids.ndim == 1 else input_ids).long()  # products of int32 would wrap
        mark = self._mark
        if scores.device.type == "cpu" and scores.dtype == torch.float32:
            out = torch.empty(scores.shape, dtype=torch.float32)
            source = scores.detach().numpy()
            self._bias.write(
                input_ids.numpy(), -1 if self._pad_token_id is None else self._pad_token_id, source, out.numpy()
            )
            return out
        marked = context_lengths(input_ids, self._pad_token_id) >= mark.context_width
        if input_ids.shape[1] < mark.context_width:
            return scores.clone()
        contexts = input_ids[:, input_ids.shape[1] - mark.context_width :]
        words = torch_hashing.candidate_words(contexts, scores.shape[1], mark.hash_key)
        gained = (
            torch_hashing.green(words, mark.gamma).to(torch.promote_types(scores.dtype, torch.float32)) * mark.delta
        )
        if self._common.count:
            left_out = torch_hashing.contains(self._common.words, words)
            gained = gained.masked_fill(left_out, neutral_bias(mark.gamma, mark.delta))
        return torch.where(marked[:, None], scores + gained.to(scores.dtype), scores)


class MarkConfig(BaseWatermarkingConfig):
    """The `watermarking_config` of `generate()` for a mark.

    Holds a key, and never writes it: what `repr` and `save_pretrained` show of it are the public parameters. transformers cannot
    make a mark from those, so a generation config saved with one does not load again (the TypeError names `assay_mark`):
    set `watermarking_config` in the call of `generate()`, and save the profile instead.

    Args:
        mark: the green-list mark.
        pad_token_id: the id that pads prompts on the left; None if prompts are never padded.
        common: pairs that are never scored, and so not marked; `for_tokenizer` finds both.
    """

    def __init__(self, mark: GreenList, pad_token_id: int | None = None, common: CommonSet | None = None) -> None:
        self.mark = mark
        self.pad_token_id = pad_token_id
        self.common = common

    @classmethod
    def for_tokenizer(cls, loaded: LoadedMark, tokenizer: Any) -> Self:
        """Return the config of a loaded mark for a transformers tokenizer: its padding, and the pairs left out.

        Raises:
            TokenizerMismatch: if the mark was made for another tokenizer.
            ModelError: if the tokenizer's folder or hub id cannot be read.
        """
        text_tokenizer = load_tokenizer(tokenizer.name_or_path)
        check_tokenizer(loaded, text_tokenizer, tokenizer.name_or_path)
        common = common_pairs(loaded, text_tokenizer)
        return cls(cast(GreenList, loaded.mark), tokenizer.pad_token_id, common)

    def validate(self) -> None:
        """Check nothing: a mark is valid from its construction."""

    def construct_processor(  # pyright: ignore[reportIncompatibleMethodOverride] (the base is annotated wrongly)
        self, vocab_size: int, device: Any
    ) -> MarkProcessor:
        """Return the processor for `generate()`; the contract needs neither vocabulary size nor device."""
        return MarkProcessor(self.mark, self.pad_token_id, self.common)

    def to_dict(self) -> dict[str, Any]:
        """Return the public parameters and the key's fingerprint, never the key."""
        named = {"assay_mark": VERSION, "scheme": self.mark.scheme}
        return {**named, **self.mark.parameters, "key_fingerprint": self.mark.key.fingerprint}

    def to_json_string(self) -> str:
        """Return `to_dict` as JSON; `repr` shows it."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def __iter__(self) -> Any:
        yield from self.to_dict().items()


def context_lengths(input_ids: Tensor, pad_token_id: int | None) -> Tensor:
    """Return how many tokens each row holds after its leading padding: (B,) int64 from (B, T) int64."""
    if pad_token_id is None:
        return torch.full((input_ids.shape[0],), input_ids.shape[1], device=input_ids.device)
    return (input_ids != pad_token_id).cumsum(1).gt(0).sum(1)
