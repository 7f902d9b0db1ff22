"""Where the mark is: false alarms of the span search on human text, and how well pasted marked text is located.

Null: 10,000 human passages under one fixed key after another; a passage with any significant span is a false alarm (family-wise, so
at most alpha). Mixtures: the first part of a marked text of the embedded model pasted at a random word of a human passage of about
300 tokens; intersection over union of the found spans with the truth, in characters. Overruns are counted against it.
"""

import sys
from pathlib import Path

import numpy as np
import record
from assay.corpus.prompts import Prompt
from assay.detect.detection import Threshold
from assay.detect.intervals import binomial_interval
from assay.detect.marks import MarkDetector
from assay.eval.overlap import character_iou
from assay.eval.splice import splice, word_break
from assay.models import resolve
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from assay.watermark.model import load_model
from assay.watermark.profile import LoadedMark, Profile

PASSAGES, KEYS = 10_000, int(sys.argv[1]) if len(sys.argv) > 1 else 10
TEXTS = 200
LENGTHS = (25, 50, 100, 200)


def main() -> None:
    model = load_model("embedded", resolve("embedded"))
    rng = np.random.default_rng(0)
    passages = record.human_passages(PASSAGES)
    figures = {f"null, alpha {alpha}": null(model, passages, alpha, rng) for alpha in (1e-2, 1e-3)}
    mark = loaded(Key(rng.bytes(32)), model)
    prompts = [Prompt(str(i), "", {}) for i in range(TEXTS)]
    batches = generate(prompts, model, mark, Decoding(max_new_tokens=200, min_new_tokens=200, batch_size=25))
    marked = [r["text"] for batch in batches for r in batch.records]
    for length in LENGTHS:
        figures[f"mixture, {length} marked tokens"] = mixture(model, mark, marked, passages, length, rng)
    record.write(__file__, figures, passages=PASSAGES, keys=KEYS, texts=TEXTS, gamma=0.25, delta=2.0, alpha=1e-3)


def loaded(key: Key, model) -> LoadedMark:
    mark, tokenizer = GreenList(key), model.text_tokenizer
    profile = Profile(
        "greenlist", mark.parameters, "", key.fingerprint, "embedded", tokenizer.fingerprint, tokenizer.vocab_size
    )
    return LoadedMark(Path("mark.toml"), profile, mark)


def null(model, passages: list[str], alpha: float, rng: np.random.Generator) -> dict:
    counts = []
    for _ in range(KEYS):
        detector = MarkDetector([loaded(Key(rng.bytes(32)), model)], Threshold(alpha), spans=True)
        best = np.array([d[0].best_span_log10_p or 0.0 for d in detector.detect(passages)])
        counts.append(int((best <= np.log10(alpha)).sum()))
    interval = binomial_interval(sum(counts), PASSAGES * KEYS)
    return {"passages with a false span, by key": counts, "rate": sum(counts) / (PASSAGES * KEYS),
            "99 %": [round(interval.low, 6), round(interval.high, 6)]}  # fmt: skip


def mixture(
    model, mark: LoadedMark, marked: list[str], passages: list[str], length: int, rng: np.random.Generator
) -> dict:
    detector = MarkDetector([mark], Threshold(1e-3), spans=True)
    hosts = rng.choice(len(passages), len(marked), replace=False)
    edits = []
    for text, host in zip(marked, hosts, strict=True):
        piece = model.tokenizer.decode(model.tokenizer(text).input_ids[:length]).strip()
        at = word_break(passages[host], int(rng.integers(0, len(passages[host]))))
        edits.append(splice(passages[host], piece, at))
    found = detector.detect([edit.text for edit in edits])
    ious = np.array([
        character_iou([(s.start, s.stop) for s in d[0].spans], [(e.start, e.stop)]) for d, e in zip(found, edits, strict=True)
    ])  # fmt: skip
    located = np.array([bool(d[0].spans) for d in found])
    return {
        "mixtures": len(edits),
        "located": float(located.mean()),
        "detected by the whole text at 1e-3": float(np.mean([d[0].log10_p <= -3 for d in found])),
        "mean IoU": round(float(ious.mean()), 3),
        "mean IoU where located": round(float(ious[located].mean()), 3) if located.any() else None,
        "mean number of spans": round(float(np.mean([len(d[0].spans) for d in found])), 2),
    }


if __name__ == "__main__":
    main()
