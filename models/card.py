"""The model card: ``README.md`` and ``loss.png`` made from ``metrics.json``, ``recipe.json`` and ``training.jsonl`` beside the weights.

Typed here are only facts from elsewhere: the n-gram baseline, and what is published of GPT-2.
"""

import json
from pathlib import Path
from typing import Any

from .checkpoint import LogRow, read_log
from .curve import draw_curve
from .schedule import WARM_UP

# KenLM, interpolated modified Kneser-Ney, order 5, on an 8,192-entry BPE of the same corpus before the last 2 % of it was removed:
# size, bits per byte, nats per token of its own, perplexity per word. Bits per byte are computed from the nats per token and the numbers of
# tokens, ends of line and bytes of the test split.
NGRAM = (("99 MB", 1.622, 4.436, 928), ("44 MB", 1.650, 4.512, 1044), ("16 MB", 1.707, 4.670, 1332))
# bits per byte of the first by genre, from perplexities rounded to whole numbers: good to about .01
NGRAM_GENRES = {"encyclopedic": 1.70, "fiction": 1.78, "news": 1.59, "textbook": 1.54, "speech": 1.39, "abstract": 1.47,
                "tech_docs": 1.55, "science": 1.68, "review": 1.83, "qa": 1.72, "legal": 1.41, "gov_guides": 1.50}  # fmt: skip
LARGE = ("encyclopedic", "fiction", "news", "textbook", "abstract")
GPU_BAR = 0.85 * 1.62  # what a model of this purpose trained on a GPU should reach

Json = dict[str, Any]


