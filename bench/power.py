"""How well the mark is found in text of the embedded model, and what it costs the text.

Texts of 200 tokens from the start token, gamma .25, delta 2, temperature 1, whole vocabulary. Bars: at least 99 % below p = 1e-5;
perplexity of marked text under the unmarked model at most 1.25 times that of unmarked text; the wrong key finds nothing. Where the
model may end a text by itself, some are a few words long and no test can reach 1e-5 on them: shown beside. So is a mark that
leaves no common pairs out, which is what the neutral bias of those pairs is worth.
"""

import sys
from pathlib import Path

import numpy as np
import record
import torch
from assay.corpus.prompts import Prompt
from assay.detect.detection import Threshold
from assay.detect.intervals import binomial_interval
from assay.detect.marks import MarkDetector
from assay.models import resolve
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from assay.watermark.model import load_model
from assay.watermark.profile import LoadedMark, Profile

TEXTS = int(sys.argv[1]) if len(sys.argv) > 1 else 500
LENGTHS = (25, 50, 100, 200)


def main() -> None:
    model = load_model("embedded", resolve("embedded"))
    rng = np.random.default_rng(0)
    keys = [Key(rng.bytes(32)) for _ in range(2)]
    right, wrong, plain = loaded(keys[0], model), loaded(keys[1], model), loaded(keys[0], model, skip_common="none")
    marked, unmarked = texts(model, right), texts(model, None)
    figures = {
        "marked, right key": rates(right, marked),
        "marked, wrong key": rates(wrong, marked),
        "unmarked": rates(right, unmarked),
    }
    for length in LENGTHS:
        cut = [model.tokenizer.decode(model.tokenizer(t).input_ids[:length]) for t in marked]
        figures[f"marked, first {length} tokens"] = rates(right, cut)
    figures["marked, the model may end a text"] = rates(right, texts(model, right, least=0))
    marked_plain = texts(model, plain)
    figures["marked with common pairs too"] = rates(plain, marked_plain)
    baseline = mean_nll(model, unmarked)
    figures["perplexity"] = perplexity(mean_nll(model, marked), baseline)
    figures["perplexity with common pairs marked too"] = perplexity(mean_nll(model, marked_plain), baseline)
    record.write(__file__, figures, texts=TEXTS, tokens=200, gamma=0.25, delta=2.0, temperature=1.0,
                 bar="right key: >= 99 % below 1e-5; perplexity ratio <= 1.25")  # fmt: skip


def perplexity(marked: np.ndarray, unmarked: np.ndarray) -> dict:
    spread = np.exp(bootstrap(marked, unmarked))
    return {
        "marked": round(float(np.exp(marked.mean())), 1),
        "unmarked": round(float(np.exp(unmarked.mean())), 1),
        "ratio": round(float(np.exp(marked.mean() - unmarked.mean())), 3),
        "95 % interval (bootstrap over texts)": [round(float(q), 3) for q in np.quantile(spread, [0.025, 0.975])],
    }


def loaded(key: Key, model, skip_common: str = "en-1") -> LoadedMark:
    mark = GreenList(key)
    tokenizer = model.text_tokenizer
    profile = Profile(
        "greenlist", mark.parameters, "", key.fingerprint, "embedded", tokenizer.fingerprint, tokenizer.vocab_size,
        skip_common=skip_common,
    )  # fmt: skip
    return LoadedMark(Path("mark.toml"), profile, mark)


def texts(model, mark: LoadedMark | None, least: int = 200) -> list[str]:
    prompts = [Prompt(str(i), "", {}) for i in range(TEXTS)]
    batches = generate(prompts, model, mark, Decoding(max_new_tokens=200, min_new_tokens=least, batch_size=32))
    return [record["text"] for batch in batches for record in batch.records]


def rates(mark: LoadedMark, written: list[str]) -> dict:
    found = [d[0] for d in MarkDetector([mark], Threshold(1e-5)).detect(written)]
    log10_p = np.array([d.log10_p for d in found])
    result = {"texts": len(written), "median log10 p": round(float(np.median(log10_p)), 2),
              "median scored tokens": float(np.median([d.n_scored for d in found]))}  # fmt: skip
    for alpha in (1e-2, 1e-3, 1e-5):
        hits = int((log10_p <= np.log10(alpha)).sum())
        interval = binomial_interval(hits, len(written))
        result[f"below {alpha}"] = {
            "rate": hits / len(written),
            "99 %": [round(interval.low, 4), round(interval.high, 4)],
        }
    return result


@torch.inference_mode()
def mean_nll(model, written: list[str]) -> np.ndarray:
    """Return each text's mean negative log-likelihood per token under the unmarked model, in nats: (texts,)."""
    means = []
    for text in written:
        ids = torch.tensor([[model.tokenizer.bos_token_id, *model.tokenizer(text).input_ids]])
        if ids.shape[1] > 1:
            logits = model.model(ids).logits[0, :-1].float()
            means.append(float(torch.nn.functional.cross_entropy(logits, ids[0, 1:])))
    return np.array(means)


def bootstrap(marked: np.ndarray, unmarked: np.ndarray, draws: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(0)
    one, other = (x[rng.integers(0, len(x), (draws, len(x)))].mean(1) for x in (marked, unmarked))
    return one - other


if __name__ == "__main__":
    main()
