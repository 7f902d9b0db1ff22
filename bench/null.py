"""False alarms on 10,000 human passages, under random keys and under one fixed key at a time, also where passages repeat themselves.

Two questions. Over keys: is the mean count below alpha what the exact test promises? Under one key, as a detector is used: does each
key's count stay inside the binomial interval? The second is what the list of common word sequences is for; the run without it
is shown beside. The reference is the level that discrete counts can reach (below alpha), summed over the passages' numbers of
scored tokens.
"""

import sys

import numpy as np
import record
from assay.detect.evidence import gather
from assay.detect.exact import binomial_log10_sf_batch
from assay.detect.tokens import tokenize
from assay.models import resolve
from assay.watermark.common import common_words
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from assay.watermark.tokenizer import load_tokenizer
from scipy.stats import binom

PASSAGES = 10_000
KEYS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
ALPHAS = (1e-2, 1e-3, 1e-4)
SHAPES = {
    "width 1": {},
    "width 1, nothing left out": {"skip": "none"},
    "width 2": {"context_width": 2},
    "width 4": {"context_width": 4},
    "minhash 4": {"context_width": 4, "context": "minhash"},
    "minhash 4, nothing left out": {"context_width": 4, "context": "minhash", "skip": "none"},
    "minhash 3, self-salted (warned)": {"context_width": 3, "context": "minhash", "self_salt": True},
    "width 0 (abstains)": {"context_width": 0},
}


def main() -> None:
    tokenizer = load_tokenizer(resolve("embedded"))
    passages = record.human_passages(PASSAGES)
    plain = tokenize(passages, tokenizer)
    repeating = tokenize([(p[:300] + "\n") * 4 for p in passages], tokenizer)
    figures = {name: spread(plain, tokenizer, **shape) for name, shape in SHAPES.items()}
    figures["width 1, passages that repeat their first 300 characters 4 times"] = spread(repeating, tokenizer)
    record.write(__file__, figures, passages=PASSAGES, keys=KEYS, gamma=0.25, seed=0)


def spread(tokens, tokenizer, skip: str = "en-1", **shape) -> dict:
    rng = np.random.default_rng(0)
    counts, scored = [], np.empty(0)
    for _ in range(KEYS):
        mark = GreenList(Key(rng.bytes(32)), **shape)
        batch = gather(tokens, mark, common_words(skip, tokenizer, mark.hash_key))
        log10_p = binomial_log10_sf_batch(batch.n_positive, batch.n_scored, mark.gamma)
        counts.append([int((log10_p <= np.log10(alpha)).sum()) for alpha in ALPHAS])
        scored = batch.n_scored
    table = np.array(counts)
    result = {
        "scored tokens": round(float(scored.mean()), 1),
        "first fixed key": dict(zip(map(str, ALPHAS), counts[0], strict=True)),
    }
    for column, alpha in enumerate(ALPHAS):
        level = reachable_level(scored, alpha)
        low, high = binom.ppf([0.005, 0.995], PASSAGES, level)
        inside = float(((table[:, column] >= low) & (table[:, column] <= high)).mean())
        result[str(alpha)] = {
            "expected": round(PASSAGES * level, 2),
            "mean over keys": round(float(table[:, column].mean()), 2),
            "standard error of that mean": round(float(table[:, column].std(ddof=1) / KEYS**0.5), 2),
            "standard deviation over keys": round(float(table[:, column].std(ddof=1)), 2),
            "binomial standard deviation": round(float((PASSAGES * level * (1 - level)) ** 0.5), 2),
            "99 % binomial interval": [int(low), int(high)],
            "keys inside it": inside,
            "worst key": int(table[:, column].max()),
        }
    return result


def reachable_level(scored: np.ndarray, alpha: float) -> float:
    """Return the mean over passages of the largest attainable p-value at most alpha."""
    total = 0.0
    for n, passages in zip(*np.unique(scored, return_counts=True), strict=True):
        tails = binom.sf(np.arange(-1, n), n, 0.25)
        total += passages * max(tails[tails <= alpha], default=0.0)
    return total / len(scored)


if __name__ == "__main__":
    main()
