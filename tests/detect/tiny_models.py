"""Random tiny models that read text with the embedded tokenizer, and plain statements of the fields in float64."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from assay.detect.lm_scores import LMScores, LMSignature
from assay.models import embedded_path
from assay.watermark.model import CausalModel
from assay.watermark.tokenizer import load_tokenizer
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

VOCABULARY = 8192
HUMAN = [
    "My grandfather kept bees behind the tannery wall, eleven white hives on bricks, and a shed where smoke never quite left the rafters.",
    (
        "Each August he weighed honey on brass scales bought from a bankrupt chemist, wrote figures in pencil upon the doorframe, then sold jars "
        "to drivers who stopped for petrol. Once a swarm settled on our postman's bicycle; he waited two hours in the kitchen, eating plums."
    ),
    "Nobody was stung, though the grocer swore otherwise until his second wedding, which my aunt attended in somebody else's gloves.",
]
SIGNATURE = LMSignature("0", "fake", None, "0" * 16, "float32", *[None] * 4, "0" * 16, "auto", 0, 64, 32)


def causal(model: Any, name: str) -> CausalModel:
    return CausalModel(model.eval(), None, load_tokenizer(str(embedded_path())), name, None)


def tiny(kind: str, seed: int = 0, vocab_size: int = VOCABULARY, positions: int = 256) -> CausalModel:
    """Two layers of width 32, drawn so wide that the distributions are far from flat."""
    torch.manual_seed(seed)
    if kind == "gpt2":
        model: Any = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=vocab_size,
                n_positions=positions,
                n_embd=32,
                n_layer=2,
                n_head=2,
                bos_token_id=0,
                eos_token_id=0,
                initializer_range=0.3,
            )
        )
    else:
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=vocab_size, max_position_embeddings=positions, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                bos_token_id=0, eos_token_id=0, initializer_range=0.3,
            )
        )  # fmt: skip
    return causal(model, f"{kind}-{seed}")


@dataclass(frozen=True)
class Oracle:
    """One text's distributions as whole arrays: `log_q`, `log_p` (rows, V) float64; row t predicts `targets[t]`, the last row nothing."""

    log_q: np.ndarray
    log_p: np.ndarray
    targets: np.ndarray

    @property
    def fields(self) -> dict[str, np.ndarray]:
        n = len(self.targets)
        p, q = np.exp(self.log_p[:n]), np.exp(self.log_q[:n])
        own = self.log_q[np.arange(n), self.targets]
        mu = (p * self.log_q[:n]).sum(1)
        return {
            "log_prob": own,
            "rank": 1 + (self.log_q[:n] > own[:, None]).sum(1),
            "entropy": -(q * self.log_q[:n]).sum(1),
            "mu": mu,
            "sigma2": (p * self.log_q[:n] ** 2).sum(1) - mu**2,
            "top_log_prob": self.log_q[:n].max(1),
        }

    @property
    def end_mu(self) -> float:
        return float((np.exp(self.log_p[-1]) * self.log_q[-1]).sum())


def oracle(model: CausalModel, text: str, start: int | None, reference: CausalModel | None = None) -> Oracle:
    ids = model.text_tokenizer.backend.encode(text, add_special_tokens=False).ids
    inputs = torch.tensor([ids if start is None else [start, *ids]])
    pair = [model, reference or model]
    with torch.no_grad():
        logits = [m.model(input_ids=inputs).logits[0].double() for m in pair]
    width = min(z.shape[1] for z in logits)
    log_q, log_p = (torch.log_softmax(z[:, :width], -1).numpy() for z in logits)
    return Oracle(log_q, log_p, np.array(ids[1:] if start is None else ids, dtype=np.int64))


def scores_of(first: int = 0, end_mu: float = -1.0, n_tokens: int | None = None, **fields: Any) -> LMScores:
    """LMScores from the fields a test cares about; the others are ones."""
    length = len(next(iter(fields.values()))) if fields else 0
    whole = {n: np.ones(length, np.float32) for n in ("log_prob", "entropy", "mu", "sigma2", "top_log_prob")}
    whole |= {"rank": np.ones(length, np.int32)}
    whole |= {n: np.asarray(v, np.int32 if n == "rank" else np.float32) for n, v in fields.items()}
    ids, chars = np.zeros(length, np.int32), np.zeros((length, 2), np.int64)
    return LMScores(
        ids=ids, chars=chars, first=first, end_mu=end_mu, n_tokens=n_tokens or length, signature=SIGNATURE, **whole
    )


def written_by(model: CausalModel) -> list[str]:
    """Six texts of 90 tokens that the model writes at temperature 0.7: machine text by any metric under the same model."""
    torch.manual_seed(4)
    prompt = torch.zeros(6, 1, dtype=torch.int64)
    mask = torch.ones_like(prompt)
    ids = model.model.generate(
        prompt,
        attention_mask=mask,
        do_sample=True,
        temperature=0.7,
        max_new_tokens=90,
        min_new_tokens=90,
        pad_token_id=0,
    )
    return [model.text_tokenizer.backend.decode(row[1:].tolist()) for row in ids]
