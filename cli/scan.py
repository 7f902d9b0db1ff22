"""`assay scan`: find marked and unmarked machine text in a crawl."""

import json
import os
import time
from typing import TYPE_CHECKING, Any

import click

from .scan_options import data_options, run_options, what_options
from .scan_usage import check_usage

if TYPE_CHECKING:
    from assay.corpus.engine import Engine
    from assay.corpus.ledger import Ledger
    from assay.corpus.scan_config import ScanConfig
    from assay.corpus.shards import Plan

_ALPHA_MARKS, _ALPHA_CLASSIFIERS = 1e-3, 1e-2
_SLOW_BATCH = 64
_NAMED = 20


@click.command()
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--out",
    required=True,
    type=click.Path(),  # not a Path, which makes s3:/bucket of a URL
    help="Folder for all results; also where to go on.",
)
@what_options
@data_options
@run_options
def scan(inputs: tuple[str, ...], out: str, **options: Any) -> None:
    """Find marked and unmarked machine text in a crawl, at the speed of the disk.

    INPUT is a file, a folder, a pattern, or a URL (s3://...): WET, WARC, ARC, JSON Lines, Parquet or text, plain or compressed, told by content.
    DIR gets one row a document (DIR/rows, Parquet), and a report with the estimated share of machine text (DIR/report.html). Stdout gets one
    line of JSON. A run that was killed goes on when it is given again, and ends with the same files as one that was not; with other settings or
    inputs it is refused. What cannot be read is counted and named, and costs nothing else; the exit code is 1 only where whole files are missing
    or no document was read.

    \b
    Example:
      assay scan crawl/*.wet.gz --mark mark.toml --out scan/ | jq .
      assay scan crawl/ --format warc --classifier fast --keep not_detected,abstain --out clean/
      assay scan data.jsonl.zst --mark mark.toml --classifier fast --dry-run --out scan/
      assay scan big/ --mark mark.toml --shard-index $SLURM_ARRAY_TASK_ID --num-shards 64 --out shared/scan/
    """
    check_usage(inputs, options)
    from assay.corpus.ledger import Ledger

    ledger = Ledger(out)
    if options["report_only"]:
        _finish(ledger, options["fdr"], {}, partial=True)
    elif options["dry_run"]:
        _dry_run(_plan(inputs, options), ledger, options)
    else:
        _scan(inputs, _plan(inputs, options), ledger, options)


def _plan(inputs: tuple[str, ...], options: dict[str, Any]) -> "Plan":
    from assay.corpus.shards import plan_shards

    plan = plan_shards(inputs, format=options["file_format"], shard_bytes=options["shard_bytes"])
    for path, why in plan.refused[:_NAMED]:
        _say(f"left out {path}: {why}")
    return plan


def _workers(options: dict[str, Any]) -> int:
    return options["workers"] or len(os.sched_getaffinity(0))


def _dry_run(plan: "Plan", ledger: "Ledger", options: dict[str, Any]) -> None:
    from assay.corpus.dry_run import dry_run
    from assay.corpus.scan_worker import one_thread

    one_thread()
    config = _config(options)
    ledger.check(config.to_record(), plan.shards)
    share = {"index": options["shard_index"], "of": options["num_shards"]}
    click.echo(json.dumps(dry_run(plan, config, _workers(options), ledger=ledger, **share).to_record()))


def _scan(inputs: tuple[str, ...], plan: "Plan", ledger: "Ledger", options: dict[str, Any]) -> None:
    """Do what is left, write the report if that is all, and say what is missing.

    Raises:
        SystemExit: 1 if a shard or a file that was named is missing, or nothing could be read.

    """
    from assay.corpus.scan import Share, run_scan
    from assay.corpus.scan_ending import advice, losses, refused_by_name
    from assay.corpus.scan_totals import write_throughput

    begun, workers = time.monotonic(), _workers(options)
    share = Share(options["shard_index"], options["num_shards"])
    ended = run_scan(
        plan, _config(options), ledger.folder, lambda: _engine(options, min(workers, len(plan.shards))),
        share=share, max_seconds=options["max_seconds"] or None, say=_say,
    )  # fmt: skip
    if not any(share.holds(shard) for shard in plan.shards):
        left = sum(not ledger.is_done(shard.name) for shard in plan.shards)
        state = {"finished": not left, "shards_left": left, "refused": len(plan.refused)}
        click.echo(json.dumps({**state, "out": str(ledger.folder)}))
        return
    with ledger.usable():
        write_throughput(ledger, ledger.read_scan(), workers=workers, wall_s=time.monotonic() - begun)
    where = ledger.folder / ("report.html" if _finish(ledger, options["fdr"], ended.failed, partial=False) else "done")
    lost = losses(ledger, [shard.name for shard in plan.shards if shard.name in ended.done])
    refused = refused_by_name(inputs, plan)
    lines = [lost.line(f"all in {where}"), *advice(plan.shards, ended.failed)]
    if ended.quarantined:
        name, why = next(iter(ended.quarantined.items()))
        lines.append(
            f"{len(ended.quarantined):,} shards were given up, {name} first: {why}; the same command tries them again"
        )
    if refused:
        lines.append(
            f"{len(refused):,} of the files that were named are not read, {refused[0][0]} first: {refused[0][1]}"
        )
    for line in filter(None, lines):
        _say(line)
    if ended.failed or ended.quarantined or refused or lost.nothing_read:
        raise SystemExit(1)


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


def _finish(ledger: "Ledger", fdr: float, failed: dict[str, str], *, partial: bool) -> bool:
    """Write the report, unless shards are missing and it may not be `partial`; print the line of JSON either way.

    Returns whether the report was written.
    """
    from assay.corpus.report import build_report, write_report
    from assay.corpus.scan_totals import merged_tally, unfinished

    scan, folder = ledger.read_scan(), ledger.folder
    waiting = [name for name in unfinished(ledger, scan) if name not in failed]
    state = {"finished": not waiting and not failed, "shards_left": len(waiting), "refused": len(scan["refused"])}
    if waiting and not partial:
        _say(
            f"{len(waiting):,} shards are left to other runs; when they are done: assay scan --report-only --out {folder}"
        )
        click.echo(json.dumps({**state, "out": str(folder)}))
        return False
    if waiting:
        named = ", ".join(waiting[:_NAMED]) + (", ..." if len(waiting) > _NAMED else "")
        _say(
            f"{len(waiting):,} of {len(scan['shards']):,} shards are not finished, and missing in this report: {named}"
        )
    with ledger.usable():
        report = build_report(merged_tally(ledger, scan, failed, frozenset(waiting)), scan, fdr=fdr)
        write_report(report, folder)
        if state["finished"]:
            ledger.clear()
    paths = {"report": str(folder / "report.html"), "rows": str(folder / "rows")}
    click.echo(json.dumps({**state, **report.summary(), **paths}))
    return True


def _say(line: str) -> None:
    click.echo(f"assay: {line}", err=True)
