"""Ray runs the same function to the same bytes, and its dead actors are replaced. A real cluster of one machine; ten seconds a start."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from assay.corpus.engine_local import LocalEngine
from assay.corpus.engine_ray import RayEngine
from assay.corpus.scan import run_scan
from assay.corpus.shards import plan_shards
from assay.errors import BadProfile, DataError

from .scan_cases import config_of, make_mark, make_shards, outputs

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=150_000_000, log_to_driver=False)
    yield
    ray.shutdown()


def test_ray_writes_what_local_writes(tmp_path: Path) -> None:
    plan, config = plan_shards([str(make_shards(tmp_path / "in", 5, 60))]), config_of(make_mark(tmp_path))
    run_scan(plan, config, tmp_path / "local", lambda: LocalEngine(1), say=str)
    ended = run_scan(plan, config, tmp_path / "ray", lambda: RayEngine(2), say=str)
    assert len(ended.done) == 5
    assert outputs(tmp_path / "local") == outputs(tmp_path / "ray")


def test_a_killed_actor_is_an_event_and_replaced_at_the_next_call() -> None:
    engine = RayEngine(1)
    engine.submit(0, os.getpid)
    first = engine.wait(60)[0].result
    engine.submit(0, os.kill, first, signal.SIGKILL)
    assert [event.died for event in engine.wait(60)] == [True]
    engine.submit(0, os.getpid)
    assert engine.wait(60)[0].result != first
    engine.close()


def test_an_error_of_the_input_comes_back_as_itself(tmp_path: Path) -> None:
    plan, mark = plan_shards([str(make_shards(tmp_path / "in", 2, 5))]), make_mark(tmp_path)
    config = config_of(mark)
    config.to_record()
    mark.with_suffix(".key").unlink()
    with pytest.raises(Exception, match="key") as error:
        run_scan(plan, config, tmp_path / "out", lambda: RayEngine(1), say=str)
    assert type(error.value).__module__ == BadProfile.__module__


def test_a_cluster_that_is_not_there_is_one_line() -> None:
    ray.shutdown()
    with pytest.raises(DataError, match=r"no Ray cluster at 127\.0\.0\.1:1: .*--ray-address"):
        RayEngine(1, address="127.0.0.1:1")
