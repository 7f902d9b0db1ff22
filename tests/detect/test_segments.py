"""Localisation: the segments against their definition, the p-values against enumeration and simulation."""

import math
from itertools import combinations

import numpy as np
import pytest
from assay.detect import passage
from assay.detect.passage import Steps, family_log10_p
from assay.detect.segments import (
    SignificantSegments,
    lattice_steps,
    maximal_segments,
    sharpen,
    significant_segments,
    stretches,
)
from assay.watermark.greenlist import GreenList
from assay.watermark.key import Key
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats


def alternative_rate(gamma: float, delta: float) -> float:
    return GreenList(Key(bytes(32)), gamma, delta).alternative.gamma


GAMMA = 0.25
GAMMA1 = alternative_rate(GAMMA, 2.0)
LAWS = [(0.25, Steps(2, 1)), (0.25, Steps(5, 3)), (0.5, Steps(3, 4)), (0.1, Steps(5, 1)), (0.9, Steps(1, 12))]


def segments_by_definition(scores: list[int]) -> list[tuple[int, int, int]]:
    """Ruzzo and Tompa: a segment that scores more than each proper part (the empty one too), and lies in no other."""
    total = {(i, j): sum(scores[i:j]) for i, j in combinations(range(len(scores) + 1), 2)}
    rising = {
        (i, j)
        for (i, j), score in total.items()
        if score > 0 and all(total[k, m] < score for k, m in combinations(range(i, j + 1), 2) if (k, m) != (i, j))
    }
    inside = {inner for inner in rising for i, j in rising if (i, j) != inner and i <= inner[0] and inner[1] <= j}
    return [(i, j, total[i, j]) for i, j in sorted(rising - inside)]


def exact_law(n: int, gamma: float, steps: Steps) -> NDArray[np.float64]:
    """Return P0(best segment of n >= s) for s = 0..up * n, from all 2^n sequences."""
    green = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    chain, best = np.zeros(2**n, np.int64), np.zeros(2**n, np.int64)
    for i in range(n):
        chain = np.maximum(0, chain + np.where(green[:, i] == 1, steps.up, -steps.down))
        best = np.maximum(best, chain)
    count = green.sum(axis=1)
    mass = np.bincount(best, gamma**count * (1 - gamma) ** (n - count), steps.up * n + 1)
    return mass[::-1].cumsum()[::-1]


def run_chain(score: int, n: int, gamma: float, steps: Steps) -> float:
    """Return log10 P0(best segment of n >= score) from the chain run over all n, with no bound involved."""
    root = passage._lundberg_root(gamma, steps)
    passages = passage._first_passages(score, n, gamma, steps.up, steps.down, root)
    return math.log10(passages.sum()) - root * score / math.log(10)


def mixture(rng: np.random.Generator, n: int, start: int, stop: int, rate: float) -> NDArray[np.bool_]:
    green = rng.random(n) < GAMMA
    green[start:stop] = rng.random(stop - start) < rate
    return green


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.integers(-4, 4), max_size=11))
def test_maximal_segments_are_those_of_the_definition(scores: list[int]) -> None:
    found = maximal_segments(np.array(scores, np.int64))
    triples = zip(found.start.tolist(), found.stop.tolist(), found.score.tolist(), strict=True)
    assert list(triples) == segments_by_definition(scores)


def test_maximal_segments_of_the_example_of_ruzzo_and_tompa() -> None:
    """Their section 2: of (4, -5, 3, -3, 1, 2, -2, 2, -2, 1, 5) the maximal ones are (4), (3) and (1, 2, ..., 5)."""
    found = maximal_segments(np.array([4, -5, 3, -3, 1, 2, -2, 2, -2, 1, 5]))
    assert found.start.tolist() == [0, 2, 4]
    assert found.stop.tolist() == [1, 3, 11]
    assert found.score.tolist() == [4, 3, 7]


