"""Kill `assay scan` with SIGKILL at random moments, 50 times over 40 shards and with both engines; nothing may be lost, doubled or different.

Kills hit one worker, the driver, or the whole process group, in turn at random. A killed driver is started again, as a user would; a
shard that random kills took for a killer is tried again by the next start. In the end rows, markers, kept and dropped documents and the report
equal those of an uninterrupted scan to the byte.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import record

ASSAY = str(Path(sys.executable).parent / "assay")
KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 50
SHARDS, DOCUMENTS = 40, 600
COMPARED = ("rows", "done", "kept", "dropped")
REPORTS = ("report.json", "report.html", "report.md", "scan.json")


def main() -> None:
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([ASSAY, "mark", "new", "mark.toml"], cwd=folder, check=True, capture_output=True)
        make_input(folder)
        begun = time.perf_counter()
        start(folder, "whole", "local").wait()
        whole_s = time.perf_counter() - begun
        for engine in ("local", "ray"):
            figures[engine] = kill_at_random(folder, engine)
    record.write(__file__, figures, shards=SHARDS, documents_a_shard=DOCUMENTS, uninterrupted_s=round(whole_s, 1))
    if not all(one["equal to the byte"] for one in figures.values()):  # type: ignore[index]
        sys.exit("the resumed scan differs")


def make_input(folder: Path) -> None:
    passages = record.human_passages(1000)
    (folder / "in").mkdir()
    for s in range(SHARDS):
        lines = [
            json.dumps({"id": f"{s}-{i}", "text": f"{passages[(s * DOCUMENTS + i) % len(passages)]} {s} {i}"})
            for i in range(DOCUMENTS)
        ]
        (folder / "in" / f"part{s:02d}.jsonl").write_text("\n".join(lines) + "\n")


def start(folder: Path, out: str, engine: str) -> subprocess.Popen:
    command = [ASSAY, "scan", "in", "--mark", "mark.toml", "--out", out, "--workers", "2", "--engine", engine,
               "--segment-documents", "100", "--keep", "not_detected"]  # fmt: skip
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def kill_at_random(folder: Path, engine: str) -> dict[str, object]:
    rng, kills, drivers, out = random.Random(engine), Counter[str](), 1, f"killed_{engine}"
    process = start(folder, out, engine)
    last = time.perf_counter()
    pause = rng.uniform(0.2, 1.5)
    begun = last
    while True:
        time.sleep(0.02)
        if process.poll() is not None:
            if process.returncode == 0:
                break
            process, drivers = start(folder, out, engine), drivers + 1
        # a moment counts only once work goes on: a kill at every start would never end
        if sum(kills.values()) >= KILLS or time.perf_counter() - last < pause or not heartbeats(folder / out, last):
            continue
        what = rng.choice(["worker", "worker", "driver", "group"])
        if what == "worker":
            if not (pids := workers(folder / out)):
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(pids), signal.SIGKILL)
        elif what == "driver":
            process.send_signal(signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        kills[what] += 1
        last, pause = time.perf_counter(), rng.uniform(0.0, 0.6)
    return {
        "kills": dict(sorted(kills.items())),
        "drivers started": drivers,
        "wall_s": round(time.perf_counter() - begun, 1),
        **compare(folder / "whole", folder / out),
    }


def heartbeats(out: Path, since: float) -> bool:
    """Whether a worker has said something since the last kill."""
    age = time.perf_counter() - since
    return any(time.time() - _modified(path) < age for path in (out / "claims").glob("*.at"))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def workers(out: Path) -> list[int]:
    """Return the processes that work on a shard, as their heartbeats say (the last 8 bytes), if they live."""
    pids: list[int] = []
    for path in (out / "claims").glob("*.at"):
        with contextlib.suppress(FileNotFoundError):
            pid = int.from_bytes(path.read_bytes()[-8:], "little")
            if pid and Path(f"/proc/{pid}").exists():
                pids.append(pid)
    return pids


def compare(whole: Path, killed: Path) -> dict[str, object]:
    ids = [
        row
        for path in sorted((killed / "rows").iterdir())
        for row in pq.read_table(path, columns=["id"])["id"].to_pylist()
    ]
    names = [str(p.relative_to(whole)) for kind in COMPARED for p in sorted((whole / kind).iterdir())]
    others = [str(p.relative_to(killed)) for kind in COMPARED for p in sorted((killed / kind).iterdir())]
    names += REPORTS
    others += REPORTS
    different = [name for name in names if (whole / name).read_bytes() != (killed / name).read_bytes()]
    return {
        "documents": len(ids),
        "documents twice": len(ids) - len(set(ids)),
        "documents missing": SHARDS * DOCUMENTS - len(set(ids)),
        "files compared": len(names),
        "files that differ": sorted({*different, *(set(names) ^ set(others))}),
        "equal to the byte": names == others and not different,
    }


if __name__ == "__main__":
    main()
