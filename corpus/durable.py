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
