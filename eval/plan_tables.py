"""Tables of a plan read into frozen dataclasses: every unknown key, missing key and wrong type is noted with its place, none stops the reading.

A user who has made three mistakes is told of three. Types are those TOML has: bool, int, float, str, lists of them, and tables that stay as they are.
`${NAME}` in any string stands for a variable given with the plan; `${NAME:-otherwise}` has a value without it.
"""

import difflib
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from assay.errors import AssayError, DataError

if TYPE_CHECKING:
    from .plan import Plan

T = TypeVar("T")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_LISTS = {bool: "true or false", int: "whole numbers", float: "numbers", str: "texts"}


class PlanProblems(DataError):
    """A plan cannot be run.

    Attributes:
        problems: all that is wrong with it, one line each.
        parsed: of a file whose tables are wrong, the plan of those that are not: `check_plan` says of it what is wrong in both, and never passes it.
    """

    def __init__(self, plan: str, problems: Sequence[str], parsed: "Plan | None" = None) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        self.parsed = parsed
        more = len(self.problems) - 1
        super().__init__(f"plan {plan}: {self.problems[0]}" + (f" (and {more} more)" if more else ""))


class Problems(list[str]):
    """What is wrong with a plan, a line each."""

    @contextmanager
    def at(self, place: str) -> Generator[None]:
        """Note the error of the input that comes out of the block, with its place."""
        try:
            yield
        except PlanProblems as error:
            self.extend(f"{place}: {one}" for one in error.problems)
        except AssayError as error:
            self.append(f"{place}: {error}")


def twice(names: Sequence[Any]) -> list[Any]:
    """Return what stands more than once among `names`."""
    return [name for name in dict.fromkeys(names) if list(names).count(name) > 1]


def read_table(kind: Callable[..., T], table: Mapping[str, Any], place: str, problems: list[str]) -> T | None:
    """Return a dataclass filled from a table, None if a field is missing or cannot be used; what is wrong is added to `problems`.

    Args:
        kind: a dataclass.
        table: as TOML gives it.
        place: where it stands in the plan, "[[attacks]] 2"; empty for its head.
        problems: gets one line for each thing that is wrong.
    """
    hints = get_type_hints(kind)
    listed: tuple[Field[Any], ...] = fields(cast("Any", kind))
    known = {field.name: field for field in listed if field.init}
    before, given = len(problems), dict[str, Any]()
    for name, value in table.items():
        if name not in known:
            problems.append(f"{_at(place)}unknown key {name!r}; {nearest(name, known)}")
            continue
        try:
            given[name] = _as(hints[name], value)
        except TypeError as error:
            problems.append(f"{_at(place)}{name} must be {error}, got {value!r:.80}")
    problems += [
        f"{_at(place)}the key {name!r} is missing"
        for name, field in known.items()
        if name not in table and field.default is MISSING and field.default_factory is MISSING
    ]
    if len(problems) > before:
        return None
    try:
        return kind(**given)
    except (ValueError, DataError) as error:
        problems.append(f"{_at(place)}{error}")
        return None


def nearest(name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """Return a hint for a name that is not known: the nearest one, and all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"known: {', '.join(names) or 'none'}"


def filled(value: Any, variables: Mapping[str, str], place: str, problems: list[str]) -> Any:
    """Return a value of a plan with its variables replaced, at any depth; one that was not given is a problem."""
    if isinstance(value, str):

        def replace(match: re.Match[str]) -> str:
            name, otherwise = match[1], match[2]
            if name not in variables and otherwise is None:
                problems.append(f"{_at(place)}the variable {name} is not given; give --set {name}=VALUE")
                return match[0]
            return variables.get(name, otherwise or "")

        return _VARIABLE.sub(replace, value)
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return {name: filled(item, variables, place, problems) for name, item in table.items()}
    if isinstance(value, list):
        return [filled(item, variables, place, problems) for item in cast("list[Any]", value)]
    return value


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _as(hint: Any, value: Any) -> Any:
    """Return a TOML value as the annotated type.

    Raises:
        TypeError: with what was expected.
    """
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, UnionType):
        return _as_one_of([one for one in inside if one is not type(None)], value)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise TypeError("a table")
        return cast("Any", value)
    if origin in (tuple, list):
        expected = f"a list of {_LISTS.get(inside[0], 'values')}"
        if not isinstance(value, list):
            raise TypeError(expected)
        try:
            return tuple(_as(inside[0], item) for item in cast("list[Any]", value))
        except TypeError:
            raise TypeError(expected) from None
    if origin is not None:  # Literal
        if value not in inside:
            raise TypeError(f"one of {', '.join(map(str, inside))}")
        return value
    return _as_scalar(hint, value)


def _as_one_of(hints: Sequence[Any], value: Any) -> Any:
    expected: list[str] = []
    for hint in hints:
        try:
            return _as(hint, value)
        except TypeError as error:
            expected.append(str(error))
    raise TypeError(" or ".join(dict.fromkeys(expected)))


def _as_scalar(kind: Any, value: Any) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise TypeError(_NAMES.get(kind, str(kind)))
    return value
