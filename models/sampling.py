"""Continuations of a few prompts, one draw each, for the model card."""

from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from .bpe import END_OF_TEXT_ID

PROMPTS = ("The history of the city", "In this paper we", '"I cannot tell you,"')
TEMPERATURES = (0.7, 1.0)


@dataclass(frozen=True)
class Sample:
    """One continuation; `text` is what the model added to `prompt`."""

    temperature: float
    prompt: str
    text: str


def generate(model: LlamaForCausalLM, prompts: torch.Tensor, new_tokens: int, temperature: float) -> torch.Tensor:
    """Return (B, T + new_tokens) ids sampled after (B, T) `prompts`; never stops early."""
    untyped: Any = model  # transformers types the receiver by a protocol that none of its models meets
    return untyped.generate(
        prompts, attention_mask=torch.ones_like(prompts), do_sample=True, top_k=0, temperature=temperature,
        max_new_tokens=new_tokens, min_new_tokens=new_tokens,
    )  # fmt: skip


def take_samples(model: LlamaForCausalLM, tokenizer: Tokenizer) -> list[Sample]:
    """Return continuations of 80 tokens of every prompt at temperatures 0.7 and 1.0, one draw each, not selected."""
    samples: list[Sample] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for temperature in TEMPERATURES:
            for prompt in PROMPTS:
                ids = [END_OF_TEXT_ID, *tokenizer.encode(prompt).ids]
                new = generate(model, torch.tensor([ids]), 80, temperature)[0, len(ids) :]
                samples.append(Sample(temperature, prompt, tokenizer.decode(new.tolist())))
    return samples
