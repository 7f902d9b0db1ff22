"""A mark as a detector of an evaluation: its exact test, on whole texts, without the search for stretches.

Numbers are those of `detect/mark_columns.py`, which are those of `assay detect`, to the last bit. The score is -log10 p, of abstaining texts too, so that curves need not leave
them out; a verdict does.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from assay.errors import DataError

from .detector import Scored
from .plan_tables import nearest
from .score_table import Kind
from .scoring_batches import batches, joined

if TYPE_CHECKING:
    from assay.detect.marks import MarkDetector
    from assay.watermark.profile import LoadedMark, Profile

    from .eval_detectors import Setting


class MarkEval:
    """See the module.

    Args:
        name: what it is called.
        loaded: profile and key, or the path of the profile, whose key lies beside it.
        mark: the name that texts with this mark carry; `name` without it.
        model: whose tokenizer to use in place of the profile's.
        min_tokens: fewer scored pairs abstain; the profile's own minimum without it.
    """

    kind: Kind = "mark"
    as_is_only = False
    options: ClassVar[Mapping[str, tuple[type, ...]]] = {"mark": (str,), "model": (str,), "min_tokens": (int,)}

    def __init__(
        self,
        name: str,
        loaded: "LoadedMark | Path | str",
        *,
        mark: str = "",
        model: str | None = None,
        min_tokens: int | None = None,
    ) -> None:
        if min_tokens is not None and min_tokens < 1:
            raise DataError(f"detector {name!r}: min_tokens must be at least 1, got {min_tokens}")
        self.name, self.mark = name, mark or name
        self._given, self._model, self._min_tokens = loaded, model, min_tokens

    @classmethod
    def from_table(cls, name: str, options: Mapping[str, Any], setting: "Setting") -> "MarkEval":
        """Return the detector of a plan's table: `mark` is the name of a mark of the plan, or a profile.

        Raises:
            DataError: if there is neither.
        """
        mark = carried = options["mark"]
        if mark in setting.marks:
            loaded = setting.marks[mark]
        elif mark.endswith(".toml"):
            loaded, carried = setting.base / Path(mark).expanduser(), Path(mark).stem
        else:
            raise DataError(f"detector {name!r}: the plan has no mark {mark!r}; {nearest(mark, setting.marks)}")
        return cls(name, loaded, mark=carried, model=options.get("model"), min_tokens=options.get("min_tokens"))

    def check(self) -> None:
        """Read the profile, not the key: a mark that a run makes has none yet.

        Raises:
            BadProfile: in one line.
        """
        _ = self._profile

    def score(self, texts: Sequence[str], ids: Sequence[str]) -> Scored:
        """Return what the mark says of each text; `ids` are not looked at."""
        from assay.detect.mark_columns import mark_columns

        found: list[Scored] = []
        for part in batches(texts):
            columns = mark_columns(self._detector, part)[0]
            abstained = tuple(columns.abstained.get(d, "") for d in range(len(part)))
            score = 0.0 - columns.log10_p  # not -log10_p, which has -0.0
            found.append(Scored(score, columns.log10_p, abstained, columns.n_scored.astype(np.int32)))
        return joined(found)

    def signature(self) -> dict[str, Any]:
        """Return the mark's public face, fingerprints included; never the key."""
        profile = self._profile
        return {
            "kind": self.kind,
            "mark": self.mark,
            "scheme": profile.scheme,
            "parameters": dict(profile.parameters),
            "profile": profile.fingerprint,
            "key": profile.key_fingerprint,
            "min_tokens": self._min_tokens or profile.min_tokens,
            **({"model": Path(self._model).name} if self._model else {}),
        }

    @cached_property
    def _profile(self) -> "Profile":
        from assay.watermark.profile import read_profile

        given = self._given
        return read_profile(Path(given)) if isinstance(given, str | Path) else given.profile

    @cached_property
    def _detector(self) -> "MarkDetector":
        from assay.detect.detection import Threshold
        from assay.detect.marks import MarkDetector
        from assay.watermark.profile import load_mark

        loaded = load_mark(self._given) if isinstance(self._given, str | Path) else self._given
        return MarkDetector([loaded], Threshold(min_tokens=self._min_tokens), model=self._model)
