"""Tallies: exact counts, the same in any order and after any interruption, bounded whatever the corpus."""

import json
import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from assay.corpus.bounded_counts import CountsByName
from assay.corpus.tally import PLACES, Tally
from assay.corpus.tally_bins import P_EDGES, TOKEN_EDGES, depth_bins, p_bins, token_bins
from assay.corpus.tally_detector import randomised
from assay.corpus.tally_distinct import SAMPLE, DistinctDocuments
from assay.detect.exact import binomial_log10_sf_batch
from assay.errors import DataError
from scipy.stats import kstest

from . import scanned_rows as scanned


def rows(n=4000, seed=0, **more):
    rng = np.random.default_rng(seed)
    size, green, _ = scanned.draw(n, 0.1, rng)
    return scanned.table(size, green, rng, **more)


def tallied(*parts):
    tally = Tally([scanned.MARK], scanned.ALPHA)
    for part in parts:
        tally.add(part)
    return tally


def test_a_tally_counts_what_the_rows_hold():
    table = rows()
    tally = tallied(table)
    held = {name: np.array(table[name].to_pylist(), object) for name in table.column_names}
    assert tally.documents == 4000
    assert tally.characters == held["n_chars"].sum()
    verdicts = [(held["verdict"] == name).sum() for name in ("detected", "not_detected", "abstain")]
    assert tally.overall.verdicts.tolist() == verdicts
    languages = {name: counts.sum() for name, counts in tally.named["languages"].counts().items()}
    assert languages == Counter(held["language"])
    hosts = {name: counts[0] for name, counts in tally.named["hosts"].counts().items()}
    assert hosts == {host: (held["verdict"][held["host"] == host] == "detected").sum() for host in set(held["host"])}
    assert list(tally.named["reasons"].counts()) == ["only # scored tokens, expected #"]
    assert tally.detectors["greenlist:mark"].tested == sum(p is not None for p in held["log10_p"])
    assert tally.named["declared"].counts()["c2pa"].sum() == (held["declared"] == "c2pa").sum()


def test_order_batching_and_interruption_do_not_change_a_byte():
    table = rows(3000, hosts=20_000)
    parts = [table.slice(at, 500) for at in range(0, 3000, 500)]
    whole = tallied(table)
    whole.add_lost("truncated", "b.gz:7", "cut")
    whole.add_lost("truncated", "a.gz:9", "cut")
    pieces = [tallied(part) for part in parts]
    pieces[4].add_lost("truncated", "a.gz:9", "cut")
    pieces[1].add_lost("truncated", "b.gz:7", "cut")
    total = Tally([scanned.MARK], scanned.ALPHA)
    for at in (3, 0, 5, 1, 4, 2):  # each through JSON, as a resumed scan reads it
        total.merge(Tally.from_record(json.loads(json.dumps(pieces[at].to_record()))))
    assert json.dumps(total.to_record()) == json.dumps(whole.to_record())


def test_names_beyond_the_cap_are_a_sample_with_exact_counts_in_any_order():
    rng = np.random.default_rng(1)
    names = [f"h{int(h)}" for h in rng.zipf(1.3, 30_000) % 5000]
    exact = Counter(names)

    def counted(order, split):
        parts = [CountsByName(300), CountsByName(300)]
        for i, name in enumerate(order):
            parts[i % 7 < split].add(name, [1])
        parts[0].merge(parts[1])
        return parts[0]

    one, other = counted(names, 3), counted(names[::-1], 5)
    assert one.to_record() == other.to_record()
    kept = one.counts()
    assert len(kept) == 300
    assert one.truncated
    assert all(counts[0] == exact[name] for name, counts in kept.items())
    assert one.names == pytest.approx(len(exact), rel=0.25)  # standard error 6 %
    again = CountsByName.from_record(one.to_record(), 300)
    again.merge(counted(names, 3))
    assert {name: int(c[0]) for name, c in again.counts().items()} == {name: 2 * int(c[0]) for name, c in kept.items()}


def seen(words, cells=None):
    documents = DistinctDocuments(1)
    cells = (words % np.uint64(7)).astype(np.int16) if cells is None else cells
    for at in range(0, len(words), 5000):
        documents.add(words[at : at + 5000], cells[at : at + 5000, None])
    return documents


