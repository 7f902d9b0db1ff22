"""A Python function from texts to scores as a detector: the few lines in which a third party gets the whole report.

    def score(texts: list[str]) -> list[float]: ...

One number a text, higher for machine text (or `higher_is = "human"`); None and NaN are no score. A list, a tuple, a numpy array or a tensor on the CPU will do. It is called with at most
`batch_size` texts at a time and must score each by itself.

In a plan it is named `module:name`; a module beside the plan is found. Importing a module runs it, so a plan may do so only where whoever runs it allows it. From Python any
callable goes in directly: `FunctionDetector("mine", score)`.
"""

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

from .detector import Scored
from .plan_tables import nearest
from .score_table import Kind
from .scoring_batches import batches, joined, plain_scores

if TYPE_CHECKING:
    from .eval_detectors import Setting


class FunctionDetector:
    """See the module.

    Args:
        name: what it is called.
        function: the function, or `module:name`.
        base: folder in which a module is looked for first.
        allowed: whether the module may be imported; nothing to ask where a callable is given.
        batch_size: most texts of a call.
        higher_is: `machine` or `human`: what a high value means.
    """

    kind: Kind = "function"
    as_is_only = False
    mark = ""
    options: ClassVar[Mapping[str, tuple[type, ...]]] = {"function": (str,), "batch_size": (int,), "higher_is": (str,)}

    def __init__(
        self,
        name: str,
        function: Callable[[list[str]], Any] | str,
        *,
        base: Path | None = None,
        allowed: bool = False,
        batch_size: int = 256,
        higher_is: str = "machine",
    ) -> None:
        if isinstance(function, str) and (function.count(":") != 1 or not all(function.split(":"))):
            raise DataError(f"detector {name!r}: function must be module:name, got {function!r}")
        if batch_size < 1:
            raise DataError(f"detector {name!r}: batch_size must be at least 1, got {batch_size}")
        self.name = name
        self._given, self._base, self._allowed = function, base, allowed
        self._batch_size, self._higher_is = batch_size, higher_is

    @classmethod
    def from_table(cls, name: str, options: Mapping[str, Any], setting: "Setting") -> "FunctionDetector":
        """Return the detector of a plan's table."""
        return cls(
            name,
            options["function"],
            base=setting.base,
            allowed=setting.allow_commands,
            batch_size=options.get("batch_size", 256),
            higher_is=options.get("higher_is", "machine"),
        )

    def check(self) -> None:
        """Import the function, if that is allowed.

        Raises:
            DataError: in one line.
        """
        _ = self._function

    def score(self, texts: Sequence[str], ids: Sequence[str]) -> Scored:
        """Return what the function says of each text; `ids` are not looked at.

        Raises:
            DataError: in one line, if it fails, or gives no or not one number a text.
        """
        parts = [self._scores(list(part)) for part in batches(texts, most_texts=self._batch_size)]
        return joined([plain_scores(one, higher_is=self._higher_is) for one in parts])

    def signature(self) -> dict[str, Any]:
        """Return its name and a hash of the file it stands in; what that file imports is not looked at."""
        from .text_sets import sha256_of

        module = sys.modules.get(getattr(self._function, "__module__", ""))
        path = getattr(module, "__file__", None)
        return {
            "kind": self.kind,
            "function": self._called,
            "sha256": sha256_of(Path(path)) if isinstance(path, str) and Path(path).is_file() else "",
            "higher_is": self._higher_is,
        }

    @property
    def _called(self) -> str:
        if isinstance(self._given, str):
            return self._given
        return f"{getattr(self._given, '__module__', '?')}:{getattr(self._given, '__qualname__', type(self._given).__name__)}"

    @cached_property
    def _function(self) -> Callable[[list[str]], Any]:
        from .eval_detectors import refuse_code

        if not isinstance(self._given, str):
            return self._given
        refuse_code(self.name, f"the Python function {self._given}", self._allowed)
        module_name, _, attribute = self._given.partition(":")
        try:
            with _importable(self._base):
                if self._base is not None and (self._base / f"{module_name}.py").is_file():
                    sys.modules.pop(module_name, None)  # another plan's, from another folder, may have that name
                    invalidate_caches()
                module = import_module(module_name)
        except (
            Exception,
            SystemExit,
        ) as error:  # whatever somebody's module raises becomes the one line that its user reads
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise DataError(f"detector {self.name!r}: cannot import {module_name}: {why}") from error
        function = getattr(module, attribute, None)
        if not callable(function):
            public = [name for name in dir(module) if not name.startswith("_")]
            raise DataError(
                f"detector {self.name!r}: module {module_name} has no function {attribute!r}; {nearest(attribute, public)}"
            )
        return function

    def _scores(self, texts: list[str]) -> NDArray[np.float64]:
        try:
            given: Any = self._function(texts)
        except DataError:
            raise
        except (Exception, SystemExit) as error:  # as above
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise DataError(f"detector {self.name!r}: {self._called} failed on {len(texts)} texts: {why}") from error
        try:
            listed = [float("nan") if one is None else float(one) for one in given]
        except (TypeError, ValueError) as error:
            raise DataError(
                f"detector {self.name!r}: {self._called} must give a list of numbers, one a text, got {type(given).__name__} "
                f"({' '.join(str(error).split())})"
            ) from None
        if len(listed) != len(texts):
            raise DataError(f"detector {self.name!r}: {self._called} gave {len(listed)} scores for {len(texts)} texts")
        return np.array(listed, np.float64)


@contextmanager
def _importable(base: Path | None) -> Generator[None]:
    """Let modules in a folder be found while it lasts."""
    if base is None:
        yield
        return
    folder = str(base.resolve())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
