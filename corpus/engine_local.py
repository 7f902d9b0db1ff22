"""Workers on this machine: a spawned process each, replaced when it dies.

Each worker is a `ProcessPoolExecutor` of one process. A larger pool breaks as a whole when one of its processes dies, and ends the
others with it; this way a death costs its own shard only. `multiprocessing.Pool` does not notice a death at all and hangs (Python
issues 9205, 22393). One worker is a process of its own too, so that nothing a document does can take the driver down.
"""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from assay.errors import AssayError

from .engine import Event
from .scan_worker import start


class LocalEngine:
    """`workers` processes, started when they are first needed."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._context = multiprocessing.get_context("spawn")
        self._pools: dict[int, tuple[ProcessPoolExecutor, Any]] = {}
        self._running: dict[Future[Any], int] = {}

    def submit(self, worker: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Let an idle worker run `function`."""
        if worker not in self._pools:
            told: Any
            tell: Any
            told, tell = self._context.Pipe(duplex=False)
            pool = ProcessPoolExecutor(1, self._context, initializer=start, initargs=(told,))
            self._pools[worker] = pool, tell
        self._running[self._pools[worker][0].submit(function, *arguments)] = worker

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what has ended, after at most `timeout_s` seconds."""
        ended, _ = wait(self._running, timeout_s, FIRST_COMPLETED)
        return [self._event(self._running.pop(future), future) for future in ended]

    def _event(self, worker: int, future: Future[Any]) -> Event:
        try:
            return Event(worker, future.result())
        except BrokenProcessPool:
            self._end(worker)
            return Event(worker, died=True)
        except AssayError as error:
            return Event(worker, error=error)

    def _end(self, worker: int) -> None:
        pool, tell = self._pools.pop(worker)
        tell.close()  # the worker reads the end of the pipe, and exits
        pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End all workers now, whatever they are doing."""
        for worker in list(self._pools):
            self._end(worker)
        self._running.clear()
