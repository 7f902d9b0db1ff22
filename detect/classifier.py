"""What a classifier of machine text is, and the folders it is kept in.

A classifier gives every text one number, higher for machine text, and says nothing about what the number is worth: that is a calibration's business
(`calibration.py`). A folder holds `classifier.json` (what it is, how it was fitted) and `weights.safetensors` (arrays); nothing in it can
execute code. Kinds are registered by a decorator, one file each.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from assay.errors import ModelError
from numpy.typing import NDArray

from .calibration import Setting, Signature

FORMAT = 1
CONFIG, WEIGHTS = "classifier.json", "weights.safetensors"
SOURCES = "sources"
"""The value that says where models lie (folders, hub ids): what they are, their fingerprints in `scorer` say."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ClassifierScores:
    """The scores of D texts.

    Attributes:
        scores: (D,) float64, higher for machine text; NaN where the text holds nothing to score.
        lengths: (D,) int64, in the classifier's own units (`length_unit`).
    """

    scores: NDArray[np.float64]
    lengths: NDArray[np.int64]


class Classifier(Protocol):
    """A fitted classifier."""

    kind: ClassVar[str]
    summary: ClassVar[str]
    length_unit: ClassVar[str]

    @property
    def name(self) -> str:
        """What it is called in records."""
        ...

    @property
    def fitted(self) -> dict[str, Any]:
        """How it was fitted, for people; empty if it was not."""
        ...

    @property
    def normaliser(self) -> str:
        """Version of the normaliser that texts go through before they are scored."""
        ...

    @property
    def scorer(self) -> Mapping[str, Setting]:
        """How its language models read a text (`LMSignature.to_record()`); empty without one."""
        ...

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        """Score texts; each score depends on its own text alone."""
        ...

    def parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return what `from_parts` makes the same classifier from: plain values, and arrays."""
        ...

    @classmethod
    def from_parts(cls, name: str, fitted: dict[str, Any], values: dict[str, Any], arrays: Arrays) -> "Classifier":
        """Make a classifier from its parts; KeyError, TypeError or ValueError where they do not fit."""
        ...


class Trainable(Classifier, Protocol):
    """A classifier that can be fitted. What is slow about a text (reading it with a language model) is done once, in `prepare`, however often texts are left out."""

    @classmethod
    def prepare(cls, texts: Sequence[str]) -> list[Any]:
        """Return of each text what `fit` and `score_prepared` take; it depends on that text alone."""
        ...

    @classmethod
    def fit(
        cls,
        prepared: Sequence[Any],
        labels: NDArray[np.bool_],
        groups: Sequence[str],
        rng: np.random.Generator,
        name: str,
    ) -> "Trainable":
        """Fit on prepared texts with labels (True is machine) and groups; DataError if a label is missing."""
        ...

    def score_prepared(self, prepared: Sequence[Any]) -> ClassifierScores:
        """Score prepared texts, as `score` does."""
        ...


@runtime_checkable
class ReadsModel(Protocol):
    """A classifier that runs a model: where, and in which arithmetic, is chosen by whoever runs it and kept in no folder."""

    def on(self, device: str, dtype: str) -> Classifier:
        """Return the same classifier for a device (`auto`, `cpu`, `cuda:1`) and a dtype (`auto`, `float32`, `bfloat16`)."""
        ...


C = TypeVar("C")
_KINDS: dict[str, type[Any]] = {}
_BUILT_IN = {
    "embedded": "embedded",
    "fast": "fast",
    "fusion": "fusion",
    "pair": "pair",
    "sequence": "sequence",
}
"""Kind to the file of this folder that holds it."""


def register_classifier(kind: str) -> Callable[[type[C]], type[C]]:
    """Register the decorated class as the classifiers of a kind."""

    def add(classifier: type[C]) -> type[C]:
        if kind in _KINDS and _KINDS[kind] is not classifier:
            raise ValueError(f"classifier kind {kind!r} is registered twice: {_KINDS[kind]} and {classifier}")
        _KINDS[kind] = classifier
        return classifier

    return add


def classifier_kinds() -> list[str]:
    """Return the kinds of classifiers that there are."""
    return sorted({*_BUILT_IN, *_KINDS})


def classifier_class(kind: str) -> type[Any]:
    """Return the class of a kind, importing its file on first use.

    Raises:
        ModelError: if there is none.
    """
    if kind not in _KINDS and kind in _BUILT_IN:
        import_module(f"assay.detect.{_BUILT_IN[kind]}")
    if kind not in _KINDS:
        raise ModelError(f"unknown kind of classifier {kind!r}; known: {', '.join(classifier_kinds())}")
    return _KINDS[kind]


def trainable_class(kind: str) -> type[Any]:
    """Return the class of a kind that can be fitted (`Trainable`).

    Raises:
        ModelError: if there is none, or it is not fitted here.
    """
    found = classifier_class(kind)
    if not hasattr(found, "prepare"):
        able = [other for other in classifier_kinds() if hasattr(classifier_class(other), "prepare")]
        raise ModelError(f"a classifier of kind {kind!r} is not trained here; kinds that are: {', '.join(able)}")
    return found


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """Write a classifier to `folder`, which is made if it is not there."""
    from safetensors.numpy import save_file

    values, arrays = classifier.parts()
    folder.mkdir(parents=True, exist_ok=True)
    head = {"format": FORMAT, "kind": classifier.kind, "name": classifier.name, "fitted": classifier.fitted}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # it is written for the owner alone
    text = json.dumps({**head, "values": values}, ensure_ascii=False, indent=1) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")


def load_classifier(folder: Path) -> Any:
    """Return the classifier kept in `folder`.

    Raises:
        ModelError: in one line, if it is none, is of an unknown kind or format, or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    content = _read_config(folder)
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder} has no {WEIGHTS}; Assay reads no other form of weights: train the classifier again")
    try:
        arrays = load_file(folder / WEIGHTS)
        made = classifier_class(content["kind"])
        return made.from_parts(content["name"], content["fitted"], content["values"], arrays)
    except SafetensorError as error:
        raise ModelError(f"{folder / WEIGHTS} is not a safetensors file: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder} is damaged: {type(error).__name__} {error}; train the classifier again") from None


def signature(classifier: Classifier) -> dict[str, str]:
    """Return what decides a classifier's scores, as a calibration records it.

    Not the names of models, which may move, nor what locates stretches, which has no say in a score and a signature of its own (`span_search.py`).
    """
    without: Callable[[None], Classifier] | None = getattr(classifier, "with_spans", None)
    values, arrays = (without(None) if without else classifier).parts()
    values = {name: value for name, value in values.items() if name != SOURCES}
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=True).encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return {"kind": classifier.kind, "name": classifier.name, "sha256": digest.hexdigest()[:16]}


def calibration_signature(classifier: Classifier) -> Signature:
    """Return what scores of this classifier must share with those of a calibration."""
    return Signature(
        detector=classifier.name,
        detector_version=signature(classifier)["sha256"],
        normaliser=classifier.normaliser,
        length_unit=classifier.length_unit,
        scorer=classifier.scorer,
    )


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(
            f"{folder} is not a classifier: it has no {CONFIG}; name a folder written by classifier training"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise ModelError(
            f"{path} has format {found!r}, expected {FORMAT}; train the classifier again with this version"
        )
    return content
