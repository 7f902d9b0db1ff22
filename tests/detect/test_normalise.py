# ruff: noqa: RUF001 - look-alike characters are what is tested
"""Normalising undoes character attacks, leaves genuine text alone, knows the way back, and says what it found."""

import gzip
import html
import io
import itertools
import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zstandard
from assay.detect.lookalikes import lookalikes, same
from assay.detect.normalise import VERSION, Changes, normalise
from hypothesis import example, given, settings
from hypothesis import strategies as st

PROSE = "The committee met on Tuesday, and after a long talk it agreed; nobody was quite happy.\n\nA week later it met again."
RUSSIAN = "Он сам у себя дома. А у нас и оса, и хор, и сор; с утра он ест рис. Москва, СССР, IT-отдел и iPhoneом."
GREEK = "Ο ήλιος και η θάλασσα. Το νερό είναι κρύο, α, ο νους."

# What attacks and accidents put into texts, beside characters that rules look at
HOSTILE = (
    "aZ9 \n\t\r.<>/&;#xpbr`=,(amp lt\x00\x07\x85\x92\xa0\xad\u0301\u0316\u0345\u034f\u061c\u115f\u1160\u1161\u11a8\u180e\u200b\u200c\u200d\u200e"
    "\u2028\u202e\u2060\u2066\u20e3\u2126\u212b\u3000\u3164\ufe0f\ufeff\uffa0\U000e0067\U000e007f\U000e0100\U0001f3f4\U0001f469\u2764"
    "аеосхуіКЯжαονΟΩքոɑɡᴀӏ×˗ｍ，ﬁⅣⅼ𝐚𝟕ℝⓐ৭бƼ中ا‌לक्กၐ②½²…\ud800\udc00가ᄀ"
)
PIECES = (
    "&amp;",
    "&lt;",
    "&#x200B;",
    "<br/>",
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "&#38;",
    "сору",
    "  ",
    "word ",
    "TNFα ",
    "pαper ",
    "Он ",
)
hostile = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.text(st.sampled_from(HOSTILE), max_size=40),
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.sampled_from(PIECES)), max_size=30).map("".join),
)


@settings(max_examples=600, deadline=None)
@given(hostile)
@example("&#3&#3&#38;8;8;")
@example("<<b>b>x</</b>b>")
@example("&am&#x200B;p;lt;")
@example("а\u0301 e\u200b\u0301 b")
@example("a" + "\u0301\u0316" * 40)
def test_normalising_twice_changes_nothing_more_and_no_string_is_refused(text):
    once = normalise(text)
    twice = normalise(once.text)
    assert twice.text == once.text
    assert twice.changes == Changes()
    assert twice.tampering.count == 0


@settings(max_examples=400, deadline=None)
@given(hostile)
def test_offsets_never_fall_and_spans_lie_in_the_original(text):
    """A span goes from where its first character starts to where its last one stops; both bounds are those of single characters."""
    found = normalise(text)
    offsets = found.offsets
    assert offsets.shape == (len(found.text) + 1,)
    assert offsets.dtype == np.int64
    assert (np.diff(offsets) >= 0).all()
    assert offsets[-1] <= len(text)
    places = np.arange(len(found.text))
    single = found.spans_to_original(np.stack([places, places + 1], axis=1))
    assert (single[:, 0] == offsets[:-1]).all()
    assert (single[:, 1] > single[:, 0]).all()
    assert (np.diff(single[:, 1]) >= 0).all()
    for i, stop in enumerate(single[:, 1].tolist()):
        assert found.to_original(0, i + 1) == (offsets[0], stop)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(PROSE)), st.sampled_from("\u200b\u2060\ufeff\u200e\u202a\x01\xad")), max_size=60
    )
)
def test_spans_map_back_exactly_where_invisible_characters_were_put_in(insertions):
    """The way back is known by construction: every character of the prose carries its place in the original."""
    marked: list[tuple[str, int | None]] = [(char, i) for i, char in enumerate(PROSE)]
    for place, char in sorted(insertions, reverse=True):
        marked.insert(place, (char, None))
    original = "".join(char for char, _ in marked)
    places = [at for at, (_, i) in enumerate(marked) if i is not None]
    found = normalise(original)
    assert found.text == PROSE
    assert found.offsets[:-1].tolist() == places
    for start, stop in itertools.pairwise((0, 4, 13, 40, 41, len(PROSE))):
        assert found.to_original(start, stop) == (places[start], places[stop - 1] + 1)


