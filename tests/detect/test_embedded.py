"""The kinds that read with the embedded model: fitted on real readings, kept in folders, blind to layout, refused with other weights."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from assay.detect.classifier import calibration_signature, load_classifier, save_classifier, signature
from assay.detect.embedded import EmbeddedClassifier
from assay.detect.fusion import Fusion
from assay.errors import ModelError

SUBJECTS = ("the old man", "my sister", "a dog", "the doctor", "nobody", "his neighbour")
VERBS = ("saw", "found", "never wanted", "had lost", "painted", "sold")


def plain(draw: random.Random) -> str:
    """A text of simple sentences."""
    return " ".join(
        f"{draw.choice(SUBJECTS).capitalize()} {draw.choice(VERBS)} {draw.choice(SUBJECTS)}." for _ in range(12)
    )


def shuffled(draw: random.Random) -> str:
    """The same words in any order."""
    words = plain(draw).split()
    draw.shuffle(words)
    return " ".join(words)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    draw = random.Random(0)
    return [plain(draw) for _ in range(60)] + [shuffled(draw) for _ in range(60)]


@pytest.fixture(scope="module")
def fusion(texts: list[str]) -> Fusion:
    labels = np.repeat([False, True], 60)
    return Fusion.fit(Fusion.prepare(texts), labels, ["a", "b", "c"] * 40, np.random.default_rng(0))


@pytest.fixture(scope="module")
def embedded(fusion: Fusion) -> EmbeddedClassifier:
    return fusion.embedded


@pytest.mark.parametrize("kind", ["embedded", "fusion"])
def test_unseen_texts_are_told_apart(kind: str, request: pytest.FixtureRequest) -> None:
    draw = random.Random(1)
    human, machine = [plain(draw) for _ in range(20)], [shuffled(draw) for _ in range(20)]
    classifier = request.getfixturevalue(kind)
    scores = classifier.score([*human, *machine]).scores
    assert scores[20:].min() > scores[:20].max()


@pytest.mark.parametrize("kind", ["embedded", "fusion"])
def test_a_folder_gives_the_same_scores_again(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    classifier = request.getfixturevalue(kind)
    texts = [plain(random.Random(2)), "Too short.", "", "x" * 3000]
    save_classifier(classifier, tmp_path / "c")
    again = load_classifier(tmp_path / "c")
    assert np.array_equal(classifier.score(texts).scores, again.score(texts).scores, equal_nan=True)
    assert signature(again)["sha256"] == signature(classifier)["sha256"]
    assert not calibration_signature(again).differences(calibration_signature(classifier))
    assert np.isnan(again.score(texts).scores).tolist() == [False, True, True, False]


@pytest.mark.parametrize("kind", ["embedded", "fusion"])
def test_a_batch_is_its_texts_one_by_one(kind: str, request: pytest.FixtureRequest) -> None:
    classifier = request.getfixturevalue(kind)
    draw = random.Random(3)
    texts = [plain(draw), shuffled(draw)[:120], "", plain(draw) * 3]
    together = classifier.score(texts)
    alone = [classifier.score([text]) for text in texts]
    assert np.allclose(together.scores, np.concatenate([one.scores for one in alone]), atol=1e-3, equal_nan=True)
    assert together.lengths.tolist() == [int(one.lengths[0]) for one in alone]


def test_layout_changes_no_score(embedded: EmbeddedClassifier) -> None:
    text = 'The doctor said "nobody saw a dog - never." ' * 6
    laid_out = text.replace(". ", ".\n\n").replace('"n', "\u201cn").replace('."', ".\u201d").replace(" - ", " \u2014 ")
    assert laid_out != text
    assert embedded.score([laid_out]).scores == embedded.score([text]).scores


def test_score_and_prepared_agree(embedded: EmbeddedClassifier, texts: list[str]) -> None:
    assert np.allclose(
        embedded.score(texts[:5]).scores,
        embedded.score_prepared(EmbeddedClassifier.prepare(texts[:5])).scores,
        atol=1e-3,
    )


def test_other_weights_of_the_language_model_are_refused(embedded: EmbeddedClassifier) -> None:
    with pytest.raises(ModelError, match="was fitted with weights other of the embedded model, this version has"):
        replace(embedded, weights="other").score(["Some text that is long enough."])


def test_a_fusion_is_the_mean_of_its_members_in_their_units(fusion: Fusion, texts: list[str]) -> None:
    rows = np.column_stack([fusion.fast.score(texts[50:70]).scores, fusion.embedded.score(texts[50:70]).scores])
    units = (rows - fusion.centres) / fusion.scales
    assert np.allclose(fusion.score(texts[50:70]).scores, (units[:, 0] + units[:, 1]) / 2, atol=1e-6)


def test_what_decides_a_score_is_in_the_signature(embedded: EmbeddedClassifier) -> None:
    made = calibration_signature(embedded)
    assert made.scorer["weights"] == embedded.weights
    assert made.scorer["dtype"] == "float32"
    heads = (replace(embedded.heads[0], offset=1.0), *embedded.heads[1:])
    assert signature(replace(embedded, heads=heads))["sha256"] != signature(embedded)["sha256"]
