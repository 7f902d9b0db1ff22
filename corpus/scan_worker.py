"""What runs in a worker: models loaded once, one shard after the other, and an end when the driver's comes.

The functions are what an engine ships to its workers by name, so this file imports nothing heavy: the threads of numerical libraries
are limited before they are loaded (a worker is one core; the engine makes as many as there are).
"""

import os
import signal
import threading
from multiprocessing import connection, parent_process
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .scan_columns import BatchScorer, ScoreOptions
    from .scan_task import Outcome, ShardTask

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "FASTOKENS_BPE_THREADS",  # two otherwise, which spin: 1.7 times the CPU seconds, taken from the other workers
)
# The first call compiles and fills caches: not on a document's time, nor where a kill would be laid at its door.
_WARM_UP = (
    "The keeper of the light wrote in his book that the wind had turned in the night and that the sea was rising. " * 20
)
_loaded: "dict[ScoreOptions, BatchScorer]" = {}


def one_thread() -> None:
    """Let this process use one core, unless its environment says otherwise."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def start(stop: "connection.Connection[Any, Any]") -> None:
    """Prepare a process of a local pool; it ends at once when its driver does, or says so through `stop`.

    The process pool of the standard library leaves the workers of a killed driver waiting for ever, and lets those of an
    interrupted one finish their shard first. What they have not finished is done again, so neither is needed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    one_thread()
    threading.Thread(target=_end_with_driver, args=(stop,), daemon=True).start()


def _end_with_driver(stop: "connection.Connection[Any, Any]") -> None:
    parent = parent_process()
    sentinels: list[Any] = [stop] if parent is None else [stop, parent.sentinel]
    connection.wait(sentinels)
    os._exit(0)


def scorer_of(options: "ScoreOptions") -> "BatchScorer":
    """Return the scorer of this process, loading its models the first time.

    Raises:
        AssayError: if a profile, key, tokenizer, classifier or calibration cannot be loaded.

    """
    from .scan_columns import BatchScorer

    if options not in _loaded:
        _loaded.clear()
        scorer = BatchScorer(options)
        scorer.score([_WARM_UP])
        _loaded[options] = scorer
    return _loaded[options]


def describe(options: "ScoreOptions") -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the records of the detectors, for the ledger and the report, and what the user should be told of them."""
    scorer = scorer_of(options)
    return [one.to_record() for one in scorer.detectors], scorer.notes


def work(task: "ShardTask") -> "Outcome":
    """Finish one shard."""
    from .scan_shard import scan_shard

    return scan_shard(task, scorer_of(task.config.score))
