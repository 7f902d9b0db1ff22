"""Scores that somebody else computed, as a detector: published detectors on the same documents, without their models.

A file of records (JSON Lines, a JSON list such as a RAID submission, CSV or Parquet, also compressed) with `id` and the score: in the object `scores` under the name `field`,
or in a field of that name (`score` without one). They are joined by id, so only texts as they were have one: an attacked or cut text is another text (`as_is_only`).

Values are raw. Where small ones mean machine text (entropy, or ranks as some publish them) say `higher_is = "human"`: the sign is then turned.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from assay.corpus.records import Record, kind_of
from assay.errors import DataError

from .detector import Scored
from .plan_tables import nearest
from .score_table import Kind
from .scoring_batches import plain_scores
from .text_rows import open_rows

if TYPE_CHECKING:
    from .eval_detectors import Setting

_MISSING = "no stored score for this text"


class StoredScores:
    """See the module.

    Args:
        name: what it is called.
        path: the file.
        field: which score of a record.
        higher_is: `machine` or `human`: what a high value means.
    """

    kind: Kind = "scores"
    as_is_only = True
    mark = ""
    options: ClassVar[Mapping[str, tuple[type, ...]]] = {"scores": (str,), "field": (str,), "higher_is": (str,)}

    def __init__(self, name: str, path: Path, field: str = "score", higher_is: str = "machine") -> None:
        self.name, self._path, self._field, self._higher_is = name, path, field, higher_is

    @classmethod
    def from_table(cls, name: str, options: Mapping[str, Any], setting: "Setting") -> "StoredScores":
        """Return the detector of a plan's table."""
        path = setting.base / Path(options["scores"]).expanduser()
        return cls(name, path, options.get("field", "score"), options.get("higher_is", "machine"))

    def check(self) -> None:
        """Read the file.

        Raises:
            DataError: in one line, if it cannot be read, no record has the field, or an id has two scores.
        """
        _ = self._scores

    def score(self, texts: Sequence[str], ids: Sequence[str]) -> Scored:
        """Return the stored score of each id; the texts are not looked at."""
        found = [self._scores.get(one, float("nan")) for one in ids]
        return plain_scores(found, _MISSING, self._higher_is)

    def signature(self) -> dict[str, Any]:
        """Return what the file holds, and which of it is used."""
        from .text_sets import sha256_of

        return {
            "kind": self.kind,
            "file": self._path.name,
            "sha256": sha256_of(self._path),
            "field": self._field,
            "higher_is": self._higher_is,
        }

    @cached_property
    def _scores(self) -> dict[str, float]:
        scores: dict[str, float] = {}
        places: dict[str, str] = {}
        seen: dict[str, None] = {}
        for record in self._records():
            held: Any = record.values.get("scores")
            named = cast("dict[str, Any]", held) if isinstance(held, dict) else record.values
            seen.update(dict.fromkeys(named))
            value = named.get(self._field)
            if value is None or value == "":
                continue
            number = self._number(value, record.place)
            if record.id in scores and scores[record.id] != number:
                raise DataError(
                    f"detector {self.name!r}: id {record.id!r} has two scores, at {places[record.id]} and {record.place}; keep one"
                )
            scores[record.id], places[record.id] = number, record.place
        if not scores:
            raise DataError(
                f"detector {self.name!r}: no record of {self._path} has a score {self._field!r}; {nearest(self._field, list(seen))}"
            )
        return scores

    def _records(self) -> Iterator[Record]:
        for row in open_rows(str(self._path), self._field):
            if not isinstance(row, Record):
                raise DataError(f"detector {self.name!r}: {row.place}: {row.message}")
            yield row

    def _number(self, value: Any, place: str) -> float:
        try:
            if isinstance(value, bool):
                raise TypeError
            return float(value)
        except (TypeError, ValueError):
            raise DataError(
                f"detector {self.name!r}: {place}: the score {self._field!r} must be a number, got {kind_of(value)}; repair the file"
            ) from None
