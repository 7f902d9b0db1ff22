"""Detection from ids: de-duplicated, with the exact p-value of every document, against transformers' `WatermarkDetector`.

Bar: at least 20 million tokens a second on one core. Both read the same Zipf-distributed ids, vocabulary 50,257.
"""

import numpy as np
import record
import torch
from assay.detect.evidence import gather
from assay.detect.exact import binomial_log10_sf_batch
from assay.detect.tokens import Tokens
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from assay.watermark.pairs import CommonSet
from transformers import GPT2Config, WatermarkDetector, WatermarkingConfig

VOCABULARY = 50_257
TOKENS = 2_000_000


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    ids = (rng.zipf(1.2, TOKENS) % VOCABULARY).astype(np.int32)
    common = CommonSet(rng.integers(0, 2**63, 10_000).astype(np.uint64) * np.uint64(2))
    figures = {}
    for length in (200, 1000, TOKENS):
        tokens = Tokens(ids, np.arange(0, TOKENS + 1, length), np.zeros(VOCABULARY, np.bool_))
        for name, mark in marks():
            ms = record.timed_ms(lambda tokens=tokens, mark=mark: detect(tokens, mark, common), 2.0)
            figures[f"assay {name}, documents of {length}"] = {"tokens per second": round(TOKENS / ms * 1e3)}
    config = GPT2Config(vocab_size=VOCABULARY)
    peer_config = WatermarkingConfig(greenlist_ratio=0.25, seeding_scheme="lefthash", context_width=1)
    peer = WatermarkDetector(
        model_config=config, device="cpu", watermarking_config=peer_config, ignore_repeated_ngrams=True
    )
    for length in (200, 1000):
        some = torch.from_numpy(ids[: 8 * length].reshape(8, length).astype(np.int64))
        ms = record.timed_ms(lambda some=some: peer(some, return_dict=True), 2.0, warm_up=1)
        figures[f"transformers lefthash, documents of {length}"] = {"tokens per second": round(8 * length / ms * 1e3)}
    record.write(__file__, figures, vocabulary=VOCABULARY, threads=1, bar="assay, width 1, 200 and 1000: >= 20,000,000")


def marks():
    key = Key(np.random.default_rng(1).bytes(32))
    yield "width 1", GreenList(key)
    yield "width 4", GreenList(key, context_width=4)
    yield "minhash 4", GreenList(key, context_width=4, context="minhash")


def detect(tokens: Tokens, mark: GreenList, common: CommonSet) -> np.ndarray:
    batch = gather(tokens, mark, common)
    return binomial_log10_sf_batch(batch.n_positive, batch.n_scored, mark.gamma)


if __name__ == "__main__":
    main()
