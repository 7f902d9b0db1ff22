"""The contract of every scheme in the registry: exact law on unmarked ids, power on marked ones, batch = loop, round trips.

A new scheme is covered by being registered; `SHAPES` adds the parameters worth trying, the defaults are always tried. The statistical tests
have fixed seeds; their docstrings state the chance that a correct scheme fails them.
"""

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from assay.detect.evidence import BatchEvidence, Reason, gather
from assay.detect.exact import binomial_log10_sf
from assay.detect.tokens import Tokens
from assay.errors import BadProfile
from assay.watermark.greenlist import GreenList
from assay.watermark.hf import MarkProcessor
from assay.watermark.key import Key
from assay.watermark.profile import build_mark, load_mark, new_mark, read_profile
from assay.watermark.schemes import Mark, register_scheme, scheme_class, scheme_names
from scipy import stats

FALSE_ALARM = 1e-6
VOCABULARY = 8192
SHAPES = {
    "greenlist": [
        {"context_width": 0},
        {"gamma": 0.5, "delta": 1.5, "context_width": 2},
        {"gamma": 0.1, "delta": 4, "context_width": 8},
        {"context": "minhash", "context_width": 4},
        {"context": "minhash", "context_width": 0, "self_salt": True},
        {"context": "minhash", "context_width": 3, "self_salt": True},
        {"gamma": 0.3, "self_salt": True},
        {"context_width": 0, "self_salt": True},
        {"context_width": 4, "self_salt": True},
    ]
}
CASES = [(name, shape) for name in scheme_names() for shape in ({}, *SHAPES.get(name, ()))]
every_mark = pytest.mark.parametrize(("scheme", "parameters"), CASES, ids=str)
every_scheme = pytest.mark.parametrize("scheme", scheme_names())


def make(scheme: str, parameters: dict, secret: bytes = bytes(range(32))) -> Mark:
    return scheme_class(scheme)(key=Key(secret), **parameters)


def as_tokens(documents: list[np.ndarray]) -> Tokens:
    ids = np.concatenate([np.empty(0, np.int32), *documents]).astype(np.int32)
    return Tokens(ids, np.cumsum([0, *map(len, documents)], dtype=np.int64), np.zeros(VOCABULARY, np.bool_))


def random_documents(seed: int, count: int, longest: int) -> list[np.ndarray]:
    """Documents of Zipf-like ids, which repeat as words do, some of them empty or shorter than the width."""
    rng = np.random.default_rng(seed)
    lengths = [0, 1, 2, 5, *rng.integers(0, longest, count)][:count]
    return [np.minimum(rng.zipf(1.3, n), VOCABULARY - 1).astype(np.int32) for n in lengths]


def counts_of(batch: BatchEvidence) -> list[tuple[int, int]]:
    return list(zip(batch.n_positive.tolist(), batch.n_scored.tolist(), strict=True))


@every_mark
def test_pvalues_are_uniform_over_keys_on_unmarked_ids(scheme, parameters):
    """600 keys, each on one text of 150 Zipf-like tokens. p is exact and discrete: P[p <= a] <= a (binomial test at a = .5, .1, .01), and
    spread evenly over each step it is uniform (Kolmogorov-Smirnov). False alarm 2e-6."""
    rng = np.random.default_rng(1)
    text = as_tokens([np.minimum(rng.zipf(1.3, 150), VOCABULARY - 1)])
    counts = [counts_of(gather(text, make(scheme, parameters, rng.bytes(32))))[0] for _ in range(600)]
    gamma = make(scheme, parameters).law.gamma
    p = np.array([10 ** binomial_log10_sf(green, n, gamma) for green, n in counts])
    for a in (0.5, 0.1, 0.01):
        assert stats.binom.sf((p <= a).sum() - 1, len(p), a) > FALSE_ALARM / 3
    above = np.array([stats.binom.sf(green, n, gamma) for green, n in counts])
    assert stats.kstest(above + rng.random(len(p)) * (p - above), "uniform").pvalue > FALSE_ALARM


