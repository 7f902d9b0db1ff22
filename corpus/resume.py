"""Go on with an output file that a killed run left behind: which ids are done, and where the file is whole.

A run may be killed at any byte. Records are written in order, one line each, "id" first; so what is left is whole lines
and at most one torn line at the end. That one line is cut off and its record made again: nothing is lost, nothing
doubled. A file that does not look like this was written by somebody else, and is refused with not a byte changed.
"""

import errno
import os
import stat
from dataclasses import dataclass, field

from assay.errors import DataError

from .records import MAX_RECORD_BYTES, Malformed, parse_object

_RECORD_HEAD = b'{"id":'
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@dataclass(frozen=True)
class Resumed:
    """What stands in an output file: the line of each id in order, and how many bytes of a torn line were cut off."""

    ids: dict[str, int] = field(default_factory=dict[str, int])
    truncated_bytes: int = 0


def resume_jsonl(path: str) -> Resumed:
    """Make the file whole and return the ids it holds; a missing file holds none.

    For a run that then writes, `JsonLinesWriter(path, append=True).resumed` is the same under one lock.

    Raises:
        DataError: if another run is writing to it, or it is not an output file (nothing is changed then).

    """
    try:
        with open(path, "r+b", buffering=0) as file:
            lock_output(file.fileno(), path)
            return make_whole(file.fileno(), path)
    except FileNotFoundError:
        return Resumed()
    except OSError as error:
        raise DataError(f"cannot resume {path}: {error.strerror}; name another output file") from error


def lock_output(fd: int, path: str) -> None:
    """Take the advisory lock (flock) that a writer holds until it closes; file systems without locks go without.

    Raises:
        DataError: if another writer holds it.

    """
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError(f"another run is writing to {path}; wait for it, or name another output file") from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def make_whole(fd: int, path: str) -> Resumed:
    """Check each line, then cut off a torn last line or give a whole one its missing line end.

    `fd` is open for reading and writing, and locked. A pipe or a device holds nothing to resume.

    Raises:
        DataError: if a line is not a record with an id, or an id stands there twice (nothing is changed then).

    """
    if not is_regular(fd):
        return Resumed()
    ids: dict[str, int] = {}
    whole_bytes = 0
    last = b"\n"
    with open(fd, "rb", closefd=False) as file:
        file.seek(0)
        for number, line in enumerate(iter(lambda: file.readline(MAX_RECORD_BYTES), b""), 1):
            try:
                record_id = _id_of(line) if line.strip() else None
            except ValueError as error:  # Malformed, or cut inside a character
                if not _is_torn(line) or file.read(1):
                    raise _foreign(path, number, str(error)) from error
                os.ftruncate(fd, whole_bytes)
                return Resumed(ids, len(line))
            if record_id is not None and ids.setdefault(record_id, number) != number:
                raise _foreign(path, number, f"its id stands on line {ids[record_id]} already")
            whole_bytes += len(line)
            last = line
    if not last.endswith(b"\n"):  # killed between a record and its line end
        os.pwrite(fd, b"\n", whole_bytes)
    return Resumed(ids)


def is_regular(fd: int) -> bool:
    """Whether `fd` is a file on a disk: one that can be read again, cut and forced to the disk."""
    return stat.S_ISREG(os.fstat(fd).st_mode)


def _id_of(line: bytes) -> str:
    record_id = parse_object(line.decode("utf-8")).get("id")
    if isinstance(record_id, bool) or not isinstance(record_id, str | int):
        raise Malformed('it has no "id" that is a string or an integer')
    return str(record_id)


def _is_torn(line: bytes) -> bool:
    """Whether `line` is the beginning of a record as the writer writes it, and of nothing else."""
    return not line.endswith(b"\n") and (line.startswith(_RECORD_HEAD) or _RECORD_HEAD.startswith(line))


def _foreign(path: str, line: int, why: str) -> DataError:
    message = f"line {line} is not a record of an earlier run ({why}), so the file was left as it is"
    return DataError(f"{message}; name another output file, or move this one away", place=path)
