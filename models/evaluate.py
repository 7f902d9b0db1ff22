"""Measure a trained model: loss on the test split by genre, speed, samples; writes ``metrics.json`` and the model card.

    python -m assay.models.evaluate

Bits per byte and perplexity per whitespace word do not depend on the tokenizer; nats per token are for comparison with models that share it.
Intervals are 95 % bootstrap percentiles over documents. Speeds are of this machine at this moment, best of several.
"""

import argparse
import hashlib
import json
import math
import platform
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import transformers
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from . import embedded_path
from .card import write_card
from .corpus import Document, read_documents
from .export import processor
from .sampling import take_samples
from .scoring import document_losses
from .speed import measure_speed
from .train import CORPUS

MIN_DOCUMENTS = 5  # fewer give no interval


@dataclass(frozen=True)
class Loss:
    """Loss on a set of documents; the interval is of `bits_per_byte`, None for fewer than five documents."""

    documents: int
    utf8_bytes: int
    words: int
    tokens: int
    bits_per_byte: float
    bits_per_byte_interval: tuple[float, float] | None
    nats_per_token: float
    perplexity_per_token: float
    perplexity_per_word: float


def loss_of(nats: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> Loss:
    """Summarise documents: `nats` (D,) summed losses, `counts` (D, 3) of bytes, words and tokens."""
    utf8_bytes, words, tokens = (int(total) for total in counts.sum(axis=0))
    interval = None
    if len(nats) >= MIN_DOCUMENTS:
        draws = np.random.default_rng(0).integers(0, len(nats), size=(1000, len(nats)))
        resampled = nats[draws].sum(axis=1) / counts[draws, 0].sum(axis=1) / math.log(2)
        low, high = np.percentile(resampled, [2.5, 97.5])
        interval = (round(float(low), 4), round(float(high), 4))
    total = float(nats.sum())
    return Loss(
        documents=len(nats),
        utf8_bytes=utf8_bytes,
        words=words,
        tokens=tokens,
        bits_per_byte=round(total / utf8_bytes / math.log(2), 4),
        bits_per_byte_interval=interval,
        nats_per_token=round(total / tokens, 4),
        perplexity_per_token=round(math.exp(total / tokens), 2),
        perplexity_per_word=round(math.exp(total / words), 1),
    )


def losses_by_genre(
    model: LlamaForCausalLM, tokenizer: Tokenizer, documents: Sequence[Document], context: int
) -> dict[str, Loss]:
    """Return the loss of ``all`` documents and of every genre, largest first; every byte counted once."""
    ids = [encoding.ids for encoding in tokenizer.encode_batch([document.text for document in documents])]
    nats = document_losses(model, ids, context=context, stride=context // 2)
    counts = np.array(
        [
            (len(document.text.encode()), len(document.text.split()), len(tokens))
            for document, tokens in zip(documents, ids, strict=True)
        ]
    )
    members: defaultdict[str, list[int]] = defaultdict(list)
    for number, document in enumerate(documents):
        members[document.genre].append(number)
    by_size = sorted(members, key=lambda genre: -int(counts[members[genre], 0].sum()))
    losses = {"all": loss_of(nats, counts)}
    return losses | {genre: loss_of(nats[members[genre]], counts[members[genre]]) for genre in by_size}


def training_data(corpus: Path) -> dict[str, dict[str, int]]:
    """Return documents and bytes of the training split by licence, largest first."""
    documents: Counter[str] = Counter()
    utf8_bytes: Counter[str] = Counter()
    for shard in sorted(corpus.glob("train-*.jsonl.zst")):
        for document in read_documents(shard):
            documents[document.licence] += 1
            utf8_bytes[document.licence] += len(document.text.encode())
    return {licence: {"documents": documents[licence], "bytes": size} for licence, size in utf8_bytes.most_common()}


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def measure(folder: Path, corpus: Path, threads: int, note: str) -> dict[str, object]:
    """Return everything that goes into ``metrics.json``."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    documents = list(read_documents(corpus / "test.jsonl.zst"))
    context: int = model.config.max_position_embeddings
    losses = losses_by_genre(model, tokenizer, documents, context)
    return {
        "model": {
            "parameters": model.num_parameters(),
            "vocab_size": tokenizer.get_vocab_size(),
            "context": context,
            "weights_bytes": (folder / "model.safetensors").stat().st_size,
            "weights_sha256": sha256(folder / "model.safetensors"),
            "tokenizer_sha256": sha256(folder / "tokenizer.json"),
        },
        "test": {"context": context, "stride": context // 2, "dtype": "float32"}
        | {"losses": {genre: asdict(loss) for genre, loss in losses.items()}},
        "speed": asdict(measure_speed(folder, threads)),
        "samples": [asdict(sample) for sample in take_samples(model, tokenizer)],
        "training_note": note,
        "training_data": training_data(corpus),
        "measured_with": {
            "processor": processor(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }


def main() -> None:
    """Parse the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=embedded_path(), help="folder of the trained model")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--note", default="", help="a sentence about this training run for the card")
    parser.add_argument("--card-only", action="store_true", help="rewrite the card from metrics.json as it is")
    options = parser.parse_args()
    if not options.card_only:
        torch.set_num_threads(options.threads)
        metrics = measure(options.model, options.corpus, options.threads, options.note)
        text = json.dumps(metrics, indent=2, ensure_ascii=False) + "\n"
        (options.model / "metrics.json").write_text(text, encoding="utf-8")
        sys.stderr.write(f"wrote {options.model / 'metrics.json'}\n")
    write_card(options.model)


if __name__ == "__main__":
    main()
