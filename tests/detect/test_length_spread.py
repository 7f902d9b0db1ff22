"""The spread of human scores by length is found again where it is known, within groups, and is 1 where lengths say nothing."""

import numpy as np
import pytest
from assay.detect.length_spread import REFERENCE, LengthSpread, fit_length_spread


def test_a_known_spread_is_found_whatever_the_groups_means_are() -> None:
    """Noise falls as the root of the length (slope -1/2), group means lie far apart; 4,000 texts give the ratio to about 5 %."""
    rng = np.random.default_rng(0)
    lengths = np.exp(rng.uniform(np.log(40), np.log(1000), 4000))
    groups = rng.choice(["a", "b", "c"], 4000)
    scores = np.where(groups == "a", 5.0, np.where(groups == "b", -3.0, 0.0)) + rng.normal(size=4000) / np.sqrt(lengths)
    found = fit_length_spread(scores, lengths, groups.tolist())
    for length in (60, 120, 240, 480, 900):
        assert found.at([length])[0] == pytest.approx(np.sqrt(REFERENCE / length), rel=0.12)


def test_lengths_beyond_the_fitted_ones_have_the_spread_of_the_end() -> None:
    found = LengthSpread(50, 800, np.array([-0.5, 0.0, 0.0, 0.0, 0.0]))
    assert found.at([5, 50]).tolist() == pytest.approx([6**0.5, 6**0.5])
    assert found.at([800, 10_000]).tolist() == pytest.approx([(3 / 8) ** 0.5] * 2)


def test_texts_of_one_length_are_left_as_they_are() -> None:
    rng = np.random.default_rng(1)
    found = fit_length_spread(rng.normal(size=50), np.full(50, 70), ["x"] * 50)
    assert found.at([10, 70, 900]).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_without_human_texts_it_says_so() -> None:
    with pytest.raises(ValueError, match="got none"):
        fit_length_spread(np.zeros(0), np.zeros(0), [])
