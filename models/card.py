"""The model card: ``README.md`` and ``loss.png`` made from ``metrics.json``, ``recipe.json`` and ``training.jsonl`` beside the weights.

No figure is typed here but those of the n-gram baseline, which was measured once on nearly the same split.
"""

import json
from pathlib import Path
from typing import Any

from .checkpoint import LogRow, read_log
from .curve import draw_curve

# KenLM, interpolated modified Kneser-Ney, order 5, on an 8,192-entry BPE of the same corpus before the last 2 % of it was removed
NGRAM = (("99 MB", 4.436, 928), ("44 MB", 4.512, 1044), ("16 MB", 4.670, 1332))
NGRAM_BITS_PER_BYTE = 1.62  # of the first

Json = dict[str, Any]


def write_card(folder: Path) -> None:
    """Write the card and the loss curve of the model in `folder`."""
    metrics: Json = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    recipe: Json = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    rows = read_log(folder / "training.jsonl")
    draw_curve(rows, folder / "loss.png")
    sections = (
        header(metrics),
        results(metrics),
        baseline(metrics),
        limits(metrics),
        training(metrics, recipe, rows),
        data(metrics),
        samples(metrics),
    )
    (folder / "README.md").write_text("\n".join(sections), encoding="utf-8")


def header(metrics: Json) -> str:
    """Return the front matter and what the model is."""
    model = metrics["model"]
    return f"""---
language: en
license: cc-by-sa-4.0
library_name: transformers
pipeline_tag: text-generation
---

# The embedded language model

A Llama of {model["parameters"]:,} parameters (bfloat16, {model["weights_bytes"] / 1e6:.1f} MB) with its own byte-level BPE of
{model["vocab_size"]:,} entries, trained from random weights on English prose written by people before December 2022. It is
there so that marking, detection and perplexity metrics run offline and in tests, on any machine. It is small and
knows little: **do not use it for the quality of its text**, and do not take what a detector achieves on its output for what it
achieves on that of a large model.

`AutoModelForCausalLM.from_pretrained` and `AutoTokenizer.from_pretrained` load this folder without custom code. Encoding adds no special
token; `<|endoftext|>` (id 0) begins every training document, so put it before a text that is scored or continued from its start.

Weights: CC BY-SA 4.0, because parts of the training text are (see Data). sha256 of `model.safetensors`:
`{model["weights_sha256"]}`.
"""


def results(metrics: Json) -> str:
    """Return the table of losses and the speeds."""
    test, speed, tools = metrics["test"], metrics["speed"], metrics["measured_with"]
    lines = [
        "| genre | documents | MB | bits per byte (95 % interval) | nats per token | perplexity per token | per word |",
        "|---|---|---|---|---|---|---|",
    ]
    for genre, loss in test["losses"].items():
        interval = loss["bits_per_byte_interval"]
        shown = f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else ""
        name = f"**{genre}**" if genre == "all" else genre
        lines.append(
            f"| {name} | {loss['documents']} | {loss['utf8_bytes'] / 1e6:.2f} | {loss['bits_per_byte']:.3f}{shown} "
            f"| {loss['nats_per_token']:.3f} | {loss['perplexity_per_token']:.1f} | {loss['perplexity_per_word']:,.0f} |"
        )
    table = "\n".join(lines)
    return f"""## Results on the test split

{table}

Every byte counts once: windows of {test["context"]} tokens, stride {test["stride"]}, `<|endoftext|>` before each document, {test["dtype"]} weights. A word is what stands between white space,
punctuation included. Intervals: bootstrap over documents (none below five documents).

Speed on {tools["processor"]} (torch {tools["torch"]}, best of several, machine shared with other work): scoring 16 x 256
tokens on one thread {speed["scoring_float32"]:,.0f} tokens/s in float32, {speed["scoring_bfloat16"]:,.0f} in bfloat16; generation
in float32 with {speed["threads"]} threads {speed["generation_batch_1"]:,.0f} tokens/s at batch 1, {speed["generation_batch_16"]:,.0f} at batch 16.
"""


