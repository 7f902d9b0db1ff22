"""`assay classifier`: train one on your own texts, test one, list those at hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_FIELDS: list[Callable[[Any], Any]] = [
    click.option("--text-field", default="text", show_default=True, help="Field that holds the text."),
    click.option("--label-field", default="label", show_default=True, help="Field that says human or ai (or 0 or 1)."),
    click.option("--group-field", help="Field of what is left out together: domain, generator, source."),
    click.option("--cluster-field", help="Field of what is resampled together: the same prompt or original."),
    click.option("--seed", default=0, show_default=True, help="Decides crops, folds and bootstrap samples."),
]


def _fields(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FIELDS):
        command = option(command)
    return command


@click.group()
def classifier() -> None:
    """Train, test and list classifiers of unmarked machine text.

    A classifier's score is no probability and no verdict: it orders texts. What a score is worth on your texts says a calibration on
    your own human text. None of them is fit to judge a single person's text.
    """


@classifier.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--kind", default="fast", show_default=True, help="Kind of classifier (`assay classifier list`).")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write; must not exist.")
@_fields
def train(
    files: tuple[str, ...],
    kind: str,
    out: Path,
    text_field: str,
    label_field: str,
    group_field: str | None,
    cluster_field: str | None,
    seed: int,
) -> None:
    """Fit a classifier on labelled texts; with --group-field also test it on groups that it has not seen.

    FILE is .jsonl (also .gz, .zst) or .parquet. Writes a folder without pickles (JSON and safetensors), and on stdout one JSON line for
    each group left out: AUROC, machine texts found at 1 % false positives, and what the 1 % threshold of the other groups does here.

    \b
    Example:
      assay classifier train labelled.jsonl.gz --group-field domain --cluster-field pair_id --out my-classifier
    """
    from assay.corpus.labelled import Fields, read_labelled
    from assay.eval.train_classifier import train_classifier

    if out.exists():
        raise click.UsageError(f"{out} exists; name a folder that does not, nothing is overwritten")
    data = read_labelled(files, Fields(text_field, label_field, group_field, cluster_field), _say)
    for row in train_classifier(data, kind, out, seed, by_group=group_field is not None):
        click.echo(json.dumps(row.to_record(), ensure_ascii=False))
    _say(f"wrote {out}; its scores mean nothing before they are calibrated on your own human text")


@classifier.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--classifier", "folder", type=click.Path(path_type=Path), required=True, help="Folder of a classifier.")
@_fields
def evaluate(
    files: tuple[str, ...],
    folder: Path,
    text_field: str,
    label_field: str,
    group_field: str | None,
    cluster_field: str | None,
    seed: int,
) -> None:
    """Test a classifier on labelled texts that it was not fitted on; one JSON line for all texts and one for each group.

    \b
    Example:
      assay classifier evaluate labelled.jsonl.gz --classifier my-classifier --group-field domain | jq -c '[.group, .auroc.value]'
    """
    from assay.corpus.labelled import Fields, read_labelled
    from assay.eval.train_classifier import evaluate_classifier

    data = read_labelled(files, Fields(text_field, label_field, group_field, cluster_field), _say)
    for row in evaluate_classifier(data, folder, seed):
        click.echo(json.dumps(row.to_record(), ensure_ascii=False))


@classifier.command("list")
def list_kinds() -> None:
    """List the kinds of classifiers that can be trained.

    \b
    Example:
      assay classifier list
    """
    from assay.detect.classifier import classifier_class, classifier_kinds

    for kind in classifier_kinds():
        click.echo(json.dumps({"kind": kind, "summary": classifier_class(kind).summary}))


def _say(line: str) -> None:
    click.echo(f"assay: {line}", err=True)
