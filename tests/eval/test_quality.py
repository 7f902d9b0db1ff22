"""The protocol behind the quality tables: nothing left out is seen, thresholds come from elsewhere, and sums are right."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from assay.detect.classifier import ClassifierScores
from assay.eval.collection import CALIBRATE, FIT, JUDGE, JUDGES, Row, half, read_collection
from assay.eval.quality import by_length, figures, leave_out, table
from assay.eval.tfidf import Tfidf

SHARED = Path(__file__).parents[3] / "shared" / "data"
WORDS = "the old man saw a dog and my sister painted the house because nobody would have done it before we came"


def row(i: int, machine: bool, domain: str, part: str, generator: str = "GPT-2", cluster: str = "") -> Row:
    text = " ".join([WORDS] * 3) + f" {i:05d} {'moreover it is so' if machine else 'therefore we left'}."
    return Row(
        str(i),
        text,
        machine,
        domain,
        domain,
        generator if machine else "human",
        cluster or str(i),
        "outfox",
        "none",
        part,
    )


def rows() -> list[Row]:
    made: list[Row] = []
    for domain in ("news", "essay", "learner"):
        made += [row(len(made) + k, False, domain, CALIBRATE) for k in range(220)]
        made += [row(len(made) + k, False, domain, FIT) for k in range(40)]
        for generator in ("gpt2-xl", "opt-2.7b"):
            made += [row(len(made) + k, True, domain, FIT, generator) for k in range(40)]
    return made


class Spy:
    """A classifier that remembers what it was fitted on, and scores machine texts 1."""

    seen: list[set[str]] = []  # noqa: RUF012 (emptied by every test)

    @classmethod
    def fit(cls, prepared: list[Row], labels: Any, groups: list[str], rng: Any, name: str) -> "Spy":
        assert [one.machine for one in prepared] == labels.tolist()
        assert [one.domain for one in prepared] == groups
        cls.seen.append({one.id for one in prepared})
        return cls()

    def score_prepared(self, prepared: list[Row]) -> ClassifierScores:
        scores = np.array([one.machine + 1e-6 * int(one.id) for one in prepared])
        return ClassifierScores(scores, np.array([len(one.text) for one in prepared]))


@pytest.mark.parametrize("field", ["domain", "family"])
def test_what_is_left_out_is_not_seen_nor_calibrated_on(field: str) -> None:
    made = rows()
    data = table(made)
    Spy.seen = []
    judged = list(leave_out(data, Spy, made, field, lambda line: None))
    expected = ["essay", "learner", "news"] if field == "domain" else ["GPT-2", "OPT"]
    assert [one.left_out for one in judged] == expected
    for one, seen in zip(judged, Spy.seen, strict=True):
        inside = {made[d].id for d in np.flatnonzero(one.inside)}
        assert not inside & seen
        assert {one.part for one in made if one.id in seen} == {FIT}
        n = 440 if field == "domain" else 660
        assert np.nanmin(one.pooled) == pytest.approx(1 / (n + 1)), "as many humans calibrate as are not left out"
        assert np.nanmin(one.least_favourable) == pytest.approx(1 / 221)


def test_figures_of_a_perfect_classifier() -> None:
    made = rows()
    data = table(made)
    Spy.seen = []
    one = next(iter(leave_out(data, Spy, made, "domain", lambda line: None)))
    humans, machines = figures(data, one, "domain", 50)
    assert humans["humans"] == 260
    assert machines["machines"] == 80
    assert machines["auroc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert machines["tpr"]["value"] == machines["found_pooled"] == machines["found_least_favourable"] == 1.0
    assert sum(record["machines"] for record in by_length(data, [one])) == 80


def test_a_generator_that_nobody_fitted_on_is_judged_by_one_fitted_on_all() -> None:
    made = rows()
    made += [row(len(made) + k, True, "news", JUDGE, "palm-2") for k in range(40)]
    Spy.seen = []
    list(leave_out(table(made), Spy, made, "family", lambda line: None))
    assert Spy.seen[2] == {one.id for one in made if one.part == FIT}


def test_tfidf_tells_words_apart() -> None:
    texts = ["we left the house"] * 30 + ["moreover it is crucial"] * 30
    labels = np.repeat([False, True], 30)
    fitted = Tfidf.fit(Tfidf.prepare(texts), labels, ["g"] * 60, np.random.default_rng(0), "t")
    scores = fitted.score_prepared(["we left", "moreover crucial"]).scores
    assert scores[1] > scores[0]


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_the_collection_keeps_its_promises() -> None:
    found = read_collection(SHARED)
    assert {one.part for one in found if one.collection in JUDGES} == {JUDGE}
    assert not any(one.machine for one in found if one.part == CALIBRATE)
    fitted = {one.cluster for one in found if one.part == FIT and not one.machine}
    calibrated = {
        one.cluster for one in found if one.part == CALIBRATE and not one.source_domain.startswith("memorised")
    }
    shared = fitted & calibrated
    assert not shared, f"humans of one cluster on both sides: {sorted(shared)[:3]}"
    assert all(len(one.text.split()) >= 20 for one in found)
    assert len({half(str(i)) for i in range(20)}) == 2
