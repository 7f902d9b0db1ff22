"""What a run has made so far, by content: a stage's output lies under a hash of everything that decides it.

    OUT/store/STAGE/KEY/00000.jsonl.zst ...   parts, each there whole or not at all
    OUT/store/STAGE/KEY/done.json             how many parts there are, when all are

KEY is the SHA-256 of canonical JSON of the stage, its format, its own specification and the keys of what it was made from. So a changed attack redoes
that attack and what follows it; a detector that is added scores, and nothing is written or attacked again. Assay's version is no part of it: a stage whose
results change raises its number in `CODE`.

Parts are renamed into place but not forced to the disk one by one: after a power cut a part may be empty or cut, which its checksum shows, and what is damaged
counts as not there. Nobody else's files are read: the folder is locked by the run. The store never forgets; remove OUT/store to start again.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from assay.corpus.durable import write_json

CODE = {"texts": 1, "prompts": 1, "generate": 1, "attack": 1, "damage": 1, "score": 1, "quality": 1}
"""Number of each stage; raised when the same inputs would give other results."""

PART_TEXTS = 256
"""Texts in one part: what a kill can cost, and what one worker is given."""


@dataclass(frozen=True)
class Node:
    """One output of one stage, made or not yet."""

    stage: str
    key: str


@dataclass(frozen=True)
class Figures:
    """What one part cost.

    Attributes:
        texts, tokens: how much went through; tokens as the plan's tokenizer reads them, 0 where nobody counted.
        wall_s, cpu_s: seconds.
    """

    texts: int = 0
    tokens: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.texts + other.texts, self.tokens + other.tokens, self.wall_s + other.wall_s, self.cpu_s + other.cpu_s
        )


@dataclass(frozen=True)
class Part:
    """Records of one part, and what they cost."""

    records: list[dict[str, Any]]
    figures: Figures = field(default_factory=Figures)


def node(stage: str, spec: Mapping[str, Any], inputs: Sequence[Node] = ()) -> Node:
    """Return the node of a stage: `spec` is JSON-ready and says everything that the inputs do not."""
    content = [stage, CODE[stage], PART_TEXTS, spec, [[one.stage, one.key] for one in inputs]]
    return Node(stage, canonical_sha256(content)[:32])


def canonical_sha256(content: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class Store:
    """The parts under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, one: Node) -> Path:
        """Return where the parts of a node lie."""
        return self.root / one.stage / one.key

    def write(self, one: Node, number: int, part: Part) -> None:
        """Write a part, whole or not at all."""
        import zstandard

        path = self._part(one, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        head = {"n": len(part.records), "figures": vars(part.figures)}
        lines = [json.dumps(record, ensure_ascii=True) for record in (head, *part.records)]
        data = zstandard.ZstdCompressor(write_checksum=True).compress(("\n".join(lines) + "\n").encode("ascii"))
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_bytes(data)
        os.replace(temporary, path)

    def read(self, one: Node, number: int) -> Part | None:
        """Return a part; None if it is not there, or damaged."""
        import zstandard

        try:
            data = zstandard.ZstdDecompressor().decompress(self._part(one, number).read_bytes())
            head, *records = (json.loads(line) for line in data.splitlines())
            if head["n"] != len(records):
                return None
            return Part(records, Figures(**head["figures"]))
        except FileNotFoundError:
            return None
        except (zstandard.ZstdError, ValueError, KeyError, TypeError):
            return None  # cut by a power failure: made again

    def has(self, one: Node, number: int) -> bool:
        """Whether a part is there; an empty file is not one."""
        try:
            return self._part(one, number).stat().st_size > 0
        except FileNotFoundError:
            return False

    def finish(self, one: Node, parts: int, **said: Any) -> None:
        """Record that all parts of a node are there, and what else is to be known of it."""
        folder = self.folder(one)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "done.json", {"parts": parts, **said}, durably=False)

    def finished(self, one: Node) -> dict[str, Any] | None:
        """Return what `finish` recorded; None if the node is not finished, or a part of it has gone."""
        try:
            found: Any = json.loads((self.folder(one) / "done.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(found, dict) or not all(self.has(one, p) for p in range(int(found.get("parts", 0)))):
            return None
        return cast("dict[str, Any]", found)

    def records(self, one: Node) -> list[dict[str, Any]]:
        """Return all records of a finished node.

        Raises:
            DataError: if a part is damaged; it is removed, so that the next run makes it again.
        """
        return [record for part in self.parts(one) for record in part.records]

    def parts(self, one: Node) -> list[Part]:
        """Return the parts of a finished node; errors as `records`."""
        from assay.errors import DataError

        done = self.finished(one)
        if done is None:
            raise ValueError(f"{one.stage} {one.key} is not finished")
        parts: list[Part] = []
        for number in range(int(done["parts"])):
            part = self.read(one, number)
            if part is None:
                self._part(one, number).unlink(missing_ok=True)
                raise DataError(f"{self._part(one, number)} is damaged; give the same command again: it is made again")
            parts.append(part)
        return parts

    def sweep(self) -> None:
        """Remove what killed writers left half-written; only under the lock of the folder."""
        for path in self.root.glob("*/*/*.tmp"):
            path.unlink(missing_ok=True)

    def _part(self, one: Node, number: int) -> Path:
        return self.folder(one) / f"{number:05d}.jsonl.zst"
