"""Small real scans for the tests: a mark, shards of made-up English, a scan of them."""

import json
import random
from dataclasses import replace
from pathlib import Path

from assay.corpus.crawl_items import ReadOptions
from assay.corpus.ledger import Ledger
from assay.corpus.scan_config import ScanConfig, fingerprint
from assay.corpus.scan_task import ShardTask
from assay.corpus.score_options import ScoreOptions
from assay.corpus.shards import plan_shards
from click.testing import CliRunner

SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour", "the keeper of the light")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold", "wrote to")
QUICK = {"segment_documents": 30, "batch_documents": 8}


def english(draw: random.Random, sentences: int = 12) -> str:
    lines = [f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(SUBJECTS)} on day {draw.randrange(9999)}."]
    lines += [
        f"Then {draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(SUBJECTS)} again, and {draw.choice(VERBS)} it."
        for _ in range(sentences - 1)
    ]
    return " ".join(lines)


def make_mark(folder: Path) -> Path:
    from assay.cli.mark import mark

    path = folder / "mark.toml"
    result = CliRunner().invoke(mark, ["new", str(path)])
    assert result.exit_code == 0, result.output
    return path


def make_shards(
    folder: Path, shards: int = 3, documents: int = 100, *, special: dict[tuple[int, int], str] | None = None
) -> Path:
    """Write plain JSON Lines; `special` replaces whole lines by (shard, line)."""
    folder.mkdir(exist_ok=True)
    for s in range(shards):
        draw = random.Random(s)
        lines = [json.dumps({"id": f"{s}-{i}", "text": english(draw), "n": i}) for i in range(documents)]
        for (shard, line), content in (special or {}).items():
            if shard == s:
                lines[line] = content
        (folder / f"part{s}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder


def config_of(mark: Path, **settings: object) -> ScanConfig:
    quick = ScanConfig(ScoreOptions(marks=(str(mark),)), ReadOptions(), **QUICK)
    return replace(quick, **settings)


def tasks_of(inputs: Path, config: ScanConfig, out: Path, **settings: object) -> list[ShardTask]:
    shards = plan_shards([str(inputs)]).shards
    print_ = fingerprint(config.to_record())
    return [ShardTask(shard, config, str(out), print_, **settings) for shard in shards]


def outputs(out: Path) -> dict[str, bytes]:
    """All that must not depend on how often a scan was interrupted."""
    kinds = ("rows", "done", "kept", "dropped", "attributes")
    files = [path for kind in kinds for path in sorted((out / kind).rglob("*")) if path.is_file()]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def done(out: Path, name: str) -> dict[str, object]:
    found = Ledger(out).done(name)
    assert found is not None
    return found
