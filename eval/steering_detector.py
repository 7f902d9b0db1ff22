"""The detector that steers an attack: a classifier or a mark, as one number a text, higher for machine text."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray


class SteeringDetector:
    """A detector by name.

    Args:
        spec: a classifier (`find_classifier`), or the profile of a mark if it ends with .toml.
        device: where its models run.
    """

    def __init__(self, spec: str, device: str = "auto") -> None:
        self._spec, self._device = spec, device

    def check(self) -> None:
        """Refuse what is not there.

        Raises:
            AssayError: in one line.
        """
        if self._is_mark and not Path(self._spec).is_file():
            raise DataError(f"no profile {self._spec}; expected a mark's profile (.toml) or a classifier")
        _ = self._mark if self._is_mark else self._classifier

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return (D,) scores, NaN where there is none: of a mark -log10 p, whether or not it would give a verdict."""
        if self._is_mark:
            found = self._mark.detect(texts)
            return np.array([_evidence(one) for one in found], np.float64)
        from assay.detect.normalise import normalise

        read = [normalise(text).text for text in texts]  # as `assay detect` reads them
        return np.asarray(self._classifier.score(read).scores, np.float64)

    def signature(self) -> dict[str, Any]:
        """Return a JSON-ready record that changes with whatever changes its scores; no key and no path."""
        if self._is_mark:
            from assay.watermark.profile import read_profile

            return {"mark": Path(self._spec).stem, "profile": read_profile(Path(self._spec)).fingerprint}
        from assay.detect.classifier import signature

        return {"classifier": self._classifier.name, **signature(self._classifier)}

    @property
    def _is_mark(self) -> bool:
        return self._spec.endswith(".toml")

    @cached_property
    def _mark(self) -> Any:
        from assay.detect.detection import Threshold
        from assay.detect.marks import MarkDetector
        from assay.watermark.profile import load_mark

        return MarkDetector([load_mark(self._spec)], Threshold())

    @cached_property
    def _classifier(self) -> Any:
        from assay.detect.find_classifier import find_classifier

        return find_classifier(self._spec, device=self._device)


def _evidence(detections: Sequence[Any]) -> float:
    """Return -log10 p of the one mark; NaN where nothing was scored."""
    value = detections[0].log10_p if detections else None
    return float("nan") if value is None else -float(value)
