"""Recorded paraphrases replayed: the alignment by hand, and the survival against pairs that were held out."""

import gzip
import json

import numpy as np
import pytest
from assay.errors import DataError
from assay.eval.alignment import WORD, Gap, Piece, Survival, align, keep_repeats, ngram_survival
from assay.eval.attack import attack_texts, make_attack, text_seed
from assay.eval.recorded_pairs import Pair, PairFields, read_pairs, survival_summary, survivals
from assay.eval.replay import rendered
from assay.eval.replay_program import replayed, scaled, stretch


def test_an_alignment_by_hand():
    """`c d` are replaced by `x`; `k l` go to the front, where `y` stands before them."""
    before, after = (
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"],
        ["y", "k", "l", "a", "b", "x", "e", "f", "g", "h", "i", "j"],
    )
    found = align(before, after)
    assert found == Survival(
        12,
        (
            Gap(0, 0, (Piece(words=("y",)), Piece(10, 12))),
            Gap(2, 4, (Piece(words=("x",)),)),
            Gap(10, 12, ()),
        ),
    )
    assert (found.kept, found.moved, found.new, found.kept_runs()) == (8, 2, 2, [2, 6])


def test_what_is_said_twice_and_dropped_once_counts_as_kept():
    before, after = ["p", "q", "r", "s", "p", "q", "t"], ["p", "q", "r", "s", "t"]
    assert align(before, after).gaps == (Gap(4, 6, ()),)
    assert keep_repeats(align(before, after), before, after).gaps == ()


def test_ngram_survival_by_hand():
    """Of the distinct bigrams ab, bc, cd, da of `a b c d a b`, `b c x d a` has bc and da."""
    assert ngram_survival(["a", "b", "c", "d", "a", "b"], ["b", "c", "x", "d", "a"], 2) == 0.5
    assert np.isnan(ngram_survival(["a"], ["a"], 2))


def test_a_record_replayed_on_its_own_text_gives_the_paraphrase_word_for_word():
    generator = np.random.default_rng(1)
    for seed in range(200):
        before = [f"w{i}" for i in generator.integers(0, 40, 60)]
        after = list(before)
        for _ in range(6):
            low, length, to = (int(i) for i in generator.integers(0, 50, 3))
            piece = after[low : low + length % 9]
            del after[low : low + length % 9]
            after[to:to] = piece if seed % 2 else [f"n{i}" for i in range(length % 5)]
        program = replayed([align(before, after)], len(before), 1.0, seed)
        assert rendered("  ".join(before), program).split() == after


def test_kept_words_keep_the_white_space_before_them():
    record = Survival(5, (Gap(1, 2, ()), Gap(3, 3, (Piece(words=("new", "ones")),))))
    assert rendered(" a\tb\n\nc  d e \n", replayed([record], 5, 1.0, 0)) == " a\n\nc new ones  d e \n"


def test_a_stretch_and_a_scaled_record_keep_their_shape():
    record = Survival(10, (Gap(1, 3, ()), Gap(4, 4, (Piece(words=("x",)),)), Gap(6, 9, (Piece(1, 3),))))
    assert stretch(record, 4, 4) == Survival(4, (Gap(0, 0, (Piece(words=("x",)),)), Gap(2, 4, ())))
    assert scaled(record, 20) == Survival(
        20, (Gap(2, 6, ()), Gap(8, 8, (Piece(words=("x",)),)), Gap(12, 18, (Piece(2, 6),)))
    )


def test_a_weaker_strength_makes_that_share_of_the_gaps():
    """One-word gaps in every other word: of 200 x 20 gaps .3 are made, within 5 standard errors."""
    record = Survival(40, tuple(Gap(i, i + 1, (Piece(words=("x",)),)) for i in range(0, 40, 2)))
    made = [sum(len(p.words) for p in replayed([record], 40, 0.3, seed)) for seed in range(200)]
    assert abs(np.mean(made) / 20 - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 4000)
    weak, strong = (replayed([record], 40, share, 5) for share in (0.3, 0.8))
    assert sum(len(p.words) for p in weak) < sum(len(p.words) for p in strong)


