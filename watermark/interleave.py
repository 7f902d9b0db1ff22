"""Generation under the interleave attack: separators stand between the tokens when the mark looks, and are gone when it is tested.

A model is asked to write a separator (an emoji, an asterisk) after every word, and the separators are deleted from what it wrote. The mark's
contexts then held separators while the text was written, and hold none when it is read. Goodside 2023 (the "emoji attack"); Kirchenbauer
et al. 2023 (arXiv:2301.10226), section 7, "generative attacks".

Here the model follows the instruction ideally: a separator stands after every `every`-th new token, without fail, and the words are those that the
model would write without it, because it never sees one. Only the mark does. That is the attack at its strongest, and isolates what it does to the mark;
a real model forgets separators, marks them too, and writes worse. Deviation: tokens are counted, not words, so that all rows of a batch look alike.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor


@dataclass(frozen=True)
class Interleave:
    """Separators after every few new tokens.

    Attributes:
        ids: (S,) token ids of one separator, at least one.
        every: a separator follows each group of so many new tokens; 1 puts one after every token.
    """

    ids: tuple[int, ...]
    every: int = 1

    def __post_init__(self) -> None:
        if not self.ids or min(self.ids) < 0:
            raise ValueError(f"ids must be at least one token id, got {self.ids}")
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")

    def to_record(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        return {"ids": list(self.ids), "every": self.every}

    def seen(self, input_ids: Tensor, prompt_length: int) -> Tensor:
        """Return what stands there with the separators.

        Args:
            input_ids: (B, T) int64, prompt and new tokens.
            prompt_length: P, tokens of the prompt with its padding; no separator follows any of them.

        Returns:
            (B, T + S * ((T - P) // every)) int64.
        """
        rows, length = input_ids.shape
        groups = (length - prompt_length) // self.every
        whole = prompt_length + groups * self.every
        written = input_ids[:, prompt_length:whole].reshape(rows, groups, self.every)
        separator = torch.tensor(self.ids, dtype=input_ids.dtype, device=input_ids.device)
        written = torch.cat([written, separator.expand(rows, groups, len(self.ids))], 2).flatten(1)
        return torch.cat([input_ids[:, :prompt_length], written, input_ids[:, whole:]], 1)


class InterleavedMark(LogitsProcessor):
    """Shows a mark's processor the tokens with their separators.

    Args:
        processor: of the mark (`assay.watermark.hf.MarkProcessor`).
        interleave: the separators.
        prompt_length: tokens of the prompts with their padding.
    """

    supports_continuous_batching = False

    def __init__(self, processor: LogitsProcessor, interleave: Interleave, prompt_length: int) -> None:
        self._processor = processor
        self._interleave = interleave
        self._prompt_length = prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return new scores (B, V); `input_ids` is (B, T) int64 without separators."""
        seen = self._interleave.seen(input_ids, self._prompt_length)
        return self._processor(seen, scores)  # pyright: ignore[reportArgumentType] (LongTensor is a Tensor)
