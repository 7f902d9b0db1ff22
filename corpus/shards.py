"""What there is to scan: inputs expanded to files, files told by content, and long files divided into shards.

A shard is a file or a byte range of one; every document is in exactly one shard, however the files are divided. Files
that cannot be read are listed with the reason, never left out silently.
"""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, cast, get_args

from assay.errors import DataError

from .remote import cannot_read, filesystem_of, identity_of, is_url, size_of
from .shard_cuts import cuts_of
from .told_format import Format, Told, tell_format

__all__ = ["Format", "Plan", "Shard", "expand", "plan_shards"]

MAX_NAME = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MARKERS = frozenset({"SUCCESS", "SUCCEED", "FAILED", "STARTED"})  # left in folders by the engines that write them
_GLOB = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Shard:
    """A file, or the part of it from byte `start` to before `stop` (row groups of Parquet); `stop` None is its end.

    `size` is that of the whole file in bytes, `identity` a digest that changes with the file.
    """

    index: int
    path: str
    format: Format
    size: int
    start: int = 0
    stop: int | None = None
    identity: str = ""

    @property
    def name(self) -> str:
        """A file name for what is written about the shard: unique in a plan, safe in any file system."""
        base = _UNSAFE.sub("_", os.path.basename(self.path.rstrip("/"))) or "input"
        return f"{self.index:05d}-{base[-MAX_NAME:].lstrip('.-')}"

    def to_record(self) -> dict[str, Any]:
        """Return the shard as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Shard:
        """Build the shard that `to_record` gave; unknown names are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in known})


@dataclass(frozen=True)
class Plan:
    """The shards in reading order, and the files that are not read, each with the reason."""

    shards: tuple[Shard, ...]
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Group:
    """The files of one input; `folder` where a folder or a pattern found them and nobody named each."""

    name: str
    paths: tuple[str, ...]
    folder: bool


def expand(inputs: Sequence[str], *, format: str = "auto") -> list[str]:
    """Return the files of the inputs in order, each once: files, patterns, folders (with subfolders), fsspec URLs.

    In folders hidden files and the empty markers of other engines (`_SUCCESS`) are left out. `format` is not looked
    at; content is told by `plan_shards`.

    Raises:
        DataError: if an input does not exist or a pattern or a folder holds no file.

    """
    return [path for group in _groups(inputs) for path in group.paths]


def plan_shards(inputs: Sequence[str], *, format: str = "auto", shard_bytes: int | None = None) -> Plan:
    """Tell the files of the inputs and divide those of more than `shard_bytes` bytes where their form allows it.

    `format` "auto" takes every format but refuses a folder or pattern that mixes them; plain text beside another
    format (a README) is then not read. "any" takes all, a single format takes those files and no others.

    Raises:
        DataError: if `format` is unknown, an input is missing, a folder mixes formats, or nothing can be read.

    """
    allowed = ("auto", "any", *get_args(Format))
    if format not in allowed:
        raise DataError(f"format is {format!r}, expected one of {', '.join(allowed)}; name one of them")
    if shard_bytes is not None and shard_bytes < 1:
        raise DataError(f"shard_bytes must be >= 1, got {shard_bytes}; give a size in bytes")
    shards: list[Shard] = []
    refused: list[tuple[str, str]] = []
    for group in _groups(inputs):
        told = {path: _tell(path) for path in group.paths}
        chosen, others = _choose(group, told, format)
        refused += others
        for path, kind in chosen:
            shards += _divide(len(shards), path, kind, told[path], shard_bytes)
    if not shards:
        first = f", for example {refused[0][0]}: {refused[0][1]}" if refused else ""
        expected = "WARC, WET, ARC, JSON Lines, Parquet or text" if format in ("auto", "any") else format
        raise DataError(f"no readable input: {len(refused)} files, none of them {expected}{first}; check the inputs")
    return Plan(tuple(shards), tuple(refused))


def _tell(path: str) -> Told:
    try:
        return tell_format(path)
    except DataError as error:
        return Told(None, str(error))


