"""Sequence classifiers of others: transformers' own forward pass as the oracle, on tiny random models written by save_pretrained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from assay.detect.classifier import calibration_signature, load_classifier, save_classifier
from assay.detect.sequence import SequenceClassifier
from assay.detect.sequence_model import Sides, label_side, log_odds, sides
from assay.detect.sequence_windows import token_weights
from assay.errors import ModelError
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

WORDS = ["the", "old", "man", "saw", "a", "dog", "and", "my", "sister", "lost", "her", "lens", "."]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "initializer_range": 0.5}  # fmt: skip
TEXTS = ["the old man saw a dog .", "my sister", "a dog and a dog and my lens .", "the man lost her lens ."]


def tokenizer(framed: bool = True) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*SPECIAL, *WORDS])}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if framed:
        backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def bert(labels: dict[int, str], positions: int = 64) -> Any:
    config = BertConfig(
        vocab_size=32, max_position_embeddings=positions, id2label=labels, num_labels=len(labels), **SIZES
    )
    return BertForSequenceClassification(config)


def other(kind: str) -> Any:
    """A model whose position table is longer than what it reads (padding comes first), or one that knows no padding."""
    if kind == "roberta":
        config = RobertaConfig(
            vocab_size=32, max_position_embeddings=13, pad_token_id=0, id2label={0: "Fake", 1: "Real"}, **SIZES
        )
        return RobertaForSequenceClassification(config)
    small = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 12}
    return GPT2ForSequenceClassification(GPT2Config(vocab_size=32, id2label={0: "AI", 1: "Human"}, **small))


Keep = Callable[..., str]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Return a function that writes a model and its tokenizer and returns the folder."""

    def write(make: Callable[[], Any], framed: bool = True) -> str:
        torch.manual_seed(0)
        make().save_pretrained(tmp_path / "model")
        tokenizer(framed).save_pretrained(tmp_path / "model")
        return str(tmp_path / "model")

    return write


