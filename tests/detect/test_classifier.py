"""Classifiers: fitted, kept in a folder without pickles, read again; and refused in one line where the folder is no classifier."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from assay.detect.classifier import (
    classifier_class,
    classifier_kinds,
    load_classifier,
    save_classifier,
    signature,
)
from assay.detect.fast import FastClassifier
from assay.detect.fast_fit import balanced_weights, crop, fit_fast, frequent_words
from assay.errors import DataError, ModelError

SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold")


def plain(draw: random.Random) -> str:
    """A text of short sentences."""
    return " ".join(
        f"{draw.choice(SUBJECTS).capitalize()} {draw.choice(VERBS)} {draw.choice(SUBJECTS)}." for _ in range(40)
    )


def flowery(draw: random.Random) -> str:
    """The same matter in another manner."""
    return " ".join(
        f"Moreover, {draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(SUBJECTS)}, which is crucial;"
        for _ in range(30)
    )


@pytest.fixture(scope="module")
def fitted() -> FastClassifier:
    draw = random.Random(0)
    texts = [plain(draw) for _ in range(60)] + [flowery(draw) for _ in range(60)]
    labels = np.repeat([False, True], 60)
    return fit_fast(texts, labels, ["a", "b"] * 60, np.random.default_rng(0), bits=14, n_words=50)


def test_fast_tells_two_manners_of_unseen_texts_apart(fitted: FastClassifier) -> None:
    draw = random.Random(1)
    human = fitted.score([plain(draw) for _ in range(40)]).scores
    machine = fitted.score([flowery(draw) for _ in range(40)]).scores
    assert machine.min() > human.max()


def test_a_folder_gives_the_same_scores_again(fitted: FastClassifier, tmp_path: Path) -> None:
    texts = ["", "   ", "Nobody painted a dog.", "x" * 2000, "Moreover, which is crucial;"]
    save_classifier(fitted, tmp_path / "fast")
    again = load_classifier(tmp_path / "fast")
    assert {path.name for path in (tmp_path / "fast").iterdir()} == {"classifier.json", "weights.safetensors"}
    for field in ("scores", "lengths"):
        assert np.array_equal(getattr(fitted.score(texts), field), getattr(again.score(texts), field), equal_nan=True)
    assert signature(again) == signature(fitted)
    assert np.isnan(again.score(texts).scores).tolist() == [True, True, False, False, False]


def test_the_signature_knows_other_weights(fitted: FastClassifier) -> None:
    other = FastClassifier(fitted.name, fitted.fitted, fitted.words, fitted.weights[::-1].copy(), fitted.bias)
    assert signature(other)["sha256"] != signature(fitted)["sha256"]


def test_hidden_characters_change_no_score(fitted: FastClassifier) -> None:
    text = "Nobody painted a dog, and the doctor sold it. " * 5
    hidden = "\u200b".join(text).replace("o", "\u043e")
    assert fitted.score([hidden]).scores == fitted.score([text]).scores


def test_a_batch_is_its_texts_one_by_one(fitted: FastClassifier) -> None:
    draw = random.Random(2)
    texts = [plain(draw), "", flowery(draw), "A dog."]
    assert np.array_equal(
        fitted.score(texts).scores, np.concatenate([fitted.score([text]).scores for text in texts]), equal_nan=True
    )


@pytest.mark.parametrize(("labels", "found"), [([True] * 4, "machine"), ([False] * 4, "human"), ([], "no")])
def test_training_needs_both_labels(labels: list[bool], found: str) -> None:
    with pytest.raises(DataError, match=f"got only {found} ones"):
        fit_fast(["a b c"] * len(labels), np.array(labels, bool), ["x"] * len(labels), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "has format 2, expected 1"),
        ({"kind": "oracle"}, "unknown kind of classifier 'oracle'; known: embedded, fast"),
        ({"values": {}}, "is damaged: KeyError 'style'"),
        ({"values": {"style": "style-0"}}, "it was fitted with style 'style-0', this version has 'style-1'"),
    ],
    ids=str,
)
def test_a_folder_that_does_not_fit_is_one_line(
    fitted: FastClassifier, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    save_classifier(fitted, tmp_path)
    config = json.loads((tmp_path / "classifier.json").read_text())
    (tmp_path / "classifier.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelError) as caught:
        load_classifier(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_broken_files_are_one_line(fitted: FastClassifier, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is not a classifier: it has no classifier\.json"):
        load_classifier(tmp_path)
    save_classifier(fitted, tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="is not a safetensors file"):
        load_classifier(tmp_path)
    (tmp_path / "weights.safetensors").rename(tmp_path / "weights.bin")
    with pytest.raises(ModelError, match=r"has no weights\.safetensors; Assay reads no other form"):
        load_classifier(tmp_path)
    (tmp_path / "classifier.json").write_text("{")
    with pytest.raises(ModelError, match="is not JSON"):
        load_classifier(tmp_path)


def test_every_kind_can_be_loaded_and_says_what_it_is() -> None:
    for kind in classifier_kinds():
        made = classifier_class(kind)
        assert made.kind == kind
        assert made.summary


def test_crops_are_words_of_the_text_and_everywhere_as_likely() -> None:
    words = [f"w{i}" for i in range(50)]
    text, rng = "\n".join(words), np.random.default_rng(0)
    firsts = [crop(text, 10, rng).split("\n") for _ in range(2000)]
    assert all(found == words[int(found[0][1:]) :][:10] for found in firsts)
    counts = np.bincount([int(found[0][1:]) for found in firsts], minlength=50)
    assert (counts[:41] > 0).all()  # each has 2000 / 41 = 49 expected: a gap has probability 41 exp(-49)
    assert counts[41:].sum() == 0
    assert crop(text, 50, rng) == text
    assert crop("", 5, rng) == ""


def test_frequent_words_are_those_of_most_domains() -> None:
    texts = ["the lens the lens the lens the lens", "the Sea", "the sea\u2019s shore the end"]
    assert frequent_words(texts, ["optics", "sea", "sea"], 2) == ["the", "lens"]
    assert "sea's" in frequent_words(texts, ["optics", "sea", "sea"], 9)


def test_labels_weigh_the_same_and_domains_as_the_root_of_their_size() -> None:
    labels = np.array([False] * 5 + [True] * 20)
    domains = ["x"] * 4 + ["y"] + ["x"] * 20
    weights = balanced_weights(labels, domains)
    assert weights[labels].sum() == pytest.approx(weights[~labels].sum()) == pytest.approx(12.5)
    assert weights[0] * 4 / weights[4] == pytest.approx(2.0)
