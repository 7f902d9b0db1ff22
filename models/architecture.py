"""The network: a small Llama (Touvron et al. 2023, arXiv:2302.13971) with tied embeddings, loadable without custom code.

Weights start from N(0, 0.02) except that the two projections writing to the residual stream start at zero, so that every
block is the identity at first (as in modded-nanogpt; Llama itself starts them at N(0, 0.02)).
"""

from dataclasses import dataclass

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from .bpe import END_OF_TEXT_ID


@dataclass(frozen=True)
class Size:
    """Width, depth and vocabulary of the network; `context` is the longest sequence it is trained on, in tokens."""

    width: int = 192
    layers: int = 6
    heads: int = 3
    mlp_width: int = 512
    vocab_size: int = 8192
    context: int = 1024


def build(size: Size, seed: int) -> LlamaForCausalLM:
    """Return a freshly initialised float32 network; the same `seed` gives the same weights and leaves global state alone."""
    config = LlamaConfig(
        vocab_size=size.vocab_size,
        hidden_size=size.width,
        intermediate_size=size.mlp_width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=size.context,
        tie_word_embeddings=True,
        bos_token_id=END_OF_TEXT_ID,
        eos_token_id=END_OF_TEXT_ID,
        pad_token_id=None,  # a padding index would cut the gradient of <|endoftext|>, which is also bos
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("self_attn.o_proj.weight", "mlp.down_proj.weight")):
                parameter.zero_()
    return model
