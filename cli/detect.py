"""`assay detect`: find marks in texts."""

import math
import sys
from pathlib import Path

import click


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option(
    "--mark", "marks", multiple=True, type=click.Path(path_type=Path), help="Profile to look for; repeatable."
)
@click.option("--alpha", default=1e-3, show_default=True, help="Chance that an unmarked text is called detected.")
@click.option("--spans", is_flag=True, help="Also locate marked stretches (family-wise corrected p-values).")
@click.option(
    "--min-tokens", type=click.IntRange(1), help="Abstain below this many scored tokens  [default: the profile's]"
)
@click.option("--model", help="Model whose tokenizer to use  [default: the one each profile names]")
@click.option("--text-field", default="text", show_default=True, help="Field that holds the text.")
@click.option("--with-text", is_flag=True, help="Keep the text in the output.")
@click.option("--fail-on", type=click.Choice(["detected"]), help="Exit with 3 if any document is detected.")
def detect(
    files: tuple[str, ...],
    marks: tuple[Path, ...],
    alpha: float,
    spans: bool,
    min_tokens: int | None,
    model: str | None,
    text_field: str,
    with_text: bool,
    fail_on: str | None,
) -> None:
    """Find marks in texts; one JSON line a document, in order.

    FILE is .jsonl (also .gz, .zst), .parquet, or .txt (one document); - or nothing is JSON Lines on stdin. Needs the profile, its key
    and the tokenizer; neither the prompt nor the model.

    \b
    Example:
      assay detect texts.jsonl --mark mark.toml --spans | jq -c '[.id, .verdict, .log10_p]'
    """
    from assay.corpus.detect_files import detect_files
    from assay.corpus.writer import JsonLinesWriter
    from assay.detect.detection import Threshold
    from assay.detect.marks import MarkDetector
    from assay.watermark.profile import load_mark

    if not marks:
        raise click.UsageError("nothing to look for: give at least one --mark MARK.toml")
    if not (0.0 < alpha < 1.0 and math.isfinite(alpha)):
        raise click.BadParameter(f"must be between 0 and 1, got {alpha}", param_hint="--alpha")
    if not files and sys.stdin.isatty():
        raise click.UsageError("no FILE given, and stdin is a terminal; name a file, or pipe JSON Lines in")
    detector = MarkDetector(
        [load_mark(path) for path in marks], Threshold(alpha, min_tokens=min_tokens), spans=spans, model=model
    )
    with JsonLinesWriter("-") as out:
        summary = detect_files(
            files or ("-",),
            detector,
            write_all=out.write_all,
            say=lambda line: click.echo(f"assay: {line}", err=True),
            text_field=text_field,
            with_text=with_text,
        )
    if summary.failed_files:
        raise SystemExit(1)
    if fail_on == "detected" and summary.verdicts["detected"]:
        raise SystemExit(3)
