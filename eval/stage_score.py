"""Scores in a plan: a part of attacked or unattacked texts in, what each detector says of it at each length out.

One job reads the part once and cuts it for all its lengths and detectors; each pair of them is a file of its own in the store, so that a kill costs the pair at
hand and a new detector or length scores only what is new.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .cut_texts import ReadTexts, read_texts
from .stage_attack import naming, spent
from .store import Node, Part, Store

if TYPE_CHECKING:
    from .detector import EvalDetector


@dataclass(frozen=True)
class Wanted:
    """One detector at one length: where its scores go, and whose texts it scores."""

    node: Node
    detector: str
    length: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class DetectorsAt:
    """The detectors of a plan as a worker makes them.

    Attributes:
        specs: what `make_detector` is given, by name.
        marks: profiles, by name of the mark.
        allow_commands: whether commands and functions of the plan may run.
        base: the plan's folder.
    """

    specs: Mapping[str, Mapping[str, Any]]
    marks: Mapping[str, Path]
    allow_commands: bool
    base: Path


@dataclass(frozen=True)
class ScoreJob:
    """What a worker needs to score one part.

    Attributes:
        root: of the store.
        texts, number: the part.
        cut_before: whether the texts were cut to the length before the attack, and are not cut again.
        wanted: what is missing.
        tokenizer: model whose tokens are counted.
        detectors: how to make them.
    """

    root: Path
    texts: Node
    number: int
    cut_before: bool
    wanted: tuple[Wanted, ...]
    tokenizer: str
    detectors: DetectorsAt


def run_score(job: ScoreJob) -> None:
    """Score one part with all that is wanted of it.

    Raises:
        AssayError: in one line, if a detector cannot be used.
    """
    store = Store(job.root)
    part = store.read(job.texts, job.number)
    if part is None:
        raise ValueError(f"part {job.number} of {job.texts} is missing")
    records = part.records
    read = read_texts([record["text"] for record in records], job.tokenizer)
    for one in job.wanted:
        if not store.has(one.node, job.number):
            with naming(f"detector {one.detector!r}"):
                scored = _scored(detector_of(one.detector, job.detectors), one, records, read, cut=not job.cut_before)
            store.write(one.node, job.number, scored)


def _scored(
    detector: "EvalDetector", one: Wanted, records: Sequence[Mapping[str, Any]], read: ReadTexts, *, cut: bool
) -> Part:
    """Return the records of the texts that are long enough, whose label is wanted."""
    length = one.length if cut else 0
    rows = [d for d in read.long_enough(length).tolist() if records[d]["label"] in one.labels]
    texts = [read.cut(d, length) for d in rows]
    ids = [str(records[d]["id"]) for d in rows]
    n_tokens: NDArray[np.int64] = read.n_tokens[rows] if not length else np.full(len(rows), length)
    begun = perf_counter(), process_time()
    found = detector.score(texts, ids)
    figures = spent(begun, len(texts), int(n_tokens.sum()))
    said = [
        {
            "id": ids[i],
            "n_tokens": int(n_tokens[i]),
            "empty": not texts[i],
            "score": _finite(found.score[i]),
            "log10_p": _finite(found.log10_p[i]),
            "abstained": found.abstained[i],
            "n_scored": int(found.n_scored[i]),
        }
        for i in range(len(rows))
    ]
    return Part(said, figures)


def _finite(value: Any) -> Any:
    """Return a float as JSON has it: null for NaN; infinities as text, which the table makes numbers again."""
    number = float(value)
    return None if math.isnan(number) else number if math.isfinite(number) else str(number)


_made: dict[tuple[Any, ...], Any] = {}


def detector_of(name: str, at: DetectorsAt) -> "EvalDetector":
    """Return a detector of this process; its model stays loaded."""
    from .eval_detectors import make_detector

    asked = (name, repr(sorted(at.specs[name].items())), repr(sorted(at.marks.items())), str(at.base))
    if asked not in _made:
        from assay.watermark.profile import load_mark

        marks = {mark: load_mark(path) for mark, path in at.marks.items()}
        _made[asked] = make_detector(name, at.specs[name], marks, at.allow_commands, at.base)
    return _made[asked]
