"""A metric under any model or pair as a classifier: the metric's own value, roles in their places, kept in a folder without weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from assay.detect.classifier import (
    ReadsModel,
    calibration_signature,
    load_classifier,
    save_classifier,
    signature,
)
from assay.detect.pair import NAMED, Pair, named_pair
from assay.errors import AssayError, ModelError
from assay.models import EMBEDDED, embedded_path

from .tiny_models import HUMAN, oracle, tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two tiny models with the embedded tokenizer: performer, observer."""
    made = []
    for seed, name in enumerate(("performer", "observer")):
        path = tmp_path_factory.mktemp("models") / name
        tiny("gpt2", seed).model.save_pretrained(path)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            (path / file).write_bytes((embedded_path() / file).read_bytes())
        made.append(path)
    return made[0], made[1]


@pytest.fixture(scope="module")
def pair(folders: tuple[Path, Path]) -> Pair:
    performer, observer = folders
    return Pair("mine", "binoculars", str(performer), str(observer), start="none", device="cpu")


def test_performer_scores_and_observer_averages_as_the_authors_have_it(pair: Pair) -> None:
    """The oracle is Hans et al.'s formula on whole distributions in float64: -log q(x) over -sum p log q, one place more below."""
    found = pair.score([HUMAN[0]])
    both = oracle(tiny("gpt2", 0), HUMAN[0], None, tiny("gpt2", 1))
    perplexity = -both.fields["log_prob"].mean()
    crossed = -np.append(both.fields["mu"], both.end_mu).mean()
    assert found.scores[0] == pytest.approx(-perplexity / crossed, rel=1e-5)
    assert found.lengths.tolist() == [len(both.targets)]
    swapped = oracle(tiny("gpt2", 1), HUMAN[0], None, tiny("gpt2", 0))
    assert found.scores[0] != pytest.approx(swapped.fields["log_prob"].mean() / -swapped.fields["mu"].mean(), rel=1e-2)


def test_a_batch_is_its_texts_one_by_one_and_what_cannot_be_scored_is_nan(pair: Pair) -> None:
    texts = ["", HUMAN[1], "a", *HUMAN]
    whole, alone = pair.score(texts), [pair.score([text]) for text in texts]
    assert np.isnan(whole.scores).tolist() == [True, False, True, False, False, False]
    np.testing.assert_allclose(whole.scores, [one.scores[0] for one in alone], rtol=1e-4)
    assert whole.lengths.tolist() == [int(one.lengths[0]) for one in alone]
    assert whole.lengths[[0, 2]].tolist() == [0, 0]


def test_hidden_characters_change_no_score(pair: Pair) -> None:
    hidden = "\u200b".join(HUMAN[0]).replace("o", "\u043e")
    assert pair.score([hidden]).scores == pair.score([HUMAN[0]]).scores


def test_no_more_than_max_tokens_are_read(pair: Pair, folders: tuple[Path, Path]) -> None:
    cut = Pair("cut", "log_rank", str(folders[0]), max_tokens=9, device="cpu").score([HUMAN[1], HUMAN[1] + HUMAN[0]])
    assert cut.lengths.tolist() == [9, 9]
    assert cut.scores[0] == cut.scores[1]


def test_a_folder_without_arrays_gives_the_same_scores_again(pair: Pair, tmp_path: Path) -> None:
    save_classifier(pair, tmp_path / "kept")
    again = load_classifier(tmp_path / "kept").on("cpu", "float32")
    assert isinstance(pair, ReadsModel)
    assert again.score(HUMAN).scores.tolist() == pair.score(HUMAN).scores.tolist()
    assert calibration_signature(again) == calibration_signature(pair)
    assert calibration_signature(pair).scorer["reference_weights"] != calibration_signature(pair).scorer["weights"]


def test_a_calibration_follows_the_weights_and_not_the_place_they_lie_in(folders: tuple[Path, Path]) -> None:
    here, moved = (Pair("x", "lrr", model, start="none") for model in (str(folders[0]), "elsewhere/performer"))
    assert signature(here) == signature(moved)
    assert signature(here) != signature(Pair("x", "lrr", str(folders[0]), start="auto"))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"metric_name": "magic"}, AssayError, "unknown metric 'magic'; known: "),
        ({"metric_name": "detectgpt"}, AssayError, "compares a text with rewrites"),
        ({"start": "bos"}, ValueError, "start must be 'auto' or 'none', got 'bos'"),
        ({"max_tokens": 0}, ValueError, "max_tokens must be at least 1"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_before_a_model_is_loaded(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Pair(**{"name": "x", "metric_name": "rank", "model": "nowhere/at-all", **changes})


def test_a_context_longer_than_the_model_reads_is_one_line(folders: tuple[Path, Path]) -> None:
    with pytest.raises(ModelError, match=r"'x' cannot be used: context must be from 2 to 256 tokens"):
        Pair("x", "rank", str(folders[0]), context=300, device="cpu").score(["a b"])


def test_named_pairs_read_as_binoculars_does() -> None:
    """The published pair: Falcon-7B-instruct performs, Falcon-7B observes (Hans et al. 2024), and nothing precedes the text."""
    big = named_pair("7b")
    assert (big.metric_name, big.start) == ("binoculars", "none")
    assert (big.model, big.reference) == ("tiiuae/falcon-7b-instruct", "tiiuae/falcon-7b")
    assert named_pair("small").model == f"{NAMED['small'][1]}-Instruct"
    with pytest.raises(ModelError, match="unknown pair 'huge'; known: pair:small, pair:7b"):
        named_pair("huge")


def test_the_embedded_model_alone_is_its_own_pair() -> None:
    found = Pair("x", "fast_detectgpt", EMBEDDED, device="cpu").score(["It was the best of times, it was the worst."])
    assert np.isfinite(found.scores).all()
