"""One bootstrap for all figures of an evaluation: every draw gives every cluster a weight, and all cells use the same draws.

Weights are independent Poisson(1) (the Poisson bootstrap: J. Hanley and B. MacGibbon 2006, Computer Methods and Programs in Biomedicine 83), one a
cluster. Texts that share a cluster (a `pair_id`, a prompt) move together, human and machine alike; cells that share texts move together, so that the
difference of two cells needs no draws of its own. Unlike multinomial counts, the weights of a cell's clusters do not depend on what else the table
holds.

Draw 0 has weight 1 for every cluster: the figure itself.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

I64, U8 = NDArray[np.int64], NDArray[np.uint8]
_LARGEST = 24_000_000  # numbers of one weighted table: 100 MB of float32


class ClusterDraws:
    """Weights of clusters in each draw.

    Attributes:
        count: draws, without draw 0.
    """

    def __init__(self, clusters: int, count: int, rng: np.random.Generator) -> None:
        self.count = count
        self._weights = np.ones((clusters, 1 + count), np.uint8)
        for start in range(0, clusters, 4096):  # in pieces: Poisson numbers are int64
            part = self._weights[start : start + 4096, 1:]
            part[:] = np.minimum(rng.poisson(1.0, part.shape), 255)

    def of(self, cluster: I64, block: slice) -> U8:
        """Return (n, b) the weights of n texts in the draws of a block."""
        return self._weights[cluster, block]

    def blocks(self, texts: int) -> Iterator[slice]:
        """Yield slices over the 1 + count draws, so few at a time that `texts` rows of weights fit in memory."""
        width = max(1, min(1 + self.count, _LARGEST // max(texts, 1)))
        for start in range(0, 1 + self.count, width):
            yield slice(start, min(start + width, 1 + self.count))
