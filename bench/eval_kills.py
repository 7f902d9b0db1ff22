"""Kill `assay eval run` with SIGKILL at random moments, 30 times; table and figures must equal those of an undisturbed run to the byte.

The plan has a mark with a given key, generation in small batches, attacks with and without a model, a mark and a classifier as detectors, quality under a judge. Kills hit one worker, the
driver, or the whole process group, in turn at random; after each the same command is given again, as a user would. A worker's death ends the run in one line, by
design. `python bench/eval_kills.py [KILLS]`.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import record

ASSAY = str(Path(sys.executable).parent / "assay")
KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 30
COMPARED = ("table.parquet", "metrics.json")
PLAN = """
name = "kills"
lengths = [0, 30]
draws = 200
judge = "embedded"
[[marks]]
name = "w1"
profile = "w1.toml"
[[texts]]
name = "people"
path = "people.jsonl"
label = "human"
[[generate]]
name = "gen"
marks = ["none", "w1"]
prompts_from = "people"
n = 64
max_new_tokens = 60
min_new_tokens = 60
batch_size = 4
[[attacks]]
name = "delete"
strengths = [0.1, 0.3, 0.5]
[[attacks]]
name = "copy-paste"
strengths = [0.5, 0.75]
[[attacks]]
name = "resample"
strengths = [0.2, 0.5]
[[attacks]]
name = "interleave"
strengths = [1.0]
[[detectors]]
name = "w1"
mark = "w1"
[[detectors]]
name = "fast"
classifier = "fast"
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([ASSAY, "mark", "new", "w1.toml"], cwd=folder, check=True, capture_output=True)
        (folder / "plan.toml").write_text(PLAN)
        with (folder / "people.jsonl").open("w") as file:
            for i, text in enumerate(record.human_passages(80, per_document=1)):
                file.write(record.json.dumps({"id": str(i), "text": text}) + "\n")
        begun = time.perf_counter()
        whole = start(folder, "whole")
        if whole.wait():
            sys.exit("the undisturbed run failed")
        whole_s = time.perf_counter() - begun
        figures = kill_at_random(folder, whole_s)
    record.write(__file__, figures, undisturbed_s=round(whole_s, 1), texts=64, bar="equal to the byte")
    if not figures["equal to the byte"]:
        sys.exit("the resumed run differs")


def start(folder: Path, out: str) -> subprocess.Popen:
    return subprocess.Popen(
        [ASSAY, "eval", "run", "plan.toml", "--out", out, "--workers", "2"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def kill_at_random(folder: Path, whole_s: float) -> dict[str, object]:
    """Kill until there were enough kills, then let it finish; where a kill fell is told by what the store held."""
    rng, kills, where, starts = random.Random(0), Counter[str](), Counter[str](), 1
    out = folder / "killed"
    process, begun = start(folder, "killed"), time.perf_counter()
    while sum(kills.values()) < KILLS:
        # from anywhere in start-up to well into the work; a finished run is begun again, without its last output
        until = time.perf_counter() + rng.uniform(0.1, 0.35) * whole_s
        while time.perf_counter() < until and process.poll() is None:
            time.sleep(0.01)
        if process.poll() is None:
            what = rng.choice(["worker", "driver", "group"])
            victims = children(process.pid)
            if what == "worker" and not victims:
                continue
            kills[what] += 1
            where[stage_of(out)] += 1
            with contextlib.suppress(ProcessLookupError):
                if what == "group":
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    os.kill(rng.choice(victims) if what == "worker" else process.pid, signal.SIGKILL)
            process.wait()
        else:
            forget_some(out, rng)
        process, starts = start(folder, "killed"), starts + 1
    code = process.wait()
    while code:  # a worker that was killed last ended the run
        process, starts = start(folder, "killed"), starts + 1
        code = process.wait()
    different = [name for name in COMPARED if (folder / "whole" / name).read_bytes() != (out / name).read_bytes()]
    return {
        "kills": dict(sorted(kills.items())),
        "furthest stage the store held at a kill": dict(sorted(where.items())),
        "runs started": starts,
        "wall_s": round(time.perf_counter() - begun, 1),
        "files compared": list(COMPARED),
        "files that differ": different,
        "half-written files left": len(list((out / "store").glob("*/*/*.tmp"))),
        "equal to the byte": not different,
    }


def forget_some(out: Path, rng: random.Random) -> None:
    """Remove a random half of the scores and attacked texts and all results, so that there is work again."""
    for name in COMPARED:
        (out / name).unlink(missing_ok=True)
    for part in [*out.glob("store/score/*/*.zst"), *out.glob("store/attack/*/*.zst")]:
        if rng.random() < 0.5:
            part.unlink()


def stage_of(out: Path) -> str:
    """Return the last stage that the store holds anything of."""
    held = [
        stage
        for stage in ("texts", "prompts", "generate", "attack", "score", "quality")
        if any(out.glob(f"store/{stage}/*/*"))
    ]
    return "table" if (out / "table.parquet").exists() else (held[-1] if held else "nothing")


def children(pid: int) -> list[int]:
    """Return the worker processes of a driver (its only children that run `spawn_main`)."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            command = (path.parent / "cmdline").read_bytes()
            if int(fields[1]) == pid and b"spawn_main" in command:
                found.append(int(path.parent.name))
    return found


if __name__ == "__main__":
    main()
