"""What an engine is: workers that each run one call at a time, and whose death is an event, not the end.

The driver (`scan.py`) does the rest: which shard comes next, how often one is tried, what is given up. So every engine treats a
killed worker alike, and adding one means writing `submit`, `wait` and `close`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from assay.errors import AssayError


@dataclass(frozen=True)
class Event:
    """What came of a call: its result, an error that is the input's fault, or neither: the worker died."""

    worker: int
    result: Any = None
    error: AssayError | None = None
    died: bool = False


class Engine(Protocol):
    """Workers 0 to `workers` - 1."""

    workers: int

    def submit(self, worker: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Let an idle worker run `function`, a module's function, which it finds by name; a dead one is replaced first."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what has ended, after at most `timeout_s` seconds."""
        ...

    def close(self) -> None:
        """End all workers now, whatever they are doing."""
        ...
