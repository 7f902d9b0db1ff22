"""`assay calibrate`: what a classifier's scores are worth, measured on human text."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from assay.detect.calibration import Calibration
    from assay.detect.classifier import Classifier


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--classifier",
    "spec",
    required=True,
    help="Which: a shipped name, a folder, METRIC:MODEL, hf:ID (`classifier list`).",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Calibration to write (JSON); must not exist."
)
@click.option(
    "--spans",
    is_flag=True,
    help="Calibrate the stretches that the classifier locates (for detect --spans), not its scores.",
)
@click.option("--data", help="What the texts are, in words, kept in the calibration  [default: the files' names]")
@click.option("--text-field", default="text", show_default=True, help="Field that holds the text.")
@click.option(
    "--label-field", help="Field that says human or ai (or 0 or 1): take the human ones  [default: all are human]"
)
@click.option("--group-field", help="Field of the domain or language: a null sample for each value.")
@click.option(
    "--min-group",
    type=click.IntRange(20),
    default=200,
    show_default=True,
    help="Fewest independent documents of a null sample; smaller groups are pooled as `other`.",
)
@click.option("--cluster-field", help="Field of what belongs together (page, author): one document of each counts.")
@click.option("--fold-field", help="Field of what is left out in turn to measure false positives  [default: at random]")
@click.option("--edges", help="Edges of the length buckets, as in 64,128,256  [default: octaves with enough documents]")
@click.option("--seed", default=0, show_default=True, help="Draws one document a cluster, and random folds.")
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1 ...; auto takes a GPU if there is one."
)
@click.option(
    "--dtype",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    help="Arithmetic of the models.",
)
def calibrate(
    files: tuple[str, ...],
    spec: str,
    out: Path,
    spans: bool,
    data: str | None,
    text_field: str,
    label_field: str | None,
    group_field: str | None,
    min_group: int,
    cluster_field: str | None,
    fold_field: str | None,
    edges: str | None,
    seed: int,
    device: str,
    dtype: str,
) -> None:
    """Score human text with a classifier, and keep the scores as what p-values are counted from.

    FILE is .jsonl (also .gz, .zst), .parquet, or .txt (one document); - is JSON Lines on stdin. All of it must be human, or say which is with
    --label-field. What `assay detect` would not judge (unusual form, tampering) is left out and counted. Error rates then hold for text
    that could have been among these: take text like yours. p goes no lower than 1 in (documents + 1). With --spans the score of a document is
    that of its best stretch; documents that the classifier was fitted on must not be among them.

    On stdout one JSON line for each group and range of lengths: documents, smallest p, and at 5 %, 1 %, 0.1 % the cut with the
    false-positive rate that it has by theory (95 %) and had on documents left out (95 %).

    \b
    Example:
      assay calibrate human.jsonl.gz --classifier fast --group-field domain --out cal.json | jq -c '[.label, .low, .n, .smallest_p]'
      assay calibrate human.jsonl.gz --classifier embedded --spans --out spans.json
    """
    if out.exists():
        raise click.UsageError(f"{out} exists; name a file that does not, nothing is overwritten")
    if not out.parent.is_dir():
        raise click.UsageError(f"{out.parent} is not a folder; make it first, or name another --out")
    buckets = _edges(edges)

    from assay.corpus.calibrate_files import CalibrateOptions, calibrate_files
    from assay.detect.calibration_file import group_record, write_calibration

    classifier = _classifier(spec, spans, device, dtype)
    options = CalibrateOptions(
        data=data or ", ".join(Path(file).name for file in files),
        text_field=text_field,
        group_field=group_field,
        cluster_field=cluster_field,
        fold_field=fold_field,
        label_field=label_field,
        n_min=min_group,
        edges=buckets,
        seed=seed,
        spans=spans,
    )
    made = calibrate_files(files, classifier, options, _say)
    write_calibration(out, made)
    for group in made.groups:
        click.echo(json.dumps(group_record(group), ensure_ascii=False))
    _summarise(made, out)


def _classifier(spec: str, spans: bool, device: str, dtype: str) -> "Classifier":
    from assay.detect.find_classifier import find_classifier
    from assay.detect.span_search import cannot_locate

    classifier = find_classifier(spec, device=device, dtype=dtype)
    if spans and (why := cannot_locate(spec, classifier)):
        raise click.UsageError(f"--spans: {why}; leave --spans out to calibrate its scores, or name another classifier")
    return classifier


def _edges(given: str | None) -> tuple[int, ...] | None:
    if given is None:
        return None
    parts = [part.strip() for part in given.split(",")]
    edges = tuple(int(part) for part in parts if part.isascii() and part.isdigit())
    if len(edges) != len(parts) or len(edges) < 2 or list(edges) != sorted(set(edges)):
        raise click.BadParameter(
            f"must be at least two ascending lengths with commas between, as in 64,128,256; got {given!r}",
            param_hint="--edges",
        )
    return edges


def _summarise(made: "Calibration", out: Path) -> None:
    from assay.corpus.calibrate_files import describe

    used = sum(group.null.n for group in made.groups)
    left_out = describe(made.left_out)
    _say(f"wrote {out}: {used:,} of {made.n_given:,} documents{f'; left out: {left_out}' if left_out else ''}")
    depths = sorted({group.null.n + 1 for group in made.groups})
    reach = f"1/{depths[0]:,}" if len(depths) == 1 else f"1/{depths[0]:,} to 1/{depths[-1]:,}, by group"
    _say(f"smallest p reachable: {reach}; a p below it needs more documents")
    if len(made.labels) > 1:
        _say(
            f"groups: {', '.join(made.labels)}; for a document of no stated group the largest of their p-values counts"
        )


def _say(line: str) -> None:
    click.echo(f"assay: {line}", err=True)
