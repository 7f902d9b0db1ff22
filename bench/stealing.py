"""What a mark of width 1 does not withstand: a green list learnt from N marked texts, and texts scrubbed and forged with it.

The default mark (gamma .25, delta 2, width 1, common pairs left out), texts of 200 tokens of the embedded model. The attacker knows the tokenizer, has N texts with
the mark and human text of the kind the model was trained on, and no key; the key here only measures how right the guesses are. For each N:
how many pairs are guessed and how many of the guesses hold; which share of the scored pairs of other marked texts has a guess; marked texts before and after
scrubbing; human beginnings before and after forging, with the perplexity of what was forged under the model. A bias of 0 redraws the same tokens and steers nothing:
what is left beyond it is what the list is worth.

    python bench/stealing.py [N ...]     default: 100 1000

A large N costs generation: 1,000 texts about a minute on an idle core. With STEALING_TEXTS=FILE the marked texts are kept there, and taken from there.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import record
import torch
from assay.corpus.prompts import Prompt
from assay.detect.detection import Threshold
from assay.detect.intervals import binomial_interval
from assay.detect.marks import MarkDetector
from assay.detect.tokens import tokenize
from assay.eval.attack import attack_texts, make_attack
from assay.eval.causal_text import causal_text
from assay.eval.damage import damage
from assay.eval.stealing import StolenList, steal
from assay.watermark.common import common_pairs
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import context_hash, green, value
from assay.watermark.key import Key
from assay.watermark.profile import LoadedMark, Profile

SIZES = [int(n) for n in sys.argv[1:]] or [100, 1000]
TOKENS, HELD, TESTED, BASE, BATCH = 200, 100, 64, 8000, 64
SCRUBBED, BIASES = (0.2, 0.4), (2.0, 4.0)
GUESS = 0.5


def main() -> None:
    torch.set_num_threads(1)
    model = causal_text("embedded", "cpu").model
    loaded = mark_of(model)
    marked = marked_texts(model, loaded, HELD + max(SIZES))
    held, rest = marked[:HELD], marked[HELD:]
    people = record.human_passages(BASE + TESTED)
    tokenizer = model.text_tokenizer
    beginnings = [tokenizer.backend.decode(tokenizer.backend.encode(text).ids[:TOKENS]) for text in people[BASE:]]
    figures: dict = {
        "marked texts": rates(loaded, held[:TESTED]),
        "human texts": {**rates(loaded, beginnings), "perplexity": perplexity(model, beginnings)},
        "perplexity of the marked texts": perplexity(model, held[:TESTED]),
        "bias 0": attacks(model, loaded, steal(rest[:100], people[:BASE], tokenizer), held, beginnings, (0.0,), 0.0),
    }
    for size in SIZES:
        stolen = steal(rest[:size], people[:BASE], tokenizer)
        figures[f"learnt from {size} texts"] = {
            **guesses(loaded, stolen, held, tokenizer),
            **attacks(model, loaded, stolen, held, beginnings, BIASES, 4.0),
        }
        print(size, "done", file=sys.stderr, flush=True)
    record.write(
        __file__, figures, tokens=TOKENS, texts=TESTED, gamma=0.25, delta=2.0, context_width=1, guessed_from_score=GUESS,
        rates="share of texts, with its 99 % interval",
        base=f"{BASE} passages of human text, about 1,200 characters each",
    )  # fmt: skip


def mark_of(model) -> LoadedMark:
    key, tokenizer = Key(np.random.default_rng(20261123).bytes(32)), model.text_tokenizer
    mark = GreenList(key)
    profile = Profile(
        "greenlist", mark.parameters, "", key.fingerprint, "embedded", tokenizer.fingerprint, tokenizer.vocab_size,
        skip_common="en-1",
    )  # fmt: skip
    return LoadedMark(Path("mark.toml"), profile, mark)


def marked_texts(model, loaded, count: int) -> list[str]:
    kept = Path(os.environ.get("STEALING_TEXTS", os.devnull))
    texts = json.loads(kept.read_text()) if kept.is_file() and kept.stat().st_size else []
    missing = [Prompt(f"marked{i}", "", {}) for i in range(len(texts), count)]
    decoding = Decoding(max_new_tokens=TOKENS, min_new_tokens=TOKENS, batch_size=BATCH)
    texts += [one["text"] for batch in generate(missing, model, loaded, decoding) for one in batch.records]
    if missing and "STEALING_TEXTS" in os.environ:
        kept.write_text(json.dumps(texts))
    return texts[:count]


def guesses(loaded, stolen: StolenList, held, tokenizer) -> dict:
    """Return how right the list is: over its pairs, and over the scored pairs of marked texts it was not learnt from."""
    common = common_pairs(loaded, tokenizer).words

    def truth(contexts, tokens):
        words = value(context_hash(contexts, loaded.mark.hash_key), tokens)
        return green(words, loaded.mark.gamma), ~np.isin(words, common)

    is_green, counts = truth(*np.divmod(stolen.codes, stolen.vocab_size))
    read = tokenize(held, tokenizer)
    after = np.setdiff1d(np.arange(len(read.ids)), read.offsets[:-1])
    contexts, tokens = read.ids[after - 1].astype(np.int64), read.ids[after].astype(np.int64)
    held_green, held_counts = truth(contexts, tokens)
    scores = stolen.score(contexts, tokens)
    sure, held_sure = (stolen.scores >= GUESS) & counts, (scores >= GUESS) & held_counts
    red = (stolen.scores <= -GUESS) & counts
    share = lambda mask, of: round(float(mask[of].mean()), 3)
    return {
        "pairs with a score": len(stolen),
        "guessed green": int(sure.sum()),
        "of these green": share(is_green, sure),
        "guessed red": int(red.sum()),
        "of these red": share(~is_green, red),
        "scored pairs of other marked texts with a guess": share(np.abs(scores) >= GUESS, held_counts),
        "of their green pairs guessed green": share(scores >= GUESS, held_counts & held_green),
        "of those guessed green, green": share(held_green, held_sure),
    }


def attacks(model, loaded, stolen: StolenList, held, beginnings, biases, scrub_bias: float) -> dict:
    ids = [str(i) for i in range(TESTED)]
    found: dict = {}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "list.safetensors")
        stolen.save(path)
        for strength in SCRUBBED:
            attack = make_attack("scrub", {"stolen": path, "bias": scrub_bias})
            scrubbed = attack_texts(attack, held[:TESTED], strength, ids)
            found[f"scrubbed {strength}, bias {scrub_bias:g}"] = {
                **rates(loaded, scrubbed), **harm(held[:TESTED], scrubbed), "perplexity": perplexity(model, scrubbed),
            }  # fmt: skip
        for bias in biases:
            forged = attack_texts(make_attack("forge", {"stolen": path, "bias": bias}), beginnings, 1.0, ids)
            found[f"forged, bias {bias:g}"] = {**rates(loaded, forged), "perplexity": perplexity(model, forged)}
    return found


def rates(loaded: LoadedMark, texts) -> dict:
    log10_p = np.array([row[0].log10_p for row in MarkDetector([loaded], Threshold(1e-3)).detect(texts)])
    result: dict = {"median log10 p": round(float(np.median(log10_p)), 2)}
    for alpha in (1e-3, 1e-5):
        hits = int((log10_p <= np.log10(alpha)).sum())
        interval = binomial_interval(hits, len(texts))
        result[f"below {alpha:g}"] = [round(x, 3) for x in (hits / len(texts), interval.low, interval.high)]
    return result


def harm(before, after) -> dict:
    done = damage(before, after)
    survival = np.mean([one.ngram_survival for one in done], axis=0)
    edits = float(np.mean([one.token_edit_rate for one in done]))
    return {"word edit rate": round(edits, 3), "word 1- to 4-grams left": [round(float(x), 3) for x in survival]}


@torch.inference_mode()
def perplexity(model, texts) -> float:
    """Return the perplexity under the unmarked model, over all tokens."""
    total = count = 0.0
    for text in texts:
        ids = torch.tensor([[model.tokenizer.bos_token_id, *model.tokenizer(text).input_ids]])
        logits = model.model(ids).logits[0, :-1].float()
        total += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        count += ids.shape[1] - 1
    return round(float(np.exp(total / count)), 1)


if __name__ == "__main__":
    main()
