"""A scorer that travels: pickled as its configuration, loaded once a process on first use. What the adapters to other toolkits are built on.

datatrove, dolma and `datasets` ship a step to their worker processes by pickling it. What is shipped here is paths and settings, never a key and never a
model; each process loads them when its first batch comes. Profiles, keys and calibrations must lie where all processes see them.

One process is one core in all of these toolkits: set `RAYON_NUM_THREADS=1` and `OMP_NUM_THREADS=1` where several run on a machine, as `assay scan` does for
its own. It is no engine: what a killed worker had not written, the toolkit does again or not.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .scan_config import fingerprint
from .score_options import ScoreOptions

if TYPE_CHECKING:
    from .scan_columns import BatchScorer

NOT_SHOWN = ("hash",)
"""Columns of the scan's rows that adapters leave out: the text itself stands beside."""

_BATCH_CHARS = 4_000_000
_loaded: "dict[tuple[int, ProcessScorer], BatchScorer]" = {}


@dataclass(frozen=True)
class ProcessScorer:
    """Scores texts in whichever process it finds itself.

    Attributes:
        options: with absolute paths, as a worker may run in another folder.
        fingerprint: of the options with the contents of all files, so that what is cached under this object (`datasets` does) is not
            taken for another mark's.
    """

    options: ScoreOptions
    fingerprint: str

    @classmethod
    def of(cls, options: ScoreOptions) -> "ProcessScorer":
        """Return the scorer of `options`; nothing is loaded yet, but profiles and calibrations must be there.

        Raises:
            AssayError: in one line, if one of them cannot be read.
        """
        there = replace(
            options,
            marks=tuple(map(_absolute, options.marks)),
            calibrations=tuple(map(_absolute, options.calibrations)),
            classifiers=tuple(_absolute_folder(spec) for spec in options.classifiers),
        )
        return cls(there, fingerprint(_with_version(there)))

    @property
    def scorer(self) -> "BatchScorer":
        """What scores in this process, loaded at the first use.

        Raises:
            AssayError: in one line, if a mark, key, tokenizer, classifier or calibration cannot be used.
        """
        from .scan_columns import BatchScorer

        mine = (os.getpid(), self)  # what a fork has inherited is not used: its threads have stayed behind
        if mine not in _loaded:
            _loaded[mine] = BatchScorer(self.options)
        return _loaded[mine]

    def columns(
        self,
        texts: Sequence[Any],
        languages: Sequence[str] | None = None,
        fields: Sequence[Mapping[str, Any]] | None = None,
    ) -> dict[str, list[Any]]:
        """Return the scan's columns of D texts, each of D values (None for null).

        What is no string has no text and abstains with an `error`. Arguments are those of `BatchScorer.score`.
        """
        import pyarrow as pa

        read = [text if isinstance(text, str) else "" for text in texts]
        batches: list[Any] = []
        for start, stop in _parts(read):
            declared = None if languages is None else languages[start:stop]
            beside = None if fields is None else fields[start:stop]
            batches.append(self.scorer.score(read[start:stop], declared, beside))
        table: Any = pa.Table.from_batches(batches, self.scorer.schema).drop_columns(list(NOT_SHOWN))
        found: dict[str, list[Any]] = {name: table[name].to_pylist() for name in table.column_names}
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                found["error"][i] = f"no_text: got {type(text).__name__}, expected a string"
                found["reasons"][i] = ""
        return found

    def rows(
        self,
        texts: Sequence[Any],
        languages: Sequence[str] | None = None,
        fields: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[dict[str, Any]]:
        """Return the same as a record for each text, ready for JSON."""
        found = self.columns(texts, languages, fields)
        return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _absolute_folder(spec: str) -> str:
    """Return a classifier's folder with its whole path; shipped names and models stay as they are."""
    from assay.detect.find_classifier import classifier_folder, shipped_classifiers

    folder = None if spec in shipped_classifiers() else classifier_folder(spec)
    return spec if folder is None else _absolute(str(folder))


def _with_version(options: ScoreOptions) -> dict[str, Any]:
    from assay import __version__

    return {"assay": __version__, **options.to_record()}


def _parts(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Return how to divide texts so that none of the parts, but for its last text, is longer than a scan's batch."""
    bounds, chars = [0], 0
    for i, text in enumerate(texts):
        chars += len(text)
        if chars >= _BATCH_CHARS:
            bounds.append(i + 1)
            chars = 0
    if bounds[-1] < len(texts):
        bounds.append(len(texts))
    return list(pairwise(bounds))
