"""A worker whose scorer hangs or dies on texts that say so; imported by name in spawned processes."""

import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.corpus.scan_task import Outcome, ShardTask
from assay.corpus.scan_worker import scorer_of


class HostileScorer:
    def __init__(self, real: Any, folder: Path) -> None:
        self.schema, self.detectors, self.options = real.schema, real.detectors, real.options
        self._real, self._folder = real, folder

    def score(self, texts: Sequence[str], *rest: Any) -> Any:
        for text in texts:
            if text.startswith("HANG"):
                re.match(r"(a|aa|a*)+$", "a" * 60 + "b")  # holds the interpreter lock, for longer than anyone waits
            if text.startswith("KILL"):
                os.kill(os.getpid(), signal.SIGKILL)
            if text.startswith("ONCE") and not (self._folder / "once").exists():
                (self._folder / "once").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return self._real.score(texts, *rest)


def hostile_work(task: ShardTask) -> Outcome:
    from assay.corpus.scan_shard import scan_shard

    return scan_shard(task, HostileScorer(scorer_of(task.config.score), Path(task.folder).parent))
