"""Readings by several processes are those of one, and are read once."""

from pathlib import Path

import numpy as np
from assay.detect.reading import Reader
from assay.eval.readings import read_all

TEXTS = ["The old man saw a dog and painted the house before anybody came home. " * 6, "Too short.", ""]


def test_readings_are_kept_and_equal(tmp_path: Path) -> None:
    first = read_all(TEXTS, tmp_path, 1)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = read_all(TEXTS, tmp_path, 1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept
    assert len(kept) == 1
    here = Reader("cpu", "float32").read(TEXTS, prefixes=True)
    for one, two, three in zip(first, again, here, strict=True):
        assert one.n_scored == two.n_scored == three.n_scored
        assert np.array_equal(one.features, two.features)
        assert one.features.shape[0] == three.features.shape[0]
        if len(three.features):
            assert np.allclose(one.features, three.features, atol=1e-3)
