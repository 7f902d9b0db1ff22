"""Jobs of a plan on the cores of this machine: each a picklable record, run in a spawned process, or here with one worker.

Results do not depend on how many workers there are: a job's inputs and outputs are parts of the store. A worker that dies ends the run in one line, and what is
finished stays; nothing is tried twice, since what killed it (memory, most often) would do so again.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from assay.corpus.engine_local import LocalEngine
from assay.errors import DataError
from tqdm import tqdm

_WAIT_S = 1.0


class Workers:
    """Workers that start when they are first needed; a context manager.

    Args:
        count: processes; 1 runs the jobs in this one.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._engine: LocalEngine | None = None

    def run(self, work: Callable[[Any], Any], jobs: Sequence[Any], title: str, what: Callable[[Any], str]) -> list[Any]:
        """Run all jobs, showing progress; return what they returned, in order.

        Args:
            work: a function of a module, given one job.
            jobs: what to do, the longest first.
            title: of the progress bar.
            what: a job in words, for the line about a worker that died.

        Raises:
            AssayError: the first that a job raises.
            DataError: if a worker dies.
        """
        results: dict[int, Any] = {}
        with tqdm(total=len(jobs), desc=title, unit=" parts", disable=None, file=sys.stderr, leave=False) as bar:
            for number, result in self._results(work, jobs, what):
                results[number] = result
                bar.update()
        return [results[number] for number in range(len(jobs))]

    def _results(
        self, work: Callable[[Any], Any], jobs: Sequence[Any], what: Callable[[Any], str]
    ) -> Iterable[tuple[int, Any]]:
        if self.count == 1 or len(jobs) < 2:
            for number, job in enumerate(jobs):
                yield number, work(job)
            return
        if self._engine is None:
            self._engine = LocalEngine(self.count)
        waiting = list(enumerate(jobs))[::-1]
        running: dict[int, int] = {}
        while waiting or running:
            for worker in set(range(self.count)) - set(running):
                if waiting:
                    running[worker], job = waiting.pop()
                    self._engine.submit(worker, work, job)
            for event in self._engine.wait(_WAIT_S):
                number = running.pop(event.worker)
                if event.error is not None:
                    raise event.error
                if event.died:
                    raise DataError(
                        f"a worker died at {what(jobs[number])}, out of memory perhaps; what is finished is safe: "
                        "give the same command again, with fewer --workers"
                    )
                yield number, event.result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.close()


def core_count() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def usual_workers(models: Iterable[str], device: str) -> int:
    """Return how many workers a run has unless it is told: one a core, or one alone where a model is large or runs on a GPU."""
    small = all(model in ("", "embedded") for model in models)
    on_cpu = device == "cpu" or (device == "auto" and not _has_gpu())
    return core_count() if small and on_cpu else 1


def _has_gpu() -> bool:
    """Whether there is an NVIDIA device; asked of the system, since importing torch takes seconds."""
    return Path("/dev/nvidia0").exists()
