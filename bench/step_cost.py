"""What marking costs in one decoding step, against reading and writing the logits rows and against transformers' own marks.

Bar: at most 3 times one read and write of the rows, at vocabulary 151,936, batch 1 and 8, one thread. The baseline, in the same run: a
torch copy of the float32 rows into a second buffer.
"""

import numpy as np
import record
import torch
from assay.models import resolve
from assay.watermark.common import common_words
from assay.watermark.greenlist import GreenList
from assay.watermark.hf import MarkProcessor
from assay.watermark.key import Key
from assay.watermark.tokenizer import load_tokenizer
from transformers.generation.logits_process import WatermarkLogitsProcessor

VOCABULARY = 151_936
TOKENIZER = load_tokenizer(resolve("embedded"))


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    figures = {}
    for batch in (1, 8):
        scores = torch.randn(batch, VOCABULARY)
        out = torch.empty_like(scores)
        ids = torch.randint(1, 8000, (batch, 64))
        key = Key(np.random.default_rng(0).bytes(32))
        runs = {
            "read and write the rows": lambda out=out, scores=scores: out.copy_(scores),
            "softmax of the rows": lambda scores=scores: torch.softmax(scores, -1),
            "assay, width 1": processor(MarkProcessor(GreenList(key), pad_token_id=0), ids, scores),
            "assay, width 1, common pairs left out": processor(
                MarkProcessor(GreenList(key), 0, common_words("en-1", TOKENIZER, GreenList(key).hash_key)), ids, scores
            ),
            "assay, width 4": processor(MarkProcessor(GreenList(key, context_width=4)), ids, scores),
            "assay, minhash 3, self-salted": processor(
                MarkProcessor(GreenList(key, context_width=3, context="minhash", self_salt=True)), ids, scores
            ),
            "transformers lefthash": processor(peer("lefthash", 1), ids, scores),
            "transformers selfhash, width 4": processor(peer("selfhash", 4), ids, scores),
        }
        quick = {name: run for name, run in runs.items() if "selfhash" not in name}
        times = record.interleaved_ms(quick)
        times["transformers selfhash, width 4"] = record.timed_ms(
            runs["transformers selfhash, width 4"], 2.0, warm_up=1
        )
        bound = times["read and write the rows"]
        figures[f"batch {batch}"] = {
            name: {"ms": round(ms, 4), "times the bound": round(ms / bound, 2)} for name, ms in times.items()
        }
    record.write(__file__, figures, vocabulary=VOCABULARY, dtype="float32", threads=1, bar="assay, width 1: <= 3")


def processor(process, ids, scores):
    return lambda: process(ids, scores)


def peer(scheme: str, width: int) -> WatermarkLogitsProcessor:
    return WatermarkLogitsProcessor(VOCABULARY, "cpu", 0.25, 2.0, 15485863, scheme, width)


if __name__ == "__main__":
    main()
