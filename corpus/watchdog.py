"""End a worker that makes no progress, from outside the interpreter.

A document can hang in compiled code that never gives the interpreter back (a regular expression, an HTML parser), so neither a
signal handler nor a thread of Python can be trusted to stop it: datatrove's alarm fires inside a destructor and takes the rank
down (datatrove issues 75, 326). The timer here is `faulthandler.dump_traceback_later(exit=True)`: a thread in C that needs no
interpreter lock, writes where the worker stood, and ends the process. What was finished is on the disk; the next worker finds
the trace, and the place that the claim file holds, and leaves out the document at it.

It does not limit memory, and it ends the process it runs in: only workers start one.
"""

import faulthandler
import time
from pathlib import Path
from typing import Self, TextIO

_REARM_S = 1.0


class Watchdog:
    """Ends this process if `alive` is not called again in time; a context manager.

    `trace` is the file that the stack is written to (functions and lines, no values). A call of `alive` costs a microsecond: the
    timer is started anew at most once a second, so that the limit holds to within one second.
    """

    def __init__(self, trace: Path) -> None:
        self._file: TextIO = trace.open("w", encoding="utf-8")
        self._armed_at = float("-inf")
        self._limit_s: float | None = None

    def alive(self, limit_s: float | None) -> None:
        """Say that something has moved; the next word is due in `limit_s` seconds, or never (None)."""
        now = time.monotonic()
        if limit_s == self._limit_s and now - self._armed_at < _REARM_S:
            return
        self._armed_at, self._limit_s = now, limit_s
        if limit_s is None:
            faulthandler.cancel_dump_traceback_later()
        else:
            faulthandler.dump_traceback_later(limit_s + _REARM_S, exit=True, file=self._file)

    def restart(self, limit_s: float | None) -> None:
        """Start the timer anew whenever it was started last: before one long call."""
        self._armed_at = float("-inf")
        self.alive(limit_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()
        self._file.close()
