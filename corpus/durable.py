"""Files that are there whole or not at all: written under another name, forced to the disk, then renamed (`os.replace`).

A disk that takes no more is the one error that stops a whole scan, so it has a class of its own.
"""

import contextlib
import errno
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

from assay.errors import DataError

_LONG_PATH = 160
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class OutputError(DataError):
    """The output folder cannot be written to: no shard can be finished, so the run stops."""


def replace_durably(temporary: Path, path: Path) -> None:
    """Give the closed file `temporary` its name, so that neither a kill nor a power cut shows a part of it."""
    fd = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, record: dict[str, Any], *, durably: bool = True) -> None:
    """Write `record` to `path`, whole or not at all; the same record gives the same bytes.

    Without `durably` it is not forced to the disk: for what can be missing after a power cut.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(record, ensure_ascii=True, sort_keys=True) + "\n", encoding="ascii")
    if durably:
        replace_durably(temporary, path)
    else:
        os.replace(temporary, path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return what `write_json` wrote, None where there is no file.

    Raises:
        DataError: if the file is not JSON, which `write_json` never leaves.

    """
    try:
        found: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        message = f"{path} is damaged ({error}), expected JSON that a scan wrote; remove it to do its shard again"
        raise DataError(message) from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds a {type(found).__name__}, expected an object that a scan wrote; remove it")
    return cast("dict[str, Any]", found)


def short_path(path: Path) -> str:
    """Return a path for one line: whole, or its two ends."""
    text = str(path)
    return text if len(text) <= _LONG_PATH else f"{text[:80]}...{text[-40:]}"


@contextlib.contextmanager
def full_disk_stops(folder: Path) -> Generator[None]:
    """Turn what the disk says when it is full, at any depth, into one line that says what is safe."""
    try:
        yield
    except (OSError, DataError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _FULL:
            raise
        message = f"cannot write to {folder}: {cause.strerror}; what is finished is safe"
        raise OutputError(f"{message}; make room, then run the same command again: it resumes") from error


@contextlib.contextmanager
def output_stops(folder: Path) -> Generator[None]:
    """Turn any failure of the system into the end of the run, in one line: for work whose inputs' failures are `DataError`s.

    The folder was made unwritable or taken away meanwhile: every other shard would fail alike.
    """
    try:
        with full_disk_stops(folder):
            yield
    except OSError as error:
        why = error.strerror or str(error)
        message = f"cannot write to {short_path(folder)}: {why}; what is finished is safe"
        raise OutputError(f"{message}; see to the folder, then run the same command again: it resumes") from error
