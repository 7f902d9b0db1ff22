"""A classifier as a detector of an evaluation: its raw score, and where it has a calibration the conformal p-value and the reasons to abstain.

What decides is `detect/classified.py`, as for `assay detect`. A text on which the classifier abstains (tampering, form, length) keeps its score: curves are of scores, verdicts of
p-values. A classifier without a calibration, shipped or given, has scores only. Scores are raw, never squashed to a saturating probability (`classifier.py`).
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from assay.errors import DataError

from .detector import Scored
from .score_table import Kind
from .scoring_batches import batches, joined, plain_scores

if TYPE_CHECKING:
    from assay.detect.calibrated import Calibrated
    from assay.detect.classified import ClassifierDetector
    from assay.detect.classifier import Classifier

    from .eval_detectors import Setting


class ClassifierEval:
    """See the module.

    Args:
        name: what it is called.
        classifier: what `find_classifier` takes.
        calibration: file; the one beside the classifier's weights without it.
        group: the label that all texts are known to be of (`Calibration.of`).
        device, dtype: where and in which arithmetic its models run.
    """

    kind: Kind = "classifier"
    as_is_only = False
    mark = ""
    options: ClassVar[Mapping[str, tuple[type, ...]]] = {
        "classifier": (str,), "calibration": (str,), "group": (str,), "device": (str,), "dtype": (str,),
    }  # fmt: skip

    def __init__(
        self,
        name: str,
        classifier: str,
        *,
        calibration: Path | None = None,
        group: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        self.name = name
        self._spec, self._calibration, self._group, self._device, self._dtype = (
            classifier,
            calibration,
            group,
            device,
            dtype,
        )

    @classmethod
    def from_table(cls, name: str, options: Mapping[str, Any], setting: "Setting") -> "ClassifierEval":
        """Return the detector of a plan's table; folders and files are meant from the plan's."""
        from assay.detect.find_classifier import classifier_folder, shipped_classifiers

        spec, calibration = options["classifier"], options.get("calibration")
        beside = setting.base / Path(spec).expanduser()
        if spec not in shipped_classifiers() and classifier_folder(str(beside)) is not None:
            spec = str(beside)
        return cls(
            name,
            spec,
            calibration=setting.base / Path(calibration).expanduser() if calibration else None,
            group=options.get("group"),
            device=options.get("device", "auto"),
            dtype=options.get("dtype", "auto"),
        )

    def check(self) -> None:
        """Find the classifier, its models, and its calibration; weights of models are not loaded.

        Raises:
            AssayError: in one line.
        """
        from assay.detect.calibration_file import read_calibration

        _check_models(self._classifier)
        if self._calibration is not None:
            read_calibration(self._calibration)
        elif self._group is not None and not self._files:
            raise DataError(
                f"detector {self.name!r}: group {self._group!r} is of a calibration, and {self._spec!r} has none; give one"
            )

    def score(self, texts: Sequence[str], ids: Sequence[str]) -> Scored:
        """Return what the classifier says of each text; `ids` are not looked at."""
        if not self._files:
            return joined([plain_scores(self._classifier.score(part).scores) for part in batches(texts)])
        return joined([self._calibrated_scores(part) for part in batches(texts)])

    def signature(self) -> dict[str, Any]:
        """Return classifier, models and calibration by what they hold."""
        from assay.detect.classifier import signature

        record: dict[str, Any] = {
            "kind": self.kind,
            **{f"classifier_{k}": v for k, v in signature(self._classifier).items()},
        }
        record["reads"] = dict(self._classifier.scorer)
        calibrated = self._with_calibration
        if calibrated is not None:
            record["calibration"] = calibrated.calibration.sha256[:16]
        return record if self._group is None else {**record, "group": self._group}

    def _calibrated_scores(self, texts: Sequence[str]) -> Scored:
        found = [row[0] for row in self._detector.detect(texts)]
        return Scored(
            np.array([one.statistic for one in found], np.float64),
            np.array([one.log10_p for one in found], np.float64),
            tuple(one.abstained for one in found),
            np.zeros(len(found), np.int32),
        )

    @property
    def _files(self) -> list[Path]:
        """The calibration: given, or beside the weights; none if there is none."""
        from assay.detect.find_classifier import shipped_calibration

        beside = shipped_calibration(self._spec)
        return [one for one in (self._calibration or beside,) if one is not None]

    @cached_property
    def _classifier(self) -> "Classifier":
        from assay.detect.find_classifier import find_classifier

        return find_classifier(self._spec, device=self._device, dtype=self._dtype)

    @cached_property
    def _with_calibration(self) -> "Calibrated | None":
        from assay.detect.calibrated import with_calibrations

        if not self._files:
            return None
        given = [self._calibration] if self._calibration is not None else []
        return with_calibrations([(self._spec, self._classifier)], given, group=self._group)[0]

    @cached_property
    def _detector(self) -> "ClassifierDetector":
        from assay.detect.classified import ClassifierDetector

        calibrated = self._with_calibration
        if calibrated is None:
            raise ValueError("a classifier without a calibration has no p-values")
        return ClassifierDetector([calibrated])


def _check_models(classifier: Any) -> None:
    """Find the models that a pair or a sequence classifier names; nothing is loaded."""
    from assay.models import resolve
    from assay.watermark.hub import hub_folder, local_folder
    from assay.watermark.inspection import find_model

    if classifier.kind == "pair":
        for model in filter(None, (classifier.model, classifier.reference)):
            find_model(resolve(model))
    elif classifier.kind == "sequence" and local_folder(classifier.model) is None:
        hub_folder(classifier.model)
