"""`assay demo`: the whole job in about a minute, with a picture."""

import json
from pathlib import Path

import click


@click.command()
@click.option(
    "--out",
    default="demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder to write to: new, empty, or of an earlier demo.",
)
@click.option("--seed", default=0, show_default=True, help="With the new key, decides the texts.")
def demo(out: Path, seed: int) -> None:
    """Mark, detect, paste, locate: the whole job on the embedded model.

    Makes a mark, writes marked and unmarked texts, tests them and human ones with the right and with another key, pastes half a
    marked text into a human one and finds it there. Narrates on stderr, prints one JSON line, and leaves everything in DIR:
    report.html, report.png, demo.json with every number, the texts, and the marks. A re-run replaces these files, its
    key with them, and no others.

    \b
    Example:
      assay demo --out demo | jq .spliced
    """
    from assay.eval.demo import run_demo

    result = run_demo(out, seed, lambda line: click.echo(line, err=True))
    click.echo(json.dumps(result.to_record()))
