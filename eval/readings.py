"""Texts read by the embedded model in several processes, and kept on disk, so that a long run can be broken off and taken up again."""

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from assay.detect.reading import Reader, Reading
from tqdm import tqdm

_TEXTS = 250


def read_all(texts: Sequence[str], folder: Path, workers: int) -> list[Reading]:
    """Return the readings of all texts with their prefixes, in order; parts that lie in `folder` already are not read again.

    Args:
        texts: D texts.
        folder: is made if it is not there. A part is named after what it holds, so other texts or another version of the features read anew.
        workers: processes, of one thread each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = Reader().signature.weights
    parts = [texts[i : i + _TEXTS] for i in range(0, len(texts), _TEXTS)]
    paths = [folder / f"{_name(part, weights)}.npz" for part in parts]
    missing = [(part, path) for part, path in zip(parts, paths, strict=True) if not path.exists()]
    found: list[Reading] = []
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _one_thread) as pool:
        done = pool.map(_read, *zip(*missing, strict=True)) if missing else ()
        for _ in tqdm(done, total=len(missing), unit=" parts", disable=None, file=sys.stderr):
            pass
    for path in paths:
        found += _load(path)
    return found


def _name(texts: Sequence[str], weights: str) -> str:
    from assay.detect import document_features, normalise, plain, reading

    versions = (document_features.VERSION, plain.VERSION, normalise.VERSION, reading.MAX_TOKENS, reading.PREFIXES)
    digest = hashlib.sha256(repr((weights, *versions)).encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return digest.hexdigest()[:20]


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _read(texts: Sequence[str], path: Path) -> None:
    readings = Reader("cpu", "float32").read(texts, prefixes=True)
    rows = [len(reading.features) for reading in readings]
    width = max((reading.features.shape[1] for reading in readings), default=0)
    stacked = [reading.features for reading in readings if len(reading.features)]
    features = np.concatenate(stacked) if stacked else np.zeros((0, width), np.float32)
    part = path.with_name(f"{path.stem}.part.npz")
    np.savez(part, features=features, rows=np.array(rows), n_scored=np.array([r.n_scored for r in readings]))
    os.replace(part, path)


def _load(path: Path) -> list[Reading]:
    with np.load(path) as kept:
        ends = np.cumsum(kept["rows"])
        features = np.split(kept["features"], ends[:-1])
        return [Reading(rows, int(n)) for rows, n in zip(features, kept["n_scored"], strict=True)]
