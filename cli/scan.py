"""`assay scan`: find marked and unmarked machine text in a crawl."""

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from assay.corpus.engine import Engine
    from assay.corpus.ledger import Ledger
    from assay.corpus.scan import Ended
    from assay.corpus.scan_config import ScanConfig

_ALPHA_MARKS, _ALPHA_CLASSIFIERS = 1e-3, 1e-2
_SLOW_BATCH = 64
_VERDICTS = ("detected", "not_detected", "abstain")
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


def _what_options(command: Callable[..., Any]) -> Callable[..., Any]:
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


def _data_options(command: Callable[..., Any]) -> Callable[..., Any]:
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


def _run_options(command: Callable[..., Any]) -> Callable[..., Any]:
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


@click.command()
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=True),
    help="Folder for all results; also where to go on.",
)
@_what_options
@_data_options
@_run_options
def scan(inputs: tuple[str, ...], out: Path, **options: Any) -> None:
    """Find marked and unmarked machine text in a crawl, at the speed of the disk.

    INPUT is a file, a folder, a pattern, or a URL (s3://...): WET, WARC, ARC, JSON Lines, Parquet or text, plain or compressed, told by content.
    DIR gets one row a document (DIR/rows, Parquet), and a report with the estimated share of machine text (DIR/report.html). Stdout gets one
    line of JSON. A run that was killed goes on when it is given again, and ends with the same files as one that was not; with other settings or
    inputs it is refused. What cannot be read is counted and named, and costs nothing else; the exit code is 1 only where whole files are missing.

    \b
    Example:
      assay scan crawl/*.wet.gz --mark mark.toml --out scan/ | jq .
      assay scan crawl/ --format warc --classifier fast --keep not_detected,abstain --out clean/
      assay scan data.jsonl.zst --mark mark.toml --classifier fast --dry-run --out scan/
      assay scan big/ --mark mark.toml --shard-index $SLURM_ARRAY_TASK_ID --num-shards 64 --out shared/scan/
    """
    _check_usage(inputs, options)
    from assay.corpus.ledger import Ledger

    ledger = Ledger(out)
    workers = options["workers"] or len(os.sched_getaffinity(0))
    if options["report_only"]:
        _finish(ledger, options["fdr"], {}, partial=True)
        return
    from assay.corpus.shards import plan_shards

    plan = plan_shards(inputs, format=options["file_format"], shard_bytes=options["shard_bytes"])
    for path, why in plan.refused[:20]:
        _say(f"left out {path}: {why}")
    config = _config(options)
    if options["dry_run"]:
        from assay.corpus.dry_run import dry_run
        from assay.corpus.scan_worker import one_thread

        one_thread()
        ledger.check(config.to_record(), plan.shards)
        click.echo(json.dumps(dry_run(plan, config, workers).to_record()))
        return
    from assay.corpus.scan import Share, run_scan
    from assay.corpus.scan_totals import write_throughput

    begun = time.monotonic()
    ended = run_scan(
        plan, config, out, lambda: _engine(options, min(workers, len(plan.shards))),
        share=Share(options["shard_index"], options["num_shards"]), max_seconds=options["max_seconds"] or None, say=_say,
    )  # fmt: skip
    write_throughput(ledger, ledger.read_scan(), workers=workers, wall_s=time.monotonic() - begun)
    _finish(ledger, options["fdr"], ended.failed, partial=False)
    _say_failures(ended)
    if ended.failed or ended.quarantined:
        raise SystemExit(1)


def _check_usage(inputs: tuple[str, ...], options: dict[str, Any]) -> None:
    if not options["report_only"]:
        if not inputs:
            raise click.UsageError("no INPUT given; name files, folders or patterns (or --report-only)")
        if not options["marks"] and not options["classifiers"]:
            raise click.UsageError("nothing to look for: give at least one --mark MARK.toml or --classifier NAME")
    _check_numbers(options)
    if options["shard_index"] >= options["num_shards"]:
        got = f"--shard-index {options['shard_index']} of --num-shards {options['num_shards']}"
        raise click.UsageError(f"{got}: indices run from 0 to one below the number")
    if options["limit"] and options["num_shards"] > 1:
        raise click.UsageError(
            "--limit counts documents in order, which runs that share a folder cannot; leave one out"
        )
    if options["sidecar"] and (options["limit"] or options["sample"] < 1.0):
        raise click.UsageError("--sidecar has a line for every document; leave out --limit and --sample")
    if (options["calibrations"] or options["group"]) and not options["classifiers"]:
        raise click.UsageError("--calibration and --group are about classifiers; name one with --classifier")
    if unknown := [one for one in options["keep"].split(",") if options["keep"] and one.strip() not in _VERDICTS]:
        raise click.BadParameter(f"{unknown[0]!r} is no verdict, expected {', '.join(_VERDICTS)}", param_hint="--keep")
    if options["sidecar"] and not options["sidecar"].replace("-", "").replace("_", "").isalnum():
        raise click.BadParameter(
            f"{options['sidecar']!r} is no name for a folder: letters, digits, - and _", param_hint="--sidecar"
        )


