"""Whole processes: `assay --help`, and `assay detect` on a 50-document file with one mark.

Bars: 0.3 s and 1.5 s after the first run (which compiles). The baseline, in the same run: the interpreter importing numpy alone.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import record

ASSAY = str(Path(sys.executable).parent / "assay")
RUNS = 9


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        mark, file = Path(folder, "mark.toml"), Path(folder, "texts.jsonl")
        subprocess.run([ASSAY, "mark", "new", str(mark)], check=True, capture_output=True)
        lines = [json.dumps({"id": str(i), "text": text}) for i, text in enumerate(record.human_passages(50))]
        file.write_text("\n".join(lines) + "\n")
        commands = {
            "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
            "assay --help": [ASSAY, "--help"],
            "assay detect, 50 documents": [ASSAY, "detect", str(file), "--mark", str(mark)],
            "assay detect --spans, 50 documents": [ASSAY, "detect", str(file), "--mark", str(mark), "--spans"],
        }
        figures = {name: seconds(command) for name, command in commands.items()}
    record.write(__file__, figures, runs=RUNS, bar="--help 0.3 s, detect 1.5 s (medians)")


def seconds(command: list[str]) -> dict[str, float]:
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return {"first s": round(times[0], 3), "median s": round(median(times[1:]), 3), "worst s": round(max(times[1:]), 3)}


if __name__ == "__main__":
    main()