def test_the_way_back_of_every_kind_of_edit_by_hand():
    """Original, by place: 0 BOM, 1-2 e + acute, 3 fi ligature, 4-6 two spaces too many, 7 Cyrillic o, 8 k, 9 '&amp;', 14-15 CR LF, 16 x."""
    original = "\ufeffe\u0301ﬁ   оk&amp;\r\nx"
    found = normalise(original)
    assert found.text == "éfi ok&\nx"
    assert found.offsets.tolist() == [1, 3, 3, 4, 7, 8, 9, 14, 16, 17]
    spans = {
        (0, 1): (1, 3),
        (1, 2): (3, 4),
        (1, 4): (3, 5),
        (4, 6): (7, 9),
        (6, 7): (9, 14),
        (7, 8): (14, 16),
        (3, 3): (4, 4),
    }
    assert {span: found.to_original(*span) for span in spans} == spans
    assert found.spans_to_original(np.array(list(spans), np.int64)).tolist() == [list(s) for s in spans.values()]
    assert found.changes == Changes(compatibility=3, confusable=1, invisible=1, white_space=4, markup=5)
    with pytest.raises(ValueError, match="0 <= start <= stop <= 9"):
        found.to_original(3, 10)


@pytest.mark.parametrize("text", ["", "x", PROSE, "“It’s” — fine…", "naïve café, Łódź, ıspanak"])
def test_clean_text_is_handed_back_as_it_is(text):
    found = normalise(text)
    assert found.text is text
    assert (found.changes.total, found.tampering.count, found.tampering.rate_per_1k, found.version) == (
        0,
        0,
        0.0,
        VERSION,
    )
    assert found.offsets.tolist() == list(range(len(text) + 1))


@pytest.mark.parametrize(
    "text",
    [
        "an area of 5 m², ½ cup, x₁ + x₂ = 10⁶, 20 °C, № 5, Acme™, 30 µm, 1ª, ① and ②",
        "Let 𝑥 ∈ ℝ and ℓ the length; É, ß, æ, ſø".replace("ſ", "s"),
        "👨‍👩‍👧‍👦 and ❤️‍🔥, 1️⃣, 🏳️‍🌈, 🤷🏽‍♀️, ©️ \U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "می‌خواهم کتاب‌ها را بخوانم",  # Persian with zero-width non-joiners
        "क्‍ष और क्‌ष",  # Devanagari with joiners
        "ภาษา\u200bไทย",  # a word boundary in Thai
        "葛\U000e0100飾区，你好！（全角）？",
        "مرحبا \u200fABC\u200e بالعالم والسلام",
        RUSSIAN,
        GREEK,
        "He said «Он сам у себя», and in Москва they laughed; the Greek word ο νους is old.",
        "TNFα and IL-1β rise; hν > kT, sinθ, Hα, NFκB, α-helix, ρ, the set Χ, ΔT, ΛCDM, μm, 5α",
        "pronounced /ɡɑt/ or [kɑt], ˈʃɪp",
        "if a < b and c > d then List<T> or <i,j> or <stdio.h> and std::vector<int> &x;",
        "R&D, AT&T; f(&copy; and ptr = &times;, see `&amp;` and `<br>`; use <br> in HTML; the <p> tag",
        "```html\n<p>code</p> &amp;\n```",
        "<html>\n<head>\n<b>x</b>\n</html>",
        "# Title\n\n* one\n* **two**\n\n| a | b |",
    ],
)
def test_what_carries_meaning_is_left(text):
    found = normalise(text)
    assert found.text == text
    assert found.tampering.count == 0


