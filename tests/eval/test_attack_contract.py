# ruff: noqa: RUF001 (characters of other scripts are what is tested)
"""What every attack promises, over the whole registry: a new attack is tested by being registered.

An attack that needs a model or a file which is not at hand is skipped, with what it said; one that needs what can be made here cheaply has an entry in
`attack_fixtures.OPTIONS`, or several, such as "rewrite (service)".
Attacks by a model run on fewer and shorter texts and are marked slow.
"""

import json
import random
import sys
from dataclasses import MISSING, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import assay.eval
import numpy as np
import pytest
from assay.errors import AssayError, DataError
from assay.eval.attack import Attack, attack_class, attack_names, attack_texts, check_strength, make_attack, text_seed
from rapidfuzz.distance import Levenshtein

sys.path.append(str(Path(__file__).parent))
import attack_fixtures
from attack_fixtures import OPTIONS

FACTS = (
    "In 1859 the committee organized 24 colored banners at the theater, and 3,000 visitors analyzed their flavor. Mr. Adams traveled 120.5 kilometers from the "
    "center to the harbor. He believed that the government received a separate license in 1861! Was it necessary? Nobody definitely knew. "
)
HOSTILE = [
    "", " ", "\n\n", "a", "I", ".", "...", "1", "a b", "\ud800", "x\udfff y 12", "\x00 a\x00b", "今天天气很好。我们去公园吧！", "カタカナ と ひらがな", "สวัสดีชาวโลก",
    "e\u0301a\u0300 \u0301 x", "👩‍👩‍👧 family 👍🏽 the a an", "\u200b\u200bthe\u200b", "ß ǆ İ ı ﬁ", "x" * 5000, "the " * 400, "\u2028a\u2029b\x85c\x1cd", "\U0010ffff \U000e0001 a",
    "tab\tthe\ttab\r\nthe end\r\n\r\nNew. Line", "don't won’t 'tis o'", "3.14 1,000 ٣٤ １２ 1.2.3. 0 00 .5",
]  # fmt: skip
OTHERS: dict[tuple[str, str], Any] = attack_fixtures.OTHERS | {
    ("spelling", "to"): "american", ("zero-width", "character"): "200c", ("synonyms", "lexicon"): "model", ("copy-paste", "boundary"): "sentence",
    ("crop", "where"): "start",
}  # fmt: skip
"""Other values of options that are texts, or for which half as much or one more will not do."""
UNSIGNED = {"device", "timeout_s", "retries", "parallel"}
"""Options that say where and how patiently an attack runs; they change no text."""
NOTHING_TO_DRAW = {"crop": "a cut at one end has nothing to draw"}
NO_MORE_DAMAGE = {"paraphrase": "a model that was never trained does not know DIPPER's code for the strength"}


def passages() -> list[str]:
    text = (Path(assay.eval.__file__).parent / "human.txt").read_text(encoding="utf-8")
    return [part for part in text.split("\n\n") if len(part) > 400]


def made(case: str) -> Attack:
    """Return the attack at hand, or skip with what it lacks."""
    name, options = _name(case), _options(case)
    lacking = [f.name for f in fields(attack_class(name)) if f.init and f.default is MISSING and f.name not in options]
    if lacking:
        pytest.skip(f"needs the option {lacking[0]}")
    if attack_class(name).stage == "generation":
        pytest.skip("acts while a text is generated")
    try:
        attack = make_attack(name, options)
        getattr(attack, "check", lambda: None)()
    except AssayError as error:
        if case in OPTIONS:
            raise  # what was made for it here must do
        pytest.skip(str(error))
    return attack


def texts_for(attack: Attack) -> list[str]:
    if attack.needs_model:
        return [FACTS, passages()[0][:400], passages()[1][:300]]
    return [FACTS * 3, *(FACTS + part for part in passages())]


def available() -> list[Any]:
    """Return the names of all attacks; of one whose file cannot be imported the test fails, not the collection."""
    return [pytest.param(name, marks=[pytest.mark.slow] if _slow(name) else []) for name in attack_names()]


def _slow(name: str) -> bool:
    try:
        return bool(attack_class(name).needs_model)
    except ImportError:
        return False


def _name(case: str) -> str:
    """Return the attack's name: a case may add how it is run, in brackets."""
    return case.partition(" (")[0]


def _options(case: str) -> dict[str, Any]:
    return OPTIONS[case]() if case in OPTIONS else {}


every_attack = pytest.mark.parametrize("name", available())
every_case = pytest.mark.parametrize(
    "case", [*available(), *(pytest.param(case, marks=pytest.mark.slow) for case in OPTIONS if case != _name(case))]
)


