"""The plans shipped with the toolkit, by name, and what each is for."""

import re
import tomllib
from pathlib import Path
from typing import Any

from .plan_tables import PlanProblems, nearest

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-)?")


def plan_path(name: str) -> Path:
    """Return the file of a plan: a path, or the name of a shipped one.

    Raises:
        DataError: if there is neither, with the nearest name.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    shipped = shipped_plans()
    if name in shipped:
        return shipped[name]
    raise PlanProblems(name, [f"there is no such file, and no shipped plan of that name; {nearest(name, shipped)}"])


def shipped_plans() -> dict[str, Path]:
    """Return the plans shipped with the toolkit by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "plans").glob("*.toml"))}


def plan_facts(path: Path) -> dict[str, Any]:
    """Return name and description of a plan, and the variables it needs and may be given."""
    source = path.read_text(encoding="utf-8")
    found = _VARIABLE.findall("\n".join(line.split("#")[0] for line in source.splitlines()))
    optional = sorted({name for name, otherwise in found if otherwise})
    return {
        "name": path.stem,
        "description": " ".join(str(tomllib.loads(source).get("description", "")).split()),
        "needs": sorted({name for name, otherwise in found if not otherwise}),
        "takes": optional,
    }
