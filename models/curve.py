"""The loss curve of a run as a small picture."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from matplotlib.figure import Figure

from .checkpoint import LogRow


def draw_curve(rows: Sequence[LogRow], path: Path) -> None:
    """Write a PNG of training and validation loss against training tokens, with the changes of sequence length marked."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for split, width, alpha in (("train", 0.8, 0.5), ("valid", 1.8, 1.0)):
        chosen = [row for row in rows if row.split == split]
        tokens, losses = [row.tokens / 1e6 for row in chosen], [row.loss for row in chosen]
        axes.plot(tokens, losses, label=split, linewidth=width, alpha=alpha)
    lengths = [(before, after) for before, after in pairwise(rows) if before.length != after.length]
    for before, after in lengths:
        axes.axvline(before.tokens / 1e6, color="0.6", linewidth=0.8, linestyle=":")
        axes.annotate(
            f"{after.length} tokens a sequence",
            (before.tokens / 1e6, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -4),
            textcoords="offset points",
            rotation=90,
            va="top",
            fontsize="x-small",
            color="0.4",
        )
    best = min(row.loss for row in rows)
    axes.set(
        xlabel="training tokens (millions)", ylabel="loss (nats per token)", ylim=(best - 0.15, min(7.0, best + 3))
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
