"""Calibrations: what is kept, whose p-value a document gets, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from assay.detect.calibrate import choose_edges, fit, pool_small
from assay.detect.calibration import (
    NO_SCORE,
    NOT_CALIBRATED,
    SCORED,
    TOO_LONG,
    TOO_SHORT,
    Signature,
)
from assay.detect.conformal import null_scores
from assay.detect.levels import order_statistic_interval
from assay.errors import BadCalibration
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, betabinom, binomtest

SCORER = {
    "version": "0.1.0",
    "model": "some/model",
    "revision": None,
    "weights": "abcd",
    "dtype": "float32",
    "context": 512,
}
SIGNATURE = Signature("fast-detectgpt", "1", "1", "tokens", SCORER)


def made(n=1000, seed=0, **more):
    rng = np.random.default_rng(seed)
    options = {"data": "made up", "created": "2026-01-02", **more}
    return fit(SIGNATURE, rng.normal(size=n), rng.integers(40, 700, n), **options)


def test_buckets_are_octaves_with_enough_documents_each():
    lengths = np.random.default_rng(1).lognormal(6, 1, 5000).astype(int)
    edges = choose_edges(lengths, 200)
    counts = np.histogram(lengths, edges)[0]
    assert counts.min() >= 200
    assert sum(counts) >= 0.985 * len(lengths)
    inner = np.array(edges[1:-1])
    assert (inner[1:] / inner[:-1] >= 2).all()
    assert choose_edges(np.full(200, 7), 200) == [7, 8]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 3000), min_size=30, max_size=400), st.integers(1, 29))
def test_no_bucket_is_ever_too_small(lengths, n_min):
    edges = choose_edges(np.array(lengths), n_min)
    assert (np.diff(edges) > 0).all()
    assert np.histogram(lengths, [*edges[:-1], edges[-1] - 0.5])[0].min() >= n_min


def test_a_document_outside_abstains_with_its_reason():
    calibration = made(edges=[50, 200, 600])
    result = calibration.p_values(SIGNATURE, [0.0, 0.0, 0.0, np.nan, 0.0], [49, 50, 599, 100, 600])
    assert result.reason.tolist() == [TOO_SHORT, SCORED, SCORED, NO_SCORE, TOO_LONG]
    assert np.isnan(result.p).tolist() == [True, False, False, True, True]
    assert result.group.tolist() == [-1, 0, 1, 0, -1]
    assert result.smallest_p[1] == 1 / (calibration.groups[0].null.n + 1)
    np.testing.assert_array_equal(result.log10_p[1:3], np.log10(result.p[1:3]))
    assert calibration.explain(TOO_SHORT) == "too short: calibrated from 50 tokens on"
    assert calibration.explain(TOO_LONG) == "too long: calibrated up to 599 tokens"
    assert calibration.explain(SCORED) == ""


def test_labels_have_their_own_nulls_and_unknown_ones_abstain():
    rng = np.random.default_rng(2)
    labels = np.repeat(["en", "de"], 300)
    scores = rng.normal(size=600) + 5 * (labels == "de")
    calibration = fit(SIGNATURE, scores, np.full(600, 100), data="", groups=labels.tolist())
    assert calibration.labels == ["de", "en"]
    result = calibration.p_values(SIGNATURE, [5.0, 5.0, 5.0], [100, 100, 100], ["en", "de", "fr"])
    assert result.p[0] == 1 / 301
    assert 0.3 < result.p[1] < 0.7
    assert result.reason[2] == NOT_CALIBRATED
    assert "'fr'" in calibration.explain(NOT_CALIBRATED, "fr")
    with pytest.raises(BadCalibration, match="groups de, en; say which"):
        calibration.assign([100])


def test_without_a_label_the_largest_of_the_labels_p_values_counts():
    """Ranks by hand: 5.0 is above all of 0 to 299 / 300 (en) and above 50 of 300 of de (0 to 29.9 by tenths)."""
    scores = [*(np.arange(300) / 300), *(np.arange(300) / 10)]
    calibration = fit(SIGNATURE, scores, np.full(600, 9), data="", groups=["en"] * 300 + ["de"] * 300)
    result = calibration.p_values(SIGNATURE, [5.05, 0.0, 99.0, np.nan], [9, 9, 9, 9])
    assert result.p[:3].tolist() == [250 / 301, 1.0, 1 / 301]
    assert calibration.groups[result.group[0]].label == "de"
    assert result.reason.tolist() == [SCORED, SCORED, SCORED, NO_SCORE]
    assert result.smallest_p.tolist() == [1 / 301] * 4
    assert calibration.p_values(SIGNATURE, [5.05], [9], ["en"]).p == 1 / 301


def test_the_reachable_p_is_that_of_the_label_with_fewest_documents() -> None:
    """Labels of 900 and 250 documents of one length: any text meets both, so 1/251 is the least, while 1/901 is in the calibration."""
    calibration = made(1150, groups=["a"] * 900 + ["b"] * 250, edges=[40, 700])
    assert calibration.smallest_p == pytest.approx(1 / 901)
    assert calibration.reachable_p == pytest.approx(1 / 251)
    assert calibration.of("a").reachable_p == pytest.approx(1 / 901)
    assert made(500, edges=[40, 700]).reachable_p == pytest.approx(1 / 501)


def test_a_label_without_documents_of_the_length_speaks_by_its_nearest():
    """en at 50 tokens (300 documents), de at 100 (200): both speak from 50 to 100, de at 1/201 is the less favourable; outside, nobody."""
    lengths, labels = np.repeat([50, 100], [300, 200]), ["en"] * 300 + ["de"] * 200
    calibration = fit(SIGNATURE, np.arange(500.0), lengths, data="", groups=labels)
    result = calibration.p_values(SIGNATURE, np.full(5, 1e9), [49, 50, 70, 100, 101])
    assert result.reason.tolist() == [TOO_SHORT, SCORED, SCORED, SCORED, TOO_LONG]
    assert result.group.tolist() == [-1, 0, 0, 0, -1]
    assert result.p[1:4].tolist() == result.smallest_p[1:4].tolist() == [1 / 201] * 3
    assert np.isnan(result.p[[0, 4]]).all()
    assert np.isnan(result.smallest_p[[0, 4]]).all()
    # 350 is above all 300 of en (scores 0 to 299) and below 150 of de (300 to 499).
    assert calibration.p_values(SIGNATURE, [350.0], [50]).p == 151 / 201
    assert calibration.p_values(SIGNATURE, [350.0], [50], ["en"]).p == 1 / 301
    assert calibration.explain(TOO_SHORT) == "too short: calibrated from 50 tokens on"
    assert calibration.explain(TOO_LONG) == "too long: calibrated up to 100 tokens"
    assert calibration.explain(TOO_LONG, "en") == "too long: calibrated up to 50 tokens"


def test_of_one_label_is_what_the_label_given_says():
    lengths, labels = np.repeat([50, 100], [300, 200]), ["en"] * 300 + ["de"] * 200
    calibration = fit(SIGNATURE, np.arange(500.0), lengths, data="", groups=labels)
    alone = calibration.of("en")
    assert alone.p_values(SIGNATURE, [250.0], [50]).p == calibration.p_values(SIGNATURE, [250.0], [50], ["en"]).p
    assert alone.p_values(SIGNATURE, [250.0], [100]).reason == TOO_LONG
    assert alone.group_note == "by the humans of group 'en'"
    assert calibration.group_note == "no group given: the least favourable of 2 groups"
    with pytest.raises(BadCalibration, match="has no group 'fr', it has de, en; name one of them"):
        calibration.of("fr")


def test_the_least_favourable_p_is_valid_for_every_label_and_mixture_where_the_pooled_one_is_not():
    """Three laws, 3,999 calibration and 4,000 test documents each. The number at or below alpha is at most that of the
    label's own conformal p, beta-binomial; of a mixture, the sum of such. Bounds are upper 1e-6 quantiles; 18 tests."""
    rng, labels, m = np.random.default_rng(8), ["a", "b", "c"], 4000

    def draw(n):
        return [rng.normal(size=n), rng.normal(4.0, 0.5, n), rng.exponential(0.7, n) - 1]

    scores, lengths = np.concatenate(draw(3999)), np.full(11_997, 100)
    ours = fit(SIGNATURE, scores, lengths, data="", groups=np.repeat(labels, 3999).tolist())
    pooled = fit(SIGNATURE, scores, lengths, data="")
    tests = draw(m)
    for alpha in (0.01, 0.05, 0.10):
        seen = [(ours.p_values(SIGNATURE, test, np.full(m, 100)).p <= alpha) for test in tests]
        k = ours.groups[0].null.rank(alpha)
        assert all(flags.sum() <= betabinom.isf(1e-6, m, k, 4000 - k) for flags in seen)
        for sizes in ((2000, 1000, 1000), (100, 3500, 400), (0, 2000, 2000)):
            counted = sum(int(flags[:size].sum()) for flags, size in zip(seen, sizes, strict=True))
            laws = [betabinom.pmf(np.arange(size + 1), size, k, 4000 - k) for size in sizes]
            tail = np.convolve(np.convolve(laws[0], laws[1]), laws[2])[::-1].cumsum()[::-1]
            assert tail[counted] > 1e-6
        of_pool = [(pooled.p_values(SIGNATURE, test, np.full(m, 100)).p <= alpha).sum() for test in tests]
        assert max(of_pool) > 2 * alpha * m
    for label, test in zip(labels, tests, strict=True):
        own = ours.p_values(SIGNATURE, test, np.full(m, 100), [label] * m).p
        assert (ours.p_values(SIGNATURE, test, np.full(m, 100)).p >= own).all()


