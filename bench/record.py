"""What every benchmark writes: its figures with the machine, the versions and the command, as JSON beside the script."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared"


def write(script: str, figures: dict[str, Any], **what: Any) -> None:
    """Write `<script>.json` and print it."""
    content = {
        "command": " ".join(["python", f"bench/{Path(script).name}", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()},
        "versions": {p: version(p) for p in ("assay", "numpy", "numba", "torch", "transformers", "tokenizers")},
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
        ).stdout.strip(),
        **what,
        "figures": figures,
    }
    text = json.dumps(content, indent=1) + "\n"
    (HERE / Path(script).name).with_suffix(".json").write_text(text)
    print(text)


def timed_ms(run: Callable[[], Any], seconds: float = 2.0, warm_up: int = 3) -> float:
    """Return the median time of one call in milliseconds, over at least `seconds` and 5 calls."""
    for _ in range(warm_up):
        run()
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times) * 1e3


def interleaved_ms(runs: dict[str, Callable[[], Any]], rounds: int = 7, seconds: float = 0.3) -> dict[str, float]:
    """Return the median of each run's times, taken in turns so that a busy moment meets all of them."""
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(timed_ms(run, seconds, warm_up=1))
    return {name: median(values) for name, values in times.items()}


def shared_data() -> Path:
    """Return the folder of shared data, or stop with a reason."""
    if not (SHARED / "data").is_dir():
        sys.exit("this benchmark reads ../shared/data, which is not beside this checkout")
    return SHARED / "data"


def human_passages(count: int, chars: int = 1200, per_document: int = 3) -> list[str]:
    """Return passages of human text from the corpus: test and valid first, then the last training shard."""
    import io

    import zstandard

    passages: list[str] = []
    for name in ("test", "valid", "train-05"):
        with open(shared_data() / "corpus" / f"{name}.jsonl.zst", "rb") as file:
            reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file)
            for line in io.TextIOWrapper(reader, encoding="utf-8"):
                text = json.loads(line)["text"]
                starts = range(0, min(len(text), chars * per_document), chars)
                passages += [text[s : s + chars] for s in starts if len(text) - s >= chars // 2]
                if len(passages) >= count:
                    return passages[:count]
    return passages


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