@pytest.mark.parametrize("n", [0, 10, 3000, 200_000])
def test_distinct_documents_are_counted_and_sampled_without_their_copies(n):
    rng = np.random.default_rng(n)
    words = rng.integers(0, 2**64, n, np.uint64)
    documents = seen(np.concatenate((words, words[: n // 2])))
    assert documents.documents == n + n // 2
    assert documents.complete == (n <= SAMPLE)
    assert (
        documents.distinct == n if n <= SAMPLE else documents.distinct == pytest.approx(n, rel=0.032)
    )  # four standard errors
    smallest = np.sort(words)[:SAMPLE]
    assert documents.counts(0, 7).tolist() == np.bincount((smallest % np.uint64(7)).astype(int), minlength=7).tolist()
    assert documents.copies_matter == (n > 0)
    again = DistinctDocuments.from_record(json.loads(json.dumps(documents.to_record())), 1)
    assert again.to_record() == documents.to_record()


def test_the_sample_is_the_same_in_any_order_and_split():
    """A text that one copy was judged of and another was not stands in the larger cell, whichever came first."""
    rng = np.random.default_rng(1)
    words = rng.integers(0, 2**64, 60_000, np.uint64)
    words = np.concatenate((words, words[:30_000]))
    cells = np.concatenate((np.zeros(60_000, np.int16), np.full(30_000, -1, np.int16)))
    order = rng.permutation(len(words))
    one = seen(words, cells)
    parts = [seen(words[order][at::3], cells[order][at::3]) for at in (2, 0, 1)]
    parts[0].merge(parts[1])
    total = DistinctDocuments(1)
    total.merge(parts[2])
    total.merge(parts[0])
    assert total.to_record() == one.to_record()
    assert one.counts(0, 1).tolist() == [SAMPLE]


@pytest.mark.parametrize(("heavy", "matter"), [(1, False), (30, False), (500, True), (20_000, True)])
def test_a_single_heavy_page_is_seen_though_a_sample_misses_it(heavy, matter):
    """Kish's number: (200,000 + c)^2 / (200,000 + c^2) documents; c = 500 makes it 0.45 of all."""
    words = np.random.default_rng(2).integers(0, 2**64, 200_000, np.uint64)
    documents = seen(np.concatenate((words, np.full(heavy, words[np.argmax(words)]))))
    n = 200_000 + heavy
    kish = n**2 / (199_999 + (1 + heavy) ** 2)
    assert documents.effective == pytest.approx(kish, rel=0.1)
    assert documents.copies_matter == matter


def test_the_bins_of_p_hold_their_edges():
    """A p that is a power of ten stands at the edge of its bin; the edge is the largest p there."""
    log10_p = -np.array([0.0, 1.0, 3.0, 12.0, 100.0, 399.5, 1000.0])
    assert P_EDGES[p_bins(log10_p)].tolist() == [0.0, 1.0, 3.0, 12.0, 100.0, 399.0, 400.0]
    some = -np.random.default_rng(0).exponential(20.0, 1000)
    assert (P_EDGES[p_bins(some)] <= -some + 1e-8).all()
    assert TOKEN_EDGES[token_bins(np.array([0, 1, 15, 16, 10**7]))].tolist() == [0, 1, 15, 16, 2**18]
    assert depth_bins(np.array([0.0, -1.0, -4.0, -1e6])).tolist() == [0, 8, 16, 160]


def test_randomised_p_is_uniform_at_any_length():
    """Exact tails are not: at n = 25 they take 26 values. False alarm of this test: 1e-6."""
    rng = np.random.default_rng(3)
    for n in (5, 25, 300):
        green = rng.binomial(n, 0.25, 20_000)
        size = np.full(20_000, n)
        log10_p = binomial_log10_sf_batch(green, size, 0.25)
        p = 10.0 ** randomised(log10_p, green, size, 1.0 - rng.random(20_000), 0.25)
        assert kstest(p, "uniform").pvalue > 1e-6
        assert kstest(10.0**log10_p, "uniform").pvalue < 1e-6
        assert (p <= 10.0**log10_p * (1 + 1e-9)).all()


def test_a_document_that_was_lost_has_a_row_and_is_not_a_document():
    table = rows(100)
    tally = tallied(table, scanned.lost_row(table, "bad_json: line 7 is no object"))
    assert (tally.documents, tally.lost_documents) == (100, 1)
    assert list(tally.named["errors"].counts()) == ["bad_json"]


def test_of_each_loss_the_first_places_are_kept_whatever_the_order():
    one, other = (Tally([], 0.01) for _ in range(2))
    places = [f"f:{i:04d}" for i in range(50)]
    for place in places:
        one.add_lost("truncated", place, "cut")
    for place in reversed(places):
        other.add_lost("truncated", place, "cut")
    assert one.to_record() == other.to_record()
    assert one.lost["truncated"]["count"] == 50
    assert [place for place, _ in one.lost["truncated"]["places"]] == places[:PLACES]


def test_a_record_stays_small_for_the_worst_corpus():
    """20,000 documents, each with its own host and file and any length and p: 200 times that many would not add a cell."""
    rng = np.random.default_rng(0)
    n = 20_000
    size = np.exp(rng.uniform(0, 12, n)).astype(np.int64) + 30
    green = rng.binomial(size, rng.uniform(0.2, 1.0, n))
    table = scanned.table(size, green, rng)
    names = pa.array([f"{i}." + "x" * 60 for i in range(n)])
    for column in ("host", "file"):
        table = table.set_column(table.column_names.index(column), column, names)
    assert len(json.dumps(tallied(table).to_record())) < 2_000_000


def test_other_detectors_and_missing_columns_are_refused():
    with pytest.raises(DataError, match="other detectors"):
        Tally([scanned.MARK], 0.001).merge(Tally([], 0.001))
    with pytest.raises(DataError, match=r"no column 'greenlist:mark.log10_p'"):
        Tally([scanned.MARK], 0.001).add(rows(10).drop_columns(["greenlist:mark.log10_p"]))
    with pytest.raises(DataError, match="version 0"):
        Tally.from_record({"version": 0})


def test_a_tally_takes_microseconds_a_document():
    """Measured at 2 to 4; the bound leaves room for a busy machine and fails for a loop over rows."""
    table = rows(20_000)
    tallied(table.slice(0, 100))
    begun = time.process_time()
    tallied(table)
    assert (time.process_time() - begun) / 20_000 < 20e-6
