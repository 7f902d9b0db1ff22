"""How much of the detection benchmarks' human text the training corpus holds: runs of thirteen words that occur in both.

Thirteen words is the length of GPT-3's check (Brown et al. 2020, appendix C). Words are runs of letters and digits, lower-cased, so
that punctuation and white space hide nothing. Runs are compared by 64-bit hashes; of 10**8 and 10**7 distinct ones fewer than 10**-4 pairs collide.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .corpus import read_documents

RUN = 13
_WORD = re.compile(r"[^\W_]+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Overlap:
    """Human documents of one collection with at least one run: those that share one with the training text, and the share of all runs."""

    documents: int
    touched: int
    over_a_tenth: int
    shared_runs: float


class WordHashes:
    """Words to 64-bit hashes, remembered: BLAKE2b of a word is computed once."""

    def __init__(self) -> None:
        """Start with no words."""
        self._known: dict[str, int] = {}

    def runs(self, text: str) -> Hashes:
        """Return one hash for each run of thirteen words, (max(0, W - 12),) uint64."""
        known, words = self._known, _WORD.findall(text.lower())
        for word in words:
            if word not in known:
                known[word] = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
        each = np.fromiter((known[word] for word in words), dtype=np.uint64, count=len(words))
        count = max(0, len(words) - RUN + 1)
        mixed = np.zeros(count, dtype=np.uint64)
        for place in range(RUN):  # wraps around; the shift keeps high bits from being lost to the multiplications
            mixed = (mixed ^ (mixed >> _SHIFT)) * _MULTIPLIER + each[place : place + count]
        return mixed


def human_documents(detection: Path) -> Iterator[tuple[str, str]]:
    """Yield (collection, text) of every English document labelled human in ``detection/*.jsonl.gz``.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    paths = sorted(detection.glob("*.jsonl.gz"))
    if not paths:
        raise FileNotFoundError(f"{detection} has no *.jsonl.gz with labelled texts")
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row.get("label") == "human" and row.get("lang", "en") == "en":
                    yield path.name.removesuffix(".jsonl.gz"), row["text"]


def held_by(corpus_texts: Iterable[str], wanted: Hashes, words: WordHashes) -> Hashes:
    """Return the hashes of `wanted`, sorted and distinct, that occur in the texts."""
    held = np.zeros(len(wanted), dtype=bool)
    for text in corpus_texts:
        runs = words.runs(text)
        if len(runs):
            place = np.minimum(np.searchsorted(wanted, runs), len(wanted) - 1)
            held[place[wanted[place] == runs]] = True
    return wanted[held]


def contamination(train: Iterable[str], humans: Iterable[tuple[str, str]]) -> dict[str, dict[str, float]]:
    """Return the overlap of `train` with each collection of `humans`, and with ``all`` of them first."""
    words = WordHashes()
    runs = [(collection, words.runs(text)) for collection, text in humans]
    wanted = np.unique(np.concatenate([each for _, each in runs])) if runs else np.zeros(0, np.uint64)
    held = held_by(train, wanted, words) if len(wanted) else wanted
    shares = [(collection, np.isin(each, held)) for collection, each in runs]
    collections = ["all", *dict.fromkeys(collection for collection, _ in shares)]
    return {name: asdict(_overlap([s for c, s in shares if name in ("all", c)])) for name in collections}


def corpus_contamination(corpus: Path, detection: Path) -> dict[str, dict[str, float]]:
    """Return the overlap of the training shards in `corpus` with the human documents in `detection`.

    Raises:
        FileNotFoundError: if either folder holds nothing.
    """
    shards = sorted(corpus.glob("train-*.jsonl.zst"))
    if not shards:
        raise FileNotFoundError(f"{corpus} has no train-*.jsonl.zst")
    return contamination((d.text for shard in shards for d in read_documents(shard)), human_documents(detection))


def _overlap(shares: list[npt.NDArray[np.bool_]]) -> Overlap:
    shares = [share for share in shares if len(share)]
    total = sum(len(share) for share in shares)
    return Overlap(
        documents=len(shares),
        touched=sum(bool(share.any()) for share in shares),
        over_a_tenth=sum(float(share.mean()) > 0.1 for share in shares),
        shared_runs=round(sum(int(share.sum()) for share in shares) / total, 8) if total else 0.0,
    )
