"""False discovery rates: scipy as oracle, and held in simulated crawls."""

import math

import numpy as np
import pytest
from assay.detect.conformal import null_scores
from assay.detect.fdr import benjamini_hochberg, calibration_size, size_warning, storey
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

P = st.lists(
    st.sampled_from([1e-9, 1e-3, 0.01, 0.02, 0.05, 0.2, 0.5, 0.9, 1.0]) | st.floats(1e-12, 1), min_size=1, max_size=60
)


@settings(deadline=None)
@given(P, st.sampled_from([0.01, 0.1, 0.3]))
def test_adjusted_p_values_are_those_of_scipy(p, level):
    found = benjamini_hochberg(np.log10(p), level)
    adjusted = false_discovery_control(p)
    np.testing.assert_allclose(10**found.log10_q, adjusted, rtol=1e-9)
    clear = np.abs(adjusted - level) > 1e-9  # rounding decides elsewhere
    assert (found.rejected == (adjusted <= level))[clear].all()
    assert found.n_rejected == found.rejected.sum()


@settings(deadline=None)
@given(P, st.sampled_from([0.05, 0.1, 0.3]))
def test_storeys_procedure_is_the_one_written_out(p, level):
    """The largest t <= 1/2 among the p-values with pi0 n t <= level #{p <= t}."""
    values = np.array(p)
    pi0 = (1 + (values > 0.5).sum()) / (len(values) * 0.5)
    ok = [t for t in values if t <= 0.5 and pi0 * len(values) * t <= level * (values <= t).sum() * (1 + 1e-9)]
    found = storey(np.log10(values), level)
    assert found.rejected.tolist() == (values <= max(ok, default=-1.0)).tolist()
    assert found.null_share == pytest.approx(pi0)


def test_p_values_below_the_smallest_float_are_told_apart():
    """q = p n / rank: -1000 + log10 3 and -999 + log10(3/2)."""
    found = benjamini_hochberg([-1000.0, 0.0, -999.0])
    assert found.log10_q.tolist() == pytest.approx([-1000 + math.log10(3), 0.0, -999 + math.log10(1.5)])
    assert found.rejected.tolist() == [True, False, True]
    assert found.log10_threshold == -999.0


def test_an_abstained_document_is_not_tested_and_not_counted():
    with_gap, without = benjamini_hochberg([-3.0, math.nan, -0.1]), benjamini_hochberg([-3.0, -0.1])
    assert with_gap.n_tested == 2
    assert not with_gap.rejected[1]
    assert math.isnan(with_gap.log10_q[1])
    assert with_gap.log10_q[[0, 2]].tolist() == without.log10_q.tolist()
    for procedure in (benjamini_hochberg, storey):
        for nothing in ([], [math.nan]):
            found = procedure(nothing)
            assert (found.n_tested, found.n_rejected, found.log10_threshold) == (0, 0, -math.inf)


def test_order_does_not_matter_and_many_documents_are_one_batch():
    rng = np.random.default_rng(0)
    log10_p = np.log10(rng.random(200_000)) * 3
    order = rng.permutation(len(log10_p))
    found, shuffled = benjamini_hochberg(log10_p), benjamini_hochberg(log10_p[order])
    assert (found.rejected[order] == shuffled.rejected).all()
    assert (found.log10_q[order] == shuffled.log10_q).all()


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("procedure", [benjamini_hochberg, storey])
def test_the_rate_is_held_in_crawls_with_a_shared_calibration(procedure, share):
    """100 crawls of 3,000 with 3,000 calibration humans; mean false share <= 10 % plus 3.1 standard errors (false alarm
    1e-3)."""
    rng = np.random.default_rng(int(1000 * share))
    machine = rng.random(3000) < share
    false, found = [], []
    for _ in range(100):
        null = null_scores(rng.normal(size=3000))
        rejected = procedure(np.log10(null.p_values(rng.normal(size=3000) + 4 * machine)), 0.1).rejected
        false.append((rejected & ~machine).sum() / max(rejected.sum(), 1))
        found.append(rejected[machine].mean())
    assert np.mean(false) <= 0.1 + 3.1 * np.std(false) / 100**0.5
    assert np.mean(found) > 0.5


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_the_rate_is_held_on_real_scores(peers, share):
    """150 splits by original of a published detector: 350 humans calibrate, about 250 others and machine text are the
    crawl."""
    rng, scores = np.random.default_rng(1), peers.score("gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy")
    false = []
    for _ in range(150):
        humans = peers.one_human_a_pair(rng)
        others = humans[350:]
        machines = rng.choice(np.flatnonzero(peers.ai), rng.binomial(len(others), share / (1 - share)), replace=False)
        p = null_scores(scores[humans[:350]]).p_values(scores[np.concatenate([others, machines])])
        rejected = benjamini_hochberg(np.log10(p), 0.1).rejected
        false.append(rejected[: len(others)].sum() / max(rejected.sum(), 1))
    assert np.mean(false) <= 0.1 + 3.1 * np.std(false) / 150**0.5


def test_below_the_size_named_nothing_can_be_found_and_at_it_something_can():
    """All of the 1 % machine documents score above every human; 1/(q share) = 1,000."""
    size = calibration_size(0.1, 0.01)
    assert (size.least, size.stable) == (1000, 10_000)
    assert calibration_size(0.05, 0.01).least == 2000
    for n, can in ((size.least - 2, False), (size.least - 1, True)):
        p = null_scores(np.arange(float(n))).p_values(np.concatenate([np.full(10, 1e9), np.full(990, -1.0)]))
        assert (benjamini_hochberg(np.log10(p), 0.1).n_rejected == 10) is can
        assert ("cannot find anything" in size_warning(n, 0.1, 0.01)) is not can
    assert "fewer than ten" in size_warning(5000, 0.1, 0.01)
    assert size_warning(10_000, 0.1, 0.01) == ""


def test_wrong_arguments_are_refused():
    for procedure in (benjamini_hochberg, storey):
        with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 0"):
            procedure([-1.0], 0.0)
        with pytest.raises(ValueError, match="these are logarithms"):
            procedure([0.05])
        with pytest.raises(ValueError, match="one-dimensional"):
            procedure([[-1.0]])
    with pytest.raises(ValueError, match="tail must be"):
        storey([-1.0], 0.1, 1.0)
    with pytest.raises(ValueError, match="share must be"):
        calibration_size(0.1, 0.0)