def _check_numbers(options: dict[str, Any]) -> None:
    for name in ("alpha", "fdr", "sample"):
        value = options[name]
        top = 1.0 if name == "sample" else math.nextafter(1.0, 0.0)
        if value is not None and not 0.0 < value <= top:
            raise click.BadParameter(f"must be between 0 and 1, got {value}", param_hint=f"--{name}")
    if not 0.0 <= options["max_seconds"] < math.inf:
        raise click.BadParameter(f"must be at least 0, got {options['max_seconds']}", param_hint="--max-seconds")


def _config(options: dict[str, Any]) -> "ScanConfig":
    """Return what results depend on, without where and how long."""
    from assay.corpus.crawl_items import ReadOptions
    from assay.corpus.scan_config import ScanConfig
    from assay.corpus.score_options import ScoreOptions

    classifiers: tuple[str, ...] = options["classifiers"]
    score = ScoreOptions(
        marks=tuple(str(path.absolute()) for path in options["marks"]),
        classifiers=classifiers,
        calibrations=tuple(str(path.absolute()) for path in options["calibrations"]),
        alpha=options["alpha"] or (_ALPHA_CLASSIFIERS if classifiers else _ALPHA_MARKS),
        **{
            name: options[name]
            for name in ("group", "cascade", "spans", "min_tokens", "model", "languages", "device", "dtype")
        },
    )
    config = ScanConfig(
        score=score,
        read=ReadOptions(text_field=options["text_field"], extract=options["extract"]),
        keep=tuple(one.strip() for one in options["keep"].split(",") if one.strip()),
        **{name: options[name] for name in ("segment_documents", "sample", "limit", "sidecar")},
    )
    if not config.slow:
        return config
    from dataclasses import replace

    return replace(config, batch_documents=_SLOW_BATCH)


def _engine(options: dict[str, Any], workers: int) -> "Engine":
    if options["engine"] == "ray":
        from assay.corpus.engine_ray import RayEngine

        return RayEngine(workers, address=options["ray_address"], gpus=options["ray_gpus"])
    from assay.corpus.engine_local import LocalEngine

    return LocalEngine(workers)


def _finish(ledger: "Ledger", fdr: float, failed: dict[str, str], *, partial: bool) -> None:
    """Write the report, unless shards are missing and it may not be `partial`; print the line of JSON either way."""
    from assay.corpus.report import build_report, write_report
    from assay.corpus.scan_totals import merged_tally, unfinished

    scan, folder = ledger.read_scan(), ledger.folder
    waiting = [name for name in unfinished(ledger, scan) if name not in failed]
    state = {"finished": not waiting and not failed, "shards_left": len(waiting)}
    if waiting and not partial:
        _say(
            f"{len(waiting):,} shards are left to other runs; when they are done: assay scan --report-only --out {folder}"
        )
        click.echo(json.dumps({**state, "out": str(folder)}))
        return
    report = build_report(merged_tally(ledger, scan, failed), scan, fdr=fdr)
    write_report(report, folder)
    if state["finished"]:
        ledger.clear()
    paths = {"report": str(folder / "report.html"), "rows": str(folder / "rows")}
    click.echo(json.dumps({**state, **report.summary(), **paths}))


def _say_failures(ended: "Ended") -> None:
    """Name once more, at the end, what is missing from the report."""
    if ended.quarantined:
        name, why = next(iter(ended.quarantined.items()))
        _say(f"{len(ended.quarantined):,} shards were given up, {name} first: {why}; the same command tries them again")
    if ended.failed:
        why = next(iter(ended.failed.values()))
        _say(
            f"{len(ended.failed):,} shards could not be finished: {why}; all others are; the same command tries them again"
        )


def _say(line: str) -> None:
    click.echo(f"assay: {line}", err=True)
