"""Documents that hang or kill cost themselves, and workers that die cost nothing. Real processes, really killed."""

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from assay.corpus.engine_local import LocalEngine
from assay.corpus.ledger import Ledger
from assay.corpus.scan import Ended, Share, run_scan
from assay.corpus.scan_worker import work
from assay.corpus.shards import plan_shards
from assay.errors import AssayError, BadProfile

from .scan_cases import config_of, english, make_mark, make_shards, outputs


@pytest.fixture
def hostile() -> Iterator[Any]:
    """The module of hostile workers, under a name that spawned processes can import."""
    folder = str(Path(__file__).parent)
    sys.path.append(folder)
    import hostile_worker  # pyright: ignore[reportMissingImports]

    yield hostile_worker
    sys.path.remove(folder)


def line(name: str, start: str) -> str:
    return json.dumps({"id": name, "text": f"{start} {english(random.Random(9))}"})


def scan(
    inputs: Path, mark: Path, out: Path, engine: Callable[[], LocalEngine], said: list[str] | None = None, **rest: Any
) -> Ended:
    said = [] if said is None else said
    return run_scan(plan_shards([str(inputs)]), config_of(mark), out, engine, say=said.append, **rest)


def test_a_hang_a_death_and_a_killer_among_good_shards(hostile: Any, tmp_path: Path) -> None:
    class HostileEngine(LocalEngine):
        def submit(self, worker: int, function: Callable[..., Any], *arguments: Any) -> None:
            super().submit(worker, hostile.hostile_work if function is work else function, *arguments)

    special = {(0, 13): line("hangs", "HANG"), (1, 21): line("once", "ONCE"), (2, 5): line("kills", "KILL")}
    inputs, mark, out = make_shards(tmp_path / "in", 4, 60, special=special), make_mark(tmp_path), tmp_path / "out"
    said: list[str] = []
    ended = scan(inputs, mark, out, lambda: HostileEngine(2), said, max_seconds=0.5)
    names = [shard["name"] for shard in Ledger(out).read_scan()["shards"]]
    assert sorted(ended.done) == [names[0], names[1], names[3]]
    assert list(ended.quarantined) == [names[2]]
    assert "3 workers died" in ended.quarantined[names[2]]
    assert any(text.startswith(f"gave up {names[2]}") for text in said)
    given_up = Ledger(out).quarantined(names[2])
    assert given_up is not None
    assert given_up["items"][0] <= 5 < given_up["items"][1]
    errors = {}
    for name in (names[0], names[1], names[3]):
        rows = pq.read_table(out / "rows" / f"{name}.parquet").to_pylist()
        assert len(rows) == 60
        errors |= {row["id"]: row["error"] for row in rows if row["error"]}
    assert list(errors) == ["hangs"]
    assert errors["hangs"].startswith("timeout: took longer than 0.5 s")
    assert ended.deaths[names[2]] == 3


@pytest.mark.slow
def test_workers_killed_at_random_change_nothing(tmp_path: Path) -> None:
    inputs, mark = make_shards(tmp_path / "in", 6, 800), make_mark(tmp_path)
    coarse = config_of(mark, segment_documents=100, batch_documents=50)
    plan = plan_shards([str(inputs)])
    run_scan(plan, coarse, tmp_path / "whole", lambda: LocalEngine(1), say=str)
    kills, stop = [0], threading.Event()

    def kill_workers() -> None:
        draw = random.Random(1)
        while not stop.wait(draw.uniform(0.7, 1.4)):
            for at in list((tmp_path / "killed/claims").glob("*.at")):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
                    pid = int.from_bytes(at.read_bytes()[-8:], "little")
                    if pid != os.getpid() and kills[0] < 8:
                        os.kill(pid, signal.SIGKILL)
                        kills[0] += 1
                        break

    thread = threading.Thread(target=kill_workers)
    thread.start()
    ended = run_scan(plan, coarse, tmp_path / "killed", lambda: LocalEngine(2), say=str)
    stop.set()
    thread.join()
    assert len(ended.done) == 6
    assert sum(ended.deaths.values()) >= 1
    assert outputs(tmp_path / "whole") == outputs(tmp_path / "killed")


def test_a_profile_that_cannot_be_loaded_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    inputs, mark = make_shards(tmp_path / "in", 2, 5), make_mark(tmp_path)
    mark.with_suffix(".key").unlink()
    with pytest.raises(AssayError) as error:
        scan(inputs, mark, tmp_path / "out", lambda: LocalEngine(1))
    assert not isinstance(error.value, BadProfile) or "key" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_runs_that_share_a_folder_do_every_shard_once(tmp_path: Path) -> None:
    inputs, mark = make_shards(tmp_path / "in", 5, 10), make_mark(tmp_path)
    scan(inputs, mark, tmp_path / "one", lambda: LocalEngine(1))
    first = scan(inputs, mark, tmp_path / "two", lambda: LocalEngine(1), share=Share(0, 2))
    second = scan(inputs, mark, tmp_path / "two", lambda: LocalEngine(1), share=Share(1, 2))
    assert (len(first.done), len(second.done)) == (3, 2)
    assert outputs(tmp_path / "one") == outputs(tmp_path / "two")


def test_workers_end_with_close_whatever_they_do(tmp_path: Path) -> None:
    engine = LocalEngine(1)
    engine.submit(0, os.getpid)
    pid = next(event.result for _ in range(100) for event in engine.wait(1))
    engine.submit(0, time.sleep, 600)
    time.sleep(0.2)
    engine.close()
    until = time.monotonic() + 10
    while time.monotonic() < until and Path(f"/proc/{pid}/stat").exists():
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
