"""Calibration texts that are tested too: left out, and counted.

A threshold that was set on a text, or on another of its cluster (the same prompt, the same pair), knows something of what it is judged on; its rates are
too good. A calibration text is left out if any tested text, human or machine and whoever scored it, has its cluster, or is the same text of the same
source. Plans name the cluster of a text that belongs to nothing by file and id, so one file in both roles shows. Equal texts under other names and ids do
not: a score table holds no text.
"""

import numpy as np

from .score_rows import CALIBRATION
from .score_table import ScoreTable


def without_tested(table: ScoreTable) -> tuple[ScoreTable, dict[str, tuple[int, int]]]:
    """Return a table without the calibration texts that are tested too; and by calibration set how many those were, of how many, where any was."""
    calibrates = np.asarray(table["role"] == CALIBRATION, np.bool_)
    if not calibrates.any() or calibrates.all():
        return table, {}
    tested, held = table.where(~calibrates), table.where(calibrates)
    clusters = {*tested["cluster"].tolist()} - {""}
    texts = {*zip(tested["source"].tolist(), tested["text_id"].tolist(), strict=True)}
    named = list(zip(held["source"].tolist(), held["text_id"].tolist(), strict=True))
    both = zip(named, held["cluster"].tolist(), strict=True)
    drop = np.array([text in texts or cluster in clusters for text, cluster in both], np.bool_)
    if not drop.any():
        return table, {}
    dropped = {text for text, gone in zip(named, drop.tolist(), strict=True) if gone}
    counts = {
        source: (sum(text[0] == source for text in dropped), sum(text[0] == source for text in {*named}))
        for source in sorted({text[0] for text in dropped})
    }
    keep = np.ones(len(table), np.bool_)
    keep[np.flatnonzero(calibrates)[drop]] = False
    return table.where(keep), counts
