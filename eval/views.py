"""A text in colours, token by token: green and red under a mark, or the heat map of log-rank.

Stretches that a detection located are underlined: those of a mark in its own view, those of any other detection in the heat map.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from assay.detect.detection import Detection
from assay.detect.evidence import Reason
from assay.detect.gltr import GLTR
from assay.detect.lm_scores import LMScores
from assay.detect.log_rank import mean_log_rank
from assay.watermark.profile import LoadedMark

from .heat import heat_pieces
from .page import Token, printable, split_blank
from .trace import GREEN, OUTSIDE, RED, Piece, Trace
from .wording import LABELS, p_text

_COLORS = {GREEN: "g", RED: "r", OUTSIDE: ""}


class Stretch(Protocol):
    """A stretch that was located, by whatever detection."""

    @property
    def start(self) -> int:
        """First character."""
        ...

    @property
    def stop(self) -> int:
        """The character after the last."""
        ...

    @property
    def log10_p(self) -> float:
        """Its corrected p-value."""
        ...


@dataclass(frozen=True)
class Run:
    """Tokens in a row that lie in one located stretch, or in none (`found` is empty, else what it says of the stretch)."""

    found: str
    tokens: list[Token]


@dataclass(frozen=True)
class View:
    """A text in colours.

    Attributes:
        title: what the colours are about.
        note: what they come to.
        shares: shares of tokens by GLTR's bins; empty for a mark, and where no token has a score.
        heat: whether it is the heat map.
        runs: the text.
    """

    title: str
    note: str
    shares: tuple[float, ...]
    heat: bool
    runs: list[Run]


def mark_view(found: Trace, mark: LoadedMark, detections: Sequence[Detection]) -> View:
    """Return a text as a mark sees it, with the stretches that the mark's own detection located."""
    spans = [s for d in detections if d.profile_fingerprint == mark.profile.fingerprint for s in d.spans]
    text = printable(found.text)
    tokens = [
        (start, stop, _token(text[start:stop], _COLORS.get(label, "x"), "" if label in _COLORS else LABELS[label]))
        for start, stop, label in _joined(found.pieces())
    ]
    n_green, n_scored = int(found.green.sum()), int((found.reason == Reason.SCORED).sum())
    share = f" ({n_green / n_scored:.0%})" if n_scored else ""
    chance = f"{mark.mark.law.gamma:.0%} are expected by chance"
    note = f"{n_green:,} of {n_scored:,} scored tokens are green{share}; {chance}."
    return View(
        f"Green and red under the mark \N{LEFT DOUBLE QUOTATION MARK}{mark.name}\N{RIGHT DOUBLE QUOTATION MARK}",
        note,
        (),
        False,
        _runs(tokens, spans),
    )


def heat_view(
    shown: str, scores: LMScores, vocab_size: int, detections: Sequence[Detection], fingerprints: frozenset[str]
) -> View:
    """Return a text as a heat map.

    Args:
        shown: the text.
        scores: its scores under the language model.
        vocab_size: how many entries the model ranks.
        detections: whose stretches to underline.
        fingerprints: profiles of the marks that have a view of their own, where theirs are underlined.
    """
    spans = [s for d in detections if d.profile_fingerprint not in fingerprints for s in d.spans]
    text = printable(shown)
    tokens: list[tuple[int, int, Token]] = []
    for piece in heat_pieces(scores, len(text), vocab_size):
        color = f"h{piece.level}" if piece.level is not None else "x" if piece.tooltip else ""
        tokens.append((piece.start, piece.stop, _token(text[piece.start : piece.stop], color, piece.tooltip)))
    shares = GLTR().features(scores)
    title = "Heat map: how far down the model\N{RIGHT SINGLE QUOTATION MARK}s list of guesses each token stood"
    if not math.isfinite(shares.sum()):
        return View(title, "No token could be scored.", (), True, _runs(tokens, spans))
    note = f"{scores.n_scored:,} tokens scored; the mean of ln(rank) is {mean_log_rank(scores):.2f}."
    return View(title, note, tuple(shares.tolist()), True, _runs(tokens, spans))


def _joined(pieces: Sequence[Piece]) -> Iterator[tuple[int, int, str]]:
    """Yield (start, stop, label): green and red token by token, what is not scored in stretches of one label."""
    for label, group in groupby(pieces, lambda piece: piece.label):
        row = list(group)
        for part in [[piece] for piece in row] if label in (GREEN, RED) else [row]:
            yield part[0].start, part[-1].stop, label


def _token(content: str, color: str, tooltip: str) -> Token:
    blank, word = split_blank(content)
    return Token(blank, word, color, "", tooltip)


def _runs(tokens: Sequence[tuple[int, int, Token]], spans: Sequence[Stretch]) -> list[Run]:
    """Return (start, stop, token) triples in runs, each inside one stretch or outside all; of stretches that overlap, the first counts."""
    if not tokens:
        return []
    begin, end = tokens[0][0], tokens[-1][1]
    near = sorted((s.start, s.stop, place(s)) for s in spans if s.start < end and begin < s.stop)

    def stretch(token: tuple[int, int, Token]) -> str:
        return next((words for start, stop, words in near if start < token[1] and token[0] < stop), "")

    return [Run(found, [token for _, _, token in run]) for found, run in groupby(tokens, stretch)]


def place(span: Stretch) -> str:
    """Return in words where a stretch was located, and how surely."""
    return f"found at characters {span.start:,} to {span.stop:,}, p = {p_text(span.log10_p)}"
