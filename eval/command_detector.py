r"""A command as a detector: JSON Lines in, scores out, in whatever language it is written.

    stdin    {"id": "a", "text": "..."}      one line a text, then the end of the input
    stdout   {"id": "a", "score": 1.25}      one line a text, in any order, as soon as it likes; null where it has no score

Higher is machine text (or `higher_is = "human"`). It is started once for each set of texts, in the folder of the plan, without a shell, and only where whoever runs the plan allows
commands. What it writes to stderr is shown where it fails. It is ended, with all that it started, when it writes something else, or after `timeout_s`. The variable that names key
files is not handed on.

A detector in five lines:

    import json, sys
    for line in sys.stdin:
        text = json.loads(line)
        words = text["text"].split()
        print(json.dumps({"id": text["id"], "score": sum(map(len, words)) / max(len(words), 1)}))
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from assay.errors import DataError

from .command_pipes import CommandProblem, run_lines
from .detector import Scored
from .score_table import Kind
from .scoring_batches import plain_scores

if TYPE_CHECKING:
    from .eval_detectors import Setting

TIMEOUT_S = 3600.0


class CommandDetector:
    """See the module.

    Args:
        name: what it is called.
        command: program and arguments.
        base: folder that it runs in.
        allowed: whether it may run.
        timeout_s: for one set of texts.
        higher_is: `machine` or `human`: what a high value means.
    """

    kind: Kind = "command"
    as_is_only = False
    mark = ""
    options: ClassVar[Mapping[str, tuple[type, ...]]] = {
        "command": (list, tuple), "timeout_s": (int, float), "higher_is": (str,),
    }  # fmt: skip

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        base: Path | None = None,
        allowed: bool = False,
        timeout_s: float = TIMEOUT_S,
        higher_is: str = "machine",
    ) -> None:
        if not command or not all(isinstance(one, str) for one in command):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DataError(
                f'detector {name!r}: command must be a list of texts, as ["python", "x.py"], got {list(command)!r:.80}'
            )
        if not (math.isfinite(timeout_s) and timeout_s > 0):
            raise DataError(f"detector {name!r}: timeout_s must be above 0, got {timeout_s}")
        self.name = name
        self._command, self._base, self._allowed = tuple(command), base or Path(), allowed
        self._timeout_s, self._higher_is = float(timeout_s), higher_is

    @classmethod
    def from_table(cls, name: str, options: Mapping[str, Any], setting: "Setting") -> "CommandDetector":
        """Return the detector of a plan's table."""
        return cls(
            name,
            options["command"],
            base=setting.base,
            allowed=setting.allow_commands,
            timeout_s=options.get("timeout_s", TIMEOUT_S),
            higher_is=options.get("higher_is", "machine"),
        )

    def check(self) -> None:
        """Find the program; it is not started.

        Raises:
            DataError: in one line, also if it was not allowed.
        """
        from .eval_detectors import refuse_code

        refuse_code(self.name, f"the command {self._shown}", self._allowed)
        if self._program() is None:
            raise DataError(
                f"detector {self.name!r}: there is no program {self._command[0]!r}; install it, or give its path"
            )

    def score(self, texts: Sequence[str], ids: Sequence[str]) -> Scored:
        """Return the command's scores.

        Raises:
            DataError: in one line, if it fails, hangs, or does not give one number for each id.
        """
        self.check()
        if not texts:
            return plain_scores([])
        names = _distinct(ids)
        lines = (
            json.dumps({"id": name, "text": text}, ensure_ascii=False) for name, text in zip(names, texts, strict=True)
        )
        answers = _Answers(names)
        environment = {name: value for name, value in os.environ.items() if name != "ASSAY_KEY_FILE"}
        argv = [self._program() or self._command[0], *self._command[1:]]
        try:
            run_lines(argv, self._base, environment, lines, answers.take, self._timeout_s)
            answers.check_all()
        except CommandProblem as problem:
            raise DataError(f"detector {self.name!r}: the command {self._shown} {problem}") from None
        return plain_scores(answers.scores, higher_is=self._higher_is)

    def signature(self) -> dict[str, Any]:
        """Return program and arguments without folders, with a hash of those that are files."""
        from .text_sets import sha256_of

        files = {Path(one).name: sha256_of(self._base / one) for one in self._command if (self._base / one).is_file()}
        return {
            "kind": self.kind,
            "command": [Path(one).name if os.path.isabs(one) else one for one in self._command],
            "sha256": files,
            "higher_is": self._higher_is,
        }

    @property
    def _shown(self) -> str:
        return repr(" ".join(self._command)[:120])

    def _program(self) -> str | None:
        """Return the program to start: on the path, or a file named from the plan's folder."""
        import shutil

        name = self._command[0]
        if os.path.dirname(name):
            path = self._base / Path(name).expanduser()
            return str(path.absolute()) if os.access(path, os.X_OK) and path.is_file() else None
        return shutil.which(name)


class _Answers:
    """The scores of texts by their names, as lines come in."""

    def __init__(self, names: Sequence[str]) -> None:
        self._at = {name: number for number, name in enumerate(names)}
        self._names, self._seen = names, set[int]()
        self.scores = [math.nan] * len(names)

    def take(self, line: bytes) -> None:
        """Take one line; CommandProblem if it is no answer."""
        try:
            answer: Any = json.loads(line)
        except (ValueError, RecursionError):
            raise CommandProblem(f"wrote {line[:60]!r}, expected lines of {_ANSWER}") from None
        if not isinstance(answer, dict) or not {"id", "score"} <= answer.keys():
            raise CommandProblem(f"wrote {line[:60]!r}, expected lines of {_ANSWER}")
        given, score = answer["id"], answer["score"]
        number = self._at.get(given) if isinstance(given, str) else None
        if number is None:
            raise CommandProblem(f"gave a score for the id {given!r:.60}, which it was not asked for")
        if number in self._seen:
            raise CommandProblem(f"gave two scores for the id {given!r:.60}, expected one")
        self._seen.add(number)
        if score is None:
            return
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise CommandProblem(
                f"gave the score {score!r:.40} for the id {given!r:.60}, expected a finite number, or null for none"
            )
        self.scores[number] = float(score)

    def check_all(self) -> None:
        """Raise CommandProblem if a text got no line."""
        if len(self._seen) < len(self._names):
            missing = next(name for number, name in enumerate(self._names) if number not in self._seen)
            raise CommandProblem(
                f"gave {len(self._seen):,} scores for {len(self._names):,} texts; the id {missing!r:.60} for one is missing (null is for no score)"
            )


_ANSWER = '{"id": ..., "score": number}'


def _distinct(ids: Sequence[str]) -> list[str]:
    """Return the ids with `#2` and so on after one that was there: two sources may have texts of one id."""
    counts: dict[str, int] = {}
    taken, names = set(ids), list[str]()
    for one in ids:
        counts[one] = counts.get(one, 0) + 1
        name = one
        while counts[one] > 1 and name in taken:
            name = f"{one}#{counts[one]}"
            counts[one] += name in taken
        taken.add(name)
        names.append(name)
    return names
