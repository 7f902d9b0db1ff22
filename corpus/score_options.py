"""What a scan scores texts with, as the user asked for it, and what each detector is, as the report states it.

Imports nothing heavy: `assay scan --help` and the processes that only drive workers read this file. No secret stands in either record: a mark's
key is there as its fingerprint.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from assay.errors import DataError


@dataclass(frozen=True)
class ScoreOptions:
    """How texts are scored.

    Attributes:
        marks: profiles; the key lies beside each, or where `ASSAY_KEY_FILE` says.
        classifiers: what `find_classifier` takes, the cheap one first.
        calibrations: files; else those beside the classifiers.
        group: group of the calibrations that all texts are of; None for the least favourable one.
        cascade: whether the classifiers after the first see only what it leaves undecided (`assay.detect.cascade`).
        pass_on: the first one's p-value above which the others are not asked.
        spans: whether to locate stretches.
        alpha: chance that an unmarked human text is called detected, over all tests of it.
        min_tokens: overrides the profiles' own minimum of scored tokens.
        model: whose tokenizer to use in place of the one each profile names.
        languages: `auto`: a mark that leaves out common English sequences judges English and what is too short to tell, classifiers go by the form of a
            text; `any`: all are judged; else two-letter codes with commas, and no other text is judged.
        device, dtype: where and in which arithmetic models run.
        max_seconds: limit for one document. Not kept here: the worker's watchdog does that.
    """

    marks: tuple[str, ...] = ()
    classifiers: tuple[str, ...] = ()
    calibrations: tuple[str, ...] = ()
    group: str | None = None
    cascade: bool = True
    pass_on: float = 0.5
    spans: bool = False
    alpha: float = 1e-3
    min_tokens: int | None = None
    model: str | None = None
    languages: str = "auto"
    device: str = "auto"
    dtype: str = "auto"
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"alpha must be between 0 and 1, got {self.alpha}")
        if not 0.0 < self.pass_on <= 1.0:
            raise ValueError(f"pass_on must be above 0 and at most 1, got {self.pass_on}")

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record that changes with whatever changes a score: options, profiles, keys, weights, calibrations.

        Files are named by what they hold, not by where they lie, so that a scan can be resumed from another folder.

        Raises:
            BadProfile, DataError: in one line, if a file cannot be read.
        """
        return {
            **asdict(self),
            "marks": [_mark_record(path) for path in self.marks],
            "classifiers": [_classifier_record(spec) for spec in self.classifiers],
            "calibrations": [_sha256(Path(path)) for path in self.calibrations],
        }


@dataclass(frozen=True)
class DetectorInfo:
    """One detector of a scan.

    Attributes:
        name: the prefix of its columns.
        kind: `mark` or `classifier`.
        gamma: a mark's chance of a green token under the null; None for a classifier.
        smallest_p: the least p-value that any text can get from a classifier's calibration, as it judges; None for a mark, whose p has no
            floor.
        calibration_n: texts in the smallest group of the calibration that texts are judged by; None for a mark.
        least_favourable: whether its p-values are the largest over the calibration's labels.
        asked_after: the classifier that leaves texts to this one in a cascade: the p-values of this one are of a selection, and say
            nothing of the corpus; empty if it is asked of all.
        cannot_detect: why it calls no text at this alpha; empty if it can.
        profile: a mark's fingerprint; else empty.
        key: fingerprint of its key; else empty.
        model: whose tokenizer a mark reads by, a classifier's own signature.
        calibration: the first 16 hex digits of the calibration's SHA-256; else empty.
        span_calibration: as `calibration`, of stretches; empty if none are looked for.
        length_unit: what `n_scored` counts.
        languages: which languages it judges; `form` if a text's form decides.
        warnings: what a reader of its p-values must know.
    """

    name: str
    kind: Literal["mark", "classifier"]
    gamma: float | None = None
    smallest_p: float | None = None
    calibration_n: int | None = None
    least_favourable: bool = False
    asked_after: str = ""
    cannot_detect: str = ""
    profile: str = ""
    key: str = ""
    model: str = ""
    calibration: str = ""
    span_calibration: str = ""
    length_unit: str = ""
    languages: str = "any"
    warnings: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        return {**asdict(self), "warnings": list(self.warnings)}


def asked_languages(languages: str) -> frozenset[str] | None:
    """Return the languages that alone are judged; None for `auto` and `any`.

    Raises:
        DataError: if a code is none that can be told.
    """
    if languages in ("auto", "any"):
        return None
    from assay.detect.language import SUPPORTED

    asked = frozenset(code.strip().lower() for code in languages.split(",") if code.strip())
    unknown = sorted(asked.difference(SUPPORTED))
    if unknown or not asked:
        raise DataError(
            f"languages {languages!r}: {', '.join(unknown) or 'none'} is no language that can be told; expected auto, any, or two-letter "
            f"codes with commas (en,de) of {len(SUPPORTED)} languages"
        )
    return asked


def _mark_record(path: str) -> dict[str, str]:
    from assay.watermark.profile import read_profile

    profile = read_profile(Path(path))
    # the file too: the fingerprint leaves out what does not name the mark, as its minimum of tokens
    return {
        "name": Path(path).stem,
        "profile": profile.fingerprint,
        "key": profile.key_fingerprint,
        "sha256": _sha256(Path(path)),
    }


def _classifier_record(spec: str) -> dict[str, str]:
    """Return what names a classifier; of one that is a folder also what lies in it, calibrations included."""
    from assay.detect.find_classifier import classifier_folder

    folder = classifier_folder(spec)
    if folder is None:
        return {"classifier": spec}
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
    together = " ".join(f"{path.name} {_sha256(path)}" for path in files)
    return {"classifier": folder.name, "sha256": hashlib.sha256(together.encode()).hexdigest()[:16]}


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror}; name a file that is there", place=str(path)) from None
