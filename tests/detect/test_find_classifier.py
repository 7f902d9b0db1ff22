"""One string for any classifier, and one line where it names none."""

import sys
from pathlib import Path

import numpy as np
import pytest
from assay.detect import find_classifier as module
from assay.detect.classifier import CONFIG, save_classifier
from assay.detect.fast import FastClassifier
from assay.detect.find_classifier import (
    find_classifier,
    known_classifiers,
    shipped_calibration,
    shipped_classifiers,
)
from assay.detect.pair import Pair
from assay.detect.sequence import SequenceClassifier
from assay.detect.style import WordList
from assay.errors import AssayError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a small classifier of the kind `fast`."""
    weights = np.random.default_rng(0).normal(size=2**10).astype(np.float16).astype(np.float32)
    save_classifier(FastClassifier("mine", {}, WordList.of(["the", "a"]), weights, 0.5), tmp_path / "mine")
    return tmp_path / "mine"


def test_a_metric_with_one_model_or_two() -> None:
    one = find_classifier("fast_detectgpt:embedded", device="cpu", dtype="float32")
    two = find_classifier("binoculars:tiiuae/falcon-7b-instruct,tiiuae/falcon-7b")
    assert one == Pair("fast_detectgpt:embedded", "fast_detectgpt", "embedded", device="cpu", dtype="float32")
    assert two == Pair(
        "binoculars:falcon-7b-instruct,falcon-7b", "binoculars", "tiiuae/falcon-7b-instruct", "tiiuae/falcon-7b"
    )


def test_named_pairs_and_sequence_classifiers() -> None:
    assert find_classifier("pair:small", device="cpu").name == "pair:small"
    assert find_classifier("hf:who/detector#Fake", dtype="float16") == SequenceClassifier(
        "hf:detector", "who/detector", "Fake", dtype="float16"
    )
    assert find_classifier("hf:who/detector") == SequenceClassifier("hf:detector", "who/detector")


def test_a_folder_and_the_calibration_beside_it(folder: Path) -> None:
    found = find_classifier(str(folder))
    assert found.name == "mine"
    assert np.isfinite(found.score(["The dog saw a cat."]).scores).all()
    assert shipped_calibration(str(folder)) is None
    (folder / "calibration.json").write_text("{}")
    assert shipped_calibration(str(folder)) == folder / "calibration.json"
    assert shipped_calibration("fast_detectgpt:embedded") is None


def test_a_folder_of_a_kind_with_a_model_runs_where_it_is_told(tmp_path: Path) -> None:
    save_classifier(Pair("kept", "rank", "embedded"), tmp_path)
    assert find_classifier(str(tmp_path), device="cpu", dtype="float32") == Pair(
        "kept", "rank", "embedded", device="cpu", dtype="float32"
    )


def test_a_shipped_name_comes_before_a_folder_of_that_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's folder is made here: the shipped weights are a matter of the installation."""
    package = tmp_path / "package"
    save_classifier(find_classifier(str(folder)), package / "classifiers" / "tier")
    (package / "classifiers" / "tier" / "calibration.json").write_text("{}")
    (tmp_path / "tier").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "files", lambda _package: package)
    assert shipped_classifiers() == ["tier"]
    assert find_classifier("tier").name == "mine"
    assert shipped_calibration("tier") == package / "classifiers" / "tier" / "calibration.json"
    assert shipped_calibration("./tier") is None
    with pytest.raises(AssayError, match=r"is not a classifier: it has no classifier\.json"):
        find_classifier("./tier")


def test_what_is_shipped_is_found_and_whole() -> None:
    for name in shipped_classifiers():
        assert find_classifier(name).kind
    assert all((module.classifier_folder(name) or Path()).joinpath(CONFIG).is_file() for name in shipped_classifiers())


def test_what_is_known_is_said_with_its_kind() -> None:
    rows = known_classifiers()
    named = {row["classifier"]: row["kind"] for row in rows if "classifier" in row}
    assert named["pair:small"] == "pair"
    assert set(shipped_classifiers()) < named.keys()
    assert {"fast", "pair", "sequence"} <= {row["kind"] for row in rows if "classifier" not in row}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("oracle", "unknown classifier 'oracle'; expected a shipped one ("),
        ("", "unknown classifier ''; expected"),
        ("magic:embedded", "unknown classifier 'magic:embedded'"),
        ("magic:embedded", "metrics: binoculars, dna_detectllm, entropy, fast_detectgpt, gltr"),
        ("pair:huge", "unknown pair 'huge'; known: pair:small, pair:7b"),
        ("lrr:", "'lrr:' names no model; expected METRIC:MODEL[,REFERENCE]"),
        ("binoculars:a,", "'binoculars:a,' lacks a model, expected binoculars:MODEL or binoculars:MODEL,REFERENCE"),
        ("hf:a#", "'hf:a#' lacks a model or a label, expected hf:MODEL or hf:MODEL#LABEL"),
        ("npr:embedded", "metric 'npr' compares a text with rewrites of it"),
    ],
)
def test_a_spec_that_names_none_is_one_line(spec: str, message: str) -> None:
    with pytest.raises(AssayError) as caught:
        find_classifier(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hugging_face_folder_is_told_from_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(
        AssayError, match=r"is a Hugging Face model, not a classifier's folder; name a sequence .* as hf:"
    ):
        find_classifier(str(tmp_path))


def test_naming_a_classifier_loads_no_torch() -> None:
    import subprocess

    code = "import sys; from assay.detect.find_classifier import find_classifier as f; f('hf:a/b'); f('pair:7b'); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
