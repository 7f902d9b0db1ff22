"""`ScoreTable`: one row per text, attack, strength, length and detector; every figure of a report is a function of it.

Columns (strings are dictionary-encoded in Parquet):

    text_id     string   of the text before any attack; unique within its source
    source      string   where it comes from: a dataset ("human"), or generation and mark ("gen/unmarked", "gen/w1")
    role        string   test, or calibration (sets thresholds, and is never tested)
    label       string   human or machine
    mark        string   name of the mark it carries; empty without one
    generator   string   who wrote it, as its record says; empty if unknown
    domain      string   as its record says; empty if unknown
    lang        string   as its record says; empty if unknown
    group       string   any other grouping its dataset names (non-native, ...); empty without one
    cluster     string   texts that are not independent share it (`pair_id`, the prompt); resampled together
    attack      string   label of the attack in the plan; "none" for the text as it was
    strength    float64  0 for "none"
    length      int32    tokens it was cut to; 0 for the whole text
    n_tokens    int32    tokens of the text as scored
    empty       bool     whether the attack left no text
    detector    string   name in the plan
    score       float64  higher is more machine-like; of a mark -log10 p; NaN where there is none
    log10_p     float64  log10 of the detector's p-value (exact for marks, conformal for calibrated classifiers); NaN where there is none
    abstained   string   why the detector gives no verdict; empty if it does
    n_scored    int32    of a mark the distinct pairs it tested; else 0

A text shorter than a length has no row at that length.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
HUMAN, MACHINE = "human", "machine"
UNATTACKED = "none"
STRINGS = (
    "text_id", "source", "role", "label", "mark", "generator", "domain", "lang", "group", "cluster", "attack", "detector", "abstained",
)  # fmt: skip
FLOATS = ("strength", "score", "log10_p")
INTEGERS = ("length", "n_tokens", "n_scored")
COLUMNS = (
    "text_id", "source", "role", "label", "mark", "generator", "domain", "lang", "group", "cluster", "attack", "strength", "length",
    "n_tokens", "empty", "detector", "score", "log10_p", "abstained", "n_scored",
)  # fmt: skip
Kind = Literal["mark", "classifier", "scores", "command", "function"]


@dataclass(frozen=True)
class ScoreTable:
    """Scores as columns; (N,) each, object arrays of str for strings.

    Attributes:
        columns: by the names of `COLUMNS`.
        kinds: what each detector is, by its name: `mark` has a law, `classifier` a calibration; the others only scores.
    """

    columns: Mapping[str, NDArray[Any]]
    kinds: Mapping[str, Kind]

    def __post_init__(self) -> None:
        missing = [name for name in COLUMNS if name not in self.columns]
        if missing:
            raise ValueError(f"a ScoreTable needs the column {missing[0]!r}")
        lengths = {len(self.columns[name]) for name in COLUMNS}
        if len(lengths) > 1:
            raise ValueError(f"columns of a ScoreTable must be equally long, got {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.columns["score"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def where(self, keep: Bool) -> "ScoreTable":
        """Return the rows where `keep` (N,) is true."""
        return ScoreTable({name: self.columns[name][keep] for name in COLUMNS}, self.kinds)

    def sorted(self) -> "ScoreTable":
        """Return the rows in the one order that a table is written in: by its string, then its number columns."""
        keys = ("text_id", "length", "strength", "attack", "source", "detector")
        order = np.lexsort([self.columns[name].astype(str) if name in STRINGS else self.columns[name] for name in keys])
        return ScoreTable({name: self.columns[name][order] for name in COLUMNS}, self.kinds)

    def write(self, path: Path) -> None:
        """Write it as Parquet, the kinds of its detectors in the schema's metadata."""
        import json

        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = [_arrow(name, self.columns[name]) for name in COLUMNS]
        kinds = json.dumps(dict(sorted(self.kinds.items())))
        table: Any = pa.table(dict(zip(COLUMNS, arrays, strict=True))).replace_schema_metadata({"assay.kinds": kinds})
        temporary = path.with_name(path.name + ".tmp")
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(path)

    @classmethod
    def read(cls, path: Path) -> "ScoreTable":
        """Read what `write` wrote.

        Raises:
            DataError: if it is not such a file.
        """
        import json

        import pyarrow as pa
        import pyarrow.parquet as pq
        from assay.errors import DataError

        try:
            table: Any = pq.read_table(path)
            kinds = json.loads(table.schema.metadata[b"assay.kinds"])
            columns = {name: _numpy(name, table[name]) for name in COLUMNS}
        except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(f"{path} is no score table of `assay eval run`: {why}") from None
        return cls(columns, kinds)


def table_of(rows: Iterable[Mapping[str, Any]], kinds: Mapping[str, Kind]) -> ScoreTable:
    """Return a table of rows, each with every column."""
    listed: Sequence[Mapping[str, Any]] = list(rows)
    return ScoreTable({name: _column(name, [row[name] for row in listed]) for name in COLUMNS}, kinds)


def concatenated(tables: Sequence[ScoreTable]) -> ScoreTable:
    """Return the rows of all tables, one after the other."""
    kinds: dict[str, Kind] = {name: kind for table in tables for name, kind in table.kinds.items()}
    columns = {
        name: np.concatenate([t.columns[name] for t in tables]) if tables else _column(name, []) for name in COLUMNS
    }
    return ScoreTable(columns, kinds)


def _column(name: str, values: Sequence[Any]) -> NDArray[Any]:
    if name in STRINGS:
        column = np.empty(len(values), object)
        column[:] = values
        return column
    return np.array(values, np.float64 if name in FLOATS else np.int32 if name in INTEGERS else np.bool_)


def _arrow(name: str, values: NDArray[Any]) -> Any:
    import pyarrow as pa

    if name in STRINGS:
        return pa.array(list(values), pa.string()).dictionary_encode()
    return pa.array(values)


def _numpy(name: str, column: Any) -> NDArray[Any]:
    if name in STRINGS:
        return _column(name, column.to_pylist())
    return np.asarray(column.to_numpy(), np.float64 if name in FLOATS else np.int32 if name in INTEGERS else np.bool_)
