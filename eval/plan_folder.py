"""The folder of a run: whose it is, who writes to it now, and a copy of the plan in it.

Files of others are never touched: a folder that holds anything and no marker of a run is refused.
"""

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path

from assay.corpus.durable import full_disk_stops, write_json
from assay.errors import DataError

from .folder import OwnedFolder
from .plan import Plan
from .store import Store

MARKER, MAKER = "run.json", "assay eval run"
_LOCK = ".lock"


@contextlib.contextmanager
def claimed(out: Path) -> Generator[None]:
    """Hold the folder for one run; what an earlier one wrote there stays until this one has something better.

    Raises:
        DataError: if it holds files of others, cannot be written, or another run has it.
    """
    folder = OwnedFolder(out, MARKER, MAKER, ())
    _forget_beginning(out)
    folder.claim(keep_mark=True)
    with folder.writing():
        lock = os.open(out / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"another run is writing to {out}; wait for it, or choose another --out") from None
        with folder.writing():
            for left in (*(out / "marks").glob("making-*"), *out.glob("*.tmp")):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            Store(out / "store").sweep()
        with full_disk_stops(out):
            yield
    finally:
        os.close(lock)


def record_plan(out: Path, plan: Plan, called: str) -> None:
    """Write the plan's copy and what was given with it, without the folders of this machine: once the plan can be run, not before.

    Raises:
        DataError: if the folder cannot be written.
    """
    with OwnedFolder(out, MARKER, MAKER, ()).writing():
        (out / "plan.toml").write_text(plan.source, encoding="utf-8")
        given = {name: _base_name(value) for name, value in plan.variables.items()}
        write_json(out / MARKER, {"made_by": MAKER, "plan": Path(called).name, "set": given}, durably=False)


def _base_name(value: str) -> str:
    """Return a value with the last part alone of each absolute path in it, as METRIC:/folder/model has one; addresses and hub ids as they are."""
    path = Path(value)
    if path.is_absolute():
        return path.name
    return re.sub(r"(^|[:,\s])(?:~\w*)?/(?!/)(?:[^:,\s]*/)?", r"\1", value)


def _forget_beginning(out: Path) -> None:
    """Remove the half-written marker of a run that was killed at its first moment: else nobody would own the folder."""
    with contextlib.suppress(OSError):
        if [one.name for one in out.iterdir()] == [f"{MARKER}.tmp"]:
            (out / f"{MARKER}.tmp").unlink()
