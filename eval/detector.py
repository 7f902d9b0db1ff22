"""What a detector is to an evaluation: texts in, scores out, whatever stands behind it.

Kinds: a mark of the plan (has a law), a classifier that `find_classifier` names (with its calibration, if it has one), stored scores of a peer, a command that
reads JSON Lines and writes scores, a Python function from texts to scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .score_table import Kind


@dataclass(frozen=True)
class Scored:
    """What one detector says of D texts.

    Attributes:
        score: (D,) float64, higher is more machine-like; of a mark -log10 p; NaN where there is none.
        log10_p: (D,) float64, log10 of its p-value; NaN where there is none.
        abstained: (D,) why it gives no verdict; empty if it does.
        n_scored: (D,) int32, of a mark the distinct pairs it tested; else 0.
    """

    score: NDArray[np.float64]
    log10_p: NDArray[np.float64]
    abstained: tuple[str, ...]
    n_scored: NDArray[np.int32]

    def __post_init__(self) -> None:
        if not len(self.score) == len(self.log10_p) == len(self.abstained) == len(self.n_scored):
            raise ValueError("the fields of Scored must be equally long")


class EvalDetector(Protocol):
    """A detector of a plan.

    Attributes:
        name: in the plan, the table and the report.
        kind: what it is.
        mark: of a mark, its name: it looks for texts that carry it; empty for the others.
    """

    name: str
    kind: Kind
    mark: str

    def score(self, texts: Sequence[str], ids: Sequence[str]) -> Scored:
        """Return what it says of each text; `ids` are those of the texts before any attack.

        Raises:
            AssayError: in one line, if it cannot be used at all.
        """
        ...

    def signature(self) -> dict[str, Any]:
        """Return a JSON-ready record that changes with whatever changes its scores; no key, no machine path."""
        ...