@pytest.mark.parametrize(
    ("text", "plain", "kind"),
    [
        ("e\u0301 ﬁnd oﬃce ĳs Chapter Ⅳ", "é find office ijs Chapter IV", "compatibility"),
        ("Ｈｉ １２, 𝟕 days", "Hi 12, 7 days", "compatibility"),
        ("Hello， world？", "Hello, world?", "compatibility"),
        ("don\x92t non‑stop", "don’t non-stop", "compatibility"),
        ("a 𝐛𝐨𝐥𝐝 word", "a bold word", "compatibility"),
        ("сору and paste", "copy and paste", "confusable"),
        ("рaper, раper and pаper", "paper, paper and paper", "confusable"),
        ("I saw а cat", "I saw a cat", "confusable"),
        ("pαper on TNFα", "paper on TNFa", "confusable"),  # once there is evidence of Greek look-alikes
        ("the ｍan, a 𝚝ree, ⅼong", "the man, a tree, long", "confusable"),
        ("ʜᴇʟʟᴏ there, ꓧello, Ꮋello, ոo", "hello there, Hello, Hello, no", "confusable"),
        ("wіthin 9Ƽ minutes of a te×t; up˗to˗date", "within 95 minutes of a text; up-to-date", "confusable"),
        ("h\u200be\u2060l\ufeffl\u00ado\U000e0041!\ufe0f\u3164", "hello!", "invisible"),
        ("a\u200c\u200db می\u200c\u200cخو and on", "ab می\u200cخو and on", "invisible"),
        ("nul\x00 bell\x07", "nul bell", "invisible"),
        ("left\u202eto\u202cright \u2067x\u2069", "lefttoright x", "bidi"),
        ("  a\tb \u00a0 c\u2009d\u3000e  ", "a b c d e", "white_space"),
        ("a \r\nb\rc\u2028d\n \n\n\n  e", "a\nb\nc\nd\n\n e", "white_space"),
        (
            "R&amp;D &quot;x&quot; 5 &lt; 6 &amp;amp;hellip; caf&eacute; it&#39;s&#160;so",
            'R&D "x" 5 < 6 … café it\'s so',
            "markup",
        ),
        ("one<br>two<br /> <p>three</p><!-- x -->", "one\ntwo\n\nthree", "markup"),
        ("a <b>bold</b> <a href='x?a=1&amp;b'>link</a>", "a bold link", "markup"),
    ],
)
def test_each_kind_of_change(text, plain, kind):
    found = normalise(text)
    assert found.text == plain
    assert getattr(found.changes, kind) > 0


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffIt starts with a byte order mark\u200b and\u200b ends.",
        "A long com\u00adpound word; no\u00a0break, thin\u2009space. Two  spaces.  Here.",
        "ﬁnding oﬀers e\u0301te\u0301 &nbsp; &#x200B; <br/> 5 µm don\x92t",
        "  indented  code\n    here\t\ttable\tcells  1   2   3\r\n",
    ],
)
def test_the_leavings_of_typing_and_typesetting_are_no_tampering(text):
    found = normalise(text)
    assert found.changes.total > 0
    assert found.tampering.count == 0


def test_tampering_is_counted_by_kind_and_per_thousand_characters():
    found = normalise("сору " * 100 + "wi\u200bth \u202exyz")
    assert found.tampering.kinds == Changes(confusable=400, invisible=1, bidi=1)
    assert found.tampering.n_characters == 510
    assert found.tampering.to_record() == {
        "count": 402,
        "rate_per_1k": pytest.approx(1000 * 402 / 510, abs=1e-3),
        "by_kind": {"confusable": 400, "invisible": 1, "bidi": 1},
    }


def test_the_table_maps_letters_of_one_character_and_agrees_with_itself():
    assert all(len(look) == 1 and look.isalpha() and latin.isascii() for look, latin in lookalikes().items())
    assert not any(look.isascii() for look in lookalikes())
    assert all(lookalikes()[look] == latin for look, latin in same().items())
    raid = "аАΑВΒеЕΕсрКΚОΟРΡМΜНΗТΤХΧСуохІΙіΝΖ"  # every character of RAID's table (Dugan et al. 2024)
    assert set(raid) <= set(same())


@pytest.mark.parametrize(
    "letters",
    ["\ud800", "a\x00" * 50_000, "а" * 100_000 + "z", "&amp;" * 20_000 + "lt;", "<p " * 50_000, "&#3" * 9_000],
)
def test_hostile_lengths_come_to_an_end(letters):
    found = normalise(letters)
    assert normalise(found.text).text == found.text
    assert found.offsets[-1] <= len(letters)


# Attacks on characters. The first three are RAID's, from the description in its code; the fourth has TextAttack's table.


def _swap(table: dict[str, str], share: float) -> Callable[[str, random.Random], str]:
    def attack(text: str, rng: random.Random) -> str:
        return "".join(rng.choice(table[c]) if c in table and rng.random() < share else c for c in text)

    return attack


def _insert(chars: str, share: float) -> Callable[[str, random.Random], str]:
    def attack(text: str, rng: random.Random) -> str:
        return "".join(c + (rng.choice(chars) if rng.random() < share else "") for c in text)

    return attack


