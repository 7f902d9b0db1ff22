"""A folder that one command fills, and may fill again: its own files are replaced, other files are never touched.

A marker, written first, says that the command made the folder. Without it a folder that holds anything is refused.
"""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import DataError


@dataclass(frozen=True)
class OwnedFolder:
    """A folder with a marker.

    Attributes:
        path: the folder.
        marker: name of the JSON file that marks it.
        maker: who made it, as the marker says.
        files: every other name that the maker writes there.
    """

    path: Path
    marker: str
    maker: str
    files: Sequence[str]

    def claim(self, *, keep_mark: bool = False) -> None:
        """Make the folder, or empty it of what an earlier run of the same maker wrote.

        Args:
            keep_mark: whether the marker of the earlier run stays as it is.

        Raises:
            DataError: if it is not a folder, holds files of others and no marker, or cannot be written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise DataError(f"{self.path} is a file, expected a folder; choose another --out")
        with self.writing():
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()) and not self._is_ours():
                raise DataError(
                    f"{self.path} holds files that `{self.maker}` did not write, expected a new or empty folder; "
                    "nothing was changed: choose another --out"
                )
            for name in self.files:
                (self.path / name).unlink(missing_ok=True)
            if not (keep_mark and self._is_ours()):
                self.mark({})

    @contextmanager
    def writing(self) -> Generator[None]:
        """Turn an error of the disk into one line.

        Raises:
            DataError: naming the folder and the reason.
        """
        try:
            yield
        except OSError as error:
            raise DataError(
                f"cannot write to the folder {self.path}: {error.strerror or error}; make room, or choose another --out"
            ) from None

    def mark(self, content: dict[str, Any]) -> None:
        """Write the marker with `content`, replacing the last one at once."""
        temporary = self.path / f"{self.marker}.tmp"
        record = {"made_by": self.maker, **content}
        temporary.write_text(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        temporary.replace(self.path / self.marker)

    def _is_ours(self) -> bool:
        try:
            content = json.loads((self.path / self.marker).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(content, dict) and content.get("made_by") == self.maker  # pyright: ignore[reportUnknownMemberType]
