"""Spans redrawn under the embedded model: what stays stays byte for byte, and a text's result is its own."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from assay.errors import DataError, ModelError
from assay.eval.attack import attack_texts, make_attack
from assay.eval.causal_text import causal_text, may_cut
from assay.eval.demo import human_passages
from assay.eval.nucleus import draw
from assay.eval.redraw import Sampling, redraw
from assay.eval.redraw_state import DRAW
from assay.eval.spans_to_rewrite import spans_to_rewrite


@pytest.fixture(scope="module")
def reader():
    torch.set_num_threads(1)
    return causal_text("embedded", "cpu")


@pytest.fixture(scope="module")
def texts():
    """Return twelve stretches of prose of 20 to 130 words."""
    words = " ".join(passage.text for passage in human_passages()).split(" ")
    return [" ".join(words[30 * i : 30 * i + 20 + 10 * i]) for i in range(12)]


def attack(**options):
    return make_attack("resample", {"device": "cpu", **options})


def ids_of(texts):
    return [str(i) for i in range(len(texts))]


def test_kept_stretches_are_there_byte_for_byte_and_in_order(reader, texts):
    resample = attack()
    for text, new, seed in zip(texts, resample.apply(texts, 0.4, range(12)), range(12), strict=True):
        read = reader.read(text)
        mask = spans_to_rewrite(read.begins, resample.span, 0.4, seed)
        edges = [0, *(np.flatnonzero(np.diff(mask)) + 1).tolist(), len(mask)]
        at = 0
        for start, stop in pairwise(edges):
            if not mask[start]:
                at = new.index(read.slice(start, stop), at) + len(read.slice(start, stop))
        assert new != text
        if not mask[-1]:
            assert at == len(new)


@pytest.mark.parametrize("options", [{}, {"candidates": 3}])
def test_a_text_alone_and_in_a_batch_in_any_order_becomes_the_same(texts, options):
    resample = attack(**options)
    together = attack_texts(resample, texts, 0.5, ids_of(texts))
    assert attack_texts(resample, texts[::-1], 0.5, ids_of(texts)[::-1])[::-1] == together
    for i in (0, 5, 11):
        assert attack_texts(resample, [texts[i]], 0.5, [str(i)]) == [together[i]]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9, 1.0])
def test_the_share_of_tokens_is_the_strength_to_within_half_a_word(share):
    generator = np.random.default_rng(3)
    for seed in range(200):
        begins = generator.random(1 + seed) < 0.7
        begins[0] = True
        longest = int(np.diff(np.flatnonzero(np.append(begins, True))).max())
        mask = spans_to_rewrite(begins, 8, share, seed)
        assert abs(mask.sum() - share * len(begins)) <= longest / 2 + 1e-9
        starts = np.flatnonzero(np.diff(np.concatenate([[False], mask]).astype(int)) != 0)
        assert begins[starts].all()  # cuts fall between words only


def test_a_stronger_attack_rewrites_what_a_weaker_one_does_but_for_the_last_span():
    begins = np.ones(400, np.bool_)
    for seed in range(50):
        weak, strong = (spans_to_rewrite(begins, 8, share, seed) for share in (0.2, 0.6))
        assert not (weak & ~strong).any()


def test_every_place_is_chosen_equally_often():
    """2,000 seeds at share .25: each of 60 places within 5 standard errors (false alarm below 4e-5)."""
    chosen = np.mean([spans_to_rewrite(np.ones(60, np.bool_), 5, 0.25, seed) for seed in range(2000)], 0)
    assert abs(chosen.mean() - 0.25) < 0.001
    assert np.abs(chosen - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 2000) + 0.02  # first and last slot are shorter


def test_drawn_tokens_are_those_of_a_plain_forward_pass(reader, texts):
    """At temperature .001 a draw is the likeliest allowed token; the oracle reads the whole new text without a cache."""
    ids = [reader.read(text).ids for text in texts[3:9]]
    plans = [np.where((np.arange(len(one)) // 7) % 2 == 1, DRAW, one) for one in ids]
    drawn = redraw(reader, plans, range(6), Sampling(temperature=1e-3, top_p=1.0))
    bos = reader.model.tokenizer.bos_token_id
    checked = 0
    for one, plan, runs in zip(ids, plans, drawn, strict=True):
        new, spots, mask = [bos], [], plan == DRAW
        starts = np.flatnonzero(mask & ~np.append(False, mask[:-1]))
        for run_number in range(len(starts) + 1):
            first = 0 if run_number == 0 else starts[run_number - 1] + 7
            last = starts[run_number] if run_number < len(starts) else len(one)
            new += one[first:last].tolist()
            if run_number < len(starts):
                spots += [(len(new) + k, k == 0) for k in range(len(runs[run_number]))]
                new += runs[run_number].tolist()
        with torch.inference_mode():
            logits = reader.model.model(torch.tensor([new])).logits[0]
        for place, opens in spots:
            row = logits[place - 1].clone()
            row[torch.from_numpy(reader.barred | (reader.joins if opens else False))] = -torch.inf
            best = row.topk(2).values
            assert row[new[place]] >= best[0] - 1e-3  # equal but for rounding
            checked += 1
    assert checked > 150


def test_texts_longer_than_the_context_go_on_in_windows(reader, texts):
    ids = reader.read(" ".join(texts[8:])).ids
    plan = np.where((np.arange(len(ids)) // 10) % 2 == 1, DRAW, ids)
    short = redraw(reader, [plan, plan[:90]], [1, 2], Sampling(context=48))
    whole = redraw(reader, [plan, plan[:90]], [1, 2], Sampling(context=512))
    alone = redraw(reader, [plan], [1], Sampling(context=48))
    assert [run.tolist() for run in alone[0]] == [run.tolist() for run in short[0]]
    assert [run.tolist() for run in short[0][:2]] == [
        run.tolist() for run in whole[0][:2]
    ]  # before the first window ends
    assert len(short[0]) == len(whole[0]) == len(ids) // 10 // 2 + (len(ids) // 10 % 2 == 1 and len(ids) % 10 > 0)


def test_draws_follow_the_nucleus():
    """20,000 draws from five tokens with top_p .8, chi-square below the 1 - 1e-6 quantile of two degrees of freedom (27.6)."""
    share = np.array([0.4, 0.05, 0.3, 0.15, 0.1])  # .4 and .3 have .7 < .8, so .15 is the last one in
    logits = torch.from_numpy(np.log(share)).float().repeat(20_000, 1)
    found = draw(logits, np.full(20_000, 7, np.uint64), np.arange(20_000, dtype=np.uint64), 1.0, 0.8)
    counts = np.bincount(found, minlength=5)
    assert counts[[1, 4]].tolist() == [0, 0]
    expected = 20_000 * np.array([0.4, 0.3, 0.15]) / 0.85
    assert ((counts[[0, 2, 3]] - expected) ** 2 / expected).sum() < 27.6
    rare = draw(logits, np.full(20_000, 7, np.uint64), np.arange(20_000, dtype=np.uint64), 1.0, 0.01)
    assert (rare == 0).all()  # found by sorting, where sixteen draws all missed


def test_versions_are_chosen_so_that_the_text_goes_on_more_likely(reader, texts):
    """The log-probability of kept tokens after runs rises with eight versions; 40 runs, a difference the seed fixes."""
    ids = [reader.read(text).ids for text in texts[4:]]
    plans = [np.where((np.arange(len(one)) // 9) % 2 == 1, DRAW, one) for one in ids]

    def after_runs(sampling):
        found = []
        for one, plan, runs in zip(ids, plans, redraw(reader, plans, range(8), sampling), strict=True):
            mask, new, places = plan == DRAW, [reader.model.tokenizer.bos_token_id], []
            starts, numbers = np.flatnonzero(mask & ~np.append(False, mask[:-1])).tolist(), iter(runs)
            for i, token in enumerate(one.tolist()):
                new += next(numbers).tolist() if i in starts else [] if mask[i] else [token]
                if not mask[i] and i and any(mask[max(i - 4, 0) : i]):
                    places.append(len(new) - 1)
            with torch.inference_mode():
                log_probs = reader.model.model(torch.tensor([new])).logits[0].log_softmax(1)
            found += [float(log_probs[p - 1, new[p]]) for p in places]
        return np.mean(found)

    assert after_runs(Sampling(candidates=8, lookahead=4)) > after_runs(Sampling()) + 0.3


def test_runs_finish_their_words(reader, texts):
    resample = attack(span=3)
    for text, new, seed in zip(texts, resample.apply(texts, 0.3, range(12)), range(12), strict=True):
        read = reader.read(text)
        mask = spans_to_rewrite(read.begins, 3, 0.3, seed)
        stops = np.flatnonzero(mask[:-1] & ~mask[1:]) + 1
        for stop in stops.tolist():
            tail = read.slice(stop, len(mask) if not mask[stop:].any() else stop + int(np.argmax(mask[stop:])))
            places = [i for i in range(len(new)) if new.startswith(tail, i)]
            assert places
            assert any(may_cut(new, at) for at in places)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "\n\n",
        "\ud800 lone \udfff surrogates stay in what is kept",
        "中文没有空格也要能改写的一段话。" * 3,
        "e\u0301" * 40,
    ],
)
def test_any_text_passes(text):
    (new,) = attack_texts(attack(), [text], 0.5, ["x"])
    assert isinstance(new, str)
    assert attack_texts(attack(), [text], 0.0, ["x"]) == [text]


def test_strength_one_leaves_no_run_of_the_text(texts):
    for text, new in zip(texts, attack_texts(attack(), texts, 1.0, ids_of(texts)), strict=True):
        words = text.split()
        assert not any(" ".join(words[i : i + 6]) in new for i in range(len(words) - 5))


def test_the_signature_names_the_model_and_changes_with_options():
    first, second = attack().signature(), attack(span=5).signature()
    assert json.loads(json.dumps(first))["model"]["sha256"]
    assert first != second
    assert "/" not in json.dumps(first["model"])


def test_bad_options_and_models_are_one_line(tmp_path):
    with pytest.raises(DataError, match="top_p must be above 0"):
        make_attack("resample", {"top_p": 0.0})
    with pytest.raises(DataError, match=r"has no option 'spam'; did you mean 'span'\?"):
        make_attack("resample", {"spam": 3})
    with pytest.raises(ModelError, match=r"no config\.json"):
        attack(model=str(tmp_path)).check()
    with pytest.raises(ModelError, match="no such folder"):
        attack(model=str(tmp_path / "absent")).check()
