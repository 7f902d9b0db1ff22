"""One string for any classifier: shipped, trained by the user, a metric under any model, or somebody's sequence classifier.

    NAME                          one shipped with the toolkit (`shipped_classifiers`)
    FOLDER                        one written by `save_classifier`
    METRIC:MODEL[,REFERENCE]      a metric of one pass under a causal model, or under a pair (`pair.py`)
    pair:NAME                     Binoculars with a pair of models that has a name
    hf:MODEL[#LABEL]              a Hugging Face sequence classifier (`sequence.py`)

MODEL is a folder, a hub id or `embedded`. A shipped name comes before a folder of that name; ./NAME is the folder. Nothing is loaded that is
not small: models come in when a score is asked for. A calibration lies beside a classifier's weights, as `calibration.json`, that of the stretches it locates
as `spans.json`.
"""

import difflib
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.errors import ModelError

from .classifier import CONFIG, Classifier, ReadsModel, classifier_class, classifier_kinds, load_classifier
from .metrics import metric_names, one_pass_metrics
from .pair import NAMED, Pair, named_pair
from .sequence import SequenceClassifier

CALIBRATION, SPAN_CALIBRATION = "calibration.json", "spans.json"


def find_classifier(spec: str, *, device: str = "auto", dtype: str = "auto") -> Classifier:
    """Return the classifier that `spec` names.

    Args:
        spec: as above.
        device: where its models run, if it has any: `auto` (CUDA if there is one), `cpu`, `cuda:1` ...
        dtype: in which arithmetic: `auto` (float32 on the CPU, the model's own on a GPU), `float32`, `bfloat16`, `float16`.

    Raises:
        AssayError: in one line, if there is no such classifier, it is damaged, or its metric cannot be used.
    """
    family, colon, rest = spec.partition(":")
    if colon and (family in _FAMILIES or family in metric_names()):
        if not rest.strip():
            raise ModelError(f"{spec!r} names no model; expected {_FORMS}")
        return _FAMILIES.get(family, _metric)(spec, device, dtype)
    folder = classifier_folder(spec)
    if folder is None:
        raise ModelError(f"unknown classifier {spec!r}; {_near(spec)}expected {_known()}")
    if not (folder / CONFIG).is_file() and (folder / "config.json").is_file():
        raise ModelError(
            f"{folder} is a Hugging Face model, not a classifier's folder; name a sequence classifier as hf:{folder}, "
            f"a causal model as METRIC:{folder}"
        )
    found = load_classifier(folder)
    return found.on(device, dtype) if isinstance(found, ReadsModel) else found


def shipped_classifiers() -> list[str]:
    """Return the names of the classifiers shipped with the toolkit."""
    folder = _shipped()
    return sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))


def shipped_calibration(spec: str) -> Path | None:
    """Return the calibration that lies beside the weights of the classifier `spec`, a shipped one or a folder; None if there is none."""
    return _beside(spec, CALIBRATION)


def shipped_span_calibration(spec: str) -> Path | None:
    """Return the calibration of stretches that lies there, or None."""
    return _beside(spec, SPAN_CALIBRATION)


def known_classifiers() -> list[dict[str, Any]]:
    """Return a JSON-ready record of each classifier that has a name, and of each kind.

    Of the first: `classifier` (the spec), `kind`, `calibration` (path or null), `summary` or `models`. Of the second: `kind` and `summary`.
    """
    shipped = [
        {
            "classifier": name,
            "kind": (kind := json.loads((_shipped() / name / CONFIG).read_text(encoding="utf-8"))["kind"]),
            "calibration": (path := shipped_calibration(name)) and str(path),
            "summary": classifier_class(kind).summary,
        }
        for name in shipped_classifiers()
    ]
    pairs = [
        {"classifier": f"pair:{name}", "kind": Pair.kind, "calibration": None, "models": list(models)}
        for name, models in NAMED.items()
    ]
    kinds = [{"kind": kind, "summary": classifier_class(kind).summary} for kind in classifier_kinds()]
    return [*shipped, *pairs, *kinds]


def classifier_folder(spec: str) -> Path | None:
    """Return the folder that a spec stands for; None for other specs, and for a folder that is not there."""
    if spec in shipped_classifiers():
        return _shipped() / spec
    folder = Path(spec).expanduser() if spec.strip() else None
    return folder if folder is not None and folder.is_dir() else None


def _beside(spec: str, name: str) -> Path | None:
    folder = classifier_folder(spec)
    path = None if folder is None else folder / name
    return path if path is not None and path.is_file() else None


def _shipped() -> Path:
    return Path(str(files("assay.models"))) / "classifiers"


def _named_pair(spec: str, device: str, dtype: str) -> Classifier:
    return named_pair(spec.partition(":")[2], device, dtype)


def _sequence(spec: str, device: str, dtype: str) -> Classifier:
    model, hash_sign, label = spec.partition(":")[2].partition("#")
    if not model.strip() or (hash_sign and not label.strip()):
        raise ModelError(f"{spec!r} lacks a model or a label, expected hf:MODEL or hf:MODEL#LABEL")
    return SequenceClassifier(f"hf:{_last(model)}", model, label or None, device=device, dtype=dtype)


def _metric(spec: str, device: str, dtype: str) -> Classifier:
    metric, _, models = spec.partition(":")
    model, comma, reference = (part.strip() for part in models.partition(","))
    if not model or (comma and not reference):
        raise ModelError(f"{spec!r} lacks a model, expected {metric}:MODEL or {metric}:MODEL,REFERENCE")
    name = f"{metric}:{','.join(_last(part) for part in (model, reference) if part)}"
    return Pair(name, metric, model, reference or None, device=device, dtype=dtype)


def _last(model: str) -> str:
    """Return the last part of a folder or hub id: where a model lies is not who it is."""
    return Path(model).name or model


_FAMILIES: dict[str, Callable[[str, str, str], Classifier]] = {"pair": _named_pair, "hf": _sequence}
_FORMS = f"METRIC:MODEL[,REFERENCE], {', '.join(f'pair:{name}' for name in NAMED)} or hf:MODEL[#LABEL]"


def _near(spec: str) -> str:
    """Return a hint at the nearest name: of a shipped one, or before the colon of a metric or family."""
    family, colon, rest = spec.partition(":")
    known = [*_FAMILIES, *metric_names()] if colon else shipped_classifiers()
    near = difflib.get_close_matches(family, known, 1)
    return f"did you mean {near[0] + colon + rest!r}? " if near else ""


def _known() -> str:
    shipped = ", ".join(shipped_classifiers()) or "none here"
    metrics = [metric.name for metric in one_pass_metrics()]
    return f"a shipped one ({shipped}), a folder of `assay classifier train`, {_FORMS}; metrics: {', '.join(metrics)}"
