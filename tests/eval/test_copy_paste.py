"""Copy-paste: how much of a text is left, in how many pieces, where, and that nothing else is in the result but the host."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from assay.errors import DataError
from assay.eval import copy_paste
from assay.eval.attack import attack_texts, make_attack
from assay.eval.word_starts import draws, word_starts
from hypothesis import given
from hypothesis import strategies as st

TEXT = " ".join(f"w{i}" for i in range(100))


@pytest.fixture
def hosts(tmp_path):
    """Return a file of two hosts, h0. to h29. and h30. to h79.: each word a sentence."""
    path = tmp_path / "hosts.jsonl"
    parts = [range(30), range(30, 80)]
    path.write_text("".join(json.dumps({"text": " ".join(f"h{i}." for i in part)}) + "\n" for part in parts))
    return str(path)


def paste(text, strength, seed=0, **options):
    return attack_texts(make_attack("copy-paste", options), [text], strength, ["one"], seed)[0]


def runs(words, letter):
    """Return the numbers of the words that begin with a letter, a list for each unbroken run."""
    joined = "".join("x" if word[0] == letter else " " for word in words)
    return [[int(re.sub(r"\D", "", word)) for word in words[m.start() : m.end()]] for m in re.finditer("x+", joined)]


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("pieces", [1, 3, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_share_of_human_words_is_the_strength_and_the_length_stays(hosts, strength, pieces, seed):
    """Pieces of the text are unbroken and in its order; so is the host, which goes round after h79; their number is exact."""
    words = paste(TEXT, strength, seed, pieces=pieces, hosts=hosts).split()
    assert len(words) == 100
    own, human = runs(words, "w"), [n for run in runs(words, "h") for n in run]
    assert len(human) == round(strength * 100)
    assert len(own) == pieces
    assert max(map(len, own)) - min(map(len, own)) <= 1
    numbers = [n for run in own for n in run]
    assert numbers == sorted(numbers)
    assert all(np.diff(run).tolist() == [1] * (len(run) - 1) for run in own)
    assert all((after - before) % 80 == 1 for before, after in pairwise(human))


def test_pieces_and_places_are_drawn_anew_for_each_text(hosts):
    attack = make_attack("copy-paste", {"hosts": hosts})
    many = [text.split() for text in attack_texts(attack, [TEXT] * 40, 0.5, [str(i) for i in range(40)])]
    assert len({runs(words, "w")[0][0] for words in many}) > 20
    assert len({words.index(f"w{runs(words, 'w')[0][0]}") for words in many}) > 20
    assert len({runs(words, "h")[0][0] for words in many}) > 20


def test_a_text_longer_than_all_hosts_goes_round_them(hosts):
    long = " ".join(f"w{i}" for i in range(1000))
    words = paste(long, 0.9, hosts=hosts).split()
    human = [n for run in runs(words, "h") for n in run]
    assert len(words) == 1000
    assert len(human) == 900
    assert all((after - before) % 80 == 1 for before, after in pairwise(human))


def test_shipped_passages_are_the_host_and_begin_with_a_sentence():
    found = [paste(TEXT, 0.6, seed) for seed in range(30)]
    beginnings = {re.split(r" w\d", " ".join(text.split()[:3]))[0] for text in found if text[0] != "w"}
    assert len(beginnings) > 8
    shipped = (Path(copy_paste.__file__).parent / "human.txt").read_text(encoding="utf-8")
    after_an_end = "(?:[.!?][\"'\u2019\u201d)]*\\s+|^)"  # or at the beginning of a passage
    for words in beginnings:
        assert re.search(after_an_end + r"\s+".join(map(re.escape, words.split())), shipped, re.MULTILINE), words


def test_at_the_boundary_of_a_sentence_a_piece_follows_the_end_of_one():
    for seed in range(10):
        text = paste(TEXT, 0.6, seed, boundary="sentence")
        before = text[: text.index(re.search(r"w\d+", text).group())].rstrip()
        assert not before or before[-1] in ".!?\"'\u201d\u2019)", before[-20:]


def test_white_space_inside_a_piece_is_kept(hosts):
    text = "\n\t".join(f"w{i}" for i in range(50))
    piece = re.search(r"w\d+(?:\n\tw\d+)+", paste(text, 0.5, hosts=hosts)).group()
    assert len(piece.split()) == 25
    assert piece in text


def test_all_of_strength_1_is_human_and_a_text_without_words_stays(hosts):
    assert "w" not in paste(TEXT, 1.0, hosts=hosts)
    assert [paste(text, 0.7, hosts=hosts) for text in ("", " \n")] == ["", " \n"]
    assert (
        len(paste("一二三四五六七八九十", 0.5, hosts=hosts).split()) == 6
    )  # five words of the host, one run of five characters


def test_the_signature_is_of_what_the_hosts_hold_and_not_of_where_they_lie(hosts, tmp_path):
    first = make_attack("copy-paste", {"hosts": hosts}).signature()
    moved = tmp_path / "deep" / "hosts.jsonl"
    moved.parent.mkdir()
    moved.write_bytes(Path(hosts).read_bytes())
    assert make_attack("copy-paste", {"hosts": str(moved)}).signature() == first
    moved.write_text('{"text": "other words"}\n')
    assert make_attack("copy-paste", {"hosts": str(moved)}).signature() != first
    assert str(tmp_path) not in json.dumps(first)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "not a file"), ("", "hold no word"), ('{"text": " "}\n', "hold no word"), ("{}\n", "missing")],
)
def test_hosts_that_cannot_be_used_are_refused_in_one_line(tmp_path, content, expected):
    path = tmp_path / "hosts.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=expected) as refusal:
        paste(TEXT, 0.5, hosts=str(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "expected"), [({"pieces": 0}, "at least 1"), ({"boundary": "line"}, "word or sentence")]
)
def test_options_out_of_range_are_refused(options, expected):
    with pytest.raises(DataError, match=expected):
        make_attack("copy-paste", options)


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=5))
def test_words_begin_where_white_space_ends(texts):
    """Against str.split, in texts without scripts that have no blanks; any Unicode, lone surrogates included."""
    plain = ["".join(c for c in text if ord(c) < 0x0E00 or 0xAC00 <= ord(c) < 0xE000) for text in texts]
    found = word_starts(plain)
    for d, text in enumerate(plain):
        edges = [*found.of(d).tolist(), len(text)]
        assert [text[a:b].strip() for a, b in pairwise(edges)] == text.split()


def test_a_seed_draws_the_same_numbers_whatever_stands_beside_it():
    assert (draws([5, 6], 3)[1] == draws([6], 7)[0, :3]).all()
    many = draws(range(1000), 50)
    assert abs(many.mean() - 0.5) < 0.006  # 4.6 standard errors
    assert many.min() > 0
    assert many.max() < 1
