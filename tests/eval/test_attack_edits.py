# ruff: noqa: RUF001 (characters of other scripts are what is tested)
"""What each model-free attack makes of a text, against results written down by hand or by plain string operations."""

import re
from pathlib import Path

import assay.eval
import pytest
from assay.detect.normalise import normalise
from assay.eval.attack import attack_texts, make_attack
from assay.eval.characters import Characters
from assay.eval.lexicon import read_lines
from assay.eval.misspell import misspellings
from assay.eval.spelling import spellings
from assay.eval.synonyms import function_words
from assay.eval.word_neighbours import embedded_neighbours, nearest, same_stem

HUMAN = (Path(assay.eval.__file__).parent / "human.txt").read_text(encoding="utf-8")


def attacked(name: str, text: str, strength: float = 1.0, seed: int = 0, **options: str) -> str:
    return attack_texts(make_attack(name, options), [text], strength, ["one"], seed)[0]


def results(name: str, text: str, strength: float, **options: str) -> set[str]:
    return {attacked(name, text, strength, seed, **options) for seed in range(300)}


def test_deletion_leaves_every_subset_and_sound_white_space() -> None:
    """All eight subsets of three words turn up; the paragraph's break outlives the word before it, blanks do not pile up, the text's own ends stay."""
    assert results("delete", " A b.\n\nC\n", 0.5) == {
        " A b.\n\nC\n", " b.\n\nC\n", " A\n\nC\n", " A b.\n", " A\n", " b.\n", " C\n", "",
    }  # fmt: skip
    assert results("delete", "a 中b  c", 0.5) == {
        "a 中b  c", "中b  c", "a b  c", "a 中  c", "a 中b", "b  c", "中  c", "中b", "a  c", "a b", "a 中", "a", "中", "b", "c", "",
    }  # fmt: skip


def test_deletion_at_full_strength_empties() -> None:
    assert attacked("delete", " Some words.\n") == ""
    assert attacked("delete", " \n ") == " \n "


def test_articles_go_with_one_blank() -> None:
    text = "a cat saw the dog and an owl; the-end, The sea, of a\nman, the"
    assert attacked("delete-articles", text) == "a cat saw dog and owl; the-end, The sea, of man, the"
    assert attacked("delete-articles", "on the a an x") == "on x"
    assert attacked("delete-articles", HUMAN) == re.sub(r"(?<=\s)(?:an?|the)\s(?=.|\n)", "", HUMAN, flags=re.DOTALL)


def test_swapped_pairs_begin_at_the_first_or_second_word() -> None:
    assert results("swap", "a  b\nc d, e", 1.0) == {"b  a\nd, c e", "a  c\nb e d,"}


def test_inserted_words_are_the_texts_own_without_punctuation() -> None:
    assert results("insert", "Oh, no!", 1.0) == {f"Oh, {a} no! {b}" for a in ("Oh", "no") for b in ("Oh", "no")}
    assert results("insert", "中文", 1.0) == {f"中{a}文{b}" for a in "中文" for b in "中文"}
    assert attacked("insert", "?! ...") == "?! ..."


def test_whitespace_and_zero_width_at_full_strength() -> None:
    assert attacked("whitespace", "\ta b\n c ") == "\ta  b \n c "
    assert attacked("zero-width", HUMAN) == "".join(f"{char}\u200b" for char in HUMAN)
    assert attacked("zero-width", "ab", character="2060") == "a\u2060b\u2060"


def test_look_alikes_are_found_and_undone_by_the_normaliser() -> None:
    out = attacked("homoglyph", HUMAN)
    assert not set("aceiopxyABCEHIKMNOPTXZ") & set(out)
    assert (
        normalise(attacked("homoglyph", "The keeper of the light wrote in his book.", 0.3)).text
        == "The keeper of the light wrote in his book."
    )
    assert {attacked("homoglyph", "B", seed=seed) for seed in range(40)} == {"\u0412", "\u0392"}


def test_case_of_first_letters() -> None:
    assert (
        attacked("case", "The sea's édition 3rd ßtraße 'quoted' Ψυχή don’t d'Or")
        == "the Sea's Édition 3rd ßtraße 'Quoted' ψυχή Don’t D'Or"
    )


def test_numbers_keep_their_shape_and_become_others() -> None:
    text = "In 1984, 3.50 of 1,000,000 (or 7) at 0.5 by 10:30; x2, ٣٤."
    for seed in range(50):
        out = attacked("swap-numbers", text, seed=seed)
        assert re.sub(r"\d", "0", out) == re.sub(r"\d", "0", text)
        before, after = (re.findall(r"\d+(?:[.,]\d+)*", t) for t in (text, out))
        assert all(a != b for a, b in zip(before, after, strict=True))
        assert all(a[0] == "0" or b[0] != "0" for a, b in zip(before, after, strict=True))
        assert re.search("[\u0660-\u0669]{2}\\.$", out), "Arabic-Indic digits stay so"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("One. Two! Three? Four", "One. \n\nTwo! \n\nThree? \n\nFour"),
        ('He said "no." Then (yes.) She left.', 'He said "no." \n\nThen (yes.) \n\nShe left.'),
        (
            "Mr. Smith, J. R. Hall and the U.S. Army, e.g. In all.",
            "Mr. Smith, J. R. Hall and the U.S. Army, e.g. In all.",
        ),
        ("It was 3.5 m. and so on. 12 more.", "It was 3.5 m. and so on. \n\n12 more."),
        ("One.\n\nTwo.\nThree.", "One.\n\nTwo.\n\n\nThree."),
        ("今天。明天！好", "今天。\n\n明天！\n\n好"),
    ],
)
def test_paragraphs_break_behind_sentences(text: str, broken: str) -> None:
    assert attacked("insert-paragraphs", text) == broken


