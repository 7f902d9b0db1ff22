"""What a scan does, apart from where it runs: two runs may share an output folder only if all of this is the same.

Engines, workers and time limits are not in it: they change when a result is there, not what it is. The fingerprint is a hash of the
record, which holds fingerprints of marks and calibrations in place of their paths' contents, and never a key.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from assay import __version__

if TYPE_CHECKING:
    from .crawl import ReadOptions
    from .scan_columns import ScoreOptions

VERDICTS = ("detected", "not_detected", "abstain")
_FEATHERWEIGHT = "fast"  # the one classifier that needs no language model


@dataclass(frozen=True)
class ScanConfig:
    """The settings that results depend on.

    Attributes:
        score: what to look for.
        read: how files become texts.
        segment_documents, segment_chars: progress within a shard is kept whenever one of these is reached.
        batch_documents, batch_chars: how much is scored at once; batches never cross the end of a segment.
        sample: share of the documents to look at, chosen by a hash of their ids; 1 is all.
        limit: at most so many documents, the first of the plan; None is all.
        keep: verdicts of the documents to write out again; empty writes none.
        sidecar: name of the experiment to write dolma attributes under; empty writes none.

    """

    score: "ScoreOptions"
    read: "ReadOptions"
    segment_documents: int = 20_000
    segment_chars: int = 256_000_000
    batch_documents: int = 512
    batch_chars: int = 4_000_000
    sample: float = 1.0
    limit: int | None = None
    keep: tuple[str, ...] = ()
    sidecar: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return all of it as JSON holds it, with the version of Assay."""
        rest = {name: value for name, value in vars(self).items() if name not in ("score", "read")}
        record = {"assay": __version__, **rest, "score": self.score.to_record(), "read": self.read.to_record()}
        return cast("dict[str, Any]", json.loads(json.dumps(record)))

    @property
    def slow(self) -> bool:
        """Whether a language model reads the texts: then one batch may take as long as its documents may together."""
        return any(name != _FEATHERWEIGHT for name in self.score.classifiers)


def fingerprint(record: dict[str, Any]) -> str:
    """Return 32 hex digits that any change of `record` changes."""
    data = json.dumps(record, ensure_ascii=True, sort_keys=True).encode("ascii")
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def differences(was: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Return one "field was X, is Y" for each setting that differs."""
    found: list[str] = []
    for name in sorted({*was, *now}):
        old, new = was.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
            found += differences(*inner, prefix=f"{prefix}{name}.")
        elif old != new:
            found.append(f"{prefix}{name} was {_short(old)}, is {_short(new)}")
    return found


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
