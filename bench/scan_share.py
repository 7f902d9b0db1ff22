"""Corpora of ten million documents made of real passages: the estimated share and its interval, and false discoveries.

Unmarked: non-overlapping passages of 100 to 3,000 characters of the human corpus, without the files that the list of common pairs
was made of. Each replication scores ALL of them under a key of its own, as a scan has one key, so that whatever they share is in
its counts. Marked: pieces of 25 to 300 tokens of texts that the embedded model wrote under several keys, scored by the same
`MarkDetector`. A corpus of N documents is drawn from both with replacement; a passage drawn again is an exact copy, which the tally
sees by its hash. Numbers of scored tokens and of green ones are all that a tally keeps of a document, so counts of drawn passages
are put into its bins directly; one corpus of ten million rows goes through `Tally.add` itself.

Coverage: the chance that the 95 % interval holds the true share of the tested documents. False discoveries: the mean over
replications of the false share among those called at a false discovery rate of 10 %, with its standard error.
"""

import io
import json
import sys
import time
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import record
import zstandard
from assay.corpus.prompts import Prompt
from assay.corpus.report_numbers import discoveries
from assay.corpus.share import marked_share
from assay.corpus.tally import Tally
from assay.corpus.tally_bins import DEPTH_EDGES, P_EDGES, TOKEN_EDGES, depth_bins, p_bins, token_bins
from assay.corpus.tally_detector import randomised
from assay.detect.detection import Threshold
from assay.detect.evidence import gather
from assay.detect.exact import binomial_log10_sf_batch
from assay.detect.intervals import binomial_interval
from assay.detect.marks import MarkDetector
from assay.detect.tokens import tokenize
from assay.models import resolve
from assay.watermark.common import common_words
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from assay.watermark.model import load_model
from assay.watermark.profile import LoadedMark, Profile
from assay.watermark.tokenizer import load_tokenizer

REPLICATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 50
GAMMA, MIN_TOKENS, FDR = 0.25, 20, 0.1
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SHARES = (0.0, 0.001, 0.01, 0.2)
TEXT_KEYS, TEXTS, PIECES = 6, 96, 10
CELLS = len(TOKEN_EDGES) * len(DEPTH_EDGES)
FILES = ("test", "valid", "train-02", "train-03", "train-04", "train-05")


def main() -> None:
    rng = np.random.default_rng(0)
    marked = marked_pool(rng)
    tokenizer = load_tokenizer(resolve("embedded"))
    tokens = tokenize(human_passages(rng), tokenizer)
    runs = {(n, share): [] for n in SIZES for share in SHARES}
    whole = {}
    for replication in range(REPLICATIONS):
        mark = GreenList(Key(rng.bytes(32)))
        batch = gather(tokens, mark, common_words("en-1", tokenizer, mark.hash_key))
        human = np.column_stack((batch.n_scored, batch.n_positive))
        pools = [Pool(human[human[:, 0] >= MIN_TOKENS], rng), Pool(marked, rng)]
        for (n, share), found in runs.items():
            found.append(one(n, share, pools, rng))
        if replication == 0:
            whole = through_the_tally(pools, rng)
        print(replication, file=sys.stderr, flush=True)
    figures = {f"{n} documents, {share:.1%} marked": summary(found) for (n, share), found in runs.items()}
    record.write(
        __file__, {**figures, "10000000 rows through Tally.add, 1.0% marked": whole},
        replications=REPLICATIONS, human_passages=int((human[:, 0] >= MIN_TOKENS).sum()), marked_pieces=len(marked),
        gamma=GAMMA, false_discovery_rate=FDR, seed=0, bar="the share within its interval; false discovery rate at most 10 %",
    )  # fmt: skip


