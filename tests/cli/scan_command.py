"""The command line as the scan's tests run it: in this process, or as one that can be killed."""

import contextlib
import io
import json
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from assay.cli.main import main

ASSAY = str(Path(sys.executable).parent / "assay")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold")
REPORTS = ("report.json", "report.md", "report.html")


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    output: str
    errors: str


def run(*arguments: str, cwd: Path) -> Ran:
    """Run `assay` in this process, as its entry point does."""
    output, errors, given = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = [ASSAY, *arguments]
    try:
        with contextlib.chdir(cwd), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as end:
        return Ran(int(end.code or 0), output.getvalue(), errors.getvalue())
    finally:
        sys.argv = given
    raise AssertionError("main ends by sys.exit")


def complaint(ran: Ran) -> str:
    """Return the one line of stderr that a failure is."""
    assert ran.code == 1, ran.errors
    assert ran.output == ""
    lines = ran.errors.splitlines()
    assert len(lines) == 1, ran.errors
    return lines[0]


def text(draw: random.Random) -> str:
    return " ".join(
        f"Then {draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(SUBJECTS)} on day {draw.randrange(999)}."
        for _ in range(14)
    )


def fill(folder: Path, shards: int, documents: int) -> None:
    folder.mkdir()
    for s in range(shards):
        draw = random.Random(s)
        lines = [json.dumps({"id": f"{s}-{i}", "text": text(draw)}) for i in range(documents)]
        (folder / f"part{s}.jsonl").write_text("\n".join(lines) + "\n")


def outputs(out: Path) -> dict[str, bytes]:
    files = [path for kind in ("rows", "done") for path in (out / kind).iterdir()]
    return {str(path.relative_to(out)): path.read_bytes() for path in [*files, *(out / name for name in REPORTS)]}
