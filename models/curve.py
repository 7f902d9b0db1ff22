"""The loss curve of one run, or of several that continue each other, as a small picture."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from .checkpoint import LogRow

CLOSEST = 0.04  # labels nearer to each other than this share of the width would collide


def draw_curve(rows: Sequence[LogRow], seams: Sequence[int], path: Path) -> None:
    """Write a PNG of training and validation loss against training tokens.

    Changes of sequence length are dotted lines; the starts of later runs, after the steps `seams`, solid ones at which the curves are broken.
    """
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    edges = [0, *seams, rows[-1].step]
    for split, colour, width, alpha in (("train", "C0", 0.8, 0.5), ("valid", "C1", 1.8, 1.0)):
        for number, (first, last) in enumerate(pairwise(edges)):
            chosen = [row for row in rows if row.split == split and first < row.step <= last]
            tokens, losses = [row.tokens / 1e6 for row in chosen], [row.loss for row in chosen]
            label = split if number == 0 else None
            axes.plot(tokens, losses, label=label, color=colour, linewidth=width, alpha=alpha)
    _mark_changes(axes, rows, seams)
    best = min(row.loss for row in rows)
    axes.set(
        xlabel="training tokens (millions)", ylabel="loss (nats per token)", ylim=(best - 0.15, min(7.0, best + 3))
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)


def _mark_changes(axes: Any, rows: Sequence[LogRow], seams: Sequence[int]) -> None:
    """Draw and label the starts of runs and the changes of length; of labels too close together the first is kept, a run's before a length's."""
    starts = [max((row for row in rows if row.step <= seam), key=lambda row: row.step).tokens / 1e6 for seam in seams]
    changes = [
        (before.tokens / 1e6, f"{after.length} tokens a sequence")
        for before, after in pairwise(rows)
        if before.length != after.length and before.step not in seams
    ]
    marks = [(at, f"run {number}", "-") for number, at in enumerate(starts, 2)] + [(*change, ":") for change in changes]
    closest, labelled = CLOSEST * rows[-1].tokens / 1e6, list[float]()
    for at, label, style in marks:
        axes.axvline(at, color="0.6", linewidth=0.8, linestyle=style)
        if all(abs(at - other) >= closest for other in labelled):
            labelled.append(at)
            axes.annotate(
                label,
                (at, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, -4),
                textcoords="offset points",
                rotation=90,
                va="top",
                fontsize="x-small",
                color="0.4",
            )
