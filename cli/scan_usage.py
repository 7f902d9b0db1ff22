"""What `assay scan` refuses before it looks at anything: exit code 2, with the option named."""

import math
from typing import Any

import click
from click.core import ParameterSource

_VERDICTS = ("detected", "not_detected", "abstain")
_OF_A_REPORT = frozenset({"out", "report_only", "fdr"})


def check_usage(inputs: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse what is missing, contradicts itself, or would say nothing.

    Raises:
        click.UsageError: naming the option.

    """
    if options["report_only"]:
        _check_report_only()
    else:
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


def _check_report_only() -> None:
    """Refuse whatever else is given: the report is of what stands in DIR, with the settings it was scanned with."""
    context = click.get_current_context()
    given = [
        parameter.opts[0] if isinstance(parameter, click.Option) else "INPUT"
        for parameter in context.command.params
        if parameter.name not in _OF_A_REPORT
        and context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        got = f"--report-only takes what stands in --out, and {', '.join(given)} would change nothing"
        raise click.UsageError(f"{got}; leave {'it' if len(given) == 1 else 'them'} out, or --report-only")


def _check_numbers(options: dict[str, Any]) -> None:
    for name in ("alpha", "fdr", "sample"):
        value = options[name]
        top = 1.0 if name == "sample" else math.nextafter(1.0, 0.0)
        if value is not None and not 0.0 < value <= top:
            raise click.BadParameter(f"must be between 0 and 1, got {value}", param_hint=f"--{name}")
    if not 0.0 <= options["max_seconds"] < math.inf:
        raise click.BadParameter(f"must be at least 0, got {options['max_seconds']}", param_hint="--max-seconds")
