"""What a metric is, and the registry of metrics: one file each, filled by a decorator.

A metric is a frozen dataclass without required fields: a function from `LMScores` to one number. One sign for all: HIGHER IS MORE MACHINE-LIKE; where a paper's
number runs the other way, the file says so and negates it. What cannot be said (too few tokens, 0/0) is NaN, never 0. A number is no
verdict and no probability: that takes a calibration. The contract tests in `tests/detect/test_metrics.py` run over this registry,
so a new metric is covered by being registered.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from assay.errors import AssayError
from numpy.typing import NDArray

from .lm_scores import LMScores


class Described(Protocol):
    """What every metric says of itself.

    Attributes:
        name: in the registry, on the command line and in records.
        summary: one line.
        source: authors, year and arXiv id of the paper.
        needs: fields of `LMScores` it reads, and no others.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[frozenset[str]]


class Metric(Described, Protocol):
    """A metric of one pass over the text."""

    def score(self, scores: LMScores) -> float:
        """Return the metric, higher for machine-like text, NaN if it is undefined."""
        ...


@runtime_checkable
class Additive(Protocol):
    """A metric that is a sum over tokens."""

    def contributions(self, scores: LMScores) -> NDArray[np.float64]:
        """Return (T,) float64: what each token adds to the score; 0 for a token that is not scored."""
        ...


@runtime_checkable
class Featured(Protocol):
    """A metric with more to say than its one number."""

    feature_names: ClassVar[tuple[str, ...]]

    def features(self, scores: LMScores) -> NDArray[np.float64]:
        """Return (len(feature_names),) float64, NaN where undefined."""
        ...


@runtime_checkable
class RewriteMetric(Described, Protocol):
    """A metric that compares a text with rewrites of it (`assay.detect.rewriting`)."""

    def score_rewrites(self, scores: LMScores, rewrites: Sequence[LMScores]) -> float:
        """Return the metric from the scores of the text and those of its rewrites under the same model."""
        ...


T = TypeVar("T")
_METRICS: dict[str, type[Any]] = {}
_ONE_PASS = (
    "binoculars",
    "dna_detectllm",
    "entropy",
    "fast_detectgpt",
    "gltr",
    "lastde",
    "log_likelihood",
    "log_rank",
    "lrr",
    "perplexity",
    "rank",
)
_REWRITING = ("detectgpt", "dna_gpt", "npr")
_BUILT_IN = (*_ONE_PASS, *_REWRITING)
ENTRY_POINTS = "assay.metrics"


def register_metric(name: str) -> Callable[[type[T]], type[T]]:
    """Register the decorated class as the metric `name`."""

    def add(metric: type[T]) -> type[T]:
        if name in _METRICS and _METRICS[name] is not metric:
            raise ValueError(f"metric {name!r} is registered twice: {_METRICS[name]} and {metric}")
        _METRICS[name] = metric
        return metric

    return add


def metric_names() -> list[str]:
    """Return the names of all metrics, built in or from the entry-point group `assay.metrics`."""
    return sorted({*_BUILT_IN, *_METRICS, *(point.name for point in entry_points(group=ENTRY_POINTS))})


def metric_class(name: str) -> type[Any]:
    """Return the class of a metric, importing its file on first use.

    Raises:
        AssayError: if there is none of that name.
    """
    if name not in _METRICS:
        if name in _BUILT_IN:
            import_module(f"assay.detect.{name}")
        for point in entry_points(group=ENTRY_POINTS):
            if point.name == name:
                point.load()
    if name not in _METRICS:
        raise AssayError(f"unknown metric {name!r}; known: {', '.join(metric_names())}")
    return _METRICS[name]


def one_pass_metrics(names: Iterable[str] | None = None) -> list[Metric]:
    """Return metrics with their published settings, those of `names` in that order, or all that need one pass only.

    Raises:
        AssayError: if a name is unknown, or needs rewrites of the text.
    """
    if names is None:
        return [cls() for cls in map(metric_class, metric_names()) if not hasattr(cls, "score_rewrites")]
    chosen: list[Metric] = []
    for name in dict.fromkeys(names):
        metric = metric_class(name)()
        if isinstance(metric, RewriteMetric):
            raise AssayError(
                f"metric {name!r} compares a text with rewrites of it; use it from Python (assay.detect.rewriting)"
            )
        chosen.append(metric)
    return chosen
