"""Sequence-to-sequence paraphrase on a tiny T5 that was never trained: what is asked of the model, and what becomes of its answers."""

import json
import sys
from pathlib import Path

import pytest
import torch
from assay.errors import DataError, ModelError
from assay.eval.attack import attack_texts, make_attack
from assay.eval.paraphrase import dipper_input, diversity
from assay.eval.sentence_blocks import chosen_blocks, sentence_blocks, with_blocks
from assay.eval.seq2seq import Writing, seq2seq
from assay.models import embedded_path

sys.path.append(str(Path(__file__).parent))
from tiny_seq2seq import save_tiny_t5

TEXTS = [
    "the ship went down . no one saw it .\n\nthe sea came up . it went up and down .",
    "",
    "a ship .",
    "  the sea and the ship . ",
]


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    torch.set_num_threads(1)
    return save_tiny_t5(tmp_path_factory.mktemp("t5"))


def paraphrase(model, **options):
    return make_attack("paraphrase", {"model": model, "device": "cpu", "max_new_tokens": 12, **options})


def test_blocks_are_sentences_of_one_line_and_the_rest_stays():
    text = " One. Two two! Three?\n\nFour… five. 六。七。"
    blocks = sentence_blocks(text, 2)
    assert [text[a:b] for a, b in blocks] == ["One. Two two!", "Three?", "Four… five. 六。", "七。"]
    assert with_blocks(text, blocks, {1: "X", 3: ""}) == " One. Two two! X\n\nFour… five. 六。"
    assert sentence_blocks(" \n ", 2) == []


def test_a_share_of_blocks_is_that_many_in_expectation_and_grows():
    """5,000 seeds, 3 blocks, share .5: 1.5 blocks within 5 standard errors of .5 / sqrt(5000)."""
    mean = sum(len(chosen_blocks(3, 0.5, seed)) for seed in range(5000)) / 5000
    assert abs(mean - 1.5) < 5 * 0.5 / 5000**0.5
    for seed in range(100):
        assert set(chosen_blocks(10, 0.3, seed)) <= set(chosen_blocks(10, 0.7, seed))
        assert chosen_blocks(10, 1.0, seed) == list(range(10))


def test_dipper_is_asked_in_its_own_words():
    """As in the published example: lexical 60, order 0 is `lexical = 40, order = 100`."""
    assert dipper_input("They tell tales.", "They feed the mill.", 60, 0) == (
        "lexical = 40, order = 100 They feed the mill. <sent> They tell tales. </sent>"
    )
    assert dipper_input("A.", "", 20, 40) == "lexical = 80, order = 60 <sent> A. </sent>"
    assert [diversity(s) for s in (0.05, 0.2, 0.5, 0.6, 1.0)] == [20, 20, 40, 60, 100]


@pytest.mark.parametrize("style", ["dipper", "plain"])
def test_a_text_alone_and_in_a_batch_becomes_the_same(t5, style):
    attack = paraphrase(t5, style=style, sent_interval=1, temperature=1.5, top_p=1.0)
    ids = ["a", "b", "c", "d"]
    together = attack_texts(attack, TEXTS, 0.8, ids)
    assert [attack_texts(attack, [t], 0.8, [i])[0] for t, i in zip(TEXTS, ids, strict=True)] == together
    assert attack_texts(attack, TEXTS, 0.8, ids, seed=1) != together
    assert together[1] == ""
    assert together[0].count("\n\n") == 1
    assert together[3].startswith("  ")


def test_greedy_writing_is_that_of_transformers(t5):
    model = seq2seq(t5, "cpu")
    for text in ("the ship went down .", "a", "no one saw it and the sea came up ."):
        inputs = model.tokenizer(text, return_tensors="pt")
        ids = model.model.generate(**inputs, max_new_tokens=12, do_sample=False, suppress_tokens=model._barred())
        (own,) = model.write([text], [0], Writing(0.0, 1.0, 12))
        assert own == model.tokenizer.decode(ids[0], skip_special_tokens=True).strip()


def test_only_the_chosen_share_is_paraphrased(t5):
    text = " ".join("the ship went down ." for _ in range(40))
    (new,) = attack_texts(paraphrase(t5, style="plain", sent_interval=1), [text], 0.25, ["x"])
    assert 27 <= new.count("the ship went down .") <= 33


def test_a_second_round_reads_the_first(t5):
    once, twice = (attack_texts(paraphrase(t5, rounds=n, top_p=1.0), TEXTS[:1], 0.6, ["x"]) for n in (1, 2))
    assert once != twice


def test_signature_and_errors(t5, tmp_path):
    record = json.loads(json.dumps(paraphrase(t5).signature()))
    assert record["model"]["sha256"]
    assert t5 not in json.dumps(record)
    assert record != paraphrase(t5, order=20).signature()
    paraphrase(t5).check()
    with pytest.raises(ModelError, match="is not a sequence-to-sequence model"):
        paraphrase(str(embedded_path())).check()
    with pytest.raises(ModelError, match="no such folder"):
        paraphrase(str(tmp_path / "absent")).check()
    with pytest.raises(DataError, match="lexical must be 0, 20, 40"):
        paraphrase(t5, lexical=30)
    with pytest.raises(DataError, match="needs the option 'model'"):
        make_attack("paraphrase", {})


def test_pickled_weights_and_code_of_the_model_are_refused(t5, tmp_path):
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((Path(t5) / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match="pickles can run code"):
        paraphrase(str(tmp_path)).check()
    config = json.loads((Path(t5) / "config.json").read_text()) | {"auto_map": {"AutoModel": "mine.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="never runs code from a model"):
        paraphrase(str(tmp_path)).check()
