"""The secret of a mark: 32 bytes in a file only its owner can read.

The file holds one line, `assay-key-1 ` and 64 hexadecimal digits, so that it survives editors and can be told from other
secrets. A key is never printed, logged, put into a message, or given on the command line; everything public names it by
its fingerprint, the first 16 hexadecimal digits of SHA-256 of the 32 bytes. There is no default key.
"""

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

from assay.errors import BadKey

KEY_FILE_VARIABLE = "ASSAY_KEY_FILE"
_PREFIX = "assay-key-1 "
_LINE = re.compile(rb"\s*assay-key-1 ([0-9A-Fa-f]{64})\s*")


class Key:
    """Thirty-two secret bytes. Compares by value; shows only its fingerprint.

    A copy or a pickle holds the secret, because worker processes need it: never write one to disk.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise BadKey(f"a key has 32 bytes, got {len(secret)}; make one with `assay mark new`")
        self._secret = bytes(secret)

    @property
    def secret(self) -> bytes:
        """The 32 bytes themselves, for the hash contract only."""
        return self._secret

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of SHA-256 of the secret: public, names the key."""
        return hashlib.sha256(self._secret).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Key(fingerprint={self.fingerprint!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and secrets.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.fingerprint)


def new_key() -> Key:
    """Return a key drawn from the operating system's source of randomness."""
    return Key(secrets.token_bytes(32))


def write_key(key: Key, path: Path) -> None:
    """Write the key to a new file of mode 0600.

    Raises:
        BadKey: if the file exists (a key is never overwritten) or cannot be written.
    """
    try:
        write_new(path, f"{_PREFIX}{key.secret.hex()}\n".encode("ascii"), 0o600)
    except FileExistsError:
        raise BadKey(
            f"{path} exists: a key is never overwritten; choose another name or move the old key away"
        ) from None
    except OSError as error:
        raise BadKey(f"cannot write the key file {path}: {error.strerror}") from None


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a new file whole, or raise OSError and leave nothing behind; FileExistsError if there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.unlink(path)
        raise


def read_key(path: Path) -> Key:
    """Read a key file.

    Raises:
        BadKey: if it is missing, unreadable, readable by other users, or not a key file. The message never quotes its content.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise BadKey(f"key file {path} is not a regular file; name the file that `assay mark new` wrote")
            if os.name == "posix" and mode & 0o077:
                raise BadKey(
                    f"key file {path} can be read by other users (mode {stat.S_IMODE(mode):04o}, expected 0600): "
                    f"run `chmod 600 {path}`, and make a new key if others may have read it"
                )
            content = file.read(200)
    except FileNotFoundError:
        raise BadKey(
            f"key file {path} does not exist; copy it there, or name it in the environment variable {KEY_FILE_VARIABLE}"
        ) from None
    except OSError as error:
        raise BadKey(f"cannot read key file {path}: {error.strerror}") from None
    except ValueError:
        raise BadKey(f"cannot read key file {str(path)!r}: not a file name") from None
    return _parse(content, path)


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for a pipe's other end."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _parse(content: bytes, path: Path) -> Key:
    wrong = f"key file {path} is not an assay key: expected one line '{_PREFIX}' and 64 hexadecimal digits"
    found = _LINE.fullmatch(content)
    if found is None:
        raise BadKey(wrong)
    return Key(bytes.fromhex(found[1].decode("ascii")))


def key_paths(profile_path: Path, named: str) -> list[Path]:
    """Return where a profile's key may lie: the files in `ASSAY_KEY_FILE` if set, else the name in the profile, beside it.

    Several files are separated as in PATH.
    """
    override = os.environ.get(KEY_FILE_VARIABLE)
    return [Path(p) for p in override.split(os.pathsep) if p] if override else [profile_path.parent / named]
