"""`assay models`: what `--model` accepts, and what is at hand."""

import json

import click
from assay.models import EMBEDDED, embedded_path, resolve


@click.group()
def models() -> None:
    """List and show models: the embedded one, and what --model accepts.

    Wherever a command takes --model NAME, NAME is `embedded` (shipped with Assay), a folder written by save_pretrained, or a hub id such as
    `openai-community/gpt2`. It must be a causal language model with safetensors weights that transformers supports natively:
    pickles and Python code of a model's own are never loaded.
    """


@models.command("list")
def list_models() -> None:
    """List the models that work here without a download: the embedded one and those in the local hub cache.

    \b
    Example:
      assay models list | jq -r '[.model, .parameters, .context] | @tsv'
    """
    from dataclasses import asdict

    from assay.errors import ModelError
    from assay.watermark.hub import cached_models
    from assay.watermark.inspection import inspect_model

    for name in (EMBEDDED, *cached_models()):
        try:
            facts = inspect_model(name, resolve(name), cached_only=True)
        except (
            ModelError,
            OSError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ) as error:  # one bad model among many
            said = " ".join(str(error).split())
            click.echo(f"assay: not usable: {said if name in said else f'{name}: {said}'}", err=True)
            continue
        click.echo(json.dumps(asdict(facts), ensure_ascii=False))


@models.command()
@click.argument("name", default=EMBEDDED)
@click.option("--revision", help="Revision of a hub model.")
def show(name: str, revision: str | None) -> None:
    """Show what a model is, without loading it; for the embedded one also what was measured.

    \b
    Example:
      assay models show
      assay models show ./my-model
    """
    from dataclasses import asdict

    from assay.watermark.inspection import inspect_model

    _check_revision(name, revision)
    record = asdict(inspect_model(name, resolve(name), revision))
    measured = embedded_path() / "metrics.json"
    if name == EMBEDDED and not measured.is_file():
        click.echo("assay: these weights have not been measured; run python -m assay.models.evaluate", err=True)
    elif name == EMBEDDED:
        metrics = json.loads(measured.read_text(encoding="utf-8"))
        record |= {
            "licence": "CC BY-SA 4.0",
            "language": "en",
            "weights_sha256": metrics["model"]["weights_sha256"],
            "bits_per_byte": metrics["test"]["losses"]["all"]["bits_per_byte"],
            "perplexity_per_word": metrics["test"]["losses"]["all"]["perplexity_per_word"],
            "card": str(embedded_path() / "README.md"),
        }
    click.echo(json.dumps(record, indent=2, ensure_ascii=False))


@models.command()
@click.argument("name", default=EMBEDDED)
@click.option("--revision", help="Revision of a hub model.")
def path(name: str, revision: str | None) -> None:
    """Print the folder of a model, for from_pretrained and other tools.

    \b
    Example:
      ls "$(assay models path)"
    """
    from assay.watermark.inspection import inspect_model

    _check_revision(name, revision)
    click.echo(inspect_model(name, resolve(name), revision).folder)


def _check_revision(name: str, revision: str | None) -> None:
    if name == EMBEDDED and revision is not None:
        raise click.UsageError(f"the embedded model has no revisions, got --revision {revision}; leave it out")
