"""What an attack is, and the registry of attacks: one file each, filled by a decorator.

An attack is a frozen dataclass: its fields are its options, all with defaults, of types that TOML has. It turns texts into texts at a strength
from 0 to 1 (what that measures, `strength_is` says). What becomes of a text depends on the text, the strength and its seed alone, never on the texts beside
it, so that runs resume and batches may be of any size. The contract tests in `tests/eval/test_attack_contract.py` run over this registry, so a new
attack is covered by being registered.

Strength 0 is the identity and is decided here (`attack_texts`), as is the refusal of a strength outside 0 to 1. An attack may empty a text; that is
kept and counted, not mended.
"""

import difflib
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, ClassVar, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

from assay.errors import DataError


class Attack(Protocol):
    """A way to change texts.

    Attributes:
        name: in the registry, on the command line and in plans.
        summary: one line.
        source: authors, year and arXiv id of who described it, with deviations in the file's docstring.
        strength_is: what the strength from 0 to 1 measures, in a few words ("share of words deleted").
        strengths: usual strengths, weakest first; what a plan uses that names none.
        needs_model: whether a language model runs (the embedded one included); such attacks are counted as dear.
        cut_first: whether a length in a plan cuts the text before the attack (what is pasted counts in the share) and not after it.
        stage: `text`, or `generation`: it acts while a text is generated, and `apply` refuses with a line that says so.

    An attack that sends texts to an address also has `sends() -> str`, which says where and with which variable as the key (empty for nowhere): a plan
    may do that only where its user allows it.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    strength_is: ClassVar[str]
    strengths: ClassVar[tuple[float, ...]]
    needs_model: ClassVar[bool]
    cut_first: ClassVar[bool]
    stage: ClassVar[Literal["text", "generation"]]

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the attacked texts, one a text.

        Args:
            texts: D texts, any Unicode, possibly empty.
            strength: above 0, at most 1.
            seeds: (D,) from 0 to 2**64 - 1, one a text (`text_seed`).

        Raises:
            AssayError: in one line, if a model, file or service that the attack needs cannot be used.
        """
        ...

    def signature(self) -> dict[str, Any]:
        """Return a JSON-ready record that changes with whatever changes its texts: options, and hashes or commits of models and files."""
        ...


class TextAttack:
    """The attributes most attacks share, to inherit from."""

    source: ClassVar[str] = ""
    needs_model: ClassVar[bool] = False
    cut_first: ClassVar[bool] = False
    stage: ClassVar[Literal["text", "generation"]] = "text"

    def signature(self) -> dict[str, Any]:
        """Return the name and options; an attack with a model or a file adds what these are."""
        return {"attack": type(self).name, **asdict(self)}  # type: ignore[call-overload, attr-defined]  # pyright: ignore


T = TypeVar("T")
_ATTACKS: dict[str, type[Any]] = {}
_BUILT_IN = {  # name -> file
    "case": "case",
    "copy-paste": "copy_paste",
    "crop": "crop",
    "delete": "delete",
    "delete-articles": "delete_articles",
    "forge": "forge",
    "guided": "guided",
    "homoglyph": "homoglyph",
    "insert": "insert",
    "insert-paragraphs": "insert_paragraphs",
    "interleave": "interleave",
    "misspell": "misspell",
    "paraphrase": "paraphrase",
    "replay": "replay",
    "resample": "resample",
    "rewrite": "rewrite",
    "scrub": "scrub",
    "spelling": "spelling",
    "swap": "swap",
    "swap-numbers": "swap_numbers",
    "synonyms": "synonyms",
    "translate": "translate",
    "whitespace": "whitespace",
    "zero-width": "zero_width",
}
ENTRY_POINTS = "assay.attacks"


def register_attack(name: str) -> Callable[[type[T]], type[T]]:
    """Register the decorated class as the attack `name`."""

    def add(attack: type[T]) -> type[T]:
        if name in _ATTACKS and _ATTACKS[name] is not attack:
            raise ValueError(f"attack {name!r} is registered twice: {_ATTACKS[name]} and {attack}")
        attack.name = name  # pyright: ignore[reportAttributeAccessIssue]
        _ATTACKS[name] = attack
        return attack

    return add


def attack_names() -> list[str]:
    """Return the names of all attacks, built in or from the entry-point group `assay.attacks`."""
    return sorted({*_BUILT_IN, *_ATTACKS, *(point.name for point in entry_points(group=ENTRY_POINTS))})


