"""A sample of whole clusters that depends on the texts and a seed, not on their order, in one pass and bounded memory."""

import hashlib
import heapq
from collections.abc import Iterator

from assay.errors import DataError

from .subject import Subject

Placed = tuple[str, Subject]


def cluster_sample(placed: Iterator[Placed], limit: int, seed: int, name: str) -> Iterator[Placed]:
    """Yield the texts of a sample in the order they came.

    Clusters are ordered by a hash of seed and name; the sample is the longest beginning of that order with at most `limit` texts. A cluster that has been dropped cannot come
    back: counts only grow. So at most `limit` texts and one cluster are held.

    Args:
        placed: texts with their places.
        limit: at least 1.
        seed: changes the sample.
        name: of the text set, for the message.

    Raises:
        DataError: if the first cluster of that order alone has more texts than `limit`.
    """
    kept: dict[int, list[tuple[int, Placed]]] = {}
    largest: list[int] = []  # negated hashes
    barrier, held, dropped = 1 << 64, 0, 0
    for number, one in enumerate(placed):
        code = _code(seed, one[1].cluster)
        if code >= barrier:
            continue
        if code not in kept:
            kept[code] = []
            heapq.heappush(largest, -code)
        kept[code].append((number, one))
        held += 1
        while held > limit:
            barrier = -heapq.heappop(largest)
            dropped = len(kept.pop(barrier))
            held -= dropped
    if dropped and not kept:
        raise DataError(
            f"text set {name!r}: a cluster has more than limit = {limit} texts, and clusters are kept whole; raise limit, or name another "
            "field for clusters"
        )
    for _, one in sorted((item for items in kept.values() for item in items), key=lambda item: item[0]):
        yield one


def _code(seed: int, cluster: str) -> int:
    content = f"{seed}\0{cluster}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, person=b"assay-sample").digest(), "big")