@every_mark
def test_marked_ids_are_found(scheme, parameters):
    """200 tokens drawn from flat scores through the real processor, 6 rows: p < 1e-6 in each. The weakest mark here (gamma .5,
    delta 1.5) is green in 82 % of tokens and needs 134 of 200; a miss has probability below 1e-7."""
    processor = MarkProcessor(make(scheme, parameters))
    generator, ids = torch.Generator().manual_seed(2), torch.zeros(6, 1, dtype=torch.int64)
    for _ in range(200):
        scores = processor(ids, torch.zeros(6, VOCABULARY))
        ids = torch.cat([ids, torch.multinomial(scores.softmax(-1), 1, generator=generator)], dim=1)
    batch = gather(as_tokens([row[1:].numpy() for row in ids]), make(scheme, parameters))
    other = gather(as_tokens([row[1:].numpy() for row in ids]), make(scheme, parameters, bytes(32)))
    gamma = batch.law.gamma
    assert all(binomial_log10_sf(green, n, gamma) < -6 for green, n in counts_of(batch))
    assert all(binomial_log10_sf(green, n, gamma) > -6 for green, n in counts_of(other)), "another key sees nothing"


@every_mark
def test_a_batch_is_its_documents_one_by_one_in_any_order(scheme, parameters):
    mark, documents = make(scheme, parameters), random_documents(3, 30, 400)
    together = gather(as_tokens(documents), mark)
    alone = [gather(as_tokens([document]), mark) for document in documents]
    assert counts_of(together) == [counts_of(one)[0] for one in alone]
    for d, one in enumerate(alone):
        here, there = together.document(d), one.document(0)
        assert np.array_equal(here.values, there.values)
        assert np.array_equal(here.reason, there.reason)
        assert here.scored.sum() == together.n_scored[d]
        assert here.values[here.scored].sum() == together.n_positive[d]
    backwards = gather(as_tokens(documents[::-1]), mark)
    assert counts_of(backwards) == counts_of(together)[::-1]


@every_mark
def test_evidence_is_the_value_of_the_word_before_each_token(scheme, parameters):
    mark, (document,) = make(scheme, parameters), [random_documents(4, 5, 300)[4]]
    found, width = gather(as_tokens([document]), mark).document(0), mark.hash_key.width
    assert (found.reason[:width] == Reason.SHORT_CONTEXT).all()
    assert found.values[:width].sum() == 0
    processor = MarkProcessor(mark)
    for t in range(width, len(document), 7):
        before = torch.from_numpy(document[t - width : t].astype(np.int64))[None]
        boosted = processor(before, torch.zeros(1, VOCABULARY))[0, int(document[t])] > 0
        assert bool(found.values[t]) == bool(boosted), "generator and detector agree on every token"


@every_mark
def test_what_is_repeated_counts_once(scheme, parameters):
    mark = make(scheme, parameters)
    once = np.random.default_rng(5).integers(0, VOCABULARY, 40)
    three, fifty = (gather(as_tokens([np.tile(once, times)]), mark) for times in (3, 50))
    assert counts_of(three) == counts_of(fifty)
    assert three.n_scored[0] <= len(once)
    assert (fifty.reason[-1900:] == Reason.REPEAT).all()


@every_mark
def test_a_profile_survives_the_file_and_gives_the_same_mark(scheme, parameters, profile_of, tmp_path):
    made = new_mark(tmp_path / "mark.toml", profile_of(make(scheme, parameters), min_tokens=33, skip_common="none"))
    read = load_mark(tmp_path / "mark.toml")
    assert read.profile == made.profile
    assert read.mark == made.mark
    assert read.profile.fingerprint == made.profile.fingerprint
    assert read.mark.parameters == make(scheme, parameters).parameters
    assert np.array_equal(read.mark.hash_key.multipliers, made.mark.hash_key.multipliers)


