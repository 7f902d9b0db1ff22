"""Every native mark on the embedded model against length, resampling, replayed DIPPER, copy-paste, deletion and synonyms: one plan, run by `assay eval run`.

Prompts are the first 30 tokens of human documents, their own rest is the human side. Paraphrases by DIPPER are replayed from OUTFOX's and DetectRL's recorded pairs. The plan is
`eval_results.toml`; its tables stay in the folder given, so that a second call goes on. `docs/robustness.md` is made of the figures. No bar but what the law promises:
no more false alarms on human text than the rate. `python bench/eval_results.py [TEXTS] [FOLDER]`.
"""

import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import record
import zstandard
from assay.cli.main import cli
from click.testing import CliRunner

TEXTS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
FOLDER = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.gettempdir()) / "assay-eval-results"
CHARS, PER_DOCUMENT = 2600, 3  # 430 tokens and some to spare; passages of one document are one cluster
KEPT = ("detector", "mark", "attack", "strength", "length", "n_machine", "clusters", "median_log10_p")
RECORDED = {"ATTACKED": "detectrl_attacked.jsonl.gz", "CLEAN": "detectrl_clean.jsonl.gz", "OUTFOX": "outfox.jsonl.gz"}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    human, hosts = FOLDER / "human.jsonl", FOLDER / "hosts.jsonl"
    passages = human_records()
    write(human, passages[:TEXTS])
    write(hosts, passages[TEXTS : 2 * TEXTS])
    recorded = {name: record.shared_data() / "detection" / file for name, file in RECORDED.items()}
    plan = FOLDER / "plan.toml"
    content = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    for name, path in {"HUMAN": human, "HOSTS": hosts, **recorded}.items():
        content = content.replace("${" + name + "}", str(path))
    plan.write_text(content, encoding="utf-8")
    done = CliRunner().invoke(cli, ["eval", "run", str(plan), "--out", str(FOLDER / "out")], catch_exceptions=False)
    if done.exit_code:
        sys.exit(done.output)
    metrics = json.loads((FOLDER / "out" / "metrics.json").read_text(encoding="utf-8"))
    figures: dict[str, Any] = {name: metrics[name] for name in ("calibration", "damage", "quality", "alarms")}
    figures["cells"] = [
        {name: cell[name] for name in KEPT} | {"tpr": shares(cell)}
        for cell in metrics["cells"]
        if cell["mark"] == cell["detector"]
    ]
    texts = {source: one["n"] for source, one in metrics["signature"]["texts"].items()}
    record.write(__file__, figures, texts=texts)


def shares(cell: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the texts found at each rate, with the interval."""
    return {rate: {part: found[part] for part in ("value", "low", "high")} for rate, found in cell["tpr"].items()}


def human_records() -> list[dict[str, str]]:
    """Return passages of the human corpus's test and valid documents that are long enough, in its order."""
    passages: list[dict[str, str]] = []
    for name in ("test", "valid"):
        with open(record.shared_data() / "corpus" / f"{name}.jsonl.zst", "rb") as file:
            reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file)
            for line in io.TextIOWrapper(reader, encoding="utf-8"):
                document = json.loads(line)
                text = document["text"]
                for part, start in enumerate(range(0, min(len(text), CHARS * PER_DOCUMENT), CHARS)):
                    if len(text) - start >= CHARS:
                        passages.append(
                            {
                                "id": f"{document['id']}/{part}",
                                "text": text[start : start + CHARS],
                                "genre": document["genre"],
                                "document": document["id"],
                            }
                        )
    return passages


def write(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")


if __name__ == "__main__":
    main()
