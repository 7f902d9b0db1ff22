"""Score tables made of given numbers."""

from typing import Any

import numpy as np
from assay.eval.score_table import COLUMNS, FLOATS, INTEGERS, STRINGS, Kind, ScoreTable, concatenated


def made(
    scores: Any, label: str = "machine", *, detector: str = "d", kind: Kind = "scores", source: str = "", **columns: Any
) -> ScoreTable:
    """Return rows with these scores, text i named "i"; a column is one value for all rows, or a value a row."""
    scores = list(scores)
    n = len(scores)
    given = {
        "score": scores, "label": label, "detector": detector, "source": source or label, "role": "test",
        "text_id": [f"{i}" for i in range(n)], "attack": "none", "n_tokens": 100, "log10_p": np.nan, **columns,
    }  # fmt: skip
    made: dict[str, Any] = {}
    for name in COLUMNS:
        value = given.get(name, "" if name in STRINGS else 0)
        column = np.empty(
            n, object if name in STRINGS else float if name in FLOATS else np.int32 if name in INTEGERS else bool
        )
        column[:] = list(value) if isinstance(value, list | np.ndarray) else [value] * n
        made[name] = column
    return ScoreTable(made, {detector: kind})


def pooled(*tables: ScoreTable) -> ScoreTable:
    """Return all rows."""
    return concatenated(list(tables))


def cell(metrics: dict[str, Any], **where: Any) -> dict[str, Any]:
    """Return the one cell with these values."""
    found = [c for c in metrics["cells"] if all(c[name] == value for name, value in where.items())]
    assert len(found) == 1, f"{len(found)} cells for {where}"
    return found[0]
