"""Leaving groups out: nothing of a group, nor of its clusters, is seen by what scores it."""

import numpy as np
import pytest
from assay.corpus.labelled import Labelled
from assay.detect.classifier import ClassifierScores
from assay.errors import DataError
from assay.eval.leave_out import deal_out, leave_one_group_out, report


class Remembering:
    """A classifier whose score of a text is 1 if it was fitted on it, else 0."""

    def __init__(self, texts: list[str], *_: object) -> None:
        self.seen = set(texts)

    def score_prepared(self, texts: list[str]) -> ClassifierScores:
        scores = np.array([float(text in self.seen) for text in texts])
        return ClassifierScores(scores, np.ones(len(texts), np.int64))


def data(groups: str, machine: str, clusters: str = "") -> Labelled:
    """One letter a text: its group, m or h, its cluster."""
    n = len(groups)
    return Labelled(
        [f"text {i}" for i in range(n)],
        [m == "m" for m in machine],
        list(groups),
        list(clusters or [str(i) for i in range(n)]),
    )


def test_a_text_is_never_scored_by_what_has_seen_it_or_its_cluster() -> None:
    fitted_on: list[set[str]] = []

    def fit(texts: list[str], labels: np.ndarray, groups: list[str]) -> Remembering:
        fitted_on.append(set(texts))
        assert len(texts) == len(labels) == len(groups)
        return Remembering(texts)

    given = data("aaabbbccc", "hmmhmmhmm", "012345672")  # the last text of c is of a cluster of a
    scores = leave_one_group_out(given, given.texts, fit)
    assert (scores == 0).all()
    assert fitted_on[0] == {f"text {i}" for i in (3, 4, 5, 6, 7)}
    assert fitted_on[1] == {f"text {i}" for i in (0, 1, 2, 6, 7, 8)}
    assert fitted_on[2] == {f"text {i}" for i in (0, 1, 3, 4, 5)}


def test_groups_that_cannot_be_left_out_are_one_line() -> None:
    with pytest.raises(DataError, match="needs at least two groups"):
        leave_one_group_out(data("aaaa", "hmhm"), list("abcd"), Remembering)
    with pytest.raises(DataError, match="without group 'b' only one label is left"):
        leave_one_group_out(data("aabb", "mmhm"), list("abcd"), Remembering)


def test_humans_of_one_group_are_dealt_out_by_cluster() -> None:
    given = data("h" * 40 + "xxyyzz", "h" * 40 + "m" * 6, "".join(chr(65 + i // 2) for i in range(40)) + "123456")
    dealt = deal_out(given, np.random.default_rng(0))
    assert set(dealt.groups) == {"x", "y", "z"}
    assert all(dealt.groups[i] == dealt.groups[i + 1] for i in range(0, 40, 2)), "a cluster stays together"
    assert dealt.groups[40:] == given.groups[40:]
    leave_one_group_out(dealt, dealt.texts, Remembering)
    mixed = data("aabb", "hmhm")
    assert deal_out(mixed, np.random.default_rng(0)).groups == mixed.groups


def test_moved_thresholds_are_set_on_the_humans_of_other_groups() -> None:
    """Humans of a score 0..99, those of b 100 higher: every human of b exceeds a's 1 % threshold (98), no human of a b's (198)."""
    scores = np.array([*range(100), *range(100, 200), 150.0, 99.0, 250.0, 120.0])
    given = data("a" * 100 + "b" * 100 + "aabb", "h" * 200 + "mmmm")
    rows = {row.group: row for row in report(given, scores, np.random.default_rng(0))}
    assert list(rows) == ["all", "a", "b"]
    assert (rows["a"].moved_fpr, rows["a"].moved_tpr) == (0.0, 0.0)
    assert (rows["b"].moved_fpr, rows["b"].moved_tpr) == (1.0, 1.0)
    assert rows["a"].tpr.value == 1.0  # both above 98
    assert rows["b"].auroc.value == pytest.approx(
        (1.0 + 0.2 + 0.005) / 2, abs=0.003
    )  # 250 above all, 120 above a fifth
    assert (rows["all"].human, rows["all"].machine) == (200, 4)


def test_a_group_of_one_label_reports_what_can_be_said() -> None:
    given = data("aabb", "hmmm")
    row = report(given, np.array([0.0, 1.0, 2.0, 3.0]), np.random.default_rng(0))[2]
    assert (row.group, row.human, row.machine) == ("b", 0, 2)
    assert row.to_record()["auroc"]["value"] is None
    assert row.moved_tpr == 1.0
