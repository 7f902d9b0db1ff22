"""`assay attack`: change texts as an adversary would."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from assay.eval.attack import Attack


@click.command()
@click.argument("name", required=False)
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--list", "listing", is_flag=True, help="List the attacks, one JSON line each, and leave.")
@click.option("--strength", type=float, help="From 0 (nothing) to 1  [default: the middle one of its usual strengths]")
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Of the draws; each text has its own, made of this and its id.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of the attack; repeatable. --list shows them.",
)
@click.option("--encoder", help="Sentence encoder (folder or hub id) for the similarity of the texts before and after.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Of the encoder: cpu, cuda, cuda:1 ...; auto takes a GPU if there is one.",
)
@click.option("--text-field", default="text", show_default=True, help="Field that holds the text.")
@click.option("--out", default="-", show_default=True, help="File to write; - is stdout.")
def attack(
    name: str | None,
    files: tuple[str, ...],
    listing: bool,
    strength: float | None,
    seed: int,
    options: tuple[str, ...],
    encoder: str | None,
    device: str,
    text_field: str,
    out: str,
) -> None:
    """Change texts by the attack NAME; one JSON line a text, in order, the other fields kept.

    FILE is .jsonl (also .gz, .zst), .parquet, or .txt (one document); - or nothing is JSON Lines on stdin. The field "attack" of each line says what was done:
    words edited, n-grams that survive, length. What an attack on
    words or characters hits at a strength it hits at every higher one too.

    \b
    RAID's eleven (Dugan et al. 2024), by its names, with its rates:
      alternative_spelling  spelling          1.0   perplexity_misspelling  misspell      0.2
      article_deletion      delete-articles   0.5   synonym                 synonyms      0.5
      insert_paragraphs     insert-paragraphs 0.5   upper_lower             case          0.05
      number                swap-numbers      0.5   whitespace              whitespace    0.2
      homoglyph             homoglyph         1.0   zero_width_space        zero-width    1.0
      paraphrase            paraphrase        0.6 (of DIPPER: its lexical diversity 60)

    \b
    Example:
      echo '{"id": "a", "text": "The keeper of the light wrote in his book."}' | assay attack delete --strength 0.3 | jq -r .text
      assay attack synonyms texts.jsonl --strength 0.5 --option neighbours=4 --out attacked.jsonl
      assay attack --list | jq -r '[.attack, .strength_is] | @tsv'
    """
    if listing:
        _list()
        return
    if name is None:
        raise click.UsageError("no attack named; assay attack --list shows them")
    if not files and sys.stdin.isatty():
        raise click.UsageError("no FILE given, and stdin is a terminal; name a file, or pipe JSON Lines in")
    _refuse_own_input(out, files)

    from assay.eval.attack import check_strength, make_attack

    made = make_attack(name, _parsed(options))
    chosen = made.strengths[len(made.strengths) // 2] if strength is None else strength
    check_strength(name, chosen)
    check: Any = getattr(made, "check", None)
    if check is not None:
        check()
    _run(made, chosen, files, seed, encoder, device, text_field, out)


def _run(
    made: "Attack",
    strength: float,
    files: tuple[str, ...],
    seed: int,
    encoder: str | None,
    device: str,
    text_field: str,
    out: str,
) -> None:
    from assay.corpus.writer import JsonLinesWriter
    from assay.eval.attack_files import attack_files
    from assay.eval.sentence_encoder import SentenceEncoder

    judge = SentenceEncoder(encoder, device) if encoder else None
    with JsonLinesWriter(out) as writer:
        summary = attack_files(
            files or ("-",), made, strength, write_all=writer.write_all, say=_say, seed=seed, encoder=judge, text_field=text_field
        )  # fmt: skip
    _say(f"{made.name} at strength {strength:g}, seed {seed}: {summary.line()}")
    if summary.failed_files:
        raise SystemExit(1)


def _list() -> None:
    from dataclasses import MISSING, fields

    from assay.eval.attack import attack_class, attack_names

    for name in attack_names():
        try:
            kind = attack_class(name)
        except ImportError as error:  # of somebody's entry point; the others are there all the same
            _say(f"not usable: attack {name!r}: {error}")
            continue
        options = {f.name: None if f.default is MISSING else f.default for f in fields(kind) if f.init}
        record = {
            "attack": name,
            "strength_is": kind.strength_is,
            "strengths": kind.strengths,
            "summary": kind.summary,
            "options": options,
            "needs_model": kind.needs_model,
            "stage": kind.stage,
            "source": kind.source,
        }
        click.echo(json.dumps(record, ensure_ascii=False))


def _parsed(options: tuple[str, ...]) -> dict[str, str]:
    given: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"must be KEY=VALUE, got {option!r}", param_hint="--option")
        if key in given:
            raise click.BadParameter(f"{key} is given twice", param_hint="--option")
        given[key] = value
    return given


def _refuse_own_input(out: str, files: tuple[str, ...]) -> None:
    """Refuse to write over a file that is read."""
    path = Path(out)
    if (
        out != "-"
        and path.exists()
        and any(Path(file).exists() and path.samefile(file) for file in files if file != "-")
    ):
        raise click.BadParameter(f"{out} is read too; name another file", param_hint="--out")


def _say(line: str) -> None:
    click.echo(f"assay: {line}", err=True)
