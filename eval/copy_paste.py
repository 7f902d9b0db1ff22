"""Copy-paste: a part of the text, in one or more pieces, inside a text by somebody else of the same length.

Kirchenbauer et al. 2024 (arXiv:2306.04634, section 4): the whole keeps its length T, so a share s of human words leaves (1 - s) T words of the text,
in n pieces. The pieces are cut from random places of the text and pasted into random places of the host, in their order, with at least one word of the host
between them. So a text with a mark becomes mostly a text without, and only a stretch of it can be found.

Deviations: words are counted, not tokens, and cuts fall between words; the host is a stretch of real human text that begins with a sentence and runs on into the next
host where one is too short. Attacked human text stays human. A plan cuts texts to length before this attack, not after it.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from assay.errors import DataError
from numpy.typing import NDArray

from .attack import TextAttack, register_attack
from .splice import sentence_break, splice
from .word_starts import draws, word_starts

_SHIPPED = Path(__file__).parent / "human.txt"
_ENDS, _QUOTES = (".", "!", "?"), "\"'\u2019\u201d)]"


@dataclass(frozen=True)
class _Hosts:
    """Human texts one after the other.

    Attributes:
        text: all of them, twice if need be.
        starts: (W + 1,) int64, where each word begins, and the end.
        sentences: (S,) int64, which words begin a sentence or a text.
        words: W of the texts once.
    """

    text: str
    starts: NDArray[np.int64]
    sentences: NDArray[np.int64]
    words: int


@register_attack("copy-paste")
@dataclass(frozen=True)
class CopyPaste(TextAttack):
    """Set pieces of a text into human text, the length staying the same.

    Attributes:
        pieces: how many; fewer where fewer words are left.
        hosts: file of human texts (JSON Lines, Parquet, or a text file, which is one text); empty for the passages that come with Assay.
        boundary: where pieces may stand in the host: before any `word`, or before a `sentence`.
    """

    pieces: int = 1
    hosts: str = ""
    boundary: str = "word"

    summary: ClassVar[str] = "leave a part of the text, in pieces, inside human text of the same length"
    source: ClassVar[str] = "Kirchenbauer et al. 2024, arXiv:2306.04634, section 4"
    strength_is: ClassVar[str] = "share of the result that is human"
    strengths: ClassVar[tuple[float, ...]] = (0.5, 0.75, 0.9)
    cut_first: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.pieces < 1:
            raise ValueError(f"pieces must be at least 1, got {self.pieces}")
        if self.boundary not in ("word", "sentence"):
            raise ValueError(f"boundary must be word or sentence, got {self.boundary!r}")

    def check(self) -> None:
        """Refuse hosts that are not there.

        Raises:
            DataError: naming the file.
        """
        if self.hosts and not Path(self.hosts).is_file():
            raise DataError(
                f"the hosts {self.hosts!r} of attack 'copy-paste' are not a file; give one with human texts"
            )

    def signature(self) -> dict[str, Any]:
        """Return the options, and what the hosts hold in place of where they lie."""
        self.check()
        with open(self.hosts or _SHIPPED, "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        name = Path(self.hosts).name if self.hosts else "shipped"
        return {**super().signature(), "hosts": name, "hosts_sha256": content}

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts inside human text.

        Raises:
            DataError: if the hosts cannot be read or hold no word.
        """
        words = word_starts(texts)
        human = np.floor(strength * words.counts + 0.5).astype(np.int64)
        drawn = draws(seeds, 1 + 2 * self.pieces)
        return [
            self._paste(text, words.of(d), int(human[d]), drawn[d]) if human[d] else text
            for d, text in enumerate(texts)
        ]

    def _paste(self, text: str, starts: NDArray[np.int64], human: int, drawn: NDArray[np.float64]) -> str:
        """Return one text inside `human` words of a host; `drawn` (1 + 2 pieces,) says where."""
        host, places = self._host(human, drawn[0])
        kept = len(starts) - human
        count = min(self.pieces, kept)
        sizes = [kept // count + (i < kept % count) for i in range(count)] if count else []
        gaps = np.floor(np.sort(drawn[1 : 1 + count]) * (human + 1)).astype(np.int64)
        into = np.floor(np.sort(drawn[1 + self.pieces :][:count]) * (max(human - count + 1, 0) + 1)).astype(np.int64)
        edges = [*starts.tolist(), len(text)]
        done = 0
        pasted: list[tuple[int, str]] = []
        for i, size in enumerate(sizes):
            low = int(gaps[i]) + done
            done += size
            at = int(places[min(int(into[i]) + i, human)])
            pasted.append((at, text[edges[low] : edges[low + size]].rstrip()))
        for at, piece in reversed(pasted):  # the last first, so that places stay what they are
            host = splice(host, piece, at if self.boundary == "word" else sentence_break(host, at)).text
        return host

    def _host(self, words: int, drawn: float) -> tuple[str, NDArray[np.int64]]:
        """Return a host of so many words, and where in it each of them begins, with its end: (words + 1,) int64."""
        pool = self._pool
        first = int(pool.sentences[int(drawn * len(pool.sentences))])
        if words <= pool.words:  # the pool stands there twice
            starts = pool.starts[first : first + words + 1] - pool.starts[first]
            text = pool.text[pool.starts[first] : pool.starts[first + words]].rstrip()
        else:
            whole, rest = divmod(first + words, pool.words)
            once = pool.starts[pool.words]
            text = pool.text[:once] * whole + pool.text[: pool.starts[rest]]
            every = np.concatenate([pool.starts[: pool.words] + lap * once for lap in range(whole + 1)])
            starts = every[first : first + words + 1] - every[first]
            text = text[every[first] :].rstrip()
        starts[-1] = len(text)
        return text, starts

    @cached_property
    def _pool(self) -> _Hosts:
        texts = [text.strip() for text in self._read() if text.strip()]
        if not texts:
            raise DataError(
                f"the hosts {self.hosts!r} of attack 'copy-paste' hold no word; give a file with human texts"
            )
        once = "\n\n".join(texts) + "\n\n"
        starts = word_starts([once]).starts
        edges = [*starts.tolist(), len(once)]
        begins = {0, *np.searchsorted(starts, np.cumsum([len(text) + 2 for text in texts])[:-1]).tolist()}
        for i in range(1, len(starts)):
            if once[edges[i - 1] : edges[i]].rstrip().rstrip(_QUOTES).endswith(_ENDS):
                begins.add(i)
        twice = np.concatenate([starts, starts + len(once), [2 * len(once)]])
        return _Hosts(once * 2, twice, np.array(sorted(begins), np.int64), len(starts))

    def _read(self) -> list[str]:
        from assay.corpus.documents import Document, read_documents

        self.check()
        if not self.hosts:  # "# title" before each passage; `demo.human_passages` reads the same, and imports torch
            return re.split(r"^# .+$", _SHIPPED.read_text(encoding="utf-8"), flags=re.MULTILINE)
        texts: list[str] = []
        for document in read_documents(self.hosts):
            if not isinstance(document, Document):
                raise DataError(document.message, place=document.place)
            texts.append(document.text)
        return texts
