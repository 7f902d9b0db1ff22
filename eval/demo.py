"""The main job end to end on the embedded model: mark, detect, paste, locate, and show it on a page and a picture.

Nothing is picked for its looks: the texts are the first that come, the pasted one is half of the longest. The keys are new
every time, so the texts differ between runs of one seed, and in one run of many a verdict is wrong; the page then says so.
"""

import json
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from assay.corpus.generate_files import GenerationRun, PromptSource
from assay.corpus.writer import JsonLinesWriter
from assay.detect.detection import Threshold
from assay.detect.marks import MarkDetector
from assay.models import EMBEDDED, resolve
from assay.watermark.decoding import Decoding
from assay.watermark.model import CausalModel, load_model
from assay.watermark.profile import LoadedMark, Profile, new_mark
from assay.watermark.tokenizer import load_tokenizer

from .findings import Curve, Findings, Kind, Look, Pasted, Row
from .folder import OwnedFolder
from .page import write_page
from .poster import write_poster
from .splice import sentence_break, splice, word_break
from .trace import trace
from .wording import headline, p_plain, surprises

ALPHA = 1e-4
"""Stricter than the 1e-3 of `assay detect`: over the 25 unmarked looks of a run, one demo in 400 shows a false alarm, not one in 40."""
PROMPTS = (
    "The history of the lighthouse begins",
    "The committee said on Monday that",
    "She opened the letter and",
    "In the spring of that year the city",
    "The film is about a young man who",
    "It has long been known that the sea",
)
_MAX_NEW_TOKENS = 200
_SCHEME = "greenlist"
_PARAMETERS = {"gamma": 0.25, "delta": 2.0, "context_width": 1, "context": "ordered", "self_salt": False}
_MAKER, _MARKER = "assay demo", "demo.json"
_MARKS = ("mark.toml", "mark.key", "other.toml", "other.key")
_TEXTS = ("marked.jsonl", "unmarked.jsonl", "human.jsonl", "spliced.jsonl")
_RUNS = ("marked.jsonl.run.json", "unmarked.jsonl.run.json")
PAGE, PICTURE = "report.html", "report.png"
FILES = (*_MARKS, *_TEXTS, *_RUNS, PAGE, PICTURE)
"""Every file that the demo writes, beside its marker."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Passage:
    """A human text and where it comes from."""

    title: str
    text: str


@dataclass(frozen=True)
class DemoResult:
    """Where the demo wrote, what it found, how long it took."""

    out: Path
    findings: Findings
    wall_s: float

    def to_record(self) -> dict[str, Any]:
        """Return the outcome on one line, JSON-ready."""
        files = {"page": str(self.out / PAGE), "picture": str(self.out / PICTURE), "numbers": str(self.out / _MARKER)}
        return {**self.findings.summary(), **files, "wall_s": round(self.wall_s, 1)}


def run_demo(out: Path, seed: int, say: Say = lambda line: None) -> DemoResult:
    """Run the demo into `out` and narrate it, a line at a time, to `say`.

    Raises:
        DataError: if `out` is not new, empty, or an earlier demo's.
    """
    began = time.monotonic()
    folder = OwnedFolder(out, _MARKER, _MAKER, FILES)
    folder.claim()
    mark, other = make_mark(out / "mark.toml"), make_mark(out / "other.toml")
    say(f"1. A new mark, {out / 'mark.toml'}, with its secret key beside it; and another, to test with the wrong key.")
    model = load_model(EMBEDDED, resolve(EMBEDDED), device="cpu", dtype="float32")
    with _one_thread():
        marked = _generate(out / "marked.jsonl", mark, model, seed, say)
        unmarked = _generate(out / "unmarked.jsonl", None, model, seed, say)
    human = human_passages()
    _write(out / "human.jsonl", [{"id": p.title, "text": p.text} for p in human])
    say(
        f"   {len(marked)} marked texts from the embedded model, the same prompts unmarked, {len(human)} passages by people."
    )
    pasted = _paste(marked, human[0])
    edit = pasted.splice
    _write(out / "spliced.jsonl", [{"id": "spliced", "text": edit.text, "pasted": [edit.start, edit.stop]}])
    findings = examine(mark, other, seed, marked, unmarked, human, pasted)
    _narrate(findings, say)
    with folder.writing():
        write_page(findings, out / PAGE, out)
        write_poster(findings, out / PICTURE)
        folder.mark(findings.to_record())
    say(f"4. The same to look at: {out / PAGE} (offline, any browser) and {out / PICTURE}")
    return DemoResult(out, findings, time.monotonic() - began)


def human_passages() -> list[Passage]:
    """Return the human texts that come with the toolkit (`human.txt`: a line `# title`, then the passage)."""
    content = (Path(__file__).parent / "human.txt").read_text(encoding="utf-8")
    parts = re.split(r"^# (.+)$", content, flags=re.MULTILINE)[1:]
    return [Passage(title, text.strip()) for title, text in zip(parts[::2], parts[1::2], strict=True)]


def make_mark(path: Path) -> LoadedMark:
    """Make a mark for the embedded model, with the defaults of `assay mark new`."""
    tokenizer = load_tokenizer(resolve(EMBEDDED))
    draft = Profile(_SCHEME, _PARAMETERS, "", "", EMBEDDED, tokenizer.fingerprint, tokenizer.vocab_size)
    return new_mark(path, draft)


def _generate(path: Path, loaded: LoadedMark | None, model: CausalModel, seed: int, say: Say) -> list[str]:
    """Write a text for each prompt, as `assay generate` does, and return them in the order of the prompts."""
    decoding = Decoding(_MAX_NEW_TOKENS, batch_size=len(PROMPTS), seed=seed)
    run = GenerationRun(str(path), PromptSource(texts=PROMPTS), loaded, decoding, (EMBEDDED, "", "float32"))
    run.write(model, say)
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [record["text"] for record in sorted(records, key=lambda record: int(record["id"]))]


@contextmanager
def _one_thread() -> Generator[None]:
    """Let torch use one thread: for a model this small more gain nothing, and cost 5 times the time on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _write(path: Path, records: Sequence[dict[str, Any]]) -> None:
    with JsonLinesWriter(str(path)) as writer:
        writer.write_all(records)


