"""Human English prose is of the usual form; code, tables, lists, numbers and other languages are not, and are told by name and number."""

import gzip
import json
import random
import re
from pathlib import Path

import assay.detect.form
import pytest
from assay.detect.form import form, unusual
from assay.detect.normalise import normalise

PROSE = (
    "My grandfather kept bees behind the tannery wall, eleven white hives on bricks, and a shed where smoke never quite left "
    "the rafters. Each August he weighed honey on brass scales bought from a bankrupt chemist, then sold jars to drivers who "
    "stopped for petrol. Once a swarm settled on our postman's bicycle; he waited two hours in the kitchen, eating plums."
)
TALK = "\n".join(["\u201cAre you in?\u201d", "\u201cYes.\u201d", "She shut the door behind him and said nothing.", "\u201cWell?\u201d"] * 5)  # fmt: skip
GERMAN = (
    "Mein Großvater hielt hinter der Mauer der Gerberei Bienen, elf weiße Kästen auf Ziegeln, und einen Schuppen, aus dessen "
    "Balken der Rauch nie ganz verschwand. Jeden August wog er den Honig auf einer Waage aus Messing, die er einem bankrotten "
    "Apotheker abgekauft hatte, und verkaufte ihn an Fahrer, die zum Tanken hielten."
)
RUSSIAN = "Мой дед держал пчёл за стеной кожевенного завода, одиннадцать белых ульев на кирпичах."
CODE = "def area(r):\n    if r < 0:\n        raise ValueError(r)\n    return 3.14 * r ** 2\n\nprint(area(2))\nx = area(3)\n"
TABLE = "| city | people | area |\n|---|---|---|\n| Rome | many | wide |\n| Bath | few | narrow |\n"
COLUMNS = "Rome 2.8 1285\nBath 0.09 28\nParis 2.1 105\nOslo 0.7 454\n"
LIST = "\n".join(
    f"- {thing} for the winter" for thing in ("candles", "two coats", "a good lamp", "salt", "rope", "tea")
)
SALAD = " ".join(
    random.Random(0).choice(["brass", "swarm", "honey", "petrol", "tannery", "plum", "rafter"]) for _ in range(60)
)


def test_the_shares_are_those_counted_by_hand() -> None:
    """8 words of 20 letters, of which the, on, the and in are frequent; the digits 1 and 2; the signs [, ] and _."""
    found = form("The cat sat on\nthe mat [in] 12.\nx_")
    assert (found.n_words, found.n_lines) == (8, 3)
    assert found.common == pytest.approx(4 / 8)
    assert found.latin == 1.0
    assert found.digits == pytest.approx(2 / (20 + 2))
    assert found.signs == pytest.approx(3 / (20 + 2))
    assert form("аб ab").latin == pytest.approx(0.5)  # noqa: RUF001


@pytest.mark.parametrize("text", [PROSE, TALK, PROSE.upper(), PROSE.replace("'", "\u2019"), "Nobody was stung."])
def test_prose_and_talk_are_usual(text: str) -> None:
    assert unusual(form(normalise(text).text)) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no letters"),
        ("!!! ?? 123 \U0001f41d", "no letters"),
        (GERMAN, r"language: \d+% of the words are frequent English words, calibrated from 16% on"),
        (SALAD, r"language: 0% of the words"),
        (RUSSIAN, r"language: 0% of the letters are Latin, calibrated from 80% on"),
        (CODE, r"code: \d+% of the lines look like code, limit 50%"),
        (TABLE, r"table: 100% of the lines are rows, limit 50%"),
        (COLUMNS, r"table: 100% of the lines are rows"),
        (LIST, r"list: 100% of the text is in list items and short lines, limit 70%"),
        ("In 1998 12 34 56 78 90 12 34 56 of 100 000", r"mostly numbers: \d+% of letters and digits are digits"),
    ],
)
def test_another_form_is_named_with_its_number(text: str, reason: str) -> None:
    found = unusual(form(normalise(text).text))
    assert any(re.match(reason, one) for one in found), found


def test_the_language_of_a_few_words_is_not_judged_but_their_script_is() -> None:
    assert unusual(form("Guten Morgen, Herr Doktor.")) == ()
    assert unusual(form("Доброе утро."))


def test_source_files_are_caught() -> None:
    """The Python files of the package itself, half of whose lines are comments and docstrings; at least 95 %."""
    files = sorted(Path(assay.detect.form.__file__).parent.glob("*.py"))
    texts = [text for path in files if len(text := path.read_text(encoding="utf-8")) > 500]
    caught = [any(r.startswith("code") for r in unusual(form(normalise(text).text))) for text in texts]
    assert sum(caught) >= 0.95 * len(caught) > 40


def test_human_english_is_practically_never_flagged_and_other_languages_are(shared: Path) -> None:
    """Essays of learners and pupils, news, reviews, abstracts, speeches, verse: below 0.5 %; five languages: above 95 %."""
    english, other = [], []
    for name in ("liang_bias", "human_only", "multilingual_m4"):
        with gzip.open(shared / "data" / "detection" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [row for row in map(json.loads, lines) if row["label"] == "human"]
        for row in rows:
            (english if row["lang"] == "en" else other).append(bool(unusual(form(normalise(row["text"]).text))))
    assert len(english) > 1000
    assert sum(english) < 0.005 * len(english)
    assert sum(other) > 0.95 * len(other)


def test_letters_without_spaces_are_no_words() -> None:
    assert any("no words: 5,000 letters between spaces" in reason for reason in unusual(form("a" * 5000)))
    assert not unusual(form("Donaudampfschifffahrtsgesellschaft is a word that I was once asked to spell at school."))