@every_scheme
def test_a_new_profile_spells_out_the_defaults_it_was_made_with(scheme, profile_of, tmp_path):
    """A later version may have other defaults; a mark's numbers must not change with them."""
    new_mark(tmp_path / "mark.toml", replace(profile_of(make(scheme, {})), parameters={}))
    assert read_profile(tmp_path / "mark.toml").parameters == make(scheme, {}).parameters


@every_mark
def test_a_mark_is_frozen_named_and_shows_no_key(scheme, parameters):
    mark = make(scheme, parameters)
    assert mark.scheme == scheme
    assert mark.summary
    assert mark.trusted or mark.warnings
    secret = bytes(range(32))
    assert secret.hex() not in repr(mark)
    assert repr(secret) not in repr(mark)
    with pytest.raises(FrozenInstanceError):
        mark.gamma = 0.5  # type: ignore[misc]


def test_an_unknown_scheme_is_one_line_that_names_the_known_ones():
    with pytest.raises(BadProfile) as error:
        scheme_class("greenlst")
    assert str(error.value) == f"unknown scheme 'greenlst'; known: {', '.join(scheme_names())}"


@every_scheme
def test_an_unknown_parameter_is_one_line_that_names_it(scheme, profile_of):
    mark = make(scheme, {})
    profile = replace(profile_of(mark), parameters={**mark.parameters, "gama": 0.3})
    with pytest.raises(BadProfile, match=r"^scheme .* got an unexpected keyword argument 'gama'$"):
        build_mark(profile, mark.key)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"gamma": 0}, "gamma must be between 0 and 1, got 0"),
        ({"gamma": 1.0}, "gamma must be between 0 and 1, got 1.0"),
        ({"gamma": float("nan")}, "gamma must be between 0 and 1, got nan"),
        ({"gamma": "0.5"}, "gamma must be between 0 and 1, got '0.5'"),
        ({"gamma": True}, "gamma must be between 0 and 1, got True"),
        ({"delta": 0}, "delta must be above 0"),
        ({"delta": -1.0}, "delta must be above 0"),
        ({"delta": float("inf")}, "delta must be above 0"),
        ({"delta": float("nan")}, "delta must be above 0"),
        ({"context_width": -1}, "context_width must be a whole number from 0 to 8, got -1"),
        ({"context_width": 9}, "context_width must be a whole number from 0 to 8, got 9"),
        ({"context_width": 1.0}, "context_width must be a whole number from 0 to 8, got 1.0"),
        ({"context_width": True}, "context_width must be a whole number from 0 to 8, got True"),
        ({"context": "orderd"}, "context must be 'ordered' or 'minhash', got 'orderd'"),
        ({"self_salt": 1}, "self_salt must be true or false, got 1"),
    ],
    ids=str,
)
def test_a_parameter_out_of_range_is_one_line_that_says_what_is_expected(parameters, message):
    with pytest.raises(BadProfile) as error:
        make("greenlist", parameters)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_whole_number_is_as_good_as_a_float(key):
    assert GreenList(key, delta=2) == GreenList(key, delta=2.0)
    assert type(GreenList(key, delta=2).parameters["delta"]) is float


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="'greenlist' is registered twice"):
        register_scheme("greenlist")(int)
    assert register_scheme("greenlist")(GreenList) is GreenList


def test_a_package_adds_a_scheme_through_its_entry_point(tmp_path):
    """A real distribution on the path of a fresh interpreter: named before it is imported, loaded on first use."""
    info = tmp_path / "foreign-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[assay.schemes]\nforeign = foreign_scheme\n")
    (tmp_path / "foreign_scheme.py").write_text(
        "from assay.watermark.schemes import register_scheme\n"
        "@register_scheme('foreign')\nclass Foreign:\n    summary = 'from elsewhere'\n"
    )
    program = (
        "import sys; from assay.watermark.schemes import scheme_class, scheme_names\n"
        "assert scheme_names() == ['foreign', 'greenlist'], scheme_names()\n"
        "assert 'foreign_scheme' not in sys.modules\n"
        "assert scheme_class('foreign').summary == 'from elsewhere'\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd=tmp_path)