def write_card(folder: Path) -> None:
    """Write the card and the loss curve of the model in `folder`."""
    metrics: Json = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    recipe: Json = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    rows = read_log(folder / "training.jsonl")
    draw_curve(rows, [run["continues"]["ended"]["step"] for run in runs_of(recipe)[1:]], folder / "loss.png")
    sections = (
        header(metrics),
        results(metrics),
        baseline(metrics),
        contamination(metrics),
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
        "| genre | documents | MB | bits per byte (95 % interval) | 5-gram | nats per token | perplexity per token | per word |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for genre, loss in test["losses"].items():
        interval = loss["bits_per_byte_interval"]
        shown = f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else ""
        name = f"**{genre}**" if genre == "all" else genre
        ngram = (
            f"{NGRAM[0][1]:.3f}" if genre == "all" else f"{NGRAM_GENRES[genre]:.2f}" if genre in NGRAM_GENRES else ""
        )
        lines.append(
            f"| {name} | {loss['documents']} | {loss['utf8_bytes'] / 1e6:.2f} | {loss['bits_per_byte']:.3f}{shown} | {ngram} "
            f"| {loss['nats_per_token']:.3f} | {loss['perplexity_per_token']:.1f} | {loss['perplexity_per_word']:,.0f} |"
        )
    table = "\n".join(lines)
    return f"""## Results on the test split

{table}

Every byte counts once: windows of {test["context"]} tokens, stride {test["stride"]}, `<|endoftext|>` before each document, {test["dtype"]} weights. A word is what stands between white space,
punctuation included. Intervals: bootstrap over works, that is books, pages, posts (none below twenty). The 5-gram is the one of 99 MB below.

Speed on {tools["processor"]} (torch {tools["torch"]}, best of several, a machine shared with other work). Scoring, one thread, rows of 256 tokens, in tokens/s: float32
{speed["scoring_float32"]:,.0f} at batch 16 and {speed["scoring_float32_batch_1"]:,.0f} at batch 1; bfloat16 {speed["scoring_bfloat16"]:,.0f} and {speed["scoring_bfloat16_batch_1"]:,.0f}. Generation, float32, {speed["threads"]} threads: {speed["generation_batch_1"]:,.0f} tokens/s at
batch 1, {speed["generation_batch_16"]:,.0f} at batch 16 (16 texts of 200 tokens in {speed["generation_16_texts_s"]:.1f} s). In a new process, with torch imported: {speed["import_s"]:.1f} s to import
transformers' classes, then {speed["load_s"]:.2f} s to load tokenizer and model.
"""


def baseline(metrics: Json) -> str:
    """Return the comparison with the n-gram and with other models, in words that follow from the figures."""
    losses = metrics["test"]["losses"]
    loss = losses["all"]
    rows = [f"| 5-gram, {name} | | {bits:.3f} | {nats:.3f} | {word:,} |" for name, bits, nats, word in NGRAM]
    for name, other in metrics["others"].items():
        its = other["losses"]["all"]
        rows.append(
            f"| {name} (context {other['context']}) | {other['parameters'] / 1e6:,.1f} M | {its['bits_per_byte']:.3f} | "
            f"| {its['perplexity_per_word']:,.0f} |"
        )
    table = "\n".join(rows)
    below = [genre for genre in LARGE if losses[genre]["bits_per_byte"] < NGRAM_GENRES[genre]]
    large = f"Of the five large genres ({', '.join(LARGE)}) it is below the largest in {', '.join(below) or 'none'}."
    if len(below) == len(LARGE):
        large = f"It is below the largest in each of the five large genres ({', '.join(LARGE)})."
    bar = "is met" if loss["bits_per_byte"] <= GPU_BAR else f"is missed by {loss['bits_per_byte'] - GPU_BAR:.3f}"
    return f"""## Against an n-gram

| model | parameters | bits per byte | nats per token | perplexity per word |
|---|---|---|---|---|
| this model | {metrics["model"]["parameters"] / 1e6:.1f} M | {loss["bits_per_byte"]:.3f} | {loss["nats_per_token"]:.3f} | {loss["perplexity_per_word"]:,.0f} |
{table}

The 5-grams (KenLM, interpolated modified Kneser-Ney) saw the whole corpus, in a first cut of the same split (under 2 % different), one paragraph at a
time with its end counted; tokens are not the same, so compare by the byte or the word. By the byte, this model needs {_against(loss["bits_per_byte"], 0)}
the largest 5-gram, which takes two minutes to train, and {_against(loss["bits_per_byte"], 2)} the one of about its own size. {large}
The aim for a model of this purpose trained on a GPU, 15 % below the largest 5-gram ({GPU_BAR:.3f}), {bar}. What the network has over an n-gram is size,
context beyond five tokens, and being a causal model like those whose text is to be
marked. Neither comes near a real pretrained model: the smallest GPT-2 (124 million parameters) reaches 1.16 bits per byte on
enwik8, an encyclopedia with its markup, without having been trained on it (Radford et al. 2019, table 3).
"""


def _against(bits: float, ngram: int) -> str:
    gap = bits - NGRAM[ngram][1]
    return f"{abs(gap):.3f} bits {'**more** than' if gap > 0 else 'less than'}"


def contamination(metrics: Json) -> str:
    """Return how much of the detection benchmarks' human text the training text holds."""
    overlap = metrics["contamination"]
    rows = "\n".join(
        f"| {'**all**' if name == 'all' else name} | {part['documents']:,} | {part['touched']:,} | {part['over_a_tenth']:,} "
        f"| {100 * part['shared_runs']:.3f} % |"
        for name, part in overlap.items()
    )
    return f"""## Contamination

A model that has seen a text finds it likely, so a detector built on the model misjudges it. Runs of thirteen words (letters and digits, lower case) that
the English human documents of the detection benchmarks (those of thirteen words or more) share with the training text. The corpus was filtered against
them when it was made, so that next to nothing is what this should find:

| collection | human documents | sharing any run | sharing over a tenth of their runs | shared runs of all |
|---|---|---|---|---|
{rows}
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


def runs_of(recipe: Json) -> list[Json]:
    """Return the runs that made the weights, the first one first."""
    runs = [recipe]
    while "continues" in runs[0]:
        runs.insert(0, runs[0]["continues"])
    return runs


def training(metrics: Json, recipe: Json, rows: list[LogRow]) -> str:
    """Return how the model was made, run by run."""
    size, last, runs = recipe["recipe"]["size"], rows[-1], runs_of(recipe)
    valid = [row.loss for row in rows if row.split == "valid"][-1]
    tokens = [*(run["continues"]["ended"]["tokens"] for run in runs[1:]), last.tokens]
    parts = "\n".join(_run(number, run, end) for number, (run, end) in enumerate(zip(runs, tokens, strict=True), 1))
    test = metrics["test"]["losses"]["all"]
    there = sum(part["bytes"] for part in metrics["training_data"].values()) * test["tokens"] / test["utf8_bytes"]
    compute = 6 * metrics["model"]["parameters"] * last.tokens
    return f"""## Training

{size["layers"]} layers of width {size["width"]}, {size["heads"]} heads, SwiGLU {size["mlp_width"]}, rotary positions, tied
embeddings. {last.step:,} steps, {last.tokens / 1e6:.1f} million tokens (of about {there / 1e6:.0f} million, drawn as crops at random places), about {compute:.1e} floating-point
operations (6 x parameters x tokens), {last.elapsed_s / 60:.0f} minutes in all; last validation loss {valid:.3f} nats per token (64 crops of 256 tokens). Muon for the matrices
inside the blocks, AdamW for the rest, {100 * WARM_UP:.0f} % warm-up, then linear decay to zero, no weight decay, no dropout, bfloat16 autocast over float32 weights.

{parts}

The schedule of a budget in minutes follows the wall clock, so a repetition differs in the number of steps; a run with a budget in steps repeats exactly on one machine.

![training and validation loss](loss.png)
"""


def _run(number: int, run: Json, tokens: int) -> str:
    how, machine = run["recipe"], run["machine"]
    budget = ", ".join(f"{value:g} {name}" for name, value in how["budget"].items())
    stages = "; ".join(
        f"up to {100 * stage['until']:.0f} % {stage['rows'] * how['batch_scale']} x {stage['length']}"
        for stage in how["stages"]
    )
    start = f"the weights of run {number - 1} (in bfloat16; fresh optimisers)" if number > 1 else "random weights"
    note = f" {run['note']}" if run.get("note") else ""
    return (
        f"* Run {number}, from {start}: {budget}, to {tokens / 1e6:.1f} million tokens, {machine['threads']} threads of {machine['processor']}. Peak learning\n"
        f"  rates {how['muon_lr']} (Muon) and {how['adam_lr']} (AdamW), gradient norm clipped at {how['gradient_clip']}, seed {how['seed']}. Batches by share of the\n"
        f"  budget (sequences x tokens): {stages}.{note}"
    )


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
