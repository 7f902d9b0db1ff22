"""The detectors of a plan, made from its tables: one file a kind, told by the key that the table has.

    [[detectors]]
    name = "w1"
    mark = "w1"                                   # a mark of the plan, or a profile: the exact test (`mark_eval.py`)

    name = "fast"
    classifier = "fast"                           # what `find_classifier` takes; calibration, group, device, dtype (`classifier_eval.py`)

    name = "published"
    scores = "peer_scores.jsonl.gz"               # field = the detector in it; higher_is = "machine" or "human" (`stored_scores.py`)

    name = "mine"
    function = "my_detector:score"                # texts to scores, in Python (`function_detector.py`)

    name = "theirs"
    command = ["python", "their_detector.py"]     # JSON Lines in, scores out; timeout_s (`command_detector.py`)

A detector in five lines, which gets the whole report:

    # my_detector.py, beside the plan
    def score(texts):
        '''The longer its words, the more a text looks machine-made to me.'''
        return [sum(map(len, text.split())) / max(len(text.split()), 1) for text in texts]

    $ assay eval run plan.toml --out results --allow-commands

Functions and commands run other people's code, so they are refused unless whoever runs the plan allows it. Making a detector loads nothing; `check` finds what is
missing; models come in with the first score.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from assay.errors import DataError

from .detector import EvalDetector
from .plan_tables import nearest

if TYPE_CHECKING:
    from assay.watermark.profile import LoadedMark

_KINDS = {
    "mark": ("mark_eval", "MarkEval"),
    "classifier": ("classifier_eval", "ClassifierEval"),
    "scores": ("stored_scores", "StoredScores"),
    "command": ("command_detector", "CommandDetector"),
    "function": ("function_detector", "FunctionDetector"),
}
"""The key that tells a kind, to the file and class of it."""

_RUNS_CODE = ("command", "function")


class CheckedDetector(EvalDetector, Protocol):
    """A detector of a plan that can say before any work whether it can be used.

    Attributes:
        as_is_only: whether it knows texts by their ids alone, so that it says nothing of a text that was attacked or cut: such texts must not be given to it.
    """

    as_is_only: bool

    def check(self) -> None:
        """Find what is missing, loading no model.

        Raises:
            AssayError: in one line.
        """
        ...


@dataclass(frozen=True)
class Setting:
    """What a detector is made in.

    Attributes:
        marks: marks of the plan by name, loaded or as the path of their profile (which may not exist yet).
        allow_commands: whether code of others may run.
        base: folder that relative paths are meant from.
    """

    marks: "Mapping[str, LoadedMark | Path | str]"
    allow_commands: bool
    base: Path


def make_detector(
    name: str,
    spec: Mapping[str, Any],
    marks: "Mapping[str, LoadedMark | Path | str]",
    allow_commands: bool = False,
    base: Path | None = None,
) -> CheckedDetector:
    """Return the detector that a table of a plan describes; nothing is loaded or read.

    Args:
        name: what it is called.
        spec: its table, with or without `name`.
        marks: marks of the plan by name.
        allow_commands: whether commands and functions may run.
        base: folder that relative paths are meant from; the working directory without it.

    Raises:
        DataError: in one line, if the table is of no kind or of several, or has an unknown key or a value of another type.
    """
    options = {key: value for key, value in spec.items() if key != "name"}
    kinds = [kind for kind in _KINDS if kind in options]
    if len(kinds) != 1:
        got = f"has {' and '.join(kinds)}" if kinds else f"has none of {', '.join(_KINDS)}"
        hint = "" if kinds else f"; {nearest(next(iter(options), ''), list(_KINDS))}"
        raise DataError(f"detector {name!r} {got}; expected exactly one{hint}")
    file, kind = _KINDS[kinds[0]]
    made = getattr(import_module(f"assay.eval.{file}"), kind)
    _check_options(name, kinds[0], options, made.options)
    return made.from_table(name, options, Setting(marks, allow_commands, base or Path()))


def runs_code(spec: Mapping[str, Any]) -> bool:
    """Say whether the detector of a table runs a command or a function."""
    return any(key in spec for key in _RUNS_CODE)


def refuse_code(name: str, what: str, allowed: bool) -> None:
    """Refuse to run other people's code that was not allowed.

    Raises:
        DataError: in one line.
    """
    if not allowed:
        raise DataError(f"detector {name!r} runs {what}, which was not allowed; look at it, then add --allow-commands")


def _check_options(name: str, kind: str, options: Mapping[str, Any], known: Mapping[str, tuple[type, ...]]) -> None:
    for key, value in options.items():
        if key not in known:
            raise DataError(f"detector {name!r} ({kind}): unknown key {key!r}; {nearest(key, known)}")
        if not isinstance(value, known[key]) or (isinstance(value, bool) and bool not in known[key]):
            expected = " or ".join(dict.fromkeys(_WORDS[one] for one in known[key]))
            raise DataError(f"detector {name!r}: {key} must be {expected}, got {value!r:.80}")
    if options.get("higher_is", "machine") not in ("machine", "human"):
        raise DataError(f"detector {name!r}: higher_is must be machine or human, got {options['higher_is']!r}")


_WORDS = {str: "text", int: "a whole number", float: "a number", list: "a list", bool: "true or false", tuple: "a list"}
