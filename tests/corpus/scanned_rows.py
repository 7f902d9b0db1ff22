"""Rows as a scan writes them, with marked and unmarked documents drawn from the exact law of a green list."""

from hashlib import blake2b

import numpy as np
import pyarrow as pa
from assay.detect.exact import binomial_log10_sf_batch

MARK = {"name": "greenlist:mark", "kind": "mark", "gamma": 0.25, "smallest_p": None, "profile": "ab12", "key": "cd34"}
ALPHA = 1e-3


def draw(n, share, rng, rate=0.6, lengths=(20, 400)):
    """Return scored tokens, green tokens, and which documents are marked."""
    size = np.exp(rng.uniform(*np.log(lengths), n)).astype(np.int64)
    marked = rng.random(n) < share
    green = rng.binomial(size, np.where(marked, rng.normal(rate, 0.05, n).clip(0.3, 0.9), 0.25))
    return size, green, marked


def table(size, green, rng, first=0, hosts=40):
    """Return the rows of a scan of these documents; those with fewer than 30 scored tokens abstain."""
    n = len(size)
    log10_p = binomial_log10_sf_batch(green, size, 0.25)
    short = size < 30
    log10_p = np.where(short, np.nan, log10_p)
    verdict = np.where(short, "abstain", np.where(log10_p <= np.log10(ALPHA), "detected", "not_detected"))
    hashes = [blake2b(str(first + i).encode(), digest_size=16).digest() for i in range(n)]
    columns = {
        "row": pa.array(np.arange(first, first + n)),
        "id": pa.array([str(first + i) for i in range(n)]),
        "file": pa.array([f"part-{i % 3}.warc.gz" for i in range(n)]).dictionary_encode(),
        "offset": pa.array(np.arange(n)),
        "host": pa.array([f"host{int(h)}.example" for h in rng.integers(0, hosts, n)]),
        "n_chars": pa.array((size * 4).astype(np.int32)),
        "hash": pa.array(hashes, pa.binary(16)),
        "language": pa.array(np.where(size % 7 == 0, "de", "en")).dictionary_encode(),
        "declared": pa.array(np.where(size == 50, "c2pa", "")),
        "verdict": pa.array(verdict).dictionary_encode(),
        "log10_p": pa.array(log10_p, from_pandas=True),
        "tried": pa.array(np.ones(n, np.int16)),
        "reasons": pa.array(
            np.where(short, [f"greenlist:mark: only {s} scored tokens, expected 30" for s in size], "")
        ),
        "error": pa.array([""] * n),
        "greenlist:mark.log10_p": pa.array(log10_p, from_pandas=True),
        "greenlist:mark.statistic": pa.array(green.astype(np.float64)),
        "greenlist:mark.n_scored": pa.array(size.astype(np.int32)),
        "greenlist:mark.verdict": pa.array(verdict),
    }
    return pa.table(columns)


def lost_row(rows, error):
    """Return one row of a document without a text."""
    values = {name: [None] for name in rows.column_names}
    values |= {
        "row": [0],
        "id": ["x"],
        "file": ["part-0.warc.gz"],
        "offset": [7],
        "verdict": ["abstain"],
        "error": [error],
    }
    return pa.table({name: pa.array(values[name], rows.schema.field(name).type) for name in rows.column_names})