def test_small_groups_are_pooled_by_their_independent_documents():
    groups, clusters = ["a"] * 5 + ["b"] * 4 + ["c"] * 3, [*"12345", *"6666", *"789"]
    assert pool_small(groups, clusters, 5) == ["a"] * 5 + ["other"] * 7
    assert pool_small(groups, None, 4) == ["a"] * 5 + ["b"] * 4 + ["other"] * 3


def test_exactly_enough_documents_are_enough():
    calibration = fit(SIGNATURE, np.arange(200.0), np.arange(200), data="")
    assert [(g.low, g.high, g.null.n) for g in calibration.groups] == [(0, 200, 200)]


def test_repeated_humans_count_once():
    """Each human five times: n is the number of humans, and the draw does not depend on the order of other groups."""
    scores = np.repeat(np.arange(400.0), 5) + np.tile(np.arange(5) / 10, 400)
    clusters = [f"h{i}" for i in np.repeat(np.arange(400), 5)]
    calibration = fit(SIGNATURE, scores, np.full(2000, 80), data="", clusters=clusters)
    assert calibration.groups[0].null.n == 400
    assert calibration.left_out["another document of its cluster"] == 1600
    assert np.floor(calibration.groups[0].null.scores + 1e-4).tolist() == list(range(400))
    drawn = np.round(calibration.groups[0].null.scores % 1 * 10).astype(int) % 10
    assert np.bincount(drawn, minlength=5).min() > 40  # not always the first


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"detector": "lrr"}, "detector is 'lrr', expected 'fast-detectgpt'"),
        ({"detector_version": "2"}, "detector_version is '2', expected '1'"),
        ({"normaliser": "2"}, "normaliser is '2', expected '1'"),
        ({"sign": "lower is more machine-like"}, "sign is 'lower"),
        ({"length_unit": "words"}, "length_unit is 'words', expected 'tokens'"),
        ({"scorer": {**SCORER, "weights": "ffff"}}, "weights is 'ffff', expected 'abcd'"),
        ({"scorer": {**SCORER, "dtype": "bfloat16"}}, "dtype is 'bfloat16', expected 'float32'"),
        ({"scorer": {**SCORER, "context": 256}}, "context is 256, expected 512"),
        (
            {"scorer": {**SCORER, "reference": "r", "reference_weights": "eeee"}},
            "reference_weights is 'eeee', expected 'none'",
        ),
    ],
)
def test_a_score_made_otherwise_is_refused_in_one_line(change, named):
    with pytest.raises(BadCalibration) as refused:
        made().p_values(replace(SIGNATURE, **change), [1.0], [100])
    assert named in str(refused.value)
    assert "assay calibrate" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_name_of_the_same_weights_and_the_release_do_not_matter():
    elsewhere = {**SCORER, "model": "/a/folder", "revision": "main", "version": "0.2.0"}
    made().fits(replace(SIGNATURE, scorer=elsewhere))
    unhashed = {name: value for name, value in SCORER.items() if name != "weights"}
    ours = replace(made(), signature=replace(SIGNATURE, scorer=unhashed))
    with pytest.raises(BadCalibration, match="model is 'other'"):
        ours.fits(replace(SIGNATURE, scorer={**unhashed, "model": "other"}))


