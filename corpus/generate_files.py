"""A generation run: prompts in, one output file, and a way to go on after an interruption.

Beside the output lies `OUT.run.json` with the settings and the date of the run. A re-run of the same command finds what is done and
goes on; with other settings it refuses, because the file would then hold two kinds of text under one name.
"""

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.errors import DataError
from assay.watermark.decoding import Decoding, PromptLike
from assay.watermark.generate import generate
from assay.watermark.interleave import Interleave
from assay.watermark.model import CausalModel
from assay.watermark.profile import LoadedMark
from assay.watermark.provenance import run_date
from tqdm import tqdm

from .prompts import Prompt, read_prompts
from .records import Unreadable
from .writer import JsonLinesWriter


@dataclass(frozen=True)
class PromptSource:
    """Where prompts come from: a file, arguments, or nowhere (`count` texts from the start token).

    Attributes:
        path: file or `-`; None if there is none.
        texts: prompts given one by one.
        count: texts without a prompt; used when there is neither path nor texts.
        prompt_field: field of the file's records that holds the prompt.
    """

    path: str | None = None
    texts: tuple[str, ...] = ()
    count: int = 1
    prompt_field: str = "prompt"

    @cached_property
    def _stdin(self) -> bytes:
        """What stands on stdin, read once: it is hashed before it is used, so that a resumed run has the same prompts."""
        return sys.stdin.buffer.read()

    def read(self) -> Iterator[Prompt | Unreadable]:
        """Return the prompts, in order; opens the file at the call."""
        if self.path is not None:
            stdin = io.BytesIO(self._stdin) if self.path == "-" else None
            return read_prompts(self.path, prompt_field=self.prompt_field, stdin=stdin)
        texts = self.texts or ("",) * self.count
        return (Prompt(str(number), text, {}) for number, text in enumerate(texts))

    def describe(self) -> dict[str, Any]:
        """Return what names these prompts, and changes when they do."""
        if self.path is None:
            return {"texts": list(self.texts), "count": 0 if self.texts else self.count}
        if self.path == "-":
            return {"path": "-", "sha256": hashlib.sha256(self._stdin).hexdigest(), "field": self.prompt_field}
        with open(self.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"path": os.path.basename(self.path), "sha256": digest, "field": self.prompt_field}


@dataclass
class RunSummary:
    """How a run ended: texts there before, texts written now, prompts that could not be used."""

    there_before: int = 0
    written: int = 0
    refused: int = 0


class GenerationRun:
    """One output file and the settings it is written with. Checks both before a model is loaded.

    Args:
        out: output file, or `-` for stdout (which cannot be resumed).
        prompts: where prompts come from.
        loaded: the mark, or None.
        decoding: how texts are drawn.
        model_name: name, revision and data type of the model.
        interleave: separators that the mark sees and the texts do not keep (an attack); None for none.

    Raises:
        DataError: if the output is a file that this run did not begin, or began with other settings.
    """

    def __init__(
        self,
        out: str,
        prompts: PromptSource,
        loaded: LoadedMark | None,
        decoding: Decoding,
        model_name: tuple[str, ...],
        interleave: Interleave | None = None,
    ) -> None:
        self.out = out
        self._prompts = prompts
        self._loaded = loaded
        self._decoding = decoding
        self._interleave = interleave
        self._stream = prompts.read()  # a missing file is known before a model is loaded
        self._settings = {
            "model": list(model_name),
            "mark": loaded.profile.fingerprint if loaded else None,
            "decoding": asdict(decoding),
            "prompts": prompts.describe(),
            **({"interleave": interleave.to_record()} if interleave else {}),
        }
        self.created_at = run_date()
        self._manifest = Path(f"{out}.run.json")
        if out != "-":
            self._refuse_foreign(Path(out))
        self._writer = JsonLinesWriter(out, append=out != "-")  # holds the lock from here on
        try:
            if out != "-":
                self._begin_or_resume()
        except DataError:
            self._writer.close()
            raise

    def _refuse_foreign(self, out: Path) -> None:
        if out.suffix != ".jsonl":
            raise DataError(f"--out must end in .jsonl, got {out}")
        if out.exists() and out.stat().st_size and not self._manifest.exists():
            raise DataError(
                f"{out} exists and no run of this command is recorded in {self._manifest}; it is not overwritten: "
                "choose another --out"
            )

    def _begin_or_resume(self) -> None:
        """Record the run, or check that this is the one recorded. Called with the output locked."""
        if not self._writer.resumed.ids:
            content = {"settings": self._settings, "date": self.created_at, "started_at": datetime.now(UTC).isoformat()}
            temporary = self._manifest.with_name(self._manifest.name + ".tmp")
            try:
                temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                os.replace(temporary, self._manifest)
            except OSError as error:
                raise DataError(f"cannot write {self._manifest}: {error.strerror}; choose another --out") from None
            return
        try:
            content = json.loads(self._manifest.read_text(encoding="utf-8"))
            settings, self.created_at = dict(content["settings"]), str(content["date"])
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(
                f"{self._manifest} cannot be read, so {self.out} cannot be resumed; choose another --out"
            ) from None
        both = {**self._settings, **settings}  # either may hold one more
        different = [name for name in both if settings.get(name) != self._settings.get(name)]
        if different:
            raise DataError(
                f"{self.out} was begun with another {' and '.join(different)}; give the same settings to finish it, "
                "or choose another --out"
            )

    def write(self, model: CausalModel, say: Callable[[str], None]) -> RunSummary:
        """Generate what is missing. Each batch is on disk before the next begins.

        Raises:
            DataError: if there is no prompt at all, or the output cannot be written.
        """
        summary = RunSummary()
        with self._writer as writer:
            done = set(writer.resumed.ids)
            summary.there_before = len(done)
            usable = self._usable(say, summary)
            batches = generate(
                usable,
                model,
                self._loaded,
                self._decoding,
                done=done,
                created_at=self.created_at,
                interleave=self._interleave,
            )
            with tqdm(unit=" texts", disable=None, file=sys.stderr, initial=len(done), total=self._total()) as progress:
                for batch in batches:
                    for refused in batch.refused:
                        say(str(refused))
                    summary.refused += len(batch.refused)
                    writer.write_all(batch.records)
                    summary.written += len(batch.records)
                    progress.update(len(batch.records))
        if not (summary.there_before or summary.written or summary.refused):
            self._leave_nothing()
            raise DataError(
                f"{self._prompts.path} holds no prompt; give one a line, or JSON Lines with a field 'prompt'"
            )
        return summary

    def _leave_nothing(self) -> None:
        if self.out != "-":
            Path(self.out).unlink(missing_ok=True)
            self._manifest.unlink(missing_ok=True)

    def _usable(self, say: Callable[[str], None], summary: RunSummary) -> Iterable[PromptLike]:
        for item in self._stream:
            if isinstance(item, Unreadable):
                say(f"{item.place}: {item.message}")
                summary.refused += 1
            else:
                yield item

    def _total(self) -> int | None:
        if self._prompts.path is not None:
            return None
        return (len(self._prompts.texts) or self._prompts.count) * self._decoding.samples