def run(attack: Attack, texts: list[str], strength: float | None = None, seed: int = 0) -> list[str]:
    usual = attack.strengths[len(attack.strengths) // 2]
    return attack_texts(
        attack, texts, usual if strength is None else strength, [f"t{i}" for i in range(len(texts))], seed
    )


@every_attack
def test_it_is_described(name: str) -> None:
    kind = attack_class(name)
    assert kind.name == name
    assert 0 < len(kind.summary) < 120
    assert 0 < len(kind.strength_is) < 120
    assert list(kind.strengths) == sorted(kind.strengths)
    assert all(0 < strength <= 1 for strength in kind.strengths)


@every_case
def test_same_seed_same_text_and_another_seed_another(case: str) -> None:
    attack = made(case)
    texts = [FACTS if attack.needs_model else " ".join(texts_for(attack))]
    weakest = attack.strengths[0]
    once = run(attack, texts, weakest, seed=1)
    assert once == run(attack, texts, weakest, seed=1)
    if case in NOTHING_TO_DRAW:
        pytest.skip(NOTHING_TO_DRAW[case])
    assert once != run(attack, texts, weakest, seed=2)


@every_case
def test_a_batch_is_its_texts_one_by_one_in_any_order(case: str) -> None:
    attack = made(case)
    texts = [*texts_for(attack), "", *HOSTILE[-3:]]
    ids = [f"t{i}" for i in range(len(texts))]
    strength = attack.strengths[len(attack.strengths) // 2]
    batch = dict(zip(ids, attack_texts(attack, texts, strength, ids), strict=True))
    alone = {one: attack_texts(attack, [text], strength, [one])[0] for one, text in zip(ids, texts, strict=True)}
    assert batch == alone
    order = random.Random(4).sample(range(len(texts)), len(texts))
    shuffled = attack_texts(attack, [texts[i] for i in order], strength, [ids[i] for i in order])
    assert {ids[i]: text for i, text in zip(order, shuffled, strict=True)} == batch


@every_case
def test_strength_nought_changes_nothing(case: str) -> None:
    attack = made(case)
    assert run(attack, HOSTILE, 0.0) == HOSTILE


@every_attack
@pytest.mark.parametrize("strength", [-0.1, 1.0001, float("nan"), float("inf")])
def test_a_strength_out_of_range_is_one_line(name: str, strength: float) -> None:
    with pytest.raises(DataError, match=f"strength of attack '{name}' must be from 0 to 1, got") as raised:
        check_strength(name, strength)
    assert "\n" not in str(raised.value)


@every_case
def test_damage_grows_with_strength(case: str) -> None:
    """Mean share of characters edited, over texts and seeds, at three strengths or the usual ones."""
    if case in NO_MORE_DAMAGE:
        pytest.skip(NO_MORE_DAMAGE[case])
    attack = made(case)
    texts = texts_for(attack)
    strengths = attack.strengths if attack.needs_model else (0.1, 0.4, 0.9)
    seeds = range(1 if attack.needs_model else 5)
    means = [
        np.mean(
            [
                Levenshtein.normalized_distance(a, b)
                for seed in seeds
                for a, b in zip(texts, run(attack, texts, s, seed), strict=True)
            ]
        )
        for s in strengths
    ]
    assert means[0] > 0
    assert all(a < b for a, b in pairwise(means)), means


@every_case
def test_any_unicode_passes(case: str) -> None:
    attack = made(case)
    hostile = HOSTILE if not attack.needs_model else [text[:100] for text in HOSTILE]
    for strength in {attack.strengths[0], attack.strengths[-1]} | (set() if attack.needs_model else {1.0}):
        out = run(attack, hostile, strength)
        assert len(out) == len(hostile)
        assert all(isinstance(text, str) for text in out)
        assert out[0] == ""


@every_case
def test_the_signature_is_json_and_changes_with_each_option(case: str) -> None:
    attack = made(case)
    record = json.dumps(attack.signature(), sort_keys=True)
    name, options = _name(case), _options(case)
    assert name in record
    for one in fields(attack_class(name)):
        other = _other(name, one.name, options.get(one.name, one.default))
        if other is None or one.name in UNSIGNED:
            continue
        try:
            changed = make_attack(name, {**options, one.name: other})
        except DataError:
            continue  # that value is not allowed; the option is one of OTHERS then, or has no second value
        assert json.dumps(changed.signature(), sort_keys=True) != record, one.name


def _other(name: str, option: str, value: Any) -> Any:
    other = OTHERS.get((name, option))
    if other is not None and other != value:
        return other
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value * 0.5 if isinstance(value, float) else None


@every_attack
def test_an_unknown_option_names_the_nearest(name: str) -> None:
    options = [f.name for f in fields(attack_class(name)) if f.init]
    wrong = f"{options[0]}s" if options else "rate"
    expected = f"did you mean '{options[0]}'" if options else "it has: none"
    with pytest.raises(DataError, match=expected) as raised:
        make_attack(name, {wrong: "1"})
    assert "\n" not in str(raised.value)


def test_an_unknown_attack_names_the_nearest() -> None:
    with pytest.raises(DataError, match=r"unknown attack 'homoglif'; did you mean 'homoglyph'\? known: case, "):
        make_attack("homoglif")
    with pytest.raises(DataError, match="did you mean 'zero-width'"):
        make_attack("zero_width")


def test_options_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(DataError, match=r"option 'neighbours' of attack 'synonyms' must be a whole number, got '1\.5'"):
        make_attack("synonyms", {"neighbours": "1.5"})
    with pytest.raises(DataError, match="attack 'synonyms': neighbours must be from 1 to 100, got 0"):
        make_attack("synonyms", {"neighbours": 0})
    with pytest.raises(DataError, match="attack 'spelling': to must be british or american, got 'scots'"):
        make_attack("spelling", {"to": "scots"})
    with pytest.raises(DataError, match="character must be one of 200b, "):
        make_attack("zero-width", {"character": "41"})
    assert make_attack("misspell", {"typos": "no"}).signature()["typos"] is False


def test_a_seed_is_of_one_text_under_one_attack() -> None:
    seeds = {
        text_seed(seed, name, one) for seed in (0, 1) for name in ("delete", "swap") for one in ("a", "b", "\ud800")
    }
    assert len(seeds) == 12
    assert all(0 <= seed < 2**64 for seed in seeds)
