"""Pairs that human texts share are left out, whatever the tokenizer, and p-values stay exact."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from assay.detect.evidence import Reason, gather
from assay.detect.exact import binomial_log10_sf
from assay.detect.tokens import tokenize
from assay.errors import BadProfile
from assay.watermark import common
from assay.watermark.common import NONE, common_words, count_common
from assay.watermark.greenlist import GreenList
from assay.watermark.hashing import candidate_words, words_of
from assay.watermark.key import Key
from assay.watermark.pairs import CommonSet
from scipy import stats

KEY = Key(bytes(range(32)))
SHIPPED = Path(common.__file__).parent / "common_en_1.json"
ENGLISH = (
    "One of the first things that she did in the morning was to go down to the harbour, where the boats of the fishermen "
    "lay on the sand. It was not easy to see the light of the tower in the fog, and there was no one to ask. At the end of "
    "the day the captain said that he would have to wait for the tide, and that it would be the last of the year. He had "
    "been a teacher once, and he liked to tell the children of the village about whales, comets, clocks and volcanoes."
)


def listed(tmp_path, sequences: list[str]) -> str:
    (tmp_path / "list.json").write_text(json.dumps(sequences, ensure_ascii=False), encoding="utf-8")
    return str(tmp_path / "list.json")


def held(left_out: CommonSet) -> set[int]:
    return set(left_out.words.tolist()) if left_out.count else set()


def ids_of(tokenizer, text: str) -> np.ndarray:
    return np.array(tokenizer.backend.encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("salted", [False, True])
@pytest.mark.parametrize("width", [0, 1, 2, 3])
def test_every_window_inside_a_sequence_is_left_out_and_none_across_two(tokenizer, tmp_path, width, salted):
    sequences = [" of the", " one of the most beautiful", " at", "", " the"]
    key = GreenList(KEY, context_width=width, self_salt=salted).hash_key
    expected = {word for s in sequences for word in words_of(ids_of(tokenizer, s), key).tolist()}
    assert held(common_words(listed(tmp_path, sequences), tokenizer, key)) == expected


@pytest.mark.parametrize("salted", [False, True])
@pytest.mark.parametrize("width", [1, 4])
def test_a_minhash_leaves_out_every_pair_of_frequent_tokens(tokenizer, tmp_path, width, salted):
    """A text of listed tokens only, in any order: every pair is common, whichever token has the least hash."""
    mark = GreenList(KEY, context="minhash", context_width=width, self_salt=salted)
    ids = ids_of(tokenizer, " of the and to in that it was for on")
    left_out = common_words(listed(tmp_path, [tokenizer.backend.decode([i]) for i in ids]), tokenizer, mark.hash_key)
    text = np.random.default_rng(1).choice(ids, 300).astype(np.int32)
    words = words_of(text, mark.hash_key)
    assert set(words.tolist()) <= held(left_out)
    stranger = candidate_words(text[:width], np.array([5000]), mark.hash_key)
    assert not set(stranger.tolist()) & held(left_out)


def test_a_minhash_without_a_context_leaves_out_tokens_only(tokenizer, tmp_path):
    mark = GreenList(KEY, context="minhash", context_width=0)
    name = listed(tmp_path, [" of the"])
    assert held(common_words(name, tokenizer, mark.hash_key)) == set(
        words_of(ids_of(tokenizer, " of the"), mark.hash_key).tolist()
    )


def test_only_the_250_heaviest_tokens_are_paired(tokenizer, tmp_path):
    """400 one-token sequences: 250 x 250 pairs and no more, the first ranks winning."""
    spelled = [s for s in (tokenizer.backend.decode([i]) for i in range(2000, 3000)) if len(ids_of(tokenizer, s)) == 1]
    mark = GreenList(KEY, context="minhash", context_width=2)
    left_out = common_words(listed(tmp_path, spelled[:400]), tokenizer, mark.hash_key)
    assert left_out.count == 250 * 250
    first, last = (int(ids_of(tokenizer, spelled[r])[0]) for r in (0, 399))
    pair = GreenList(KEY, context="minhash", context_width=2).hash_key
    assert set(candidate_words(np.array([first, first]), np.array([first]), pair).tolist()) <= held(left_out)
    assert not set(candidate_words(np.array([last, last]), np.array([last]), pair).tolist()) & held(left_out)


def test_none_leaves_nothing_out(tokenizer):
    assert common_words(NONE, tokenizer, GreenList(KEY).hash_key).count == 0


def test_a_list_without_a_whole_window_leaves_nothing_out(tokenizer, tmp_path):
    key = GreenList(KEY, context_width=8).hash_key
    assert common_words(listed(tmp_path, [" of the", " in"]), tokenizer, key).count == 0
    assert common_words(listed(tmp_path, []), tokenizer, key).count == 0


def test_the_shipped_list_holds_what_english_shares_and_costs_a_quarter_of_it(tokenizer):
    mark = GreenList(KEY)
    left_out = common_words("en-1", tokenizer, mark.hash_key)
    assert 8_000 < left_out.count < 40_000
    evidence = gather(tokenize([ENGLISH], tokenizer), mark, left_out).document(0)
    share = (evidence.reason == Reason.COMMON).mean()
    assert 0.1 < share < 0.6
    shared, rare = (words_of(ids_of(tokenizer, s), mark.hash_key)[0] for s in (" of the", " whales clocks"))
    assert int(shared) in held(left_out)
    assert int(rare) not in held(left_out)


@pytest.mark.parametrize("shape", [("ordered", 1), ("ordered", 3), ("minhash", 3)], ids=str)
def test_leaving_pairs_out_keeps_pvalues_exact_over_keys(tokenizer, tmp_path, shape):
    """150 keys (50 for the min-hash) on one English text, 500 shipped sequences left out: uniform after spreading each step; false alarm 1e-6."""
    kind, width = shape
    rng, spread = np.random.default_rng(2), []
    tokens = tokenize([ENGLISH], tokenizer)
    name = listed(tmp_path, json.loads(SHIPPED.read_text())[:500])
    for _ in range(150 if kind == "ordered" else 50):
        mark = GreenList(Key(rng.bytes(32)), context=kind, context_width=width)
        batch = gather(tokens, mark, common_words(name, tokenizer, mark.hash_key))
        green, n = int(batch.n_positive[0]), int(batch.n_scored[0])
        p, above = 10 ** binomial_log10_sf(green, n, 0.25), stats.binom.sf(green, n, 0.25)
        spread.append(above + rng.random() * (p - above))
    assert stats.kstest(spread, "uniform").pvalue > 1e-6


@pytest.mark.parametrize("name", ["en-2", "de-1", "no/such/list.json", "", "en-1.json", "../common_en_1"])
def test_an_unknown_list_is_one_line(tokenizer, name):
    with pytest.raises(
        BadProfile, match=r"^skip_common '.*' is neither a list shipped with this version \(en-1\), [^\n]*$"
    ):
        common_words(name, tokenizer, GreenList(KEY).hash_key)


@pytest.mark.parametrize("content", ["{}", '["a", 1]', '"of the"', "null"])
def test_a_list_of_anything_but_strings_is_one_line(tokenizer, tmp_path, content):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(BadProfile, match=r"must be a JSON list of strings$"):
        common_words(str(tmp_path / "list.json"), tokenizer, GreenList(KEY).hash_key)


def test_a_file_that_is_not_json_is_one_line(tokenizer, tmp_path):
    (tmp_path / "list.json").write_bytes(b"\xff not json")
    with pytest.raises(BadProfile, match="is neither a list shipped"):
        common_words(str(tmp_path / "list.json"), tokenizer, GreenList(KEY).hash_key)


def test_sequences_are_counted_by_the_passages_they_occur_in():
    """By hand: the first text holds "a b" (at its start), " b a", " a b" (twice, counted once); the others hold " a b" once."""
    assert count_common(["a b a b a b", "c a b", "d a b"], pairs=3, triples=1) == [" a b", "a b", " b a", "a b a"]
    assert count_common(["it's 42!", "it's 42!"], pairs=9, triples=9) == ["it's 42", " 42!", "it's 42!"]
    assert count_common(["x_y\n\nz"], pairs=9, triples=0) == ["x_", "_y", "y\n\n", "\n\nz"]
    assert count_common([], pairs=9, triples=9) == count_common([""], pairs=9, triples=9) == []


def test_a_long_text_counts_for_its_first_passages_only():
    long = "a b " + "x y " * 299 + "c d " * 3000
    assert "c d" not in " ".join(count_common([long], passages=1))
    assert any("c d" in s for s in count_common([long], passages=4))


def test_the_module_makes_a_list_from_texts_on_its_input(tokenizer, tmp_path):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in (ENGLISH, "The end of the day."))
    run = subprocess.run(
        [sys.executable, "-m", "assay.watermark.common"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert " of the" in json.loads(run.stdout)[:20]
    (tmp_path / "list.json").write_text(run.stdout, encoding="utf-8")
    assert common_words(str(tmp_path / "list.json"), tokenizer, GreenList(KEY).hash_key).count > 10
