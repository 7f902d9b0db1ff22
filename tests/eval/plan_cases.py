"""Plans for the tests of runs: small, and quick where no model writes."""

import json
import random
from pathlib import Path

from assay.eval.plan import Plan, read_plan

WORDS = ["the", "sea", "light", "house", "keeper", "wrote", "a", "book", "of", "wind",
         "and", "rain", "in", "night", "that", "was", "long", "over", "hills", "down", "by", "river", "old", "stone"]  # fmt: skip

GIVEN = """
name = "given"
lengths = [0, 20]
draws = 50

[[texts]]
name = "people"
path = "people.jsonl"

[[texts]]
name = "machines"
path = "machines.jsonl"

[[attacks]]
name = "delete"
strengths = [0.2, 0.5]

[[detectors]]
name = "words"
function = "word_length:score"
"""

DETECTOR = """
def score(texts):
    return [sum(map(len, text.split())) / max(len(text.split()), 1) for text in texts]
"""


def texts(label: str, count: int, *, seed: int = 0) -> list[dict[str, str]]:
    """Return records of random words, 40 to 60 each; two and two share a cluster."""
    draw = random.Random(f"{label} {seed}")
    return [
        {
            "id": f"{label}-{i}", "label": label, "cluster": f"c{i // 2}", "domain": ("news", "story")[i % 2], "lang": "en",
            "text": " ".join(draw.choice(WORDS) + ("s" if label == "machine" else "") for _ in range(draw.randint(40, 60))),
        }
        for i in range(count)
    ]  # fmt: skip


def write_texts(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def given_folder(folder: Path, count: int = 20) -> Path:
    """Fill a folder with the plan above, its texts and its detector; return the plan's path."""
    write_texts(folder / "people.jsonl", texts("human", count))
    write_texts(folder / "machines.jsonl", texts("machine", count))
    (folder / "word_length.py").write_text(DETECTOR)
    (folder / "plan.toml").write_text(GIVEN)
    return folder / "plan.toml"


def plan_of(folder: Path, content: str, **variables: str) -> Plan:
    """Write a plan into a folder and read it."""
    path = folder / "plan.toml"
    path.write_text(content)
    return read_plan(path, variables)
