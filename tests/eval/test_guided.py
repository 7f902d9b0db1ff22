"""Paraphrase that a detector steers: the version kept is the one that the detector likes least."""

import json

import numpy as np
import pytest
import torch
from assay.errors import AssayError, DataError
from assay.eval.attack import attack_texts, make_attack
from assay.eval.sentence_blocks import part_seed, sentence_blocks
from assay.eval.steering_detector import SteeringDetector

TEXT = "The ship went down the coast at noon. No one on the pier saw it go.\nThen the rain came in from the sea, and it stayed for a week."


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def guided(**options):
    return make_attack("guided", {"detector": "fast", "device": "cpu", "sentences": 1, **options})


def test_each_block_is_the_version_with_the_lowest_score_of_the_text_so_far():
    attack = guided(base="resample", base_options=["device=cpu", "span=3"], candidates=3)
    (new,) = attack.apply([TEXT], 0.5, [11])
    base = make_attack("resample", {"device": "cpu", "span": 3})
    judge = SteeringDetector("fast", "cpu")
    done = ""
    at = 0
    for place, (start, stop) in enumerate(sentence_blocks(TEXT, 1)):
        versions = [base.apply([TEXT[start:stop]], 0.5, [part_seed(11, place, k)])[0] for k in range(3)]
        stems = [done + TEXT[at:start] + version for version in versions]
        done, at = stems[int(np.argmin(judge.score(stems)))], stop
    assert new == done + TEXT[at:]


def test_a_mark_can_be_the_detector_and_its_evidence_falls(marks, greenest, tmp_path_factory):
    """Of eight versions of each block the one with the least evidence: lower than one version, at the same strength."""
    profile = str(
        marks[0].path if hasattr(marks[0], "path") else next(tmp_path_factory.getbasetemp().rglob("mark.toml"))
    )
    judge = SteeringDetector(profile)
    options = {"detector": profile, "base": "delete", "sentences": 1}
    plain, steered = (
        attack_texts(make_attack("guided", options | {"candidates": n}), [greenest], 0.2, ["x"])[0] for n in (1, 16)
    )
    before, once, often = judge.score([greenest, plain, steered])
    assert before > once > often + 0.5
    record = make_attack("guided", options).signature()
    assert record["base"]["attack"] == "delete"
    assert len(record["detector"]["profile"]) == 16
    assert profile not in json.dumps(record["detector"])


def test_a_text_alone_and_in_a_batch_becomes_the_same():
    attack = guided(base="delete", candidates=3)
    texts = [TEXT, "", "One line only, without an end", TEXT[:60]]
    ids = ["a", "b", "c", "d"]
    together = attack_texts(attack, texts, 0.3, ids)
    assert [attack_texts(attack, [t], 0.3, [i])[0] for t, i in zip(texts, ids, strict=True)] == together


def test_errors_are_one_line(tmp_path):
    with pytest.raises(DataError, match="base must be another attack"):
        guided(base="guided")
    with pytest.raises(DataError, match=r"unknown attack 'delte'; did you mean 'delete'\?"):
        guided(base="delte")
    with pytest.raises(DataError, match="must be key=value"):
        guided(base_options=["span"])
    with pytest.raises(AssayError, match="unknown classifier 'quick'"):
        guided(detector="quick").check()
    with pytest.raises(DataError, match=r"no profile .*absent\.toml"):
        guided(detector=str(tmp_path / "absent.toml")).check()