def test_many_candidates_merged_at_the_end_stay_linear() -> None:
    """300,000 falling candidates followed by a rise that joins them all: quadratic search would take hours."""
    scores = np.concatenate((np.tile([1, -2], 300_000), np.full(300_001, 2)))
    found = maximal_segments(scores)
    assert found.score.tolist()[-1] == 600_002
    climbing = maximal_segments(np.tile([2, -1], 300_000))
    assert climbing.score.tolist() == [300_001]


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_the_best_segment_is_kadanes_maximum_and_segments_are_disjoint(bits: list[bool]) -> None:
    scores = np.where(np.array(bits), 5, -3)
    found = maximal_segments(scores)
    total = np.concatenate(([0], scores.cumsum()))
    best = int((total - np.minimum.accumulate(total)).max())
    assert int(found.score.max(initial=0)) == best
    assert (found.start[1:] >= found.stop[:-1]).all()
    assert (total[found.stop] - total[found.start] == found.score).all()


@pytest.mark.parametrize(("gamma", "steps"), LAWS)
@pytest.mark.parametrize("n", [1, 2, 7, 14])
def test_family_p_is_that_of_all_sequences(n: int, gamma: float, steps: Steps) -> None:
    exact = exact_law(n, gamma, steps)
    for score in range(1, steps.up * n + 1):
        assert family_log10_p(score, n, gamma, steps) == pytest.approx(math.log10(exact[score]), rel=1e-12, abs=1e-13)


def test_two_positions_by_hand() -> None:
    """Steps +2 -1: with two tokens 4 needs both green, 1/16; 2 needs one green, 1 - 9/16; 1 is the same event as 2."""
    steps = Steps(2, 1)
    assert 10 ** family_log10_p(4, 2, 0.25, steps) == pytest.approx(1 / 16, rel=1e-14)
    assert 10 ** family_log10_p(3, 2, 0.25, steps) == pytest.approx(1 / 16, rel=1e-14)
    assert 10 ** family_log10_p(2, 2, 0.25, steps) == pytest.approx(7 / 16, rel=1e-14)
    assert 10 ** family_log10_p(1, 2, 0.25, steps) == pytest.approx(7 / 16, rel=1e-14)
    assert family_log10_p(0, 2, 0.25, steps) == 0.0
    assert family_log10_p(0, 0, 0.25, steps) == 0.0


@pytest.mark.parametrize(("gamma", "steps"), LAWS)
def test_long_documents_get_an_upper_bound_within_one_percent(gamma: float, steps: Steps) -> None:
    """Beyond the positions run, p may only err upwards, and by little where it decides anything."""
    n, root = 30_000, passage._lundberg_root(gamma, steps)
    for nats in range(2, 46, 4):
        score = math.ceil(nats / root)
        excess = family_log10_p(score, n, gamma, steps) - min(0.0, run_chain(score, n, gamma, steps))
        assert excess >= -1e-9
        if run_chain(score, n, gamma, steps) < math.log10(0.05):
            assert excess <= math.log10(1.01)


