"""Two classifiers on the same texts: known differences, intervals that cover nothing where there is nothing, and weights that are repeats."""

import numpy as np
import pytest
from assay.eval.paired import PairedCell, paired_differences
from assay.eval.ranking import auroc, tpr_at


def cell(rng: np.random.Generator, n: int, ours: float, theirs: float, first: int = 0) -> PairedCell:
    machine = np.repeat([False, True], n)
    noise = rng.normal(size=2 * n)
    return PairedCell(
        machine, first + np.arange(2 * n), noise + ours * machine, rng.normal(size=2 * n) + theirs * machine, True
    )


def test_the_value_is_the_difference_of_the_plain_figures() -> None:
    rng = np.random.default_rng(0)
    made = [cell(rng, 300, 1.0, 0.2), cell(rng, 200, 0.5, 0.6, first=600)]
    found = paired_differences(made, 0.01, rng, 5)
    plain = [(auroc(c.ours, c.machine) - auroc(c.theirs, c.machine)) for c in made]
    tail = [(tpr_at(0.01)(c.ours, c.machine) - tpr_at(0.01)(c.theirs, c.machine)) for c in made]
    assert found["auroc"].value == pytest.approx(np.mean(plain), abs=1e-12)
    assert found["tpr"].value == pytest.approx(np.mean(tail), abs=1e-12)


def test_the_interval_covers_no_difference_as_often_as_it_says() -> None:
    """200 pairs of equally good classifiers at 95 %: 190 expected; below 180 has a chance of 0.1 %."""
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = paired_differences([cell(rng, 80, 0.7, 0.7)], 0.05, rng, 200)["auroc"]
        covered += found.low <= 0.0 <= found.high
    assert covered >= 180


def test_texts_of_one_cluster_move_together() -> None:
    """Twenty copies of each text hold no more than one of each: the interval must not shrink."""
    rng = np.random.default_rng(3)
    single = cell(rng, 40, 0.8, 0.4)
    copied = PairedCell(
        *(np.repeat(a, 20) for a in (single.machine, single.clusters, single.ours, single.theirs)), True
    )
    alone, together = (paired_differences([c], 0.1, np.random.default_rng(0), 300)["auroc"] for c in (single, copied))
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=1e-9)


def test_a_difference_that_one_unit_makes_has_a_wide_interval_over_units() -> None:
    """Ours is far better in one of four domains and no better in three: over texts that is sure, over domains it is not."""
    rng = np.random.default_rng(5)
    made = [cell(rng, 400, 3.0 if k == 0 else 0.5, 0.5, first=1000 * k) for k in range(4)]
    made = [PairedCell(*list(vars(c).values())[:5], unit=f"u{k}") for k, c in enumerate(made)]
    found = paired_differences(made, 0.05, rng, 300)["auroc"]
    assert found.low > 0.05
    assert found.unit_low < 0.03  # 0.75^4 = 32 % of the draws are without that domain
    assert found.unit_high > found.high


def test_without_cells_it_says_so() -> None:
    with pytest.raises(ValueError, match="at least one cell"):
        paired_differences([], 0.01, np.random.default_rng(0), 5)