def _widen(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    for i in rng.choices(range(len(words)), k=len(words) // 2):
        words[i] += " "
    return " ".join(words)


RAID_LETTERS = dict(
    item.split(":")
    for item in [
        "a:а",
        "A:АΑ",
        "B:ВΒ",
        "e:е",
        "E:ЕΕ",
        "c:с",
        "p:р",
        "K:КΚ",
        "O:ОΟ",
        "P:РΡ",
        "M:МΜ",
        "H:НΗ",
        "T:ТΤ",
        "X:ХΧ",
        "C:С",
        "y:у",
        "o:о",
        "x:х",
        "I:ІΙ",
        "i:і",
        "N:Ν",
        "Z:Ζ",
    ]
)
TEXTATTACK = dict(zip("abcdefghijklmnopqrstuvwxyz", "ɑЬϲԁе𝚏ɡհіϳ𝒌ⅼｍոорԛⲅѕ𝚝սѵԝ×уᴢ", strict=True))
WIDE = {chr(i): chr(i + 0xFEE0) for i in range(ord("A"), ord("z") + 1) if chr(i).isalpha()}
BOLD = {chr(97 + i): chr(0x1D41A + i) for i in range(26)} | {chr(65 + i): chr(0x1D400 + i) for i in range(26)}
ATTACKS: dict[str, tuple[Callable[[str, random.Random], str], bool]] = {  # with whether it must be flagged
    "homoglyph": (_swap(RAID_LETTERS, 1.0), True),
    "zero_width": (_insert("\u200b", 1.0), True),
    "white_space": (_widen, True),
    "homoglyph_textattack": (_swap({c: g for c, g in TEXTATTACK.items() if c != "x"}, 0.1), True),
    "homoglyph_half": (_swap(RAID_LETTERS, 0.5), True),
    "joiners": (_insert("\u200c\u200d\u2060\ufeff\u00ad\ufe0e", 0.3), True),
    "directions": (_insert("\u200e\u200f\u202a\u202d\u202c", 0.2), True),
    "full_width": (_swap(WIDE, 0.5), True),
    "bold": (_swap(BOLD, 0.5), True),
    "other_spaces": (_swap({" ": "\xa0\u2004\u2009\u202f", "\n": "\u2028\x0b"}, 0.5), False),
    "escaped_and_decomposed": (lambda text, _: unicodedata.normalize("NFD", html.escape(text)), False),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_prose_is_undone_exactly(name):
    attack, flagged = ATTACKS[name]
    attacked = attack(PROSE, random.Random(7))
    assert attacked != PROSE or name == "escaped_and_decomposed"
    found = normalise(attacked)
    assert found.text == PROSE
    assert (found.tampering.count > 0) == flagged or name == "white_space"  # too few gaps in two sentences
    if name in ("homoglyph", "homoglyph_textattack", "homoglyph_half", "full_width", "bold", "other_spaces"):
        assert found.offsets.tolist() == list(range(len(PROSE) + 1))


def _corpus(shared: Path, limit: int) -> Iterator[str]:
    with (shared / "data/corpus/test.jsonl.zst").open("rb") as packed:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(packed), "utf-8")
        yield from (json.loads(line)["text"] for line in itertools.islice(lines, limit))


def _rows(shared: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(shared / f"data/detection/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_on_human_english_are_undone_exactly_and_flagged(shared, name):
    attack, flagged = ATTACKS[name]
    rng = random.Random(11)
    texts = [text[:1500] for text in _corpus(shared, 200)]
    attacked = [normalise(attack(text, rng)) for text in texts]
    undone = [found.text == normalise(text).text for found, text in zip(attacked, texts, strict=True)]
    assert np.mean(undone) >= 0.99
    share = np.mean([found.tampering.count > 0 for found in attacked])
    assert share >= 0.98 if flagged else share <= 0.02


def test_human_texts_are_hardly_ever_taken_for_tampered(shared):
    texts = list(_corpus(shared, 782))
    for name in ("detectrl_clean", "human_only", "outfox", "biscope", "liang_bias", "seqxgpt"):
        texts += [row["text"] for row in _rows(shared, name)[::3] if row["label"] == "human"]
    flagged = [normalise(text).tampering.count > 0 for text in texts]
    assert len(flagged) > 2000
    assert np.mean(flagged) < 0.005


def test_texts_of_other_languages_stay_as_they_are_but_for_white_space(shared):
    rows = _rows(shared, "multilingual_m4")
    found = [normalise(row["text"]) for row in rows]
    characters = sum(len(row["text"]) for row in rows)
    changed = sum(n.changes.total - n.changes.white_space for n in found)
    assert changed / characters < 2e-4
    assert sum(n.changes.confusable + n.tampering.count for n in found) == 0


def test_published_character_attacks_are_seen_and_leave_no_look_alikes(shared):
    """DetectRL's attack on characters and words is TextAttack's; of its look-alikes `6` for a letter and accents stay."""
    rows = [row["text"] for row in _rows(shared, "detectrl_attacked") if row["attack"] == "perturb_char_word"][::4]
    found = [normalise(text) for text in rows]
    assert np.mean([n.tampering.count > 0 for n in found]) > 0.98
    assert np.mean([n.text.isascii() or not any(c in same() for c in n.text) for n in found]) > 0.98
