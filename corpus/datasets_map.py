"""Assay over a Hugging Face `Dataset`: an object for `map(..., batched=True)` that adds a scan's columns.

```python
from assay.corpus.datasets_map import MapScan
from assay.corpus.score_options import ScoreOptions

found = dataset.map(MapScan(ScoreOptions(marks=("mark.toml",))), batched=True, num_proc=8)
clean = found.filter(lambda verdict: verdict != "detected", input_columns="verdict")
```

Columns are named as in the rows of a scan (`scan_columns.py`), behind `prefix`. A number that is null there is NaN here: `datasets` takes the type of a
column from its first batch, and a batch of nulls has none. With `spans=True` give `map` the types too: `features=scan.features(dataset.features)`.
An input column of one of these names is never overwritten, but for what an earlier `map` left out with `remove_columns`.

Only configuration is pickled for worker processes (`process_scorer.py`), and the object changes with the contents of its profile, so that the cache of
`datasets` never gives one mark's results for another's. It does not import `datasets`, but for `features`.
"""

from collections.abc import Mapping
from typing import Any

from assay.errors import DataError

from .process_scorer import NOT_SHOWN, ProcessScorer
from .score_options import ScoreOptions


class MapScan:
    """A function of a batch of rows, to be given to `Dataset.map` or `IterableDataset.map` with `batched=True`.

    Args:
        options: what to look for.
        text_column: name of the column that holds the texts; null is an error of its row.
        language_column: column with the declared language, counted where a text does not tell; "" for none.
        prefix: before the names of all new columns.

    Raises:
        AssayError: in one line, if a profile or calibration cannot be read.
    """

    def __init__(
        self, options: ScoreOptions, *, text_column: str = "text", language_column: str = "", prefix: str = ""
    ) -> None:
        self.text_column, self.language_column, self.prefix = text_column, language_column, prefix
        self._spans = options.spans
        self._scorer = ProcessScorer.of(options)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the new columns of a batch, given as its columns.

        Raises:
            DataError: if it has no column of texts, or columns that would be overwritten.
        """
        import numpy as np

        there = list(batch.keys())
        texts = _column(batch, self.text_column, "text_column", there)
        languages = None
        if self.language_column:
            languages = [str(said or "") for said in _column(batch, self.language_column, "language_column", there)]
        found = {f"{self.prefix}{name}": values for name, values in self._scorer.columns(texts, languages).items()}
        if taken := [name for name in found if name in there]:
            raise DataError(
                f"the dataset has a column {taken[0]!r} already; give MapScan a prefix ('assay.'), or remove the column"
            )
        kinds = {f"{self.prefix}{field.name}": _numpy_type(field.type) for field in self._scorer.scorer.schema}
        return {
            name: values if kinds[name] is None else np.array(values, kinds[name]) for name, values in found.items()
        }

    def features(self, before: Any) -> Any:
        """Return the `datasets.Features` after the map, for those before it; loads the detectors in this process.

        Raises:
            ImportError: if `datasets` is not installed.
        """
        try:
            from datasets import Features
        except ImportError as error:
            raise ImportError("MapScan.features needs datasets; pip install datasets") from error
        import pyarrow as pa

        shown = [field for field in self._scorer.scorer.schema if field.name not in NOT_SHOWN]
        plain = [
            pa.field(f"{self.prefix}{f.name}", pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in shown
        ]
        return Features({**before, **Features.from_arrow_schema(pa.schema(plain))})


def _column(batch: Mapping[str, Any], name: str, argument: str, there: list[str]) -> list[Any]:
    if name not in there:
        raise DataError(f"the dataset has no column {name!r}, but {', '.join(there)}; say which with {argument}=")
    return list(batch[name])


def _numpy_type(kind: Any) -> str | None:
    """Return the NumPy type of a column of numbers; None for others."""
    import pyarrow as pa

    return str(kind.to_pandas_dtype().__name__) if pa.types.is_integer(kind) or pa.types.is_floating(kind) else None