def logits(folder: str, text: str) -> np.ndarray:
    """(K,) of one text as transformers has them."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(**AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")).logits[0].numpy()


def test_the_score_is_the_difference_of_the_models_own_logits(keep: Keep) -> None:
    folder = keep(lambda: bert({0: "Human", 1: "ChatGPT"}))
    found = SequenceClassifier("x", folder, device="cpu").score([*TEXTS, "", "  "])
    expected = [z[1] - z[0] for z in (logits(folder, text) for text in TEXTS)]
    np.testing.assert_allclose(found.scores[:4], expected, atol=1e-5)
    assert np.ptp(expected) > 0.1  # otherwise nothing is tested
    assert np.isnan(found.scores[4:]).all()
    assert found.lengths.tolist() == [7, 2, 9, 6, 0, 0]


def test_a_batch_is_its_texts_one_by_one(keep: Keep) -> None:
    folder = keep(lambda: bert({0: "Real", 1: "Fake"}))
    one = SequenceClassifier("x", folder, device="cpu")
    texts = [" ".join(WORDS[: 2 + i % 9] * (1 + i // 9)) for i in range(40)]
    alone = np.array([one.score([text]).scores[0] for text in texts])
    np.testing.assert_allclose(one.score(texts).scores, alone, atol=1e-4)


@pytest.mark.parametrize("kind", ["roberta", "gpt2"])
def test_models_that_count_positions_or_padding_otherwise_give_their_own_logits(keep: Keep, kind: str) -> None:
    """RoBERTa of 13 positions behind padding id 0 reads 12 tokens; GPT-2 without padding is read text by text."""
    folder = keep(lambda: other(kind), framed=kind == "roberta")
    one = SequenceClassifier("x", folder, device="cpu")
    expected = [z[0] - z[1] for z in (logits(folder, text) for text in TEXTS)]
    np.testing.assert_allclose(one.score(TEXTS).scores, expected, atol=1e-5)
    assert one.scorer["context"] == 12
    assert np.isfinite(one.score([" ".join(WORDS * 5)]).scores).all()


def test_a_long_text_is_the_mean_over_its_tokens_of_the_windows_that_hold_them(keep: Keep) -> None:
    """Ten places, two of them special: windows of 8 tokens that go on by 6, so of 22 tokens 0-7, 6-13, 12-19, 18-21."""
    folder = keep(lambda: bert({0: "Human", 1: "AI"}, positions=10))
    words = (WORDS * 2)[:22]
    spans = [(0, 8), (6, 14), (12, 20), (18, 22)]
    values = [np.subtract(*logits(folder, " ".join(words[slice(*span)]))[::-1]) for span in spans]
    by_token = [[v for v, (a, b) in zip(values, spans, strict=True) if a <= t < b] for t in range(22)]
    found = SequenceClassifier("x", folder, device="cpu").score([" ".join(words)])
    assert found.lengths.tolist() == [22]
    assert found.scores[0] == pytest.approx(np.mean([np.mean(own) for own in by_token]), abs=1e-5)
    cut = SequenceClassifier("x", folder, max_tokens=7, device="cpu").score([" ".join(words)])
    assert cut.lengths.tolist() == [14]


def test_weights_of_windows_count_every_token_once() -> None:
    """Of 10 tokens 4-5 are in two windows: weights (4 + 1) / 10 each."""
    found = token_weights(np.array([0, 4]), np.array([6, 6]))
    assert (found.weights.tolist(), found.length) == ([0.5, 0.5], 10)


def test_scores_do_not_saturate() -> None:
    found = log_odds(torch.tensor([[-60.0, 60.0], [-30.0, 30.0]], dtype=torch.bfloat16), Sides((1,), (0,)))
    assert found.tolist() == [120.0, 60.0]
    assert found.dtype == torch.float32


def test_several_labels_of_a_side_add_their_probabilities() -> None:
    z = torch.tensor([[0.3, -1.0, 2.0, 0.5]])
    p = torch.softmax(z[0], 0)
    expected = float(torch.log((p[1] + p[2]) / p[0]))
    assert log_odds(z, Sides((1, 2), (0,))).item() == pytest.approx(expected, rel=1e-6)
    assert log_odds(z[:, :1], Sides((), (0,))).item() == pytest.approx(-0.3)


@pytest.mark.parametrize(
    ("labels", "chosen", "machine", "human"),
    [
        (["Fake", "Real"], None, (0,), (1,)),
        (["Human", "ChatGPT"], None, (1,), (0,)),
        (["human-written", "AI-generated"], None, (1,), (0,)),
        (["human_generated", "machine_generated"], None, (1,), (0,)),
        (["human", "gpt-4", "llama", "mixtral"], None, (1, 2), (0,)),
        (["human", "dolly", "cohere"], None, (1, 2), (0,)),
        (["Human", "Human edited by AI", "AI"], None, (2,), (0,)),
        (["LABEL_0", "LABEL_1"], "label_1", (1,), (0,)),
        (["LABEL_0", "LABEL_1"], "0", (0,), (1,)),
        (["LABEL_0"], "0", (0,), ()),
        (["real"], None, (), (0,)),
    ],
    ids=str,
)
def test_whose_a_label_is(
    labels: list[str], chosen: str | None, machine: tuple[int, ...], human: tuple[int, ...]
) -> None:
    assert sides(labels, chosen, "a/b") == Sides(machine, human)


def test_words_within_words_are_no_labels() -> None:
    assert [label_side(name) for name in ("maintained", "AIGenerated", "not AI", "unreal", "GPT2")] == [
        None,
        "machine",
        None,
        None,
        "machine",
    ]


@pytest.mark.parametrize(
    ("labels", "chosen", "message"),
    [
        (["LABEL_0", "LABEL_1"], None, "is not plain from their names: 0 LABEL_0, 1 LABEL_1; say it by name or number"),
        (["neg", "pos"], "2", "'a/b' has no label '2'; it has: 0 neg, 1 pos"),
        (["gpt-3", "gpt-4"], None, "all labels of 'a/b' sound alike, expected machine and human ones"),
    ],
)
def test_a_label_that_is_not_plain_is_one_line_with_all_of_them(
    labels: list[str], chosen: str | None, message: str
) -> None:
    with pytest.raises(ModelError) as caught:
        sides(labels, chosen, "a/b")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_gives_the_same_scores_again_and_knows_other_weights(keep: Keep, tmp_path: Path) -> None:
    folder = keep(lambda: bert({0: "LABEL_0", 1: "LABEL_1"}))
    made = SequenceClassifier("x", folder, label="1", device="cpu")
    save_classifier(made, tmp_path / "kept")
    again = load_classifier(tmp_path / "kept").on("cpu", "float32")
    assert again.score(TEXTS).scores.tolist() == made.score(TEXTS).scores.tolist()
    before = calibration_signature(made)
    assert not before.differences(calibration_signature(again))
    bert({0: "LABEL_0", 1: "LABEL_1"}).save_pretrained(folder)
    changed = calibration_signature(load_classifier(tmp_path / "kept").on("cpu", "float32"))
    assert [line.split()[0] for line in before.differences(changed)] == ["weights"]
    swapped = SequenceClassifier("x", folder, label="0", device="cpu")
    np.testing.assert_allclose(swapped.score(TEXTS).scores, -again.on("cpu", "auto").score(TEXTS).scores, atol=1e-6)


def test_hidden_characters_change_no_score(keep: Keep) -> None:
    one = SequenceClassifier("x", keep(lambda: bert({0: "Human", 1: "AI"})), device="cpu")
    hidden = TEXTS[0].replace("old", "o\u200bld").replace("man", "m\u0430n")
    assert one.score([hidden]).scores == one.score([TEXTS[0]]).scores


def test_weights_that_lack_something_or_are_no_safetensors_are_one_line(
    keep: Keep, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = keep(lambda: BertForMaskedLM(BertConfig(vocab_size=32, **SIZES)))
    with pytest.raises(ModelError, match=r"is no whole sequence classifier: \d+ tensors missing, .* for one") as caught:
        SequenceClassifier("x", folder, device="cpu").score(["a dog"])
    assert "\n" not in str(caught.value)
    assert "MISSING" not in capfd.readouterr().err
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickles can run code"):
        SequenceClassifier("x", folder, device="cpu").score(["a dog"])
    with pytest.raises(ModelError, match=r"is not a model folder: it has no config\.json"):
        SequenceClassifier("x", str(tmp_path), device="cpu").score(["a dog"])


def test_code_of_a_models_own_is_refused(keep: Keep, tmp_path: Path) -> None:
    folder = keep(lambda: bert({0: "Human", 1: "AI"}))
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    del config["architectures"]
    mapped = {"AutoConfig": "own.Config", "AutoModelForSequenceClassification": "own.Model"}
    (tmp_path / "model" / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": mapped}))
    (tmp_path / "model" / "own.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(ModelError, match="asks for its own Python code; Assay never runs code from a model"):
        SequenceClassifier("x", folder, device="cpu").score(["a dog"])


def test_a_context_the_model_cannot_read_is_one_line(keep: Keep) -> None:
    folder = keep(lambda: bert({0: "Human", 1: "AI"}))
    with pytest.raises(
        ModelError, match="'x' cannot be used: context must be from 4 to 64 tokens for this model, got 65"
    ):
        SequenceClassifier("x", folder, context=65, device="cpu").score(["a dog"])
