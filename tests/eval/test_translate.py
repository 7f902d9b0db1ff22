"""Round trips through two models, here two tiny T5 of other random weights."""

import json
import sys
from pathlib import Path

import pytest
import torch
from assay.errors import DataError, ModelError
from assay.eval.attack import attack_texts, make_attack
from assay.eval.seq2seq import Writing, seq2seq

sys.path.append(str(Path(__file__).parent))
from tiny_seq2seq import save_tiny_t5


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    torch.set_num_threads(1)
    return [save_tiny_t5(tmp_path_factory.mktemp("t5"), seed) for seed in (1, 2)]


def translate(pair, **options):
    return make_attack(
        "translate", {"there": pair[0], "back": pair[1], "device": "cpu", "max_new_tokens": 10, **options}
    )


def test_each_sentence_goes_there_and_back(pair):
    there, back = (seq2seq(name, "cpu") for name in pair)
    writing = Writing(0.0, 1.0, 10)
    sentences = ["the ship went down .", "no one saw it ."]
    foreign = there.write([f"to: {s}" for s in sentences], [0, 0], writing)
    expected = back.write(foreign, [0, 0], writing)
    (new,) = attack_texts(translate(pair, there_prefix="to: "), ["\n".join(sentences)], 1.0, ["x"])
    assert new == "\n".join(expected)


def test_a_share_of_the_sentences_is_translated_alone_as_in_a_batch(pair):
    texts = [" ".join(["the ship went down ."] * 40), "no one saw it .", ""]
    attack, ids = translate(pair, temperature=1.0), ["a", "b", "c"]
    together = attack_texts(attack, texts, 0.5, ids)
    assert 17 <= together[0].count("the ship went down .") <= 23
    assert [attack_texts(attack, [t], 0.5, [i])[0] for t, i in zip(texts, ids, strict=True)] == together


def test_signature_and_errors(pair, tmp_path):
    record = translate(pair).signature()
    assert record["there"]["sha256"] != record["back"]["sha256"]
    assert record != translate(pair[::-1]).signature()
    assert pair[0] not in json.dumps(record)
    with pytest.raises(ModelError, match="no such folder"):
        translate([pair[0], str(tmp_path / "absent")]).check()
    with pytest.raises(DataError, match="needs the option"):
        make_attack("translate", {"there": pair[0]})