@pytest.mark.parametrize(("gamma", "steps"), LAWS)
def test_every_bound_dominates_the_exact_tail(gamma: float, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forced to run 60 positions and 3 nats only, so that bounds 2, 3 and 4 of the module carry everything else."""
    monkeypatch.setattr(passage, "_SHORT", 0)
    monkeypatch.setattr(passage, "_LONGEST_RUN", 60)
    monkeypatch.setattr(passage, "_HIGHEST_RUN_NATS", 3.0)
    for n in (1, 5, 30, 61, 200, 900):
        for score in {1, 2, 3, *np.linspace(4, min(steps.up * n, 600), 12).astype(int).tolist()}:
            if score <= steps.up * n:
                exact = run_chain(score, n, gamma, steps)
                assert family_log10_p(score, n, gamma, steps) >= exact - 1e-9
                assert passage._log_chernoff(score, n, gamma, steps) >= (exact - 1e-9) * math.log(10)


@settings(deadline=None)
@given(st.sampled_from(LAWS), st.integers(1, 3_000_000), st.data())
def test_p_falls_with_the_score_and_rises_with_the_length(
    law: tuple[float, Steps], n: int, data: st.DataObject
) -> None:
    """Up to 1e-5 in log10: the bound beyond the positions run is that loose."""
    gamma, steps = law
    score = data.draw(st.integers(1, min(steps.up * n, 3000)))
    here = family_log10_p(score, n, gamma, steps)
    assert math.isfinite(here)
    assert here <= 0.0
    assert family_log10_p(score - 1, n, gamma, steps) >= here - 1e-5
    assert family_log10_p(score, n + data.draw(st.integers(1, 2000)), gamma, steps) >= here - 1e-5


def test_p_is_finite_far_below_the_smallest_float() -> None:
    for n in (500_000, 500_001, 2_500_000):
        value = family_log10_p(1_000_000, n, 0.25, Steps(2, 1))
        assert math.isfinite(value)
        assert value >= 500_000 * math.log10(0.25)
        assert value < -1e5
    assert family_log10_p(2000, 1000, 0.25, Steps(2, 1)) == pytest.approx(1000 * math.log10(0.25), rel=1e-12)


def test_steps_have_the_right_drift_and_stay_near_the_ratio() -> None:
    for gamma in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9):
        for delta in (0.3, 1.0, 2.0, 4.0, 8.0):
            gamma1 = alternative_rate(gamma, delta)
            steps = lattice_steps(gamma, gamma1)
            assert math.gcd(steps.up, steps.down) == 1
            assert gamma * steps.up - (1 - gamma) * steps.down < 0 < gamma1 * steps.up - (1 - gamma1) * steps.down
    assert lattice_steps(GAMMA, GAMMA1) == Steps(2, 1)


def test_alternative_rate_lies_between_gamma_and_what_delta_can_reach() -> None:
    """gamma = 1/4, delta = log 3: the most is (3/4) / (3/4 + 3/4) = 1/2, two fifths of the way there is 0.35."""
    assert alternative_rate(0.25, math.log(3)) == pytest.approx(0.35, rel=1e-15)
    assert alternative_rate(0.5, 99.0) == pytest.approx(0.7)


def test_null_documents_reach_alpha_as_often_as_their_exact_law_says() -> None:
    """20,000 null documents of 200 positions. The level is that of the lattice score at alpha, not alpha itself.

    The counts lie within a central 1 - 1e-6 binomial interval: three false alarms in a million seeds.
    """
    rng, n, documents = np.random.default_rng(20260801), 200, 20_000
    steps = lattice_steps(GAMMA, GAMMA1)
    best = np.array(
        [significant_segments(row, GAMMA, GAMMA1, 0.01).best_log10_p for row in rng.random((documents, n)) < GAMMA]
    )
    for alpha in (0.05, 0.01, 0.001):
        tails = [10 ** family_log10_p(s, n, GAMMA, steps) for s in range(1, 200)]
        level = next(p for p in tails if p <= alpha)
        low, high = stats.binom.interval(1 - 1e-6, documents, level)
        assert low <= (best <= math.log10(alpha)).sum() <= high


def test_null_p_values_are_uniform_where_the_chain_is_extrapolated() -> None:
    """1,000 null documents of 20,000 positions, p <= .1: an upper bound of p, so no more hits than its interval."""
    rng, n, documents = np.random.default_rng(7), 20_000, 1000
    hits = sum(
        significant_segments(rng.random(n) < GAMMA, GAMMA, GAMMA1, 0.1).best_log10_p <= -1 for _ in range(documents)
    )
    steps = lattice_steps(GAMMA, GAMMA1)
    level = next(p for s in range(1, 200) if (p := 10 ** family_log10_p(s, n, GAMMA, steps)) <= 0.1)
    low, high = stats.binom.interval(1 - 1e-6, documents, level)
    assert low <= hits <= high


def intersection_over_union(found: SignificantSegments, truth: slice, n: int) -> float:
    marked, located = np.zeros(n, bool), np.zeros(n, bool)
    marked[truth] = True
    for start, stop in zip(found.start, found.stop, strict=True):
        located[start:stop] = True
    return float((marked & located).sum() / (marked | located).sum())


@pytest.mark.parametrize(
    ("length", "rate", "floor"), [(100, 0.5, 0.74), (100, 0.7, 0.82), (200, 0.5, 0.88), (200, 0.7, 0.90)]
)
def test_a_marked_block_in_human_text_is_located(length: int, rate: float, floor: float) -> None:
    """Mean over 300 mixtures of 300 positions; measured over 2,000: .81, .87, .91, .93."""
    rng, n = np.random.default_rng(11), 300
    overlap = []
    for _ in range(300):
        start = int(rng.integers(0, n - length + 1))
        green = mixture(rng, n, start, start + length, rate)
        found = significant_segments(green, GAMMA, GAMMA1, 0.01)
        overlap.append(intersection_over_union(found, slice(start, start + length), n))
    assert np.mean(overlap) >= floor


def test_two_blocks_are_two_segments_in_order_with_the_p_of_their_scores() -> None:
    rng, n = np.random.default_rng(3), 5000
    green = mixture(rng, n, 1000, 1200, 0.7)
    green[3000:3150] = rng.random(150) < 0.7
    found = significant_segments(green, GAMMA, GAMMA1, 1e-3)
    assert len(found.start) == 2
    assert abs(found.start - [1000, 3000]).max() < 40
    assert abs(found.stop - [1200, 3150]).max() < 40
    steps = lattice_steps(GAMMA, GAMMA1)
    assert found.log10_p.tolist() == [family_log10_p(s, n, GAMMA, steps) for s in found.score.tolist()]
    assert found.best_log10_p == found.log10_p.min() < -3


def test_nothing_significant_still_reports_the_best_p() -> None:
    found = significant_segments(np.random.default_rng(1).random(200) < GAMMA, GAMMA, GAMMA1, 1e-6)
    assert len(found.start) == len(found.stop) == len(found.score) == len(found.log10_p) == 0
    assert -6 < found.best_log10_p < 0
    for silent in (np.zeros(0, bool), np.zeros(50, bool)):
        assert significant_segments(silent, GAMMA, GAMMA1, 0.01).best_log10_p == 0.0


def test_a_document_of_millions_is_located_within_memory() -> None:
    rng, n = np.random.default_rng(2), 1_000_000
    found = significant_segments(mixture(rng, n, 600_000, 600_400, 0.6), GAMMA, GAMMA1, 1e-4)
    assert len(found.start) == 1
    assert abs(int(found.start[0]) - 600_000) < 60


def test_misuse_is_refused_with_what_was_found() -> None:
    green = np.ones(3, bool)
    with pytest.raises(ValueError, match="one-dimensional bool, got shape"):
        significant_segments(green.astype(np.int64), GAMMA, GAMMA1, 0.01)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="alpha must be in"):
        significant_segments(green, GAMMA, GAMMA1, 1.0)
    with pytest.raises(ValueError, match="rates must satisfy"):
        significant_segments(green, GAMMA, GAMMA, 0.01)
    with pytest.raises(ValueError, match="too near gamma"):
        lattice_steps(0.25, 0.25 + 1e-9)
    with pytest.raises(ValueError, match=r"score must be at most 2 \* n, got score 7 and n 3"):
        family_log10_p(7, 3, GAMMA, Steps(2, 1))
    with pytest.raises(ValueError, match=r"drift down under gamma 0\.5"):
        family_log10_p(1, 3, 0.5, Steps(1, 1))
    with pytest.raises(ValueError, match="one-dimensional int64"):
        maximal_segments(np.ones((2, 2), np.int64))


def test_sharpening_cuts_red_surroundings_off() -> None:
    """30 red, 20 green, 30 red: whatever the rate, the likeliest stretch is the 20 green ones."""
    green = np.zeros(80, np.bool_)
    green[30:50] = True
    assert sharpen(green, 0, 80, GAMMA) == (30, 50)
    assert sharpen(green, 25, 52, GAMMA) == (30, 50)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_sharpening_only_shrinks_and_never_to_nothing(bits: list[bool], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(bits) - 1))
    stop = data.draw(st.integers(start + 1, len(bits)))
    first, last = sharpen(np.array(bits), start, stop, GAMMA)
    assert start <= first < last <= stop


def test_sharpening_raises_the_overlap_with_strongly_marked_stretches() -> None:
    """100 of 400 positions at green rate .7, where the search at 2/5 runs on: mean overlap .86 before, .94 after (measured)."""
    rng = np.random.default_rng(3)
    coarse: list[float] = []
    sharp: list[float] = []
    for _ in range(200):
        at = int(rng.integers(0, 300))
        green = rng.random(400) < GAMMA
        green[at : at + 100] = rng.random(100) < 0.7
        found = significant_segments(green, GAMMA, GAMMA1, 1e-3)
        best = int(np.argmax(found.score))
        bounds = int(found.start[best]), int(found.stop[best])
        for bound, overlaps in ((bounds, coarse), (sharpen(green, *bounds, GAMMA), sharp)):
            shared = max(0, min(bound[1], at + 100) - max(bound[0], at))
            overlaps.append(shared / (bound[1] - bound[0] + 100 - shared))
    assert np.mean(sharp) > 0.92
    assert np.mean(sharp) > np.mean(coarse) + 0.03


def test_neighbours_that_one_segment_bridges_are_both_reported() -> None:
    """100 null, 20 green, 30 red, 20 green, 100 null: one segment spans both runs, and sharpening it keeps one of them."""
    green = np.zeros(270, np.bool_)
    green[:100:4] = green[170::4] = True
    green[100:120] = green[150:170] = True
    found = stretches(green, GAMMA, GAMMA1, 1e-3)
    covered = np.zeros(270, np.bool_)
    for start, stop in zip(found.start, found.stop, strict=True):
        assert not covered[start:stop].any()
        covered[start:stop] = True
    assert covered[100:120].all()
    assert covered[150:170].all()


def test_every_stretch_is_significant_as_it_stands_and_there_are_any_as_often_as_segments() -> None:
    """300 null and mixed sequences at alpha .1: the p-value shown is that of the bounds shown, and no stretch is made up."""
    rng = np.random.default_rng(4)
    steps = lattice_steps(GAMMA, GAMMA1)
    for number in range(300):
        green = rng.random(300) < GAMMA
        if number % 2:
            green[100:150] = rng.random(50) < 0.55
        found, searched = stretches(green, GAMMA, GAMMA1, 0.1), significant_segments(green, GAMMA, GAMMA1, 0.1)
        assert (len(found.start) > 0) == (len(searched.start) > 0)
        for start, stop, log10_p in zip(found.start, found.stop, found.log10_p, strict=True):
            score = int(np.where(green[start:stop], steps.up, -steps.down).sum())
            assert log10_p == family_log10_p(score, 300, GAMMA, steps) <= -1.0


@pytest.mark.parametrize(("gap", "share"), [(200, 0.6), (400, 0.8)])
def test_two_stretches_with_a_wide_gap_are_two(gap: int, share: float) -> None:
    """Twice 80 positions at green rate .65 with an unmarked gap; the share of 100 sequences that give two stretches (or more)."""
    rng = np.random.default_rng(5)
    two = 0
    for _ in range(100):
        rates = np.repeat([GAMMA, 0.65, GAMMA, 0.65, GAMMA], [100, 80, gap, 80, 100])
        found = stretches(rng.random(len(rates)) < rates, GAMMA, GAMMA1, 1e-3)
        two += len(found.start) >= 2
    assert two / 100 >= share


def test_one_stretch_is_hardly_ever_divided() -> None:
    """200 positions at green rate .6 among 500: one stretch in at least 95 of 100 sequences."""
    rng = np.random.default_rng(6)
    rates = np.repeat([GAMMA, 0.6, GAMMA], [150, 200, 150])
    counts = [len(stretches(rng.random(500) < rates, GAMMA, GAMMA1, 1e-3).start) for _ in range(100)]
    assert sum(count == 1 for count in counts) >= 95
