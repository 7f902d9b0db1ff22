"""`assay eval`: measure detectors by a plan."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from assay.eval.plan import Plan

_OUT = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for all results; also where to go on."
)


@click.group()
def eval() -> None:
    """Measure detectors by a plan: attacks, lengths, intervals, a report."""


@eval.command()
@click.argument("plan", metavar="PLAN.toml|NAME")
@_OUT
@click.option(
    "--set", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the plan (${NAME}); repeatable."
)
@click.option("--dry-run", is_flag=True, help="Show the grid and what it costs; do nothing.")
@click.option(
    "--allow-commands",
    is_flag=True,
    help="Let the plan run commands and Python functions, and send texts to addresses.",
)
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1 ...; auto takes a GPU if there is one."
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    help="Processes  [default: one a core; one alone where a model is not the embedded one, or runs on a GPU]",
)
def run(
    plan: str,
    out: Path,
    variables: tuple[str, ...],
    dry_run: bool,
    allow_commands: bool,
    device: str,
    workers: int,
) -> None:
    """Run a plan: texts, attacks, scores, and a report of what survives.

    PLAN.toml is a file, NAME a shipped plan (`assay eval plans`). Everything that is wrong with a plan is said before any work. A run that was
    killed goes on when it is given again and ends with the same table and figures; a detector, attack or length that is added later does only
    what is new. Stdout gets one line of JSON.

    \b
    Example:
      assay eval run quick --out quick/ | jq .
      assay eval run plan.toml --set HUMAN=texts.jsonl --dry-run --out results/
    """
    from assay.corpus.scan_worker import one_thread

    one_thread()
    read = _plan(plan, variables)
    if dry_run:
        _dry_run(read, plan, out, allow_commands=allow_commands, device=device, workers=workers)
        return
    from assay.eval.plan_tables import PlanProblems
    from assay.eval.run_plan import run_plan

    try:
        metrics = run_plan(read, out, _say, called=plan, allow_commands=allow_commands, device=device, workers=workers)
    except PlanProblems as error:
        _refuse(error)
    _print(metrics, out)


@eval.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def report(folder: Path) -> None:
    """Measure the table of a finished run again and write its report again.

    \b
    Example:
      assay eval report quick/
    """
    from assay.eval.stage_report import measure_again

    _print(measure_again(folder), folder)


@eval.command()
@click.argument("first", type=click.Path(path_type=Path), metavar="A")
@click.argument("second", type=click.Path(path_type=Path), metavar="B")
@_OUT
def compare(first: Path, second: Path, out: Path) -> None:
    """Compare two finished runs, folders or their metrics.json: what differs between them, and which differences are clear.

    \b
    Example:
      assay eval compare before/ after/ --out compared/
    """
    from assay.eval.compare_runs import compare_runs

    click.echo(json.dumps(compare_runs(first, second, out)))


@eval.command()
def plans() -> None:
    """List the plans shipped with the toolkit, with the variables they need.

    \b
    Example:
      assay eval plans | jq -r .name
    """
    from assay.eval.shipped_plans import plan_facts, shipped_plans

    for path in shipped_plans().values():
        click.echo(json.dumps(plan_facts(path)))


@eval.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--mark", type=click.Path(path_type=Path), help="Profile of a mark, as the detector.")
@click.option("--classifier", help="A classifier, as the detector: a shipped name, a folder, METRIC:MODEL, hf:ID.")
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1 ...; auto takes a GPU if there is one."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File for the predictions, .json.")
def raid(file: Path, mark: Path | None, classifier: str | None, device: str, out: Path) -> None:
    """Score RAID's texts (CSV or JSON Lines) and write predictions as its leaderboard takes them.

    \b
    Example:
      assay eval raid test_none.csv --classifier fast --out predictions.json
    """
    if (mark is None) == (classifier is None):
        raise click.UsageError("give either --mark MARK.toml or --classifier NAME")
    from assay.eval.eval_detectors import make_detector
    from assay.eval.raid_submission import raid_predictions
    from assay.watermark.profile import load_mark

    spec = {"mark": "mark"} if mark else {"classifier": classifier, "device": device}
    detector = make_detector("detector", spec, {"mark": load_mark(mark)} if mark else {}, base=Path())
    detector.check()
    written: Any = raid_predictions(file, detector, out, _say)
    click.echo(json.dumps({"predictions": str(out), "texts": written}))


def _plan(name: str, variables: tuple[str, ...]) -> "Plan":
    from assay.eval.plan import read_plan
    from assay.eval.plan_tables import PlanProblems
    from assay.eval.shipped_plans import plan_path

    given: dict[str, str] = {}
    for one in variables:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"expected NAME=VALUE, got {one!r}", param_hint="--set")
        given[key] = str(Path(value).absolute()) if value and Path(value).exists() else value
    try:
        return read_plan(plan_path(name), given)
    except PlanProblems as error:
        if error.parsed is None:
            _refuse(error)
        return error.parsed  # its check, which comes next, refuses it with all that is wrong


def _dry_run(plan: "Plan", called: str, out: Path, *, allow_commands: bool, device: str, workers: int) -> None:
    from assay.eval.dry_plan import dry_plan
    from assay.eval.plan_check import check_plan
    from assay.eval.plan_tables import PlanProblems
    from assay.eval.run_plan import workers_of

    try:
        checked = check_plan(plan, called, allow_commands=allow_commands)
        found = dry_plan(checked, out, workers_of(checked, device, workers), device, _say)
    except PlanProblems as error:
        _refuse(error)
    for row in found["stages"]:
        cost = "no estimate" if row["estimated_s"] is None else f"about {row['estimated_s']:,.0f} s of one core"
        _say(
            f"{row['stage']} {row['name']}: {row['texts_to_do']:,} of {row['texts']:,} texts to do, {row['tokens']:,} tokens in all, {cost}"
        )
    _say(
        f"{found['grid']['cells']:,} cells, about {found['estimated_s']:,.0f} s on {found['workers']} workers ({found['estimate']})"
    )
    click.echo(json.dumps(found))


def _refuse(error: Any) -> NoReturn:
    """Say all that is wrong with a plan, a line each, and end."""
    for problem in error.problems:
        _say(problem)
    count = len(error.problems)
    _say(f"{count} problem{'s' if count > 1 else ''} in the plan; nothing was done")
    raise SystemExit(1)


def _print(metrics: dict[str, Any], out: Path) -> None:
    """Say the alarms, and print the line of JSON: paths and headline figures."""
    from assay.eval.headline import headline

    for alarm in metrics["alarms"][:10]:
        _say(f"alarm: {alarm['what']} ({alarm['where']})")
    if len(metrics["alarms"]) > 10:
        _say(f"and {len(metrics['alarms']) - 10} more alarms, in the report")
    _say(f"report: {out / 'report.html'}")
    names = ("report.html", "report.md", "table.parquet", "metrics.json", "timing.json")
    paths = {name.replace(".", "_"): str(out / name) for name in names if (out / name).exists()}
    click.echo(json.dumps({"plan": metrics["signature"]["plan"], **paths, **headline(metrics)}))


def _say(line: str) -> None:
    click.echo(f"assay: {' '.join(line.split())}", err=True)
