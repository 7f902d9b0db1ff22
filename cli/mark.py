"""`assay mark`: make a mark, show one, list the schemes."""

import json
from pathlib import Path

import click
from assay.models import EMBEDDED, resolve


@click.group()
def mark() -> None:
    """Make and show marks."""


@mark.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="MARK.toml")
@click.option("--scheme", default="greenlist", show_default=True, help="How text is marked (`assay mark schemes`).")
@click.option("--gamma", default=0.25, show_default=True, help="Green share of the vocabulary.")
@click.option("--delta", default=2.0, show_default=True, help="What green tokens gain, in nats.")
@click.option(
    "--context-width", default=1, show_default=True, help="Previous tokens that choose the green list, 0 to 8."
)
@click.option(
    "--context",
    type=click.Choice(["ordered", "minhash"]),
    default="ordered",
    show_default=True,
    help="How they do: all in order, or the one with the least hash (outlives edits).",
)
@click.option("--self-salt", is_flag=True, help="Let the token be part of its own context.")
@click.option(
    "--model", default=EMBEDDED, show_default=True, help="Model whose tokenizer the mark is for: folder, hub id."
)
@click.option(
    "--min-tokens",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Detection abstains on fewer scored tokens.",
)
@click.option(
    "--skip-common",
    default="en-1",
    show_default=True,
    help="List of word sequences that human texts share, not scored; `none` scores all.",
)
@click.option(
    "--normalise",
    is_flag=True,
    help="Detection first undoes look-alike letters, hidden characters and the like.",
)
def new(
    path: Path,
    scheme: str,
    gamma: float,
    delta: float,
    context_width: int,
    context: str,
    self_salt: bool,
    model: str,
    min_tokens: int,
    skip_common: str,
    normalise: bool,
) -> None:
    """Write MARK.toml (public) and MARK.key (secret, mode 0600) beside it.

    Overwrites nothing. Keep the key: without it the mark cannot be found again, with it anyone can forge it.

    With --normalise the mark outlives look-alike letters and characters that nobody sees, put in to break it. Generation stays as it
    is; runs of spaces, as in indented code, are read as one, so that code keeps less of its mark.

    \b
    Example:
      assay mark new mark.toml --gamma 0.25 --delta 2
    """
    from assay.watermark.profile import Profile, new_mark
    from assay.watermark.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(resolve(model))
    parameters = {
        "gamma": gamma,
        "delta": delta,
        "context_width": context_width,
        "context": context,
        "self_salt": self_salt,
    }
    draft = Profile(
        scheme=scheme,
        parameters=parameters,
        key_file="",
        key_fingerprint="",
        model=model,
        tokenizer_fingerprint=tokenizer.fingerprint,
        vocab_size=tokenizer.vocab_size,
        min_tokens=min_tokens,
        skip_common=skip_common,
        normaliser=_normaliser() if normalise else "",
    )
    made = new_mark(path, draft)
    click.echo(f"wrote {path} (share it) and {path.with_suffix('.key')} (keep it secret)", err=True)
    for warning in made.mark.warnings:
        click.echo(f"note: {warning}", err=True)
    click.echo(
        json.dumps({"profile": str(path), "fingerprint": made.profile.fingerprint, "key": made.mark.key.fingerprint})
    )


def _normaliser() -> str:
    from assay.detect.normalise import VERSION

    return VERSION


@mark.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="MARK.toml")
def show(path: Path) -> None:
    """Print what a profile says, and whether its key is at hand. The key itself is never shown.

    \b
    Example:
      assay mark show mark.toml
    """
    from dataclasses import asdict

    from assay.errors import BadKey
    from assay.watermark.profile import build_mark, find_key, read_profile

    profile = read_profile(path)
    record = {"profile": str(path), "fingerprint": profile.fingerprint, **asdict(profile)}
    try:
        loaded = build_mark(profile, find_key(path, profile))
        record |= {"key_at_hand": True, "warnings": list(loaded.warnings)}
    except BadKey as error:
        record |= {"key_at_hand": False, "warnings": [str(error)]}
    click.echo(json.dumps(record, indent=2, ensure_ascii=False))


@mark.command()
def schemes() -> None:
    """List the schemes that a mark can use.

    \b
    Example:
      assay mark schemes
    """
    from assay.watermark.schemes import scheme_class, scheme_names

    for name in scheme_names():
        click.echo(json.dumps({"scheme": name, "summary": scheme_class(name).summary}))
