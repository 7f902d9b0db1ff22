"""Rows of logits to numbers: kernels, torch twin and float64 agree on any logits, hostile ones among them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from assay.detect.vocabulary import reduce_logits, reduce_with_torch
from assay.detect.vocabulary_kernels import FIELDS, SIGMA2


def shapes() -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(3)
    plain = torch.randn(40, 5003, generator=rng) * 4
    barred = plain.clone()
    barred[:, 100:3000] = -torch.inf
    return {
        "plain": plain,
        "far from zero": plain + 1000,
        "certain": plain * 20,
        "barred ids": barred,
        "half": plain.to(torch.bfloat16),
        "narrow": plain[:, :3],
    }


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("pair", [False, True])
def test_kernel_torch_and_float64_agree_on_any_logits(shape, pair):
    z = shapes()[shape]
    y = z.roll(7, 0).roll(1, 1) * 0.5 if pair else z
    targets = np.random.default_rng(0).integers(0, z.shape[1], len(z))
    if shape == "barred ids":
        y = torch.where(z > -torch.inf, y.nan_to_num(neginf=-3.0), -torch.inf)
        targets %= 100
    compiled = reduce_logits(z, targets, y if pair else None)
    twin = reduce_with_torch(z, targets, y if pair else None)
    log_q, p = torch.log_softmax(z.double(), -1), torch.softmax(y.double(), -1)
    finite = log_q.nan_to_num(neginf=0.0)
    mu = (p * finite).sum(1)
    own = log_q[torch.arange(len(z)), torch.from_numpy(targets)]
    rank = 1 + (z > z[torch.arange(len(z)), torch.from_numpy(targets)][:, None]).sum(1)
    expected = torch.stack(
        [own, -(log_q.exp() * finite).sum(1), mu, (p * (finite - mu[:, None]) ** 2).sum(1), log_q.amax(1)], 1
    )
    for fields in (compiled, twin):
        np.testing.assert_array_equal(fields.rank, rank)
        np.testing.assert_allclose(fields.values, expected, rtol=3e-5, atol=1e-4 if shape == "far from zero" else 2e-6)


def test_the_variance_keeps_its_digits_where_subtraction_would_lose_them():
    """Log-probs of a nearly flat distribution are -11.9 give or take 0.001: the variance is 1e-6, its square 142."""
    z = torch.randn(4, 150_000, generator=torch.Generator().manual_seed(1)) * 1e-3
    expected = torch.log_softmax(z.double(), -1).var(1, unbiased=False)
    for fields in (reduce_logits(z, np.zeros(4, np.int64)), reduce_with_torch(z, np.zeros(4, np.int64))):
        np.testing.assert_allclose(fields.values[:, SIGMA2], expected, rtol=2e-3)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_logits_that_are_no_numbers_give_nan_and_rank_0(wrong):
    z = torch.randn(3, 3000)
    z[1, 2500] = wrong
    for reference in (None, torch.randn(3, 3000)):
        fields = reduce_logits(z, np.zeros(3, np.int64), reference)
        assert np.isnan(fields.values[1]).all()
        assert fields.rank[1] == 0
        assert np.isfinite(fields.values[[0, 2]]).all()


def test_rows_shared_out_over_threads_are_the_same():
    z, targets = torch.randn(100, 500), np.arange(100)
    with ThreadPoolExecutor(3) as executor:
        several = reduce_logits(z, targets, None, executor, 3)
    one = reduce_logits(z, targets)
    assert np.array_equal(several.values, one.values)
    assert np.array_equal(several.rank, one.rank)
    assert one.values.shape == (100, FIELDS)
