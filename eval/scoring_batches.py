"""Texts in batches of bounded size, and what detectors said of them put together again."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .detector import Scored

MOST_TEXTS, MOST_CHARS = 256, 2_000_000


def batches(
    texts: Sequence[str], most_texts: int = MOST_TEXTS, most_chars: int = MOST_CHARS
) -> Iterator[Sequence[str]]:
    """Yield the texts in order, at most so many and, but for one longer text alone, so many characters at a time."""
    start = chars = 0
    for stop, text in enumerate(texts):
        if stop > start and (stop - start >= most_texts or chars + len(text) > most_chars):
            yield texts[start:stop]
            start, chars = stop, 0
        chars += len(text)
    if start < len(texts):
        yield texts[start:]


def joined(parts: Sequence[Scored]) -> Scored:
    """Return what was said of all batches."""
    if not parts:
        return plain_scores([])
    return Scored(
        np.concatenate([one.score for one in parts]),
        np.concatenate([one.log10_p for one in parts]),
        tuple(reason for one in parts for reason in one.abstained),
        np.concatenate([one.n_scored for one in parts]),
    )


def plain_scores(
    scores: Sequence[float] | NDArray[Any], missing: str = "no score", higher_is: str = "machine"
) -> Scored:
    """Return scores without p-values; one that is not finite is none, and the detector abstains there, with `missing` as the reason.

    Args:
        scores: (D,), as the detector has them.
        missing: the reason where there is NaN; an infinite one is said to be so.
        higher_is: `machine`, or `human`: then the sign is turned.
    """
    values = np.asarray(scores, np.float64).reshape(-1)
    reasons = tuple(
        "" if math.isfinite(one) else missing if math.isnan(one) else f"its score is {one}" for one in values
    )
    turned = values if higher_is == "machine" else 0.0 - values
    none = np.full(len(values), np.nan)
    return Scored(np.where(np.isfinite(values), turned, np.nan), none, reasons, np.zeros(len(values), np.int32))