def baseline(metrics: Json) -> str:
    """Return the comparison with the n-gram, in words that follow from the figures."""
    loss = metrics["test"]["losses"]["all"]
    gap = loss["bits_per_byte"] - NGRAM_BITS_PER_BYTE
    side = "**more** than" if gap > 0 else "less than"
    rows = "\n".join(f"| 5-gram, {name} | {value:.3f} | {word:,} |" for name, value, word in NGRAM)
    return f"""## Against an n-gram

| model | nats per token | perplexity per word |
|---|---|---|
| this model | {loss["nats_per_token"]:.3f} | {loss["perplexity_per_word"]:,.0f} |
{rows}

The 5-grams (KenLM, interpolated modified Kneser-Ney) saw all 87 million tokens of the corpus, with another BPE of the same size on a
first cut of the same split (under 2 % different), one paragraph at a time with its end counted, so the nats per token compare only
roughly. By the byte, this model needs {loss["bits_per_byte"]:.3f} bits, {abs(gap):.3f} {side} the largest 5-gram ({NGRAM_BITS_PER_BYTE}), which takes two minutes to
train. What the network has over it is size, context beyond five tokens, and being a causal model like those whose text is to be
marked. Neither comes near a real pretrained model: the smallest GPT-2 (124 million parameters) reaches 1.16 bits per byte on
enwik8, an encyclopedia with its markup, without having been trained on it (Radford et al. 2019, table 3).
"""


def limits(metrics: Json) -> str:
    """Return what the model must not be taken for."""
    return f"""## Limits

* English only. Other languages and program code are encoded losslessly but predicted badly.
* Contexts up to {metrics["model"]["context"]} tokens; the longest sequences were seen only in the last part of training.
* Its text is locally grammatical and globally meaningless, and states falsehoods. It has had no instruction tuning and no safety tuning,
  and it repeats what its sources hold: fiction of 1840-1960 with the attitudes of its time, one news site, film reviews in lower case.
* Whether its perplexity separates human from machine text is a question this card does not answer.
"""


def training(metrics: Json, recipe: Json, rows: list[LogRow]) -> str:
    """Return how the model was made."""
    how, machine, last = recipe["recipe"], recipe["machine"], rows[-1]
    valid = [row.loss for row in rows if row.split == "valid"][-1]
    budget = ", ".join(f"{value:g} {name}" for name, value in how["budget"].items())
    stages = "; ".join(
        f"up to {100 * stage['until']:.0f} % {stage['rows'] * how['batch_scale']} x {stage['length']}"
        for stage in how["stages"]
    )
    size = how["size"]
    return f"""## Training

{size["layers"]} layers of width {size["width"]}, {size["heads"]} heads, SwiGLU {size["mlp_width"]}, rotary positions, tied
embeddings. Budget {budget}: {last.step:,} steps, {last.tokens / 1e6:.1f} million tokens (of 88.5 million, drawn as crops at random places),
{last.elapsed_s / 60:.0f} minutes on {machine["threads"]} threads of {machine["processor"]}, niced below other work on the same two cores. Last validation loss {valid:.3f}
nats per token (64 crops of 256 tokens).

Muon for the matrices inside the blocks (peak learning rate {how["muon_lr"]}), AdamW for the rest ({how["adam_lr"]}), 1 % warm-up, then linear
decay to zero, gradient norm clipped at {how["gradient_clip"]}, no weight decay, no dropout, bfloat16 autocast over float32 weights, seed {how["seed"]}. Batches, by share of
the budget (sequences x tokens): {stages}. The schedule follows the wall clock, so a repetition differs in the number of steps. {metrics["training_note"]}

![training and validation loss](loss.png)
"""


def data(metrics: Json) -> str:
    """Return what it was trained on, by licence."""
    rows = "\n".join(
        f"| {licence} | {part['documents']:,} | {part['bytes'] / 1e6:.1f} |"
        for licence, part in metrics["training_data"].items()
    )
    total = sum(part["bytes"] for part in metrics["training_data"].values())
    return f"""## Data

{total / 1e6:.0f} MB of English prose from public repositories, none of it machine-written as far as known, decontaminated against public
benchmarks of machine-text detection. Every repository, commit and licence: [ATTRIBUTION.md](ATTRIBUTION.md).

| licence of the text | documents | MB |
|---|---|---|
{rows}
"""


def samples(metrics: Json) -> str:
    """Return the samples, one draw each."""
    blocks = [
        f"Temperature {sample['temperature']}: **{sample['prompt']}**\n\n```text\n{sample['prompt']}{sample['text']}\n```\n"
        for sample in metrics["samples"]
    ]
    return "## Samples\n\nOne draw of 80 tokens each with a fixed seed, none selected.\n\n" + "\n".join(blocks)