def attack_class(name: str) -> type[Any]:
    """Return the class of an attack, importing its file on first use.

    Raises:
        DataError: if there is none of that name, with the nearest one.
    """
    if name not in _ATTACKS:
        if name in _BUILT_IN:
            import_module(f"assay.eval.{_BUILT_IN[name]}")
        for point in entry_points(group=ENTRY_POINTS):
            if point.name == name:
                point.load()
    if name not in _ATTACKS:
        known = attack_names()
        near = difflib.get_close_matches(name.replace("_", "-"), known, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise DataError(f"unknown attack {name!r}; {hint}known: {', '.join(known)}")
    return _ATTACKS[name]


def make_attack(name: str, options: Mapping[str, Any] | None = None, given_as: str = "--option {}=VALUE") -> Attack:
    """Return an attack with its options, checked for name and type; options given as strings (a command line) are converted.

    Args:
        name: in the registry.
        options: values by the names of the attack's fields.
        given_as: how its user gives an option, {} its name, for the message that one is missing.

    Raises:
        DataError: in one line, if the attack or an option is unknown, or an option is of another type or out of its range.
    """
    kind = attack_class(name)
    hints = get_type_hints(kind)
    known = {field.name: hints[field.name] for field in fields(kind) if field.init}
    given: dict[str, Any] = {}
    for option, value in (options or {}).items():
        if option not in known:
            near = difflib.get_close_matches(option.replace("-", "_"), list(known), 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise DataError(f"attack {name!r} has no option {option!r}; {hint}it has: {', '.join(known) or 'none'}")
        given[option] = _converted(f"option {option!r} of attack {name!r}", value, known[option])
    lacking = [f.name for f in fields(kind) if f.init and f.name not in given and _required(f)]
    if lacking:
        raise DataError(f"attack {name!r} needs the option {lacking[0]!r}; give it ({given_as.format(lacking[0])})")
    try:
        return kind(**given)
    except ValueError as error:
        raise DataError(f"attack {name!r}: {error}") from None


def attack_texts(attack: Attack, texts: Sequence[str], strength: float, ids: Sequence[str], seed: int = 0) -> list[str]:
    """Return the texts attacked at a strength from 0 (as they are) to 1, each with a seed of its own made of `seed` and its id.

    Raises:
        DataError: if the strength is outside 0 to 1.
        AssayError: as `Attack.apply`.
    """
    check_strength(attack.name, strength)
    if strength == 0.0 or not len(texts):
        return list(texts)
    changed = attack.apply(texts, float(strength), [text_seed(seed, attack.name, one) for one in ids])
    if len(changed) != len(texts):
        raise ValueError(f"attack {attack.name!r} gave {len(changed)} texts for {len(texts)}")
    return changed


def check_strength(name: str, strength: float) -> None:
    """Refuse a strength outside 0 to 1.

    Raises:
        DataError: naming the attack and the strength.
    """
    if not (math.isfinite(strength) and 0.0 <= strength <= 1.0):
        raise DataError(f"strength of attack {name!r} must be from 0 to 1, got {strength:g}")


def text_seed(seed: int, name: str, text_id: str) -> int:
    """Return the 64-bit seed of one text under one attack: the same at every strength, so that strengths differ by strength alone."""
    content = f"{seed}\0{name}\0{text_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, person=b"assay-attack").digest(), "little")


def _required(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _converted(what: str, value: Any, kind: Any) -> Any:
    """Return `value` as `kind`: bool, int, float, str, or a tuple of one of them."""
    if get_origin(kind) is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise DataError(f"{what} must be a list, got {value!r}")
        return tuple(_converted(what, item, get_args(kind)[0]) for item in items)
    choices = {bool: ("true or false", _as_bool), int: ("a whole number", _as_int), float: ("a number", _as_float)}
    if kind in choices:
        expected, convert = choices[kind]
        converted = convert(value)
        if converted is None:
            raise DataError(f"{what} must be {expected}, got {value!r}")
        return converted
    if not isinstance(value, str):
        raise DataError(f"{what} must be text, got {value!r}")
    return value


def _as_bool(value: Any) -> bool | None:
    names = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return value if isinstance(value, bool) else names.get(value.lower()) if isinstance(value, str) else None


def _as_int(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.lstrip("+-").isdecimal() else None


def _as_float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
