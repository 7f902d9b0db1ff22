"""Which tables of a plan could not be read, so that the later checks of the others do not take them for missing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unread:
    """A table that could not be read: its part, its number there (0 if not even that is known), and its name, empty if it has none."""

    part: str
    number: int
    name: str


def unread_tables(
    parts: Mapping[str, Sequence[tuple[str, dict[str, Any]]]], problems: Sequence[str], *, strange: bool
) -> tuple[Unread, ...]:
    """Return the tables with problems; where a whole part has another name or form, also one of each part that is empty."""
    found = [
        Unread(part, number, table["name"] if isinstance(table.get("name"), str) else "")
        for part, tables in parts.items()
        for number, (at, table) in enumerate(tables, 1)
        if is_wrong(at, problems)
    ]
    return (*found, *(Unread(part, 0, "") for part, tables in parts.items() if strange and not tables))


def is_wrong(at: str, problems: Sequence[str]) -> bool:
    """Say whether one of the problems is of the table at this place."""
    return any(one.startswith(f"{at}: ") for one in problems)


def said_once(problems: Sequence[str]) -> list[str]:
    """Return the problems, a missing variable at its first place only."""
    said: dict[str, str] = {}
    for one in problems:
        missing = re.search(r"the variable \w+ is not given", one)
        said.setdefault(missing[0] if missing else one, one)
    return list(said.values())