def test_the_rate_of_a_cut_is_the_beta_law_of_an_order_statistic():
    """Oracle scipy; then 2,000 calibrations of 199: the interval covers the true rate in 95 % (false alarm 1e-4)."""
    interval = order_statistic_interval(10, 199)
    assert (interval.low, interval.high) == pytest.approx(beta.ppf([0.025, 0.975], 10, 190), rel=1e-9)
    cuts = np.sort(np.random.default_rng(4).random((2000, 199)), axis=1)[:, -10]
    covered = sum(1 - cut in interval for cut in cuts)
    assert binomtest(covered, 2000, 0.95).pvalue > 1e-4
    with pytest.raises(ValueError, match="rank must be from 1 to n"):
        order_statistic_interval(0, 10)


def test_levels_that_cannot_be_reached_are_not_claimed():
    assert [level.alpha for level in made(n=300, edges=[0, 1000]).groups[0].levels] == [0.05, 0.01]
    deep = made(n=2500, edges=[0, 1000]).groups[0]
    assert [level.alpha for level in deep.levels] == [0.05, 0.01, 0.001]
    for level in deep.levels:
        assert level.cut == null_scores(deep.null.all_scores()).cut(level.alpha)
        assert level.achieved.low < level.alpha < level.achieved.high
    held = deep.levels[0].held_out
    assert held is not None
    assert (held.folds, held.worst, held.tested) == ("random", "", 2500)
    assert held.flagged / held.tested in held.interval


