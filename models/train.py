"""Train the embedded language model from the corpus: tokenizer, packed tokens, network, in one resumable command.

    python -m assay.models.train --work /tmp/assay-train --minutes 70 --out models/embedded

Run the same command again to go on after an interruption; ``--initial`` continues a published model with a new schedule. It uses a GPU where there is one. See ``loop.py`` for what the work folder holds.
"""

import argparse
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer

from .architecture import Size
from .bpe import save_tokenizer, train_tokenizer
from .corpus import packed_split, read_documents
from .export import publish
from .loop import Recipe, train
from .schedule import STAGES, Stage, StepBudget, WallBudget, parse_stages

CORPUS = Path(__file__).parents[2] / "shared" / "data" / "corpus"


def prepare_tokenizer(
    corpus: Path, work: Path, vocab_size: int, context: int, initial: Path | None = None
) -> Tokenizer:
    """Return the tokenizer of the work folder; at first that of the model in `initial`, or one trained on the first shard."""
    folder = work / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if initial is not None:
            save_tokenizer(Tokenizer.from_file(str(initial / "tokenizer.json")), folder, context)
        else:
            first = min(corpus.glob("train-*.jsonl.zst"))
            save_tokenizer(train_tokenizer((d.text for d in read_documents(first)), vocab_size), folder, context)
    if initial is not None:
        ours, its = ((place / "tokenizer.json").read_bytes() for place in (folder, initial))
        if json.loads(ours) != json.loads(its):
            raise SystemExit(f"{folder} is another tokenizer than that of {initial}; use an empty work folder")
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def stages(text: str) -> tuple[Stage, ...]:
    """Read the stages of the command line, with what is wrong in argparse's words."""
    try:
        return parse_stages(text, Size.context)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="wall time; the decay ends with it")
    budget.add_argument("--steps", type=int, help="optimiser steps; exactly repeatable on one machine")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of train-*.jsonl.zst and valid.jsonl.zst")
    parser.add_argument("--work", type=Path, required=True, help="folder for everything that is not shipped")
    parser.add_argument("--initial", type=Path, help="folder of a published model whose training goes on")
    parser.add_argument("--note", default="", help="a sentence about this run for the card")
    parser.add_argument("--out", type=Path, help="folder to copy the finished model to")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-scale", type=int, default=1, help="multiplies the rows of every batch")
    parser.add_argument(
        "--stages",
        type=stages,
        default=STAGES,
        help="batches by share of the budget: UNTIL:ROWSxLENGTH,... (default: "
        + ",".join(f"{stage.until:g}:{stage.rows}x{stage.length}" for stage in STAGES)
        + ")",
    )
    parser.add_argument("--muon-lr", type=float, default=Recipe.muon_lr)
    parser.add_argument("--adam-lr", type=float, default=Recipe.adam_lr)
    return parser.parse_args()


def main() -> None:
    """Parse the command line, prepare the data, train, publish."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    recipe = Recipe(
        budget=StepBudget(options.steps) if options.minutes is None else WallBudget(options.minutes),
        stages=options.stages,
        batch_scale=options.batch_scale,
        muon_lr=options.muon_lr,
        adam_lr=options.adam_lr,
        seed=options.seed,
    )
    shards = sorted(options.corpus.glob("train-*.jsonl.zst"))
    if not shards:
        raise SystemExit(f"{options.corpus} has no train-*.jsonl.zst; name the folder of the corpus with --corpus")
    tokenizer = prepare_tokenizer(
        options.corpus, options.work, recipe.size.vocab_size, recipe.size.context, options.initial
    )
    train_tokens = packed_split(tokenizer, shards, options.work / "train.npy")
    valid_tokens = packed_split(tokenizer, [options.corpus / "valid.jsonl.zst"], options.work / "valid.npy")
    try:
        train(
            recipe,
            train_tokens,
            valid_tokens,
            options.work,
            torch.device(options.device),
            options.initial,
            options.note,
        )
    except ValueError as error:
        raise SystemExit(str(error)) from None
    if options.out is not None:
        publish(options.work, options.out)


if __name__ == "__main__":
    main()
