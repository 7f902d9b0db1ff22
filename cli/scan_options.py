"""The options of `assay scan`, by what they are about; what they mean is `scan.py`'s."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class _Bytes(click.ParamType):  # pyright: ignore[reportMissingTypeArgument] (generic only in later versions)
    """A number of bytes: 256MB, 1G, 500000."""

    name = "BYTES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip().lower().removesuffix("b")
        number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS and text[-1:] else (text, "")
        if not number.isdigit() or int(number) < 1:
            self.fail(f"{value!r} is no number of bytes; expected something like 256MB or 1G", param, ctx)
        return int(number) * _UNITS[unit]


def what_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what to look for."""
    for option in (
        click.option("--dtype", default="auto", show_default=True, type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
                     help="Arithmetic of the models."),
        click.option("--device", default="auto", show_default=True,
                     help="cpu, cuda, cuda:1 ...; auto takes a GPU if there is one."),
        click.option("--languages", default="auto", show_default=True, metavar="auto|any|CODES",
                     help="Judge only these languages, two letters with commas; auto: those each detector is calibrated for."),
        click.option("--min-tokens", type=click.IntRange(1), help="Abstain below this many scored tokens  [default: the profile's]"),
        click.option("--model", help="Model whose tokenizer to use  [default: the one each profile names]"),
        click.option("--spans", is_flag=True, help="Also locate marked or machine-written stretches."),
        click.option("--fdr", default=0.1, show_default=True, type=float,
                     help="False discoveries among all, for the report's discoveries (Benjamini-Hochberg)."),
        click.option("--alpha", type=float,
                     help="Chance that an unmarked human text is called detected  [default: 0.001; 0.01 with a classifier]"),
        click.option("--cascade/--no-cascade", default=True, show_default=True,
                     help="Ask the classifiers after the first only where it is undecided."),
        click.option("--group", help="Group of the calibration that all texts are of  [default: the least favourable one]"),
        click.option("--calibration", "calibrations", multiple=True, type=click.Path(path_type=Path),
                     help="Calibration of a classifier, repeatable  [default: those beside the classifier]"),
        click.option("--classifier", "classifiers", multiple=True,
                     help="Look for unmarked machine text too: a shipped name, a folder ...; repeatable, the cheapest first."),
        click.option("--mark", "marks", multiple=True, type=click.Path(path_type=Path), help="Profile to look for; repeatable."),
    ):  # fmt: skip
        command = option(command)
    return command


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what to read and what to write."""
    for option in (
        click.option("--sidecar", default="", metavar="NAME", help="Also write dolma attributes, DIR/attributes/NAME/."),
        click.option("--keep", default="", metavar="VERDICTS",
                     help="Also write the documents with these verdicts to DIR/kept, the others to DIR/dropped: not_detected,abstain ..."),
        click.option("--sample", default=1.0, show_default=True, type=float, help="Look at this share of the documents, chosen by a hash of their ids."),
        click.option("--limit", type=click.IntRange(1), help="Stop after so many documents, in order and with one worker."),
        click.option("--segment-documents", default=20_000, show_default=True, type=click.IntRange(1),
                     help="Keep the progress inside a shard every so many documents."),
        click.option("--shard-bytes", type=_Bytes(), help="Divide longer files where they can be: 256MB  [default: a file is a shard]"),
        click.option("--extract", default="resiliparse", show_default=True, type=click.Choice(["resiliparse", "trafilatura"]),
                     help="How the text is taken from HTML."),
        click.option("--text-field", default="text", show_default=True, help="Field that holds the text (JSON Lines, Parquet)."),
        click.option("--format", "file_format", default="auto", show_default=True,
                     type=click.Choice(["auto", "any", "warc", "arc", "jsonl", "parquet", "text"]),
                     help="Take files of this format only; any reads folders that mix them. WET is warc."),
    ):  # fmt: skip
        command = option(command)
    return command


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where and how long."""
    for option in (
        click.option("--report-only", is_flag=True, help="Only write the report of what is finished in DIR."),
        click.option("--dry-run", is_flag=True, help="Say how many shards and bytes, and how long it would take; write nothing."),
        click.option("--max-seconds", default=60.0, show_default=True, type=float,
                     help="Give up a document that takes longer; 0 waits for ever."),
        click.option("--num-shards", default=1, show_default=True, type=click.IntRange(1), help="Runs that share DIR (Slurm arrays)."),
        click.option("--shard-index", default=0, show_default=True, type=click.IntRange(0), help="Which of them this is, from 0."),
        click.option("--ray-gpus", default=0.0, show_default=True, type=float, help="GPUs of each Ray worker; may be a fraction."),
        click.option("--ray-address", help="Existing Ray cluster: auto, ray://host:10001 ...  [default: one of this machine's own]"),
        click.option("--workers", type=click.IntRange(1), help="Processes  [default: one a core]"),
        click.option("--engine", default="local", show_default=True, type=click.Choice(["local", "ray"]), help="Where workers run."),
    ):  # fmt: skip
        command = option(command)
    return command