class Pool:
    """Passages as (scored, green) pairs, with their bins; the uniform number of each is fixed, as a hash fixes it."""

    def __init__(self, pairs: np.ndarray, rng: np.random.Generator) -> None:
        self.n, self.green = pairs.astype(np.int64).T.copy()
        self.log10_p = binomial_log10_sf_batch(self.green, self.n, GAMMA)
        self.hashes = rng.integers(0, 2**64, (len(self.n), 2), np.uint64)
        u = ((self.hashes[:, 1] >> np.uint64(11)).astype(np.float64) + 1.0) / 2.0**53
        depth = depth_bins(randomised(self.log10_p, self.green, self.n, u, GAMMA))
        self.cell = token_bins(self.n) * len(DEPTH_EDGES) + depth
        self.bin = p_bins(self.log10_p)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return how often each passage is drawn."""
        return np.bincount(rng.integers(0, len(self.n), n), minlength=len(self.n))


def one(n: int, share: float, pools: list[Pool], rng: np.random.Generator) -> dict:
    n_marked = int(rng.binomial(n, share))
    drawn = [pool.draw(size, rng) for pool, size in zip(pools, (n - n_marked, n_marked), strict=True)]
    table = sum(np.bincount(p.cell, d, minlength=CELLS) for p, d in zip(pools, drawn, strict=True)).astype(np.int64)
    by_p = [np.bincount(p.bin, d, minlength=len(P_EDGES)).astype(np.int64) for p, d in zip(pools, drawn, strict=True)]
    distinct = sum(int((d > 0).sum()) for d in drawn) / n
    begun = time.process_time()
    found = marked_share(table.reshape(len(TOKEN_EDGES), -1), GAMMA, distinct)
    seconds = time.process_time() - begun
    called = discoveries(by_p[0] + by_p[1], FDR)
    first = np.searchsorted(P_EDGES, -called.log10_threshold) if called.n else len(P_EDGES)
    false, true = (int(counts[first:].sum()) for counts in by_p)
    return {
        "true": n_marked / n, "share": found.share, "low": found.low, "high": found.high, "seconds": seconds,
        "false": false / max(false + true, 1), "power": true / max(n_marked, 1), "false above alpha": int(by_p[0][np.searchsorted(P_EDGES, 3.0):].sum()) / (n * 1e-3),
    }  # fmt: skip


def summary(found: list[dict]) -> dict:
    covered = sum(one["low"] <= one["true"] <= one["high"] for one in found)
    limits = binomial_interval(covered, len(found), 0.95)
    true = np.array([max(one["true"], 1e-300) for one in found])
    column = {name: np.array([one[name] for one in found]) for name in found[0]}
    result = {
        "coverage": covered / len(found),
        "95 %": [round(limits.low, 3), round(limits.high, 3)],
        "mean false discovery proportion": round(float(column["false"].mean()), 4),
        "standard error of it": round(float(column["false"].std(ddof=1) / len(found) ** 0.5), 4),
        "documents below p = 0.001 of unmarked text, over N p": round(float(column["false above alpha"].mean()), 3),
        "seconds a share": round(float(column["seconds"].mean()), 2),
    }
    if column["true"].max() == 0.0:
        return {**result, "median upper bound": float(f"{np.median(column['high']):.3g}")}
    return {
        **result,
        "median estimate over truth": round(float(np.nanmedian(column["share"] / true)), 3),
        "root mean square error over truth": round(float(np.sqrt(np.nanmean((column["share"] / true - 1.0) ** 2))), 3),
        "median interval over truth": [round(float(np.median(column[end] / true)), 3) for end in ("low", "high")],
        "marked documents found at the false discovery rate": round(float(column["power"].mean()), 4),
    }


def through_the_tally(pools: list[Pool], rng: np.random.Generator, n: int = 10_000_000, share: float = 0.01) -> dict:
    """Return the share of one corpus whose rows all went through `Tally.add`, 20,000 at a time, and what that took."""
    info = {"name": "mark", "gamma": GAMMA}
    tally, true, seconds = Tally([info], 1e-3), 0, 0.0
    for _ in range(0, n, 20_000):
        n_marked = int(rng.binomial(20_000, share))
        true += n_marked
        at = [rng.integers(0, len(p.n), size) for p, size in zip(pools, (20_000 - n_marked, n_marked), strict=True)]
        rows = table([np.concatenate([getattr(p, name)[i] for p, i in zip(pools, at, strict=True)])
                      for name in ("n", "green", "log10_p", "hashes")])  # fmt: skip
        begun = time.process_time()
        tally.add(rows)
        seconds += time.process_time() - begun
    text = json.dumps(tally.to_record())
    distinct = tally.distinct.estimate / n
    found = marked_share(tally.detectors["mark"].depths, GAMMA, min(distinct, 1.0))
    return {
        "true": true / n, "estimate": round(found.share, 6), "interval": [round(found.low, 6), round(found.high, 6)],
        "distinct documents": round(distinct * n), "microseconds a document": round(seconds / n * 1e6, 2),
        "bytes of the tally": len(text), "blake2b of the tally": blake2b(text.encode(), digest_size=8).hexdigest(),
    }  # fmt: skip


def table(columns: list[np.ndarray]) -> pa.Table:
    n, green, log10_p, hashes = columns
    size = len(n)
    verdict = pa.array(np.where(log10_p <= -3.0, "detected", "not_detected"))
    packed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), size, [None, pa.py_buffer(hashes.astype(">u8").tobytes())]
    )
    empty = pa.array(np.full(size, ""))
    return pa.table({
        "n_chars": pa.array((n * 4).astype(np.int32)), "hash": packed, "language": pa.array(np.full(size, "en")),
        "declared": empty, "verdict": verdict, "log10_p": pa.array(log10_p), "reasons": empty, "error": empty,
        "host": empty, "file": empty, "mark.log10_p": pa.array(log10_p), "mark.statistic": pa.array(green.astype(float)),
        "mark.n_scored": pa.array(n.astype(np.int32)), "mark.verdict": verdict,
    })  # fmt: skip


def human_passages(rng: np.random.Generator) -> list[str]:
    passages = []
    for name in FILES:
        with open(record.shared_data() / "corpus" / f"{name}.jsonl.zst", "rb") as file:
            reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file)
            for line in io.TextIOWrapper(reader, encoding="utf-8"):
                text, at = json.loads(line)["text"], 0
                while at < len(text) - 100:
                    size = int(np.exp(rng.uniform(np.log(100), np.log(3000))))
                    passages.append(text[at : at + size])
                    at += size
    return passages


def marked_pool(rng: np.random.Generator) -> np.ndarray:
    """Return (M, 2) scored and green tokens of pieces of marked texts, of those long enough to be tested."""
    model = load_model("embedded", resolve("embedded"))
    tokenizer, pairs = model.text_tokenizer, []
    for seed in range(TEXT_KEYS):
        key = Key(rng.bytes(32))
        mark = GreenList(key)
        profile = Profile("greenlist", mark.parameters, "", key.fingerprint, "embedded", tokenizer.fingerprint,
                          tokenizer.vocab_size, skip_common="en-1")  # fmt: skip
        loaded = LoadedMark(Path("mark.toml"), profile, mark)
        decoding = Decoding(max_new_tokens=300, min_new_tokens=300, batch_size=32, seed=seed)
        prompts = [Prompt(str(i), "", {}) for i in range(TEXTS)]
        pieces = []
        for ids in (
            model.tokenizer(r["text"]).input_ids for b in generate(prompts, model, loaded, decoding) for r in b.records
        ):
            for size in np.exp(rng.uniform(np.log(25), np.log(len(ids)), PIECES)).astype(int):
                start = int(rng.integers(0, len(ids) - size + 1))
                pieces.append(model.tokenizer.decode(ids[start : start + size]))
        found = [d[0] for d in MarkDetector([loaded], Threshold(1e-3, min_tokens=1)).detect(pieces)]
        pairs += [(d.n_scored, d.statistic) for d in found if d.n_scored >= MIN_TOKENS]
    return np.array(pairs).astype(np.int64)


if __name__ == "__main__":
    main()
