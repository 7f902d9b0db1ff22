"""A T5 of a few thousand random weights with a tokenizer of words, saved as transformers saves them."""

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

WORDS = [
    "the",
    "a",
    "ship",
    "sea",
    "went",
    "down",
    "came",
    "up",
    "and",
    "no",
    "one",
    "saw",
    "it",
    "<sent>",
    "</sent>",
    "lexical",
    "order",
    "=",
    ",",
    ".",
    "20",
    "40",
    "60",
    "80",
    "100",
    "0",
]


def save_tiny_t5(folder, seed=0):
    """Write the model to `folder`; it says random words and never the same for two seeds."""
    vocabulary = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit()])
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )
    config = T5Config(
        vocab_size=len(vocabulary) + 3, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, initializer_factor=1.0,
    )  # fmt: skip
    torch.manual_seed(seed)
    T5ForConditionalGeneration(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
