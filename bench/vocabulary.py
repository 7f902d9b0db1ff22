"""How large the embedded model's vocabulary should be: 4,096, 8,192 and 16,384 entries, trained for the same wall time.

Bits per byte on a sixth of the test split are what a choice of tokenizer cannot flatter; differences to 8,192 are paired by document, with a 95 %
bootstrap interval over works. A small vocabulary makes a step cheap and a text long, a large one the reverse. Short runs favour the small: its softmax
costs less and each entry is seen more often. One seed, one after the other, half a minute of each for compiling. Tokenizer and text: the
first training shard.

    python bench/vocabulary.py [MINUTES [FOLDER]]      # of training for each size; a folder for the work
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import record
import torch
from assay.models.architecture import Size
from assay.models.corpus import packed_split, read_documents
from assay.models.loop import Recipe, train
from assay.models.schedule import Stage, WallBudget
from assay.models.scoring import document_losses
from assay.models.train import prepare_tokenizer
from transformers import LlamaForCausalLM

SIZES = (4096, 8192, 16384)
STAGES = (Stage(until=1.0, rows=16, length=256),)  # one shape: each costs half a minute to compile


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    work = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    corpus = record.shared_data() / "corpus"
    test = list(read_documents(corpus / "test.jsonl.zst"))[::6]
    utf8_bytes = np.array([len(document.text.encode()) for document in test])
    figures, nats = {}, {}
    for vocab_size in SIZES:
        folder = work / str(vocab_size)
        size = replace(Size(), vocab_size=vocab_size)
        tokenizer = prepare_tokenizer(corpus, folder, vocab_size, size.context)
        tokens = packed_split(tokenizer, [corpus / "train-00.jsonl.zst"], folder / "train.npy")
        valid = packed_split(tokenizer, [corpus / "valid.jsonl.zst"], folder / "valid.npy")
        end = train(Recipe(WallBudget(minutes), size=size, stages=STAGES), tokens, valid, folder, torch.device("cpu"))
        model = LlamaForCausalLM.from_pretrained(folder / "export", dtype=torch.float32)
        ids = [encoding.ids for encoding in tokenizer.encode_batch([document.text for document in test])]
        nats[vocab_size] = document_losses(model, ids, context=size.context, stride=size.context // 2)
        n_tokens = sum(map(len, ids))
        figures[str(vocab_size)] = {
            "parameters": model.num_parameters(),
            "test bits per byte": round(nats[vocab_size].sum() / utf8_bytes.sum() / np.log(2), 4),
            "test nats per token": round(nats[vocab_size].sum() / n_tokens, 4),
            "bytes per token": round(utf8_bytes.sum() / n_tokens, 3),
            "training steps": end.step,
            "training tokens": end.tokens,
            "training MB of text": round(end.tokens * utf8_bytes.sum() / n_tokens / 1e6, 1),
        }
        sys.stderr.write(f"{vocab_size}: {figures[str(vocab_size)]}\n")
    works = [document.work for document in test]
    for vocab_size in SIZES:
        gap = (nats[vocab_size] - nats[8192]) / np.log(2)
        figures[str(vocab_size)]["bits per byte more than 8192"] = round(gap.sum() / utf8_bytes.sum(), 4)
        figures[str(vocab_size)]["95 % interval of that"] = interval(gap, utf8_bytes, works)
    record.write(__file__, figures, minutes=minutes, documents=len(test), threads=torch.get_num_threads())


def interval(gap: np.ndarray, utf8_bytes: np.ndarray, works: list[str]) -> list[float]:
    names, member = np.unique(works, return_inverse=True)
    gaps, sizes = np.bincount(member, gap), np.bincount(member, utf8_bytes)
    draws = np.random.default_rng(0).integers(0, len(names), size=(1000, len(names)))
    low, high = np.percentile(gaps[draws].sum(1) / sizes[draws].sum(1), [2.5, 97.5])
    return [round(float(low), 4), round(float(high), 4)]


if __name__ == "__main__":
    main()
