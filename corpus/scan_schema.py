"""The scored columns of a scan as Arrow, and how they are built from numpy arrays without a Python object a value.

Of a text: `n_chars, hash, language, declared, verdict, log10_p, tried, reasons, error`; then of each detector NAME, in the order of the options,
`NAME.log10_p` (null where it abstains), `NAME.statistic`, `NAME.n_scored`, `NAME.verdict`, and where stretches are located `NAME.spans`.
`hash` is BLAKE2b of 128 bits over the UTF-8 of the text as it was read. Dictionaries are the same in every batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from assay.detect.language import SUPPORTED
from numpy.typing import NDArray

LANGUAGES = ("", *SUPPORTED)
VERDICTS = ("detected", "not_detected", "abstain")
DETECTED, NOT_DETECTED, ABSTAIN = range(3)
HASH_BYTES = 16

_LANGUAGE_CODES = {language: code for code, language in enumerate(LANGUAGES)}
_DICTIONARY: Any = pa.dictionary(pa.int8(), pa.string())
_SPANS: Any = pa.list_(
    pa.struct([pa.field("start", pa.int32()), pa.field("stop", pa.int32()), pa.field("log10_p", pa.float64())])
)


@dataclass
class DetectorColumns:
    """What one detector saw in D texts.

    Attributes:
        log10_p: (D,) float64, NaN where it abstains.
        statistic: (D,) float64, NaN where there is none.
        n_scored: (D,) int64.
        verdict: (D,) int8, an index of `VERDICTS`.
        spans: by text, the stretches found there; looked for in all texts of `searched`.
        searched: (D,) bool, or None if no stretches are located at all.
    """

    log10_p: NDArray[np.float64]
    statistic: NDArray[np.float64]
    n_scored: NDArray[np.int64]
    verdict: NDArray[np.int8]
    spans: Mapping[int, Sequence[Any]] = field(default_factory=dict[int, Sequence[Any]])
    searched: NDArray[np.bool_] | None = None

    @classmethod
    def silent(cls, count: int, spans: bool) -> "DetectorColumns":
        """Return the columns of a detector that says nothing about any of `count` texts."""
        nothing = np.full(count, np.nan)
        abstain = np.full(count, ABSTAIN, np.int8)
        searched = np.zeros(count, np.bool_) if spans else None
        return cls(nothing, nothing.copy(), np.zeros(count, np.int64), abstain, {}, searched)


@dataclass
class Verdicts:
    """What is decided on D texts.

    Attributes:
        verdict: (D,) int8, an index of `VERDICTS`.
        log10_p: (D,) float64, corrected; NaN where nothing could be tested.
        tried: (D,) int64.
        reasons: by text, why it abstained, and what else must be said.
        detectors: what each detector saw.
    """

    verdict: NDArray[np.int8]
    log10_p: NDArray[np.float64]
    tried: NDArray[np.int64]
    reasons: dict[int, str]
    detectors: list[DetectorColumns]


def schema(names: Sequence[str], spans: bool) -> Any:
    """Return the Arrow schema for detectors of these names."""
    fields: list[tuple[str, Any]] = [
        ("n_chars", pa.int32()),
        ("hash", pa.binary(HASH_BYTES)),
        ("language", _DICTIONARY),
        ("declared", pa.string()),
        ("verdict", _DICTIONARY),
        ("log10_p", pa.float64()),
        ("tried", pa.int16()),
        ("reasons", pa.string()),
        ("error", pa.string()),
    ]
    for name in names:
        fields += [
            (f"{name}.log10_p", pa.float64()),
            (f"{name}.statistic", pa.float64()),
            (f"{name}.n_scored", pa.int32()),
            (f"{name}.verdict", pa.string()),
        ]
        fields += [(f"{name}.spans", _SPANS)] if spans else []
    return pa.schema(fields)


def text_arrays(
    n_chars: Sequence[int], hashes: Sequence[bytes], languages: Sequence[str], declared: Mapping[int, str]
) -> list[Any]:
    """Return the columns that come before `verdict`."""
    count = len(n_chars)
    packed: Any = pa.Array.from_buffers(pa.binary(HASH_BYTES), count, [None, pa.py_buffer(b"".join(hashes))])
    codes = np.array([_LANGUAGE_CODES[language] for language in languages], np.int8)
    return [pa.array(n_chars, pa.int32()), packed, _coded(codes, LANGUAGES), _strings(count, declared)]


def verdict_arrays(found: Verdicts, errors: Mapping[int, str]) -> list[Any]:
    """Return the columns from `verdict` on; what `errors` names has no finding and abstains."""
    count = len(found.verdict)
    arrays: list[Any] = [
        _coded(found.verdict, VERDICTS),
        _numbers(found.log10_p),
        pa.array(found.tried.astype(np.int16)),
        _strings(count, found.reasons),
        _strings(count, errors),
    ]
    for one in found.detectors:
        arrays += [
            _numbers(one.log10_p),
            _numbers(one.statistic),
            pa.array(one.n_scored.astype(np.int32)),
            _coded(one.verdict, VERDICTS).dictionary_decode(),
        ]
        if one.searched is not None:
            arrays.append(_spans(one.searched, one.spans))
    return arrays


def record_batch(arrays: Sequence[Any], made: Any) -> Any:
    """Return the `pyarrow.RecordBatch` of a schema."""
    return pa.RecordBatch.from_arrays(list(arrays), schema=made)


def _coded(codes: NDArray[np.int8], values: Sequence[str]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(values, pa.string()))


def _numbers(values: NDArray[np.float64]) -> Any:
    """Return float64 with null for NaN."""
    return pa.array(values, pa.float64(), from_pandas=True)


def _strings(count: int, said: Mapping[int, str]) -> Any:
    return pa.array([said.get(d, "") for d in range(count)] if said else [""] * count, pa.string())


def _spans(searched: NDArray[np.bool_], spans: Mapping[int, Sequence[Any]]) -> Any:
    """Return the stretches; null where none were looked for."""
    rows = [
        [{"start": s.start, "stop": s.stop, "log10_p": s.log10_p} for s in spans.get(d, ())] if looked else None
        for d, looked in enumerate(searched.tolist())
    ]
    return pa.array(rows, _SPANS)
