"""What scoring with every one-pass field costs beside the bare forward pass, and a loop in the peers' manner beside both.

Bar: scoring reaches 85 % of the throughput of `model(...).logits` at the same batches (embedded model, one thread, inference mode). The batches are full: equal
lengths, no padding, no overlap, so that both do the same rows. The peers' manner: one text at a time, whole log-softmax, ranks by argsort
(DetectGPT's `get_rank`), entropy, mean and variance by formula over the (L, V) arrays.
"""

import sys
import time
from statistics import median

import numpy as np
import record
import torch
from assay.detect.lm import LMScorer
from assay.detect.lm_scores import LMScores
from assay.models import resolve
from assay.watermark.model import load_model

LENGTH = 512
TEXTS = int(sys.argv[1]) if len(sys.argv) > 1 else 16
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 7


def main() -> None:
    torch.set_num_threads(1)
    figures = {}
    for dtype in ("float32", "bfloat16"):
        model = load_model("embedded", resolve("embedded"), device="cpu", dtype=dtype)
        texts = [cut(model, text) for text in record.human_passages(TEXTS, chars=8000, per_document=1)]
        scorer = LMScorer(model, context=LENGTH, batch_tokens=8 * LENGTH)
        inputs = torch.tensor([[0, *model.text_tokenizer.backend.encode(text).ids][:LENGTH] for text in texts])
        runs = {
            "bare forward pass": lambda model=model, inputs=inputs: bare(model.model, inputs),
            "assay, all fields": lambda scorer=scorer, texts=texts: list(scorer.score(texts)),
            "peers' manner, batch 1": lambda model=model, inputs=inputs: peers(model.model, inputs),
        }
        times = in_turns(runs)
        check(list(scorer.score(texts)))
        places = inputs.numel()
        bound = times["bare forward pass"]
        figures[dtype] = {
            name: {"us per token": round(ms / places * 1e3, 1), "of the bare throughput": round(bound / ms, 3)}
            for name, ms in times.items()
        }
    record.write(__file__, figures, texts=TEXTS, tokens=LENGTH, batch=8, threads=1, bar="assay, all fields: >= 0.85")


def in_turns(runs) -> dict[str, float]:
    """Return the median milliseconds of each run, once in each round after a round to warm up: they take seconds."""
    times = {name: [] for name in runs}
    for _ in range(ROUNDS + 1):
        for name, run in runs.items():
            begun = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - begun) * 1e3)
    return {name: median(values[1:]) for name, values in times.items()}


def cut(model, text: str) -> str:
    """Return the beginning of `text` that has LENGTH - 1 tokens, which with the start token fill one window."""
    encoding = model.text_tokenizer.backend.encode(text)
    return text[: encoding.offsets[LENGTH - 2][1]]


def bare(model, inputs) -> None:
    with torch.inference_mode():
        for batch in inputs.split(8):
            model(input_ids=batch, use_cache=False).logits  # noqa: B018 (computing them is the point)


def peers(model, inputs) -> None:
    with torch.inference_mode():
        for row in inputs:
            logits = model(input_ids=row[None], use_cache=False).logits[0, :-1].float()
            log_q = torch.log_softmax(logits, -1)
            q = torch.softmax(logits, -1)
            log_q.gather(1, row[1:, None]).mean()
            place = (logits.argsort(-1, descending=True) == row[1:, None]).nonzero()[:, 1]
            (place.float() + 1).log().mean()
            mu = (q * log_q).sum(-1)
            ((q * log_q.square()).sum(-1) - mu.square()).sum()


def check(scores: list[LMScores]) -> None:
    """Stop if the texts did not fill their windows: the ratio would be of different work."""
    lengths = {len(s) for s in scores}
    if (
        not np.isfinite([s.log_prob.sum() for s in scores]).all()
        or max(lengths) > LENGTH - 1
        or min(lengths) < LENGTH - 8
    ):
        sys.exit(f"the texts have {sorted(lengths)} tokens, expected {LENGTH - 1}")


if __name__ == "__main__":
    main()