def test_long_texts_go_through_several_records():
    record = Survival(10, (Gap(0, 1, (Piece(words=("x",)),)),))
    program = replayed([record], 30, 1.0, 3)
    assert [piece.words or (piece.start, piece.stop) for piece in program] == [
        ("x",), (1, 10), ("x",), (11, 20), ("x",), (21, 30),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def detectrl(shared):
    """Return the paths of DetectRL's attacked and clean rows."""
    folder = shared / "data" / "detection"
    return str(folder / "detectrl_attacked.jsonl.gz"), str(folder / "detectrl_clean.jsonl.gz")


@pytest.mark.parametrize("kind", ["paraphrase_dipper", "polish", "back_translation"])
def test_held_out_pairs_show_the_same_survival(detectrl, kind):
    """Each half of the pairs replays the other: n-gram survival and its spread, and the length, as recorded.

    About 200 pairs a half with a standard deviation up to .2: the means of all agree to .02 by chance. Single words survive more often, because filler of other
    texts shares the common ones; four-grams less, because real paraphrasers drop what a text says twice.
    """
    attacked, clean = detectrl
    pairs = read_pairs([attacked], [clean], PairFields(kind)).pairs
    recorded, again, length = [], [], []
    for fitted, held_out in ((pairs[::2], pairs[1::2]), (pairs[1::2], pairs[::2])):
        records = survivals(fitted)
        for pair in held_out:
            own, other = WORD.findall(pair.original), WORD.findall(pair.paraphrase)
            new = rendered(pair.original, replayed(records, len(own), 1.0, text_seed(0, "replay", pair.name))).split()
            recorded.append([ngram_survival(own, other, n) for n in (1, 2, 3, 4)])
            again.append([ngram_survival(own, new, n) for n in (1, 2, 3, 4)])
            length.append(len(new) / len(own) - len(other) / len(own))
    difference = np.mean(again, 0) - np.mean(recorded, 0)
    assert abs(difference[1]) < 0.03
    assert np.abs(difference).max() < 0.07
    assert abs(np.std(again, 0)[1] - np.std(recorded, 0)[1]) < 0.03
    assert abs(np.mean(length)) < 0.06


def test_the_pairs_of_detectrl_are_counted(detectrl):
    attacked, clean = detectrl
    found = read_pairs([attacked], [clean], PairFields("paraphrase_dipper"))
    assert (len(found.pairs), found.unpaired, found.unreadable) == (399, 322, 0)
    summary = survival_summary(found.pairs)
    assert summary["n"] == 399
    assert summary["kept"] + summary["moved"] + summary["new"] == pytest.approx(summary["length_ratio"], abs=1e-9)
    assert 1 > summary["ngram_survival"][0] > summary["ngram_survival"][3] > 0


@pytest.fixture(scope="module")
def pairs_file(tmp_path_factory):
    """Return a file of forty pairs in two fields: every third word is replaced by two new ones."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        for i in range(40):
            words = [f"w{i}x{k}" for k in range(20 + 2 * i)]
            other = [part for k, word in enumerate(words) for part in (("so", "then") if k % 3 == 2 else (word,))]
            stream.write(json.dumps({"before": " ".join(words), "after": " ".join(other)}) + "\n")
    return str(path)


def replay(path, **options):
    fields = {"pairs": [path], "original_field": "before", "paraphrase_field": "after", "device": "cpu"}
    return make_attack("replay", fields | options)


TEXTS = ["The ship went down the coast. " * 5, "", "one", "  ", "No one on the pier saw it go,\nand no one asked. " * 9]


def test_the_model_fills_in_as_many_words_and_leaves_the_rest(pairs_file):
    """A third of the words of any text goes; what stays is in order and byte for byte."""
    attack = replay(pairs_file)
    ids = [str(i) for i in range(5)]
    found = attack_texts(attack, TEXTS, 1.0, ids)
    for text, new in zip(TEXTS, found, strict=True):
        kept = align(text.split(), new.split())
        assert kept.kept >= 2 * len(text.split()) // 3 - 1
    assert found[1] == ""
    assert found[3] == "  "
    assert 1.1 < len(found[4].split()) / len(TEXTS[4].split()) < 1.6  # two for one in a third of the places: 1.33
    assert attack_texts(attack, TEXTS[:1], 1.0, ["0"]) == found[:1]
    recorded = attack_texts(replay(pairs_file, fill="recorded"), TEXTS, 1.0, ids)
    assert 27 <= recorded[4].split().count("then") <= 37  # 108 words; a record scaled up by 1.25 has 29 gaps


def test_the_signature_counts_the_pairs_and_names_no_folder(pairs_file):
    record = replay(pairs_file).signature()
    assert record["pairs_used"] == 40
    assert record["pairs"][0]["file"] == "pairs.jsonl.gz"
    assert pairs_file not in json.dumps(record)
    assert replay(pairs_file, fill="recorded").signature() != record


def test_files_without_pairs_are_one_line(pairs_file, tmp_path):
    with pytest.raises(DataError, match=r"no record has both fields 'before' and 'later'"):
        replay(pairs_file, paraphrase_field="later").check()
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"text": "a", "attack": "polish", "pair_id": "1", "generator": "g"}) + "\n")
    with pytest.raises(DataError, match=r"no row of attack 'paraphrase_dipper'.*attacks there: polish"):
        make_attack("replay", {"pairs": [str(rows)]}).check()
    with pytest.raises(DataError, match=r"needs the option 'pairs'"):
        make_attack("replay", {})
    with pytest.raises(DataError, match="fill must be model or recorded"):
        replay(pairs_file, fill="nothing")
    with pytest.raises(DataError):
        make_attack("replay", {"pairs": [str(tmp_path / "absent.jsonl")]}).check()


def test_pairs_that_are_not_unique_are_left_out(tmp_path):
    rows = [
        ("o", "none", "1"),
        ("p", "k", "1"),
        ("o", "none", "2"),
        ("o2", "none", "2"),
        ("p", "k", "2"),
        ("p", "k", "3"),
    ]
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": t, "attack": a, "pair_id": i, "generator": "g"}) for t, a, i in rows]
    path.write_text("\n".join([*lines, "{broken"]) + "\n")
    found = read_pairs([str(path)], [], PairFields("k"))
    assert found.pairs == (Pair("1/g", "o", "p"),)
    assert (found.unpaired, found.unreadable) == (2, 1)


def test_a_file_that_holds_both_sides_may_be_given_as_both(tmp_path):
    rows = [
        {"text": "the keeper wrote", "attack": "none", "pair_id": "p", "generator": "g"},
        {"text": "the keeper noted", "attack": "paraphrase_dipper", "pair_id": "p", "generator": "g"},
    ]
    path = tmp_path / "both.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read_pairs([str(path)], [str(path)], PairFields(kind="paraphrase_dipper"))
    assert found.pairs == (Pair("p/g", "the keeper wrote", "the keeper noted"),)