def test_leaving_domains_out_shows_the_one_to_which_the_cut_does_not_travel():
    rng = np.random.default_rng(5)
    folds = np.repeat(["news", "stories", "essays"], 400)
    scores = rng.normal(size=1200) + 1.5 * (folds == "essays")
    level = fit(SIGNATURE, scores, np.full(1200, 99), data="", folds=folds.tolist()).groups[0].levels[0]
    assert level.held_out is not None
    assert level.held_out.folds == "3 left out in turn"
    assert level.held_out.worst == "essays"
    assert level.held_out.worst_flagged / level.held_out.worst_tested > 0.3
    assert 0.05 in level.achieved  # what theory says of humans like these is another question


def test_too_few_documents_are_refused_with_the_number():
    with pytest.raises(BadCalibration, match="there are 150 independent human documents, expected at least 200"):
        fit(SIGNATURE, np.arange(150.0), np.full(150, 9), data="")
    with pytest.raises(BadCalibration, match="'b' has 100 independent human documents"):
        fit(SIGNATURE, np.arange(400.0), np.full(400, 9), data="", groups=["a"] * 300 + ["b"] * 100)
    with pytest.raises(BadCalibration, match="there are 40 independent human documents, expected"):
        fit(SIGNATURE, np.arange(400.0), np.full(400, 9), data="", clusters=[str(i % 40) for i in range(400)])
    with pytest.raises(BadCalibration, match=r"documents of 700 to 999 tokens"):
        made(edges=[0, 700, 1000])
    with pytest.raises(BadCalibration, match="with a score"):
        fit(SIGNATURE, np.full(300, np.nan), np.full(300, 9), data="")


def test_wrong_arguments_are_refused():
    for options, named in (
        ({"edges": [5]}, "edges must be"),
        ({"edges": [5, 5]}, "edges must be"),
        ({"folds": ["a"]}, "one entry a score"),
    ):
        with pytest.raises(ValueError, match=named):
            made(**options)
    with pytest.raises(ValueError, match="labels must have one entry"):
        made(groups=["a", "b"] * 500, n_min=100).p_values(SIGNATURE, [1.0, 2.0], [100, 100], ["a"])


def test_real_humans_by_length_have_the_size_promised_in_each_bucket(peers):
    """Originals are dealt in halves; per bucket the rate at 5 % is inside the 99.9 % interval of its beta-binomial
    law."""
    rng = np.random.default_rng(6)
    fits = np.isin(peers.pair, rng.choice(np.unique(peers.pair), 340, replace=False)) & ~peers.ai
    scores = peers.score("gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy")
    calibration = fit(
        SIGNATURE, scores[fits], peers.n_words[fits], data="news, encyclopaedia, stories", 
        clusters=peers.pair[fits].tolist(), edges=[100, 152, 180], n_min=100,
    )  # fmt: skip
    others = peers.one_human_a_pair(rng)
    others = others[~np.isin(peers.pair[others], peers.pair[fits])]
    result = calibration.p_values(SIGNATURE, scores[others], peers.n_words[others])
    for code, group in enumerate(calibration.groups):
        p = result.p[result.group == code]
        k = group.null.rank(0.05)
        low, high = betabinom.ppf([5e-4, 1 - 5e-4], len(p), k, group.null.n + 1 - k)
        assert low <= (p <= 0.05).sum() <= high