def test_spelling_both_ways_with_capitals_and_whole_words_only() -> None:
    american = "The COLOR of Centers; organizing a traveler's defense, colorado"
    british = "The COLOUR of Centres; organising a traveller's defence, colorado"
    assert attacked("spelling", american).replace("traveler's", "traveller's") == british
    assert attacked("spelling", british, to="american").replace("traveller's", "traveler's") == american


def test_the_lists_are_sound() -> None:
    """No spelling is its own other, none stands on both sides; no misspelling is its word, or a listed word."""
    pairs = {word: other[0] for word, other in spellings("british").entries.items()}
    assert len(pairs) > 1500
    assert not {word for word, other in pairs.items() if word == other or not other.isalpha()}
    assert not set(pairs) & set(pairs.values())
    rows = read_lines("misspellings.txt")
    words = {word for word, *_ in rows}
    assert len(words) == len(rows) > 600
    wrong = [one for _, *others in rows for one in others]
    assert not words & set(wrong)
    assert not {one for one in wrong if not re.fullmatch(r"[a-z']+", one)}
    assert not words & {*pairs.values()} & set(wrong)


def test_listed_misspellings_at_full_strength() -> None:
    assert attacked("misspell", "Believe", typos="no") in {"Beleive", "Belive"}
    assert attacked("misspell", "SEPARATE xylophone", typos="no") == "SEPERATE xylophone"
    assert {attacked("misspell", "because", seed=seed) for seed in range(60)} == set(misspellings().entries["because"])


def test_slips_are_the_four_of_damerau_inside_the_word() -> None:
    """Of "zebras" all results are one swap, omission, doubling or neighbouring key away; the first letter stays, and all four kinds turn up."""
    word = "zebras"
    inner = range(1, len(word) - 1)
    swaps = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in inner}
    drops = {word[:i] + word[i + 1 :] for i in inner}
    doubles = {word[:i] + word[i] + word[i:] for i in inner}
    beside = {"e": "wrds34", "b": "vgnh", "r": "etdf45", "a": "qwsz"}
    keys = {word[:i] + key + word[i + 1 :] for i in inner for key in beside[word[i]] if key.isalpha()}
    seen = {attacked("misspell", word, seed=seed) for seed in range(600)}
    for kind in (swaps, drops, doubles, keys):
        assert seen & kind
    assert swaps | drops | doubles <= seen
    assert seen <= swaps | drops | doubles | keys
    assert attacked("misspell", "abc x1yz 1234 Ωμέγα") == "abc x1yz 1234 Ωμέγα", "three letters, digits, other scripts"


def test_synonyms_come_from_the_table_and_keep_capitals() -> None:
    table = embedded_neighbours(3, function_words())
    for text in ("water", "Water", "WATER"):
        options = {w.upper() if text.isupper() else w.capitalize() if text[0].isupper() else w for w in table["water"]}
        assert {attacked("synonyms", text, seed=seed, lexicon="model", neighbours="3") for seed in range(60)} == options
    assert attacked("synonyms", "the and of with WITHOUT", lexicon="model") == "the and of with WITHOUT"


def test_neighbours_are_the_nearest_of_other_stems() -> None:
    """Four vectors by hand: centred on nought, `cats` is nearest to `cat` but a form of it, then `dogs`."""
    import numpy as np

    vectors = np.array([[1, 0.1], [1, 0.2], [0.2, 1], [-2.2, -1.3]], np.float32)
    assert nearest(["catch", "catches", "dogs", "moon"], vectors, 1) == {
        "catch": ("dogs",),
        "catches": ("dogs",),
        "dogs": ("catches",),
        "moon": ("dogs",),
    }
    assert [same_stem("walk", other) for other in ("walked", "walks", "talk", "walker", "water")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    table = embedded_neighbours(8, function_words())
    assert len(table) > 3000
    assert not [(a, b) for a, others in table.items() for b in others if same_stem(a, b) or b in function_words()]
    assert table["happy"][:2] != table["water"][:2]


def test_nothing_reaches_over_from_one_text_to_the_next() -> None:
    texts = ["the", "the ", " the", "a. B", "", "Theater", "3", "4", "don", "'t"]
    chars = Characters.of(texts)
    assert chars.texts() == texts
    assert chars.words.text.tolist() == [0, 1, 2, 3, 3, 5, 6, 7, 8, 9]
    assert chars.words.index.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
