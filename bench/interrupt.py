"""Kill `assay generate` with SIGKILL at random moments, 20 times; the finished file must equal the uninterrupted one to the byte."""

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import record

ASSAY = str(Path(sys.executable).parent / "assay")
KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
PROMPTS = ["The history of", "In this paper we", "She opened the door and", "", "The government said that"] * 24


def main() -> None:
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([ASSAY, "mark", "new", "mark.toml"], cwd=folder, check=True, capture_output=True)
        lines = [f'{{"id": "p{i}", "prompt": "{text}"}}\n' for i, text in enumerate(PROMPTS)]
        (folder / "prompts.jsonl").write_text("".join(lines))
        begun = time.perf_counter()
        run(folder, "whole.jsonl").wait()
        whole_s = time.perf_counter() - begun
        begun = time.perf_counter()
        run(folder, "whole.jsonl").wait()  # finds everything done: what starting costs
        start_s = time.perf_counter() - begun
        kills, runs, torn = 0, 0, 0
        while kills < KILLS:
            runs += 1
            process = run(folder, "killed.jsonl")
            try:
                process.wait(
                    timeout=start_s * rng.uniform(0.6, 1.0) + rng.uniform(0, 0.8 * (whole_s - start_s) / KILLS)
                )
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                path = folder / "killed.jsonl"
                torn += path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        run(folder, "killed.jsonl").wait()
        equal = (folder / "whole.jsonl").read_bytes() == (folder / "killed.jsonl").read_bytes()
        texts = len((folder / "killed.jsonl").read_text().splitlines())
    figures = {"kills": kills, "files with a torn line": torn, "texts": texts, "equal to the byte": equal}
    record.write(__file__, figures, uninterrupted_s=round(whole_s, 1))
    if not equal or texts != len(PROMPTS):
        sys.exit("the resumed file differs")


def run(folder: Path, out: str) -> subprocess.Popen:
    command = [ASSAY, "generate", "--mark", "mark.toml", "--prompts", "prompts.jsonl", "--max-new-tokens", "60",
               "--batch-size", "4", "--out", out]  # fmt: skip
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
