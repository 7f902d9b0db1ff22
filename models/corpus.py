"""The training text: documents read from ``*.jsonl.zst`` shards, and token streams packed from them.

A packed stream is one flat array of token ids in which every document is preceded by ``<|endoftext|>``. Training batches
are crops at uniformly random offsets, a pure function of (seed, step): nothing to save for an exact resume. Crops may
start inside a document and span several; attention is not masked at the boundaries.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zstandard
from tokenizers import Tokenizer

from .bpe import END_OF_TEXT_ID

Tokens = npt.NDArray[np.uint16]
WINDOW_LIMIT_BYTES = 2**27  # the shards are compressed with a window of 2**26 bytes


@dataclass(frozen=True)
class Document:
    """One document of the corpus; `work` names the book, page or post that it may be only a part of."""

    text: str
    genre: str
    licence: str
    work: str = ""


def read_documents(path: Path) -> Iterator[Document]:
    """Yield the documents of one ``.jsonl.zst`` file in order."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT_BYTES)
    with path.open("rb") as raw, zstandard.open(raw, "rt", encoding="utf-8", dctx=decompressor) as lines:
        for line in lines:
            row = json.loads(line)
            work = str(row.get("id", "")).partition("#")[0]
            yield Document(text=row["text"], genre=row["genre"], licence=row["licence"], work=work)


def pack(tokenizer: Tokenizer, documents: Iterator[Document]) -> Tokens:
    """Return the packed stream of `documents`, (T,) uint16, each preceded by ``<|endoftext|>``."""
    pieces: list[Tokens] = []
    boundary = np.array([END_OF_TEXT_ID], dtype=np.uint16)
    while group := list(islice(documents, 512)):
        for encoding in tokenizer.encode_batch_fast([document.text for document in group], add_special_tokens=False):
            pieces += [boundary, np.array(encoding.ids, dtype=np.uint16)]
    return np.concatenate(pieces)


def packed_split(tokenizer: Tokenizer, shards: list[Path], cache: Path) -> Tokens:
    """Return the packed stream of all `shards`, read from the file `cache` when it exists and written there when not."""
    if not cache.exists():
        tokens = np.concatenate([pack(tokenizer, read_documents(shard)) for shard in shards])
        partial = cache.with_suffix(".partial.npy")
        np.save(partial, tokens)
        partial.replace(cache)
    return np.load(cache, mmap_mode="r")


def random_crops(tokens: Tokens, seed: int, step: int, rows: int, length: int) -> npt.NDArray[np.int64]:
    """Return `rows` crops of `length` + 1 consecutive ids, (rows, length + 1) int64, drawn uniformly for this seed and step.

    Raises:
        ValueError: if the stream is shorter than one crop.

    """
    last = len(tokens) - length - 1
    if last < 0:
        raise ValueError(f"the token stream must hold at least {length + 1} ids, got {len(tokens)}")
    starts = np.random.default_rng((seed, step)).integers(0, last, size=rows, endpoint=True)
    return np.stack([tokens[start : start + length + 1] for start in starts]).astype(np.int64)


def even_crops(tokens: Tokens, rows: int, length: int) -> npt.NDArray[np.int64]:
    """Return `rows` evenly spaced crops, (rows, length + 1) int64: the same validation sample at every look."""
    starts = np.linspace(0, len(tokens) - length - 1, rows).astype(np.int64)
    return np.stack([tokens[start : start + length + 1] for start in starts]).astype(np.int64)
