"""Damage, against values counted by hand and a plain Levenshtein distance."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from assay.errors import ModelError
from assay.eval.damage import Damage, damage, tokens_of
from assay.eval.sentence_encoder import SentenceEncoder


def one(before: str, after: str) -> Damage:
    return damage([before], [after])[0]


def test_counts_by_hand() -> None:
    """Five words to four: one replaced, one deleted. Unigrams a, b, c, d (a twice): a, c, d left; bigrams ab, bc, ca, ad: ca, ad left; trigrams abc, bca, cad: cad."""
    got = one("a b c a d", "x c a d")
    assert got.token_edit_rate == 2 / 5
    assert got.ngram_survival == (3 / 4, 2 / 4, 1 / 3, 0.0)
    assert got.length_ratio == 4 / 5
    assert not got.emptied


def test_an_unchanged_and_an_emptied_text() -> None:
    assert one("a b c d e", "a b c d e") == Damage(0.0, (1.0, 1.0, 1.0, 1.0), 1.0, False)
    gone = one("a b c d e", " \n")
    assert (gone.token_edit_rate, gone.ngram_survival, gone.length_ratio, gone.emptied) == (1.0, (0.0,) * 4, 0.0, True)


def test_what_is_not_defined_is_null() -> None:
    record = one("", "new words").to_record()
    assert record == {
        "token_edit_rate": None,
        "ngram_survival": [None] * 4,
        "length_ratio": None,
        "emptied": False,
        "similarity": None,
    }
    assert one("a b", "a b").to_record()["ngram_survival"] == [1.0, 1.0, None, None]
    assert math.isnan(one("a", "a").ngram_survival[1])
    json.dumps(record, allow_nan=False)


def test_words_are_those_attacks_count() -> None:
    assert tokens_of(" It's\u30ab\u30bf 今天(now).\n") == ["It's", "カ", "タ", "今", "天", "(now)."]
    assert one("今天好", "今日好").token_edit_rate == pytest.approx(1 / 3)


def test_edit_rate_is_levenshtein_of_words() -> None:
    rng = random.Random(3)
    for _ in range(60):
        before, after = ([rng.choice("abcd") for _ in range(rng.randint(1, 12))] for _ in range(2))
        assert one(" ".join(before), " ".join(after)).token_edit_rate == _levenshtein(before, after) / len(before)


def test_long_texts_are_judged_by_their_beginnings() -> None:
    """Each third word is replaced: the rate is 1/3 whatever the length, and 200,000 words take no minute."""
    words = [f"w{i % 5000}" for i in range(200_000)]
    changed = [f"x{i}" if i % 3 == 0 else word for i, word in enumerate(words)]
    got = one(" ".join(words), " ".join(changed))
    assert got.token_edit_rate == pytest.approx(1 / 3, abs=1e-4)
    assert got.length_ratio == 1.0


def _levenshtein(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def test_unequal_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="as many texts after as before"):
        damage(["a"], [])


def test_similarity_is_the_cosine_of_mean_hidden_states() -> None:
    """The embedded model as an encoder, against its own states text by text without padding."""
    import torch
    from assay.models import embedded_path
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(1)
    texts = [
        "The keeper of the light wrote in his book.",
        "It was",
        "Nobody was stung, though the grocer swore otherwise.",
    ]
    model, tokenizer = (
        AutoModel.from_pretrained(embedded_path(), dtype=torch.float32).eval(),
        AutoTokenizer.from_pretrained(embedded_path()),
    )
    with torch.inference_mode():
        means = [
            model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False))
            .last_hidden_state[0]
            .mean(0)
            .numpy()
            for text in texts
        ]
    unit = np.array([m / np.linalg.norm(m) for m in means])
    encoder = SentenceEncoder("embedded", "cpu")
    assert encoder.embed(texts) == pytest.approx(unit, abs=1e-4)
    assert encoder.similarity(texts, texts[::-1]) == pytest.approx((unit * unit[::-1]).sum(1), abs=1e-4)
    found = damage(["", *texts], ["x", texts[0], "", texts[0] + "\ud800"], encoder)
    assert [d.similarity is None for d in found] == [True, False, True, False]
    assert found[1].similarity == pytest.approx(1.0, abs=1e-5)
    assert encoder.signature()["encoder"] == "embedded"
    assert len(encoder.embed([])) == len(encoder.similarity([], [])) == 0


def test_encoders_that_cannot_be_loaded_are_one_line_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(ModelError, match=r"has no weights, expected model\.safetensors"):
        SentenceEncoder(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 8)
    with pytest.raises(ModelError, match="asks for its own Python code"):
        SentenceEncoder(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="cannot load encoder") as raised:
        SentenceEncoder(str(tmp_path)).embed(["a"])
    assert "\n" not in str(raised.value)
    with pytest.raises(ModelError, match="no such folder"):
        SentenceEncoder(str(tmp_path / "absent"))