def _choose(
    group: _Group, told: dict[str, Told], format: str
) -> tuple[list[tuple[str, Format]], list[tuple[str, str]]]:
    """Return the files to read with their formats, and those not to read with the reason."""
    kinds = Counter(what.format for what in told.values() if what.format is not None)
    texts_out = format == "auto" and group.folder and len(kinds) > 1
    if texts_out:
        del kinds["text"]
    if format == "auto" and group.folder and len(kinds) > 1:
        mix = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        raise DataError(f"{group.name} mixes formats: {mix}; name one with --format, or --format any to read all")
    chosen: list[tuple[str, Format]] = []
    others: list[tuple[str, str]] = []
    for path, what in told.items():
        if what.format is None:
            others.append((path, what.why))
        elif what.format == "text" and texts_out:
            others.append((path, f"plain text beside {next(iter(kinds))}; name the file itself to read it"))
        elif format in ("auto", "any", what.format):
            chosen.append((path, what.format))
        else:
            others.append((path, f"{what.format}, expected {format}"))
    return chosen, others


def _divide(first: int, path: str, kind: Format, told: Told, shard_bytes: int | None) -> list[Shard]:
    size = size_of(path)
    identity = identity_of(path)
    cuts: list[int] = []
    if shard_bytes is not None and size > shard_bytes:
        cuts = cuts_of(path, kind, told.compression, size, shard_bytes)
    stops: list[int | None] = [*cuts, None]
    starts = [0, *cuts]
    return [
        Shard(first + i, path, kind, size, start, stop, identity)
        for i, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]


def _groups(inputs: Sequence[str]) -> list[_Group]:
    seen: set[str] = set()
    groups: list[_Group] = []
    for name in inputs:
        group = _expand_url(name) if is_url(name) else _expand_local(name)
        new: list[str] = []
        for path in group.paths:
            key = path if is_url(path) else os.path.realpath(path)
            if key not in seen:
                seen.add(key)
                new.append(path)
        groups.append(_Group(name, tuple(new), group.folder))
    return groups


def _expand_local(name: str) -> _Group:
    if os.path.isdir(name):
        found: list[str] = []
        for folder, folders, files in os.walk(name, onerror=_raise_unreadable):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            found += [os.path.join(folder, file) for file in sorted(files) if _is_input(file)]
        if not found:
            raise DataError(f"{name} holds no files, expected a folder with files to read; check the path")
        return _Group(name, tuple(found), True)
    if os.path.exists(name) or not _GLOB.search(name):
        if not os.path.exists(name):
            raise DataError(cannot_read(name, FileNotFoundError()))
        return _Group(name, (name,), False)
    matched = sorted(path for path in glob.glob(name, recursive=True) if os.path.isfile(path))
    found = [path for path in matched if _is_input(os.path.basename(path))]
    if not found:
        raise DataError(f"no file matches {name}; expected a pattern that matches files; check it and its quotes")
    return _Group(name, tuple(found), True)


def _expand_url(name: str) -> _Group:
    system, inner = filesystem_of(name)
    try:
        if _GLOB.search(inner):
            found = [path for path in cast("list[str]", system.glob(inner)) if system.isfile(path)]
            folder = True
        elif system.isdir(inner):
            found, folder = cast("list[str]", system.find(inner)), True
        else:
            return _Group(name, (name,), False)
    except OSError as error:
        raise DataError(cannot_read(name, error)) from error
    kept = sorted(path for path in found if _is_input(os.path.basename(path)))
    if not kept:
        raise DataError(f"no file at {name}; expected a URL, a pattern or a folder of files; check it")
    return _Group(name, tuple(str(system.unstrip_protocol(path)) for path in kept), folder)


def _is_input(file_name: str) -> bool:
    return not file_name.startswith(".") and file_name.lstrip("_") not in _MARKERS


def _raise_unreadable(error: OSError) -> None:
    raise DataError(cannot_read(str(error.filename), error)) from error
