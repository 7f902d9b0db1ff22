"""`assay score`: what a language model makes of texts, by metric."""

import sys

import click
from assay.models import EMBEDDED, resolve


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--model", default=EMBEDDED, show_default=True, help="Causal model: folder, hub id, or `embedded`.")
@click.option("--revision", help="Revision of a hub model.")
@click.option("--reference", help="Second model with the same tokenizer: the sampler or observer of a pair.")
@click.option("--metrics", default="all", show_default=True, help="Names with commas between, or all.")
@click.option("--text-field", default="text", show_default=True, help="Field that holds the text.")
@click.option(
    "--start",
    type=click.Choice(["auto", "none"]),
    default="auto",
    show_default=True,
    help="auto scores the first token after the model's start token; none does not score it.",
)
@click.option(
    "--context", type=click.IntRange(2), help="Longest window, in tokens  [default: the model's, at most 1024]"
)
@click.option("--stride", type=click.IntRange(1), help="How far the next window goes on  [default: half the context]")
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=8192,
    show_default=True,
    help="Tokens scored together, with padding.",
)
@click.option(
    "--max-tokens", type=click.IntRange(0), default=20_000, show_default=True, help="Tokens of a text; 0 is all of it."
)
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1 ...; auto takes a GPU if there is one."
)
@click.option("--dtype", default="auto", show_default=True, help="float32, bfloat16, float16.")
@click.option("--with-tokens", is_flag=True, help="Also write place, log-prob, rank and entropy of each token.")
def score(
    files: tuple[str, ...],
    model: str,
    revision: str | None,
    reference: str | None,
    metrics: str,
    text_field: str,
    start: str,
    context: int | None,
    stride: int | None,
    batch_size: int,
    max_tokens: int,
    device: str,
    dtype: str,
    with_tokens: bool,
) -> None:
    """Score texts with a language model; one JSON line a document, in order.

    FILE is .jsonl (also .gz, .zst), .parquet, or .txt (one document); - or nothing is JSON Lines on stdin. Of every metric higher is more
    machine-like; null where a text is too short for it. A score is no verdict: what is high depends on the model, the kind of text and its
    length.

    \b
    Example:
      echo '{"id": "a", "text": "It was the best of times."}' | assay score --metrics log_rank,fast_detectgpt | jq -c .metrics
    """
    from assay.detect.metrics import one_pass_metrics

    if not files and sys.stdin.isatty():
        raise click.UsageError("no FILE given, and stdin is a terminal; name a file, or pipe JSON Lines in")
    names = None if metrics == "all" else [name.strip() for name in metrics.split(",")]
    chosen = one_pass_metrics(names)  # what is wrong is said before torch is imported and a model loaded

    from assay.corpus.score_files import score_files
    from assay.corpus.writer import JsonLinesWriter
    from assay.detect.lm import LMScorer
    from assay.watermark.model import load_model

    scoring = load_model(model, resolve(model), revision, device, dtype)
    second = load_model(reference, resolve(reference), None, device, dtype) if reference else None
    try:
        scorer = LMScorer(
            scoring,
            second,
            start="none" if start == "none" else "auto",
            context=context,
            stride=stride,
            batch_tokens=batch_size,
            max_tokens=max_tokens or None,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with JsonLinesWriter("-") as out:
        summary = score_files(
            files or ("-",),
            scorer,
            chosen,
            write_all=out.write_all,
            say=lambda line: click.echo(f"assay: {line}", err=True),
            text_field=text_field,
            with_tokens=with_tokens,
        )
    if summary.failed_files:
        raise SystemExit(1)
