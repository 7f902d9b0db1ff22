"""The interleave attack: at full strength the mark of width 1 is gone, at strength 0 it is there, and text that exists is refused."""

import numpy as np
import pytest
import torch
from assay.corpus.prompts import Prompt
from assay.detect.marks import MarkDetector
from assay.errors import DataError
from assay.eval.attack import attack_texts, make_attack
from assay.models import EMBEDDED, resolve
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.model import load_model
from scipy.stats import binomtest

TEXTS = 24


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return load_model(EMBEDDED, resolve(EMBEDDED), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def p_values(model, marks):
    def found(strength: float) -> np.ndarray:
        hook = make_attack("interleave").generation_hook(strength, model.text_tokenizer)
        decoding = Decoding(max_new_tokens=80, min_new_tokens=80, batch_size=TEXTS)
        prompts = [Prompt(str(i), "", {}) for i in range(TEXTS)]
        batches = generate(prompts, model, marks[0], decoding, interleave=hook)
        texts = [record["text"] for batch in batches for record in batch.records]
        return np.array([10.0 ** row[0].log10_p for row in MarkDetector([marks[0]]).detect(texts)])

    return found


def test_strength_1_leaves_nothing_of_a_mark_of_width_1_and_strength_0_all(p_values):
    """Under the attack p is about uniform: a chance of 3 % that the least of 24 is below 0.001, 1 % that the counts leave their interval."""
    marked, attacked = p_values(0.0), p_values(1.0)
    assert (marked < 1e-3).mean() > 0.8
    assert attacked.min() > 1e-3
    assert binomtest(int((attacked < 0.5).sum()), TEXTS, 0.5).pvalue > 0.01


def test_the_hook_puts_a_separator_after_every_kth_token(model):
    tokenizer = model.text_tokenizer
    attack = make_attack("interleave", {"separator": " *"})
    ids = tuple(tokenizer.backend.encode(" *", add_special_tokens=False).ids)
    hooks = {s: attack.generation_hook(s, tokenizer) for s in (1.0, 0.5, 0.25, 0.3)}
    assert {s: hook.every for s, hook in hooks.items()} == {1.0: 1, 0.5: 2, 0.25: 4, 0.3: 3}
    assert all(hook.ids == ids for hook in hooks.values())
    assert attack.generation_hook(0.0, tokenizer) is None
    with pytest.raises(DataError, match="from 0 to 1"):
        attack.generation_hook(1.5, tokenizer)


def test_texts_that_exist_are_refused_in_one_line():
    with pytest.raises(DataError, match="while a text is generated") as refusal:
        attack_texts(make_attack("interleave"), ["text"], 1.0, ["a"])
    assert "\n" not in str(refusal.value)
    with pytest.raises(DataError, match="separator must not be empty"):
        make_attack("interleave", {"separator": ""})
