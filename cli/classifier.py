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
@click.option("--classifier", "spec", required=True, help="A name, a folder, or METRIC:MODEL, pair:NAME, hf:MODEL.")
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
@_fields
def evaluate(
    files: tuple[str, ...],
    spec: str,
    device: str,
    dtype: str,
    text_field: str,
    label_field: str,
    group_field: str | None,
    cluster_field: str | None,
    seed: int,
) -> None:
    """Test a classifier on labelled texts that it was not fitted on; one JSON line for all texts and one for each group.

    --classifier takes a name of `assay classifier list`; a folder written by `assay classifier train`; METRIC:MODEL[,REFERENCE], any metric of
    `assay score` under any causal model or pair; or hf:MODEL[#LABEL], a Hugging Face sequence classifier, LABEL being the one that means machine
    text. MODEL is a folder, a hub id or `embedded`.

    \b
    Example:
      assay classifier evaluate labelled.jsonl.gz --classifier my-classifier --group-field domain | jq -c '[.group, .auroc.value]'
      assay classifier evaluate labelled.jsonl.gz --classifier fast_detectgpt:embedded | jq .auroc
    """
    from assay.detect.find_classifier import find_classifier

    classifier = find_classifier(spec, device=device, dtype=dtype)  # what is wrong is said before texts are read

    from assay.corpus.labelled import Fields, read_labelled
    from assay.eval.train_classifier import evaluate_classifier

    data = read_labelled(files, Fields(text_field, label_field, group_field, cluster_field), _say)
    for row in evaluate_classifier(data, classifier, seed):
        click.echo(json.dumps(row.to_record(), ensure_ascii=False))


@classifier.command("list")
def list_classifiers() -> None:
    """List the classifiers at hand and the kinds there are; one JSON line each.

    A line with `classifier` is what `--classifier` takes: one shipped with the toolkit, with its calibration if it has one, or a pair of models
    that has a name, which are fetched when first used. A line with `kind` alone describes a kind.

    \b
    Example:
      assay classifier list | jq -r 'select(.classifier).classifier'
    """
    from assay.detect.find_classifier import known_classifiers

    for row in known_classifiers():
        click.echo(json.dumps(row, ensure_ascii=False))


def _say(line: str) -> None:
    click.echo(f"assay: {line}", err=True)
