"""Files by path or by fsspec URL: open, size, identity, and listing; a local path does not import fsspec.

A URL is what has a scheme of two letters or more before "://" (`s3://bucket/key`, `https://…`, `memory://a`); which
schemes work is a matter of the fsspec extras that are installed.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any, BinaryIO, cast

from assay.errors import DataError

EDGE_BYTES = 64 << 10
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?:://|::)")


def is_url(path: str) -> bool:
    """Say whether `path` is an fsspec URL."""
    return _URL.match(path) is not None


def filesystem_of(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of `url` and the path in it.

    Raises:
        DataError: if fsspec or the library behind the scheme is missing, or the URL is refused.

    """
    try:
        import fsspec.core
    except ImportError as error:
        raise DataError(f"{url} is a URL, which needs fsspec; install it: pip install fsspec") from error
    try:
        system, inner = cast("tuple[Any, str]", fsspec.core.url_to_fs(url))
    except (ImportError, ValueError, OSError) as error:
        raise DataError(f"cannot open {url}: {one_line(error)}; expected a URL that fsspec can read") from error
    return system, inner


def open_binary(path: str) -> BinaryIO:
    """Open a file for reading bytes, seekable, unbuffered where it is local.

    Raises:
        DataError: if it cannot be opened.

    """
    try:
        if is_url(path):
            system, inner = filesystem_of(path)
            return cast("BinaryIO", system.open(inner, "rb"))
        return cast("BinaryIO", open(path, "rb", buffering=0))
    except OSError as error:
        raise DataError(cannot_read(path, error)) from error


def cannot_read(path: str, error: OSError) -> str:
    """Say in one line why `path` cannot be read."""
    if isinstance(error, FileNotFoundError):
        return f"no such file: {path}; expected a file of documents; it may have been moved or deleted, check the path"
    if isinstance(error, IsADirectoryError):
        return f"{path} is a directory, expected a file; name the folder as an input to take all its files"
    why = error.strerror or one_line(error)
    return f"cannot read {path}: {why}; expected a readable file; check its permissions and the disk"


def size_of(path: str) -> int:
    """Return the size of a file in bytes.

    Raises:
        DataError: if it cannot be known.

    """
    try:
        if is_url(path):
            system, inner = filesystem_of(path)
            size = system.info(inner).get("size")
            if size is None:
                raise DataError(f"the size of {path} is not known to its server, expected one; copy the file first")
            return int(size)
        return os.stat(path).st_size
    except OSError as error:
        raise DataError(cannot_read(path, error)) from error


def identity_of(path: str) -> str:
    """Return 32 hex digits that change when the file does: over size, time or etag, first and last 64 KiB.

    A change that keeps the size, the modification time to the nanosecond and both ends is not seen.

    Raises:
        DataError: if the file cannot be read.

    """
    size = size_of(path)
    try:
        if is_url(path):
            system, inner = filesystem_of(path)
            info: dict[str, Any] = system.info(inner)
            names = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created")
            stamp = next((str(info[name]) for name in names if info.get(name)), "")
        else:
            stamp = str(os.stat(path).st_mtime_ns)
        with open_binary(path) as file:
            head = file.read(EDGE_BYTES)
            file.seek(max(0, size - EDGE_BYTES))
            tail = file.read(EDGE_BYTES)
    except OSError as error:
        raise DataError(cannot_read(path, error)) from error
    digest = hashlib.blake2b(digest_size=16)
    for part in (str(size).encode(), stamp.encode(), head, tail):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def one_line(error: BaseException) -> str:
    """Return the message of an error without line ends."""
    return " ".join(str(error).split()) or type(error).__name__
