"""Two finished runs side by side: read, compared (`compare.py`), written (`comparison_report.py`)."""

import json
from pathlib import Path
from typing import Any, cast

from assay.errors import DataError

from .folder import OwnedFolder
from .stage_report import FORMAT, METRICS, write_json_lines

FILES = ("compare.html", "compare.md", "compare.json")


def compare_runs(first: Path, second: Path, out: Path) -> dict[str, Any]:
    """Compare two runs, folders or `metrics.json` files, and write the pages; return a JSON-ready summary.

    `clear` counts cells with a figure that differs after correction over all `figures_compared`; `clear_uncorrected` those with an interval that excludes
    0, of which about a twentieth of all figures would by chance.

    Raises:
        DataError: in one line, if one of them is no finished run, or the folder cannot be written.
    """
    from .compare import compare
    from .comparison_report import write_comparison

    a, b = read_metrics(first), read_metrics(second)
    compared = compare(a, b)
    folder = OwnedFolder(out, "compare_run.json", "assay eval compare", FILES)
    folder.claim()
    with folder.writing():
        write_json_lines(out / "compare.json", compared)
        paths = write_comparison(compared, a, b, out)
    cells: list[dict[str, Any]] = compared["cells"]
    return {
        "same": compared["same"],
        "cells": len(cells),
        "figures_compared": compared["figures_compared"],
        "clear": sum(bool(one["clear"]) for one in cells),
        "clear_uncorrected": sum(bool(one["uncorrected_in"]) for one in cells),
        "only_a": len(compared["only_a"]),
        "only_b": len(compared["only_b"]),
        "signature_differences": compared["signature_differences"],
        "paths": [str(path) for path in (*paths, out / "compare.json")],
    }


def read_metrics(path: Path) -> dict[str, Any]:
    """Return the figures of a run, by its folder or its `metrics.json`.

    Raises:
        DataError: if it is neither.
    """
    file = path / METRICS if path.is_dir() else path
    try:
        found: Any = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise DataError(
            f"{file} does not exist: no run has finished there; name a folder that `assay eval run` filled"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is no {METRICS} of a run: {error}") from None
    if not isinstance(found, dict) or cast("dict[str, Any]", found).get("format") != FORMAT:
        raise DataError(f"{file} is no {METRICS} of a run: expected the format {FORMAT!r}")
    return cast("dict[str, Any]", found)
