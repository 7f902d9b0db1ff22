"""The shipped plan `quick` from nothing to its report on two cores: wall seconds by stage. Bar: 600 s.

A process of its own, as a user starts it, so that imports count. `python bench/eval_quick.py [PLAN]`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import record

ASSAY = str(Path(sys.executable).parent / "assay")
PLAN = sys.argv[1] if len(sys.argv) > 1 else "quick"
BAR_S = 600


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        command = [ASSAY, "eval", "run", PLAN, "--out", str(out), "--workers", "2"]
        begun = time.perf_counter()
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        wall_s = time.perf_counter() - begun
        if ran.returncode:
            sys.exit(ran.stderr)
        said, timing = json.loads(ran.stdout), json.loads((out / "timing.json").read_text())
        by_stage: dict[str, float] = {}
        for one in timing["stages"]:
            by_stage[one["stage"]] = by_stage.get(one["stage"], 0.0) + one["cpu_s"]
        again = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        figures = {
            "wall_s": round(wall_s, 1),
            "wall_s by stage": timing["wall_s"],
            "cpu_s by stage": {stage: round(seconds, 1) for stage, seconds in by_stage.items()},
            "cells": said["cells"],
            "given again, nothing to do, wall_s": round(time.perf_counter() - again, 1),
            "load when it ended": round(os.getloadavg()[0], 1),
            "headline": said["headline"],
        }
        record.write(__file__, figures, plan=PLAN, workers=2, bar=f"wall_s <= {BAR_S}")
        if PLAN == "quick" and wall_s > BAR_S:
            sys.exit(f"{wall_s:.0f} s, over the bar of {BAR_S} s")


if __name__ == "__main__":
    main()