def _paste(marked: Sequence[str], host: Passage) -> Pasted:
    """Paste the first half of the longest marked text between two sentences in the middle of a human one."""
    longest = max(range(len(marked)), key=lambda i: len(marked[i]))
    text = marked[longest]
    half = text[: word_break(text, len(text) // 2)].strip()
    at = sentence_break(host.text, len(host.text) // 2)
    return Pasted(splice(host.text, half, at), longest + 1, host.title)


def examine(
    mark: LoadedMark,
    other: LoadedMark,
    seed: int,
    marked: Sequence[str],
    unmarked: Sequence[str],
    human: Sequence[Passage],
    pasted: Pasted,
) -> Findings:
    """Test every text with both keys, and trace the four that are drawn."""
    texts: list[tuple[str, Kind, str]] = [
        *((f"marked {i}", "marked", text) for i, text in enumerate(marked, 1)),
        *((f"unmarked {i}", "unmarked", text) for i, text in enumerate(unmarked, 1)),
        *((passage.title.split(",")[0], "human", passage.text) for passage in human),
        ("spliced", "spliced", pasted.splice.text),
    ]
    right, wrong = (_look([text for _, _, text in texts], loaded) for loaded in (mark, other))
    rows = tuple(Row(name, kind, a, b) for (name, kind, _), a, b in zip(texts, right, wrong, strict=True))
    whole = marked[pasted.number - 1]
    with_key = trace([whole, pasted.splice.text, human[0].text], mark)
    names = (pasted.source, "half of it, pasted", "the human text", f"{pasted.source}, other key")
    curves = tuple(Curve(name, t) for name, t in zip(names, [*with_key, *trace([whole], other)], strict=True))
    return Findings(seed, ALPHA, mark.profile, rows, pasted, with_key[1], curves, tuple(p.title for p in human))


def _look(texts: Sequence[str], loaded: LoadedMark) -> list[Look]:
    detector = MarkDetector([loaded], Threshold(ALPHA), spans=True)
    return [Look(detections[0], detector.decide(detections)) for detections in detector.detect(texts)]


def _narrate(findings: Findings, say: Say) -> None:
    say(
        f"2. Each text tested with both keys; of {1 / findings.alpha:,.0f} unmarked texts at most one is to be flagged:"
    )
    say(
        f"   {'text':<16}{'tokens':>6}{'green':>7}{'scored':>8}{'p, whole':>11}{'stretch':>10}   {'verdict':<14}with the other key"
    )
    for row in findings.rows:
        seen = row.right.detection
        say(
            f"   {row.name:<16}{seen.n_tokens:>6}{seen.statistic:>7.0f}{seen.n_scored:>8}{p_plain(row.right.whole_log10_p):>11}"
            f"{p_plain(row.right.stretch_log10_p):>10}   {_shown(row.right):<14}{_shown(row.wrong)}"
        )
    *sentences, located = headline(findings)
    for sentence in [*sentences, *surprises(findings)]:
        say(f"   {sentence}")
    start, stop = findings.truth
    found = ", ".join(f"{span.start} to {span.stop} (p {p_plain(span.log10_p)})" for span in findings.spans)
    say(f"3. {located}")
    say(f"   Characters {start} to {stop} were pasted; found: {found or 'none'}.")


def _shown(look: Look) -> str:
    return look.decision.verdict.replace("_", " ")
