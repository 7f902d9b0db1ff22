"""Workers on a Ray cluster: an actor each, replaced when it dies.

An actor keeps its models between shards and may hold a GPU, or a share of one. Neither actors nor tasks are brought back by Ray
(`max_restarts`, `max_task_retries`) but by the driver, which counts the deaths at a shard and gives it up after the third. The output
folder has to be one that all machines see. Ray Data is not used: rerun without its checkpoint it doubles rows, and the ledger makes
it unnecessary.
"""

import logging
import os
import socket
from collections.abc import Callable
from typing import Any

from assay.errors import AssayError, DataError

from .engine import Event
from .scan_worker import one_thread

_KNOCK_S = 10.0


class RayEngine:
    """`workers` actors on the cluster at `address`, or on one that is begun here (None).

    Raises:
        DataError: if Ray is not installed, or there is no cluster at the address.

    """

    def __init__(self, workers: int, *, address: str | None = None, gpus: float = 0.0) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            message = "--engine ray needs Ray, which is not installed; pip install 'assay[ray]', or leave it out"
            raise DataError(message) from error
        self.workers = workers
        self._ray: Any = ray
        self._gpus = gpus
        self._begun = _connect(ray, address, workers, gpus)
        self._actors: dict[int, Any] = {}
        self._running: dict[Any, int] = {}

    def submit(self, worker: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Let an idle worker run `function`."""
        if worker not in self._actors:
            actor: Any = self._ray.remote(_Worker).options(
                num_cpus=1, num_gpus=self._gpus, max_restarts=0, max_task_retries=0
            )
            self._actors[worker] = actor.remote()
        self._running[self._actors[worker].run.remote(function, *arguments)] = worker

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what has ended, after at most `timeout_s` seconds."""
        ended, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout_s)
        return [self._event(self._running.pop(reference), reference) for reference in ended]

    def _event(self, worker: int, reference: Any) -> Event:
        failures: Any = self._ray.exceptions
        try:
            return Event(worker, self._ray.get(reference))
        except failures.RayActorError:
            self._replace(worker)
            return Event(worker, died=True)
        except failures.RayTaskError as error:
            if isinstance(error.cause, AssayError):
                return Event(worker, error=error.cause)
            raise

    def _replace(self, worker: int) -> None:
        """End an actor, if it still lives; the next call makes a new one."""
        self._ray.kill(self._actors.pop(worker), no_restart=True)

    def close(self) -> None:
        """End all workers now, whatever they are doing."""
        for worker in list(self._actors):
            self._replace(worker)
        self._running.clear()
        if self._begun:
            self._ray.shutdown()


def _connect(ray: Any, address: str | None, workers: int, gpus: float) -> bool:
    """Connect, and return whether the connection was made here (tests and notebooks bring their own)."""
    if ray.is_initialized():
        return False
    if address is not None:
        _check_reachable(address)
    # Ray runs its workers at nice 15, which on a busy machine is next to nothing; ours are to work as local ones do
    os.environ.setdefault("RAY_worker_niceness", "0")
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        else:
            ray.init(num_cpus=workers, num_gpus=-(-gpus * workers // 1) or None, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"at {address}" if address else "here"
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"no Ray cluster {where}: {why}; check --ray-address, or use --engine local") from error
    return True


def _check_reachable(address: str) -> None:
    """Knock at `address` if it names a host and a port: Ray itself goes on trying for minutes.

    Raises:
        DataError: if nobody answers.

    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise DataError(f"no Ray cluster at {address}: {why}; check --ray-address, or use --engine local") from error


class _Worker:
    """The actor: limited to one thread before anything numerical is loaded."""

    def __init__(self) -> None:
        one_thread()

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)
