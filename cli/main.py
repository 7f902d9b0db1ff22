"""The command `assay`: finds its sub-commands without importing them, and turns errors into one line.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 only with `--fail-on detected`.
"""

import os
import sys
from importlib import import_module

import click
from assay import __version__
from assay.errors import AssayError

_COMMANDS = {
    "attack": "Change texts as an adversary would: deletion, paraphrase, copy-paste and 20 more.",
    "calibrate": "Make of human text what a classifier's p-values are counted from.",
    "classifier": "Train, test and list classifiers of unmarked machine text.",
    "demo": "Mark, detect, cut, locate: the whole job in about a minute, with a picture.",
    "detect": "Find marks in texts; one JSON line a document.",
    "eval": "Measure detectors by a plan: attacks, lengths, intervals, a report.",
    "generate": "Generate marked texts with a local model.",
    "mark": "Make and show marks.",
    "models": "List and show models: the embedded one, and what --model accepts.",
    "scan": "Find marked and unmarked machine text in a crawl: WET, WARC, JSON Lines, Parquet.",
    "score": "Score texts with a language model; one JSON line a document.",
}


class _Commands(click.Group):
    """Sub-commands by name; the file of one is imported when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        return getattr(import_module(f"assay.cli.{cmd_name}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="assay")
def cli() -> None:
    """Mark machine-made text, find the mark again, and say how far the answer can be trusted.

    Stdout is data (JSON Lines), stderr is talk; `-` is stdin or stdout.

    \b
    Example:
      assay mark new mark.toml
      assay generate --mark mark.toml -n 4 --out texts.jsonl
      assay detect texts.jsonl --mark mark.toml --spans
    """


def main() -> None:
    """Run the command line."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        _say("interrupted")
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except BrokenPipeError:
        # The reader went away (`| head`): nothing to say, and nothing more to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except AssayError as error:
        _say(str(error))
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _say(message: str) -> None:
    click.echo(f"assay: {' '.join(message.split())}", err=True)
