"""The last stage: quality, table, figures and report, from what the store holds. Quick, so it is done again by every run.

Table and `metrics.json` are functions of plan, texts, keys and versions; what it all cost is in `timing.json`, which differs from run to run.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import assay
from assay.corpus.durable import replace_durably
from assay.errors import DataError

from .plan_grid import Grid, damage_node
from .plan_keys import model_records, package_versions
from .plan_marks import mark_records
from .plan_timing import StageClock, plan_timing
from .score_table import ScoreTable
from .stage_attack import spent
from .stage_table import (
    Texts,
    build_table,
    damage_records,
    length_records,
    read_sources,
    text_records,
    unmarked_twins,
)
from .store import Node, Part, Store, canonical_sha256, node

if TYPE_CHECKING:
    from .plan_jobs import Running
    from .plan_workers import Workers

FORMAT = "assay-eval-1"
TABLE, METRICS, TIMING = "table.parquet", "metrics.json", "timing.json"


def finish(running: "Running", pool: "Workers", clock: StageClock) -> dict[str, Any]:
    """Write table, figures and report; return the figures."""
    with clock.stage("quality"):
        quality = _quality(running, pool)
    with clock.stage("table"):
        table, beside = _table(running, quality)
    settings = _settings(running)
    with clock.stage("measure"):
        metrics = write_metrics(running.out, table, settings, beside)
    timing = plan_timing(running.store, running.grid, running.keys, clock.seconds())
    write_json_lines(running.out / TIMING, timing)
    write_report(metrics, timing, running.out)
    return metrics


def _table(running: "Running", quality: list[dict[str, Any]]) -> tuple[ScoreTable, dict[str, Any]]:
    """Write the table; return it with the figures that are not made from it."""
    store, plan = running.store, running.plan
    texts = read_sources(store, running.grid)
    table = build_table(store, running.grid, texts, running.detectors)
    table.write(running.out / TABLE)
    attacked = [
        (variant, damage_node(variant, running.keys))
        for variant in running.grid.variants
        if variant.node.stage == "attack"
    ]
    beside = {
        "signature": signature(running, texts),
        "damage": damage_records(store, attacked, texts, plan.head.draws, plan.head.seed),
        "quality": quality,
        "lengths": length_records(running.grid, texts),
    }
    return table, beside


def measure_again(out: Path) -> dict[str, Any]:
    """Measure the table of a finished run again and write its report again, after an update of Assay say.

    Raises:
        DataError: if the folder holds no finished run.
    """
    if not (out / METRICS).exists():
        raise DataError(f"{out} holds no {METRICS}: no run has finished there; finish it with `assay eval run`")
    given = _figures(out / METRICS, _KEPT)
    timing = _figures(out / TIMING, _TIMED) if (out / TIMING).exists() else None
    table = ScoreTable.read(out / TABLE)
    try:
        metrics = write_metrics(
            out, table, given["settings"], {name: given[name] for name in _KEPT if name != "settings"}
        )
        write_report(metrics, timing, out)
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
    ) as error:  # a value inside of another form than a run writes
        what = f"{type(error).__name__}: {error}"
        raise DataError(f"the figures in {out} are damaged ({what}); give `assay eval run` again") from error
    return metrics


_KEPT = {"settings": dict, "signature": dict, "damage": list, "quality": list, "lengths": list}
"""What of `metrics.json` is not made from the table, with its form."""
_TIMED = {"stages": list, "cost": list, "wall_s": dict}


def _figures(path: Path, forms: Mapping[str, type]) -> dict[str, Any]:
    """Return figures that a run wrote.

    Raises:
        DataError: if they cannot be read, or are of another form.
    """
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); give `assay eval run` again") from None
    wrong = [
        name for name, form in forms.items() if not (isinstance(found, dict) and isinstance(found.get(name), form))
    ]  # pyright: ignore
    if wrong:
        raise DataError(f"{path} is damaged: {wrong[0]} is missing or of another form; give `assay eval run` again")
    return found


def write_report(metrics: dict[str, Any], timing: dict[str, Any] | None, out: Path) -> None:
    """Write `report.html` and `report.md`."""
    from . import eval_report

    eval_report.write_report(metrics, timing, out)


def write_metrics(out: Path, table: ScoreTable, settings: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """Measure a table, write `metrics.json`, and return the figures."""
    from .measure import MeasureSettings, measure

    asked = MeasureSettings(
        rates=tuple(settings["rates"]),
        alpha=settings["alpha"],
        draws=settings["draws"],
        seed=settings["seed"],
        marks=settings["detector_marks"],
    )
    metrics = {"format": FORMAT, "settings": settings, **beside, **measure(table, asked)}
    write_json_lines(out / METRICS, metrics)
    return metrics


def signature(running: "Running", texts: Texts) -> dict[str, Any]:
    """Return everything that the figures depend on, for people to compare: versions, plan, seed, models, marks, detectors, attacks, texts."""
    from assay.watermark.profile import load_mark

    plan = running.plan
    return {
        "assay": assay.__version__,
        "plan": plan.head.name,
        "description": " ".join(plan.head.description.split()),
        "plan_sha256": canonical_sha256(plan.source),
        "seed": plan.head.seed,
        "settings": _settings(running),
        "packages": {"python": platform.python_version(), **package_versions()},
        "models": model_records(plan),
        "marks": mark_records({name: load_mark(path) for name, path in running.marks.items()}),
        "detectors": {one.name: {"kind": one.kind, **one.signature()} for one in running.detectors},
        "attacks": {
            one.title: {**one.attack.signature(), "strength_is": one.attack.strength_is, "strengths": list(one.strengths),
                        "on": list(one.on), "cut_first": one.attack.cut_first}
            for one in running.checked.attacks
        },
        "texts": text_records(running.grid, texts),
    }  # fmt: skip


def write_json_lines(path: Path, record: dict[str, Any]) -> None:
    """Write a record for people and programs, whole or not at all: indented, the same record as the same bytes."""
    text = json.dumps(record, ensure_ascii=True, indent=1, sort_keys=True, allow_nan=False)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text + "\n", encoding="ascii")
    replace_durably(temporary, path)


def _settings(running: "Running") -> dict[str, Any]:
    head = running.plan.head
    return {
        "rates": list(head.rates),
        "draws": head.draws,
        "alpha": head.alpha,
        "lengths": list(head.lengths),
        "seed": head.seed,
        "tokenizer": head.tokenizer,
        "tokenizer_fingerprint": running.keys.tokenizer,
        "detector_marks": {one.name: one.mark for one in running.detectors if one.mark},
    }


@dataclass(frozen=True)
class QualityJob:
    """What a worker needs to measure the quality of generated texts."""

    root: Path
    grid: Grid
    node: Node
    judge: str
    encoder: str
    mauve: bool
    draws: int
    seed: int
    device: str


def _quality(running: "Running", pool: "Workers") -> list[dict[str, Any]]:
    """Return the quality of each generated source beside its twin without a mark."""
    head, grid = running.plan.head, running.grid
    twins = unmarked_twins(grid.sources)
    if not any(one.generate for one in grid.sources):
        return []
    from .plan_keys import model_fingerprint

    said = {
        "twins": twins,
        "judge": model_fingerprint(head.judge) if head.judge else "",
        "encoder": running.keys.encoder,
        "mauve": head.mauve,
        "draws": head.draws,
        "seed": head.seed,
    }
    place = node("quality", said, [one.node for one in grid.sources if one.generate is not None])
    job = QualityJob(
        running.store.root, grid, place, head.judge, head.encoder, head.mauve, head.draws, head.seed, running.device
    )
    if not running.store.finished(place):
        pool.run(run_quality, [job], "quality", lambda _: "quality")
    return running.store.records(place)


def run_quality(job: QualityJob) -> None:
    """Measure the quality of every generated source, and of the people's side of the same prompts."""
    import numpy as np

    from .text_quality import quality

    begun = perf_counter(), process_time()
    store = Store(job.root)
    sources = [one for one in job.grid.sources if one.generate is not None]
    subjects = {one.name: _subjects(store, one) for one in sources}
    twins = unmarked_twins(job.grid.sources)
    judge, encoder = _judge(job), _encoder(job)
    rng = np.random.default_rng(job.seed)
    found: Sequence[dict[str, Any]] = quality(subjects, twins, judge, encoder, rng, job.draws, mauve=job.mauve)
    figures = spent(begun, sum(map(len, subjects.values())), 0)
    store.write(job.node, 0, Part(list(found), figures))
    store.finish(job.node, 1)


def _subjects(store: Store, source: Any) -> list[Any]:
    from .subject import Subject

    return [
        Subject(**record, source=source.name, role=source.role, mark=source.mark)
        for record in store.records(source.node)
    ]


def _judge(job: QualityJob) -> Any:
    if not job.judge:
        return None
    from assay.detect.lm import LMScorer
    from assay.models import resolve
    from assay.watermark.model import load_model

    return LMScorer(load_model(job.judge, resolve(job.judge), device=job.device))


def _encoder(job: QualityJob) -> Any:
    if not job.encoder:
        return None
    from .sentence_encoder import SentenceEncoder

    return SentenceEncoder(job.encoder, device=job.device)
