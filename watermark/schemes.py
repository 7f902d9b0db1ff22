"""What a mark is, and the registry of schemes: one file each, filled by a decorator.

A scheme is a frozen dataclass with a key and numbers. Generation biases scores by it (`assay.watermark.hf`); detection calls
`evidence`; both rest on the one function `value(context_hash, token)` of the contract. The contract tests in
`tests/watermark/test_schemes.py` run over this registry, so a new scheme is covered by being registered.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
from assay.errors import BadProfile
from numpy.typing import NDArray

from .hashing import HashKey
from .key import Key
from .law import Law
from .pairs import CommonSet


class RaggedEvidence(NamedTuple):
    """What a scheme saw in a ragged batch of N tokens in D documents.

    Attributes:
        values: (N,) the value of each token; float64, or bool where the law is Bernoulli.
        reason: (N,) uint8: 0 scored, else why not (`assay.detect.evidence.Reason`).
        counts: (D, 2) int64: positions scored, and those of them with value above zero.
    """

    values: NDArray[Any]
    reason: NDArray[np.uint8]
    counts: NDArray[np.int64]


class Mark(Protocol):
    """A scheme with its parameters and key."""

    scheme: ClassVar[str]
    summary: ClassVar[str]
    key: Key

    @property
    def law(self) -> Law:
        """The null law of one scored value."""
        ...

    @property
    def alternative(self) -> Law:
        """The law to look for in marked text; shapes the search for spans, not its error rate."""
        ...

    @property
    def hash_key(self) -> HashKey:
        """The key schedule of the contract, with the context's shape."""
        ...

    @property
    def parameters(self) -> dict[str, Any]:
        """The public parameters, as they stand in a profile."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of this mark's p-values must know; empty when nothing."""
        ...

    @property
    def trusted(self) -> bool:
        """Whether the p-value holds under one fixed key over many texts, without calibration."""
        ...

    def evidence(
        self, ids: NDArray[np.int32], offsets: NDArray[np.int64], special: NDArray[np.bool_], common: CommonSet
    ) -> RaggedEvidence:
        """Return the evidence in a ragged batch (shapes as in `assay.watermark.kernels.evidence`)."""
        ...


T = TypeVar("T")
_SCHEMES: dict[str, type[Any]] = {}
_BUILT_IN = ("greenlist",)
ENTRY_POINTS = "assay.schemes"


def register_scheme(name: str) -> Callable[[type[T]], type[T]]:
    """Register the decorated class as the scheme `name`."""

    def add(scheme: type[T]) -> type[T]:
        if name in _SCHEMES and _SCHEMES[name] is not scheme:
            raise ValueError(f"scheme {name!r} is registered twice: {_SCHEMES[name]} and {scheme}")
        _SCHEMES[name] = scheme
        return scheme

    return add


def scheme_names() -> list[str]:
    """Return the names of all schemes, built in or from the entry-point group `assay.schemes`."""
    return sorted({*_BUILT_IN, *_SCHEMES, *(point.name for point in entry_points(group=ENTRY_POINTS))})


def scheme_class(name: str) -> type[Any]:
    """Return the class of a scheme, importing its file on first use.

    Raises:
        BadProfile: if there is none of that name.
    """
    if name not in _SCHEMES:
        if name in _BUILT_IN:
            import_module(f"assay.watermark.{name}")
        for point in entry_points(group=ENTRY_POINTS):
            if point.name == name:
                point.load()
    if name not in _SCHEMES:
        raise BadProfile(f"unknown scheme {name!r}; known: {', '.join(scheme_names())}")
    return _SCHEMES[name]
