"""Corpora made of real passages: the estimated share and its interval, and false discoveries; and where the share is known to fail.

Unmarked: non-overlapping passages of 100 to 3,000 characters of the human corpus, without the files that the list of common pairs
was made of. Each replication scores ALL of them under a key of its own, as a scan has one key, so that whatever they share is in
its counts. Marked: pieces of 25 to 300 tokens of texts that the embedded model wrote under several keys, scored by the same
`MarkDetector`. Up to 100,000 documents no human passage is drawn twice (a marked piece may be, and counts as another document). There
are not more different passages at hand, so corpora of a million and ten million are made of copies: drawn with replacement, a
passage drawn again is an exact copy, and the share is that of the distinct documents, read off the tally's sample of them.
Numbers of scored tokens and of green ones are all that a tally keeps of a document, so counts of drawn passages are put into its
bins directly; one corpus of two million rows goes through `Tally.add` itself.

Coverage: the chance that the 95 % interval holds the true share of the tested documents. False discoveries: the mean over
replications of the false share among those called at a false discovery rate of 10 %, with its standard error.

Known failures are simulated from the law itself: pages marked in part, and short texts marked more weakly than long ones.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import record
import zstandard
from assay.corpus.prompts import Prompt
from assay.corpus.report import build_report
from assay.corpus.report_numbers import discoveries
from assay.corpus.share import marked_share
from assay.corpus.tally import Tally
from assay.corpus.tally_bins import DEPTH_EDGES, P_EDGES, TOKEN_EDGES, depth_bins, p_bins, token_bins
from assay.corpus.tally_detector import randomised
from assay.corpus.tally_distinct import DistinctDocuments
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

REPLICATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
GAMMA, MIN_TOKENS, FDR = 0.25, 20, 0.1
DRAWN = {(n, share): 1 for n in (18, 50, 100, 300) for share in (0.0, 0.05, 0.3)}
DRAWN |= {(n, share): 1 for n in (10_000, 100_000) for share in (0.0, 0.001, 0.01, 0.2)}
COPIED = {(n, share): every for n, every in ((1_000_000, 1), (10_000_000, 4)) for share in (0.0, 0.01)}
"""By documents and share marked: every how many replications."""

TEXT_KEYS, TEXTS, PIECES = 6, 96, 10
FAILURES, FAILING = 10, 20_000
CELLS = len(TOKEN_EDGES) * len(DEPTH_EDGES)
FILES = ("test", "valid", "train-02", "train-03", "train-04", "train-05")


def main() -> None:
    rng = np.random.default_rng(0)
    marked = marked_pool(rng)
    tokenizer = load_tokenizer(resolve("embedded"))
    tokens = tokenize(human_passages(rng), tokenizer)
    runs = {case: [] for case in DRAWN | COPIED}
    whole = {}
    for replication in range(REPLICATIONS):
        mark = GreenList(Key(rng.bytes(32)))
        batch = gather(tokens, mark, common_words("en-1", tokenizer, mark.hash_key))
        human = np.column_stack((batch.n_scored, batch.n_positive))
        pools = [Pool(human[human[:, 0] >= MIN_TOKENS], rng), Pool(marked, rng)]
        for case, every in (DRAWN | COPIED).items():
            if replication % every == 0:
                runs[case].append((one if case in DRAWN else copied)(*case, pools, rng))
        if replication == 0:
            whole = through_the_tally(pools, rng)
        print(replication, file=sys.stderr, flush=True)
    figures = {
        f"{n} documents{', many copies' * ((n, share) in COPIED)}, {share:.1%} marked": summary(found)
        for (n, share), found in runs.items()
    }
    record.write(
        __file__, {
            **figures, "2000000 rows through Tally.add, many copies, 1.0% marked": whole,
            "known failures": {"5 to 50 % of each marked page is marked": failing(rng, partly),
                               "short texts are marked more weakly": failing(rng, weaker_when_short)},
        },
        replications=REPLICATIONS, replications_at_ten_million=len(runs[10_000_000, 0.0]), human_passages=int((human[:, 0] >= MIN_TOKENS).sum()),
        marked_pieces=len(marked), gamma=GAMMA, false_discovery_rate=FDR, seed=0,
        bar="the share within its interval; false discovery rate at most 10 %; not met by the known failures",
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

    def at(self, which: np.ndarray, rng: np.random.Generator) -> "Pool":
        """Return these passages as documents of their own."""
        return Pool(np.column_stack((self.n[which], self.green[which])), rng)


def one(n: int, share: float, pools: list[Pool], rng: np.random.Generator) -> dict:
    """Return what is found in n different documents."""
    n_marked = int(rng.binomial(n, share))
    human, marked = pools
    again = marked.at(rng.integers(0, len(marked.n), n_marked), rng)
    at = rng.choice(len(human.n), n - n_marked, replace=False)
    table = np.bincount(np.concatenate((human.cell[at], again.cell)), minlength=CELLS).astype(np.int64)
    by_p = [np.bincount(bins, minlength=len(P_EDGES)).astype(np.int64) for bins in (human.bin[at], again.bin)]
    return figures_of(n_marked / n, table, by_p, sampled=False)


def copied(n: int, share: float, pools: list[Pool], rng: np.random.Generator) -> dict:
    """Return what is found in n documents drawn with replacement; the share is of the distinct ones."""
    n_marked = int(rng.binomial(n, share))
    documents, drawn, by_p = DistinctDocuments(1), [], []
    for pool, size in zip(pools, (n - n_marked, n_marked), strict=True):
        at = rng.integers(0, len(pool.n), size)
        for begin in range(0, size, 100_000):
            part = at[begin : begin + 100_000]
            documents.add(pool.hashes[part, 0], pool.cell[part, None].astype(np.int16))
        drawn.append(len(np.unique(at)))
        by_p.append(np.bincount(pool.bin[at], minlength=len(P_EDGES)).astype(np.int64))
    if not documents.copies_matter or documents.complete:
        raise RuntimeError("a corpus of copies was not seen as one")
    return figures_of(drawn[1] / sum(drawn), documents.counts(0, CELLS), by_p, sampled=True)


def figures_of(true: float, table: np.ndarray, by_p: list[np.ndarray], *, sampled: bool) -> dict:
    begun = time.process_time()
    found = marked_share(table.reshape(len(TOKEN_EDGES), -1), GAMMA, sampled=sampled)
    seconds = time.process_time() - begun
    called = discoveries(by_p[0] + by_p[1], FDR)
    first = np.searchsorted(P_EDGES, -called.log10_threshold) if called.n else len(P_EDGES)
    (false, positive), unmarked = (int(counts[first:].sum()) for counts in by_p), int(by_p[0].sum())
    return {
        "true": true, "share": found.share, "low": found.low, "high": found.high, "seconds": seconds,
        "false": false / max(false + positive, 1), "power": positive / max(int(by_p[1].sum()), 1) if by_p[1].any() else np.nan,
        "false above alpha": int(by_p[0][np.searchsorted(P_EDGES, 3.0):].sum()) / (unmarked * 1e-3),
    }  # fmt: skip


def failing(
    rng: np.random.Generator, draw: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
) -> dict:
    """Return coverage and bias where a twentieth of 21,000 simulated documents are marked as `draw` says."""
    found = []
    for _ in range(FAILURES):
        n = np.exp(rng.uniform(np.log(30), np.log(1500), FAILING)).astype(np.int64)
        lengths, rates = draw(FAILING // 20, rng)
        pairs = np.column_stack(
            (
                np.append(n, lengths),
                np.append(rng.binomial(n, GAMMA), rng.binomial(lengths, GAMMA + (1.0 - GAMMA) * rates)),
            )
        )
        table = np.bincount(Pool(pairs, rng).cell, minlength=CELLS).astype(np.int64).reshape(len(TOKEN_EDGES), -1)
        share, true = marked_share(table, GAMMA), 1.0 / 21.0
        found.append((share.low <= true <= share.high, share.share / true, share.low / true, share.high / true))
    held, estimate, low, high = np.array(found, np.float64).T
    return {"coverage": float(held.mean()), "median estimate over truth": round(float(np.nanmedian(estimate)), 3),
            "median interval over truth": [round(float(np.median(end)), 3) for end in (low, high)]}  # fmt: skip


def partly(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.exp(rng.uniform(np.log(100), np.log(1500), n)).astype(np.int64)
    return lengths, rng.beta(8, 6, n) * rng.uniform(0.05, 0.5, n)


def weaker_when_short(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.exp(rng.uniform(np.log(30), np.log(600), n)).astype(np.int64)
    rates = np.where(lengths < 120, rng.normal(0.2, 0.03, n), rng.normal(0.6, 0.08, n))
    return lengths, rates.clip(0.12, 0.95)


def summary(found: list[dict]) -> dict:
    covered = sum(one["low"] <= one["true"] <= one["high"] for one in found)
    limits = binomial_interval(covered, len(found), 0.95)
    column = {name: np.array([one[name] for one in found]) for name in found[0]}
    result = {
        "coverage": covered / len(found),
        "95 %": [round(limits.low, 3), round(limits.high, 3)],
        "mean false discovery proportion": round(float(column["false"].mean()), 4),
        "standard error of it": round(float(column["false"].std(ddof=min(len(found) - 1, 1)) / len(found) ** 0.5), 4),
        "documents below p = 0.001 of unmarked text, over N p": round(float(column["false above alpha"].mean()), 3),
        "seconds a share": round(float(column["seconds"].mean()), 2),
    }
    some = column["true"] > 0.0  # a small corpus may have no marked document
    true = column["true"][some]
    if not some.any():
        return {**result, "median upper bound": float(f"{np.median(column['high']):.3g}")}
    return {
        **result,
        "median estimate over truth": round(float(np.nanmedian(column["share"][some] / true)), 3),
        "root mean square error over truth": round(
            float(np.sqrt(np.nanmean((column["share"][some] / true - 1.0) ** 2))), 3
        ),
        "median interval over truth": [round(float(np.median(column[end][some] / true)), 3) for end in ("low", "high")],
        "marked documents found at the false discovery rate": round(float(np.nanmean(column["power"])), 4),
    }


def through_the_tally(pools: list[Pool], rng: np.random.Generator, n: int = 2_000_000, share: float = 0.01) -> dict:
    """Return the share of one corpus whose rows all went through `Tally.add`, 20,000 at a time, and what that took."""
    info = {"name": "mark", "gamma": GAMMA}
    tally, seen, seconds = Tally([info], 1e-3), [], 0.0
    for _ in range(0, n, 20_000):
        n_marked = int(rng.binomial(20_000, share))
        at = [rng.integers(0, len(p.n), size) for p, size in zip(pools, (20_000 - n_marked, n_marked), strict=True)]
        seen.append(at)
        rows = table([np.concatenate([getattr(p, name)[i] for p, i in zip(pools, at, strict=True)])
                      for name in ("n", "green", "log10_p", "hashes")])  # fmt: skip
        begun = time.process_time()
        tally.add(rows)
        seconds += time.process_time() - begun
    text = json.dumps(tally.to_record())
    found = build_report(tally, {}).data["detectors"][0]["share"]
    distinct = [len(np.unique(np.concatenate(drawn))) for drawn in zip(*seen, strict=True)]
    return {
        "true": round(distinct[1] / sum(distinct), 6), "estimate": found["share"], "interval": [found["low"], found["high"]],
        "distinct documents": sum(distinct), "told": round(tally.distinct.distinct), "microseconds a document": round(seconds / n * 1e6, 2),
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
