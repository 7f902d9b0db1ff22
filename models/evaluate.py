"""Measure a trained model: loss on the test split by genre, speed, samples, contamination; writes ``metrics.json`` and the model card.

    python -m assay.models.evaluate
    python -m assay.models.evaluate --against openai-community/gpt2      # its bits per byte on the same text, beside

Bits per byte and perplexity per whitespace word do not depend on the tokenizer; nats per token are for comparison with models that share it.
Intervals are 95 % bootstrap percentiles over works (a book cut into documents counts as one). Speeds are of this machine at this moment, best of
several. Takes about ten minutes on two cores, and as long again for every other model of the same size.
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
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedModel

from . import embedded_path, resolve
from .bpe import END_OF_TEXT_ID
from .card import write_card
from .contamination import corpus_contamination
from .corpus import Document, read_documents
from .export import processor
from .sampling import take_samples
from .scoring import document_losses
from .speed import measure_speed
from .train import CORPUS

MIN_WORKS = 20  # fewer give no interval: a bootstrap of a handful is too narrow


@dataclass(frozen=True)
class Loss:
    """Loss on a set of documents; the interval is of `bits_per_byte`, None for fewer than 20 works."""

    documents: int
    works: int
    utf8_bytes: int
    words: int
    tokens: int
    bits_per_byte: float
    bits_per_byte_interval: tuple[float, float] | None
    nats_per_token: float
    perplexity_per_token: float
    perplexity_per_word: float


def loss_of(nats: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], works: npt.NDArray[np.int64]) -> Loss:
    """Summarise documents: `nats` (D,) summed losses, `counts` (D, 3) of bytes, words and tokens, `works` (D,) whose parts they are."""
    utf8_bytes, words, tokens = (int(total) for total in counts.sum(axis=0))
    interval = None
    names, member = np.unique(works, return_inverse=True)
    if len(names) >= MIN_WORKS:
        nats_of, bytes_of = np.bincount(member, nats), np.bincount(member, counts[:, 0])
        draws = np.random.default_rng(0).integers(0, len(names), size=(1000, len(names)))
        resampled = nats_of[draws].sum(axis=1) / bytes_of[draws].sum(axis=1) / math.log(2)
        low, high = np.percentile(resampled, [2.5, 97.5])
        interval = (round(float(low), 4), round(float(high), 4))
    total = float(nats.sum())
    return Loss(
        documents=len(nats),
        works=len(names),
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
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    documents: Sequence[Document],
    context: int,
    start_id: int = END_OF_TEXT_ID,
) -> dict[str, Loss]:
    """Return the loss of ``all`` documents and of every genre, largest first; every byte counted once."""
    texts = [document.text for document in documents]
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
    nats = document_losses(model, ids, context=context, stride=context // 2, start_id=start_id)
    counts = np.array(
        [
            (len(document.text.encode()), len(document.text.split()), len(tokens))
            for document, tokens in zip(documents, ids, strict=True)
        ]
    )
    _, works = np.unique(
        [document.work or f"document {i}" for i, document in enumerate(documents)], return_inverse=True
    )
    members: defaultdict[str, list[int]] = defaultdict(list)
    for number, document in enumerate(documents):
        members[document.genre].append(number)
    by_size = sorted(members, key=lambda genre: -int(counts[members[genre], 0].sum()))
    losses = {"all": loss_of(nats, counts, works)}
    return losses | {g: loss_of(nats[members[g]], counts[members[g]], works[members[g]]) for g in by_size}


def other_model(name: str, documents: Sequence[Document], longest: int) -> dict[str, object]:
    """Return parameters and losses of any causal model, by folder or hub id, on the same bytes; context at most `longest`.

    Raises:
        ValueError: if its weights are incomplete, it has no start token, or its tokenizer does not give a text back as it was.
    """
    source = resolve(name)
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, use_safetensors=True, output_loading_info=True
    )
    model, info = loaded
    if info["missing_keys"]:
        raise ValueError(f"the weights of {name!r} are incomplete: {min(info['missing_keys'])} is missing")
    tokenizer = Tokenizer.from_str(AutoTokenizer.from_pretrained(source).backend_tokenizer.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    check_lossless(tokenizer, [document.text for document in documents], name)
    start = first_id(model.config.bos_token_id)
    start = first_id(model.config.eos_token_id) if start is None else start
    if start is None:
        raise ValueError(f"{name!r} has neither a bos nor an eos token to begin a text with")
    context = min(longest, getattr(model.config, "max_position_embeddings", longest))
    losses = losses_by_genre(model.eval(), tokenizer, documents, context, start)
    return {
        "parameters": model.num_parameters(),
        "context": context,
        "losses": {genre: asdict(loss) for genre, loss in losses.items()},
    }


def first_id(value: int | list[int] | None) -> int | None:
    """Return a token id of a config, the first where it has several."""
    return (value[0] if value else None) if isinstance(value, list) else value


def check_lossless(tokenizer: Tokenizer, texts: Sequence[str], name: str) -> None:
    """Refuse a tokenizer under which bits per byte would leave bytes out.

    Raises:
        ValueError: if a text does not come back from its ids, a leading space aside.
    """
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if tokenizer.decode(ids, skip_special_tokens=False).removeprefix(" ") != text.removeprefix(" "):
            raise ValueError(
                f"the tokenizer of {name!r} changes texts; bits per byte under it would compare with nothing"
            )


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


def measure(folder: Path, corpus: Path, detection: Path, threads: int, against: Sequence[str]) -> dict[str, object]:
    """Return everything that goes into ``metrics.json``; what can go wrong with the input comes first."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    documents = list(read_documents(corpus / "test.jsonl.zst"))
    context: int = model.config.max_position_embeddings
    speed = asdict(measure_speed(folder, threads))
    overlap = corpus_contamination(corpus, detection)
    others = {name: other_model(name, documents, context) for name in against}
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
        "others": others,
        "contamination": overlap,
        "speed": speed,
        "samples": [asdict(sample) for sample in take_samples(model, tokenizer)],
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
    parser.add_argument(
        "--detection", type=Path, default=CORPUS.parent / "detection", help="human text not to have seen"
    )
    parser.add_argument("--against", action="append", default=[], help="another model to measure; folder or hub id")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--card-only", action="store_true", help="rewrite the card from metrics.json as it is")
    options = parser.parse_args()
    if not options.card_only:
        torch.set_num_threads(options.threads)
        try:
            metrics = measure(options.model, options.corpus, options.detection, options.threads, options.against)
        except (OSError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise SystemExit(f"{first}; see --help for --model, --corpus, --detection and --against") from None
        text = json.dumps(metrics, indent=2, ensure_ascii=False) + "\n"
        (options.model / "metrics.json").write_text(text, encoding="utf-8")
        sys.stderr.write(f"wrote {options.model / 'metrics.json'}\n")
    write_card(options.model)


if __name__ == "__main__":
    main()
