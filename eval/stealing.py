"""Watermark stealing: learn from marked texts alone which tokens a green list prefers after which token.

Jovanovic, Staab & Vechev 2024 (arXiv:2402.19361, "Watermark Stealing in Large Language Models"): a mark with short contexts pushes the same pairs in every text, so
pairs that occur more often in marked texts than in unmarked ones are probably green, and no key is needed to write them (spoofing: `forge.py`) or to
avoid them (scrubbing: `scrub.py`). The score of a pair is the ratio of its frequencies given the context, clipped.

What is learnt here, for each pair of a context c and a token t that the marked texts hold at least once, or should:

    q(t)       frequency of t in the base texts
    p_b(t | c) = (n_b(c, t) + K q(t)) / (n_b(c) + K)                frequency in the base texts, backed off to q
    E(c, t)    = n_m(c) p_b(t | c)                                  expected count in the marked texts
    score      = log((n_m(c, t) + A) / (E(c, t) + A)) / log CLIP    clipped to -1 .. 1

Deviations from the paper, which scores min(ratio, c) / c if the ratio is at least 1 and else 0, c = 2: the logarithm, so that red pairs have a score too; K and A, which
draw rare pairs to 0 where the paper asks for a minimum of counts: a pair met once, and never in the base texts, is green in two of three cases already
(`bench/stealing.json`), and such pairs are most of what few texts tell. Contexts of one token (or none: Unigram) only: longer ones the paper
pieces together from partial contexts, and `steal` refuses.

A `StolenList` says nothing of the key, and is written as safetensors: two arrays and a few public numbers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from assay.detect.tokens import tokenize
from assay.errors import DataError
from assay.watermark.tokenizer import TextTokenizer
from numpy.typing import NDArray

F32, I64 = NDArray[np.float32], NDArray[np.int64]

FORMAT = "assay-stolen-1"
CLIP = 2.0
BACKOFF = 5.0
PRIOR = 1.0
MIN_COUNT = 1.0


@dataclass(frozen=True)
class StolenList:
    """What was learnt of a green list: scores of pairs; all others score 0.

    Attributes:
        codes: (P,) int64, ascending: context * vocab_size + token.
        scores: (P,) float32 from -1 (red, as far as one can tell) to 1 (green).
        width: tokens of context, 0 or 1.
        vocab_size: ids of the tokenizer.
        tokenizer: its fingerprint.
        marked_texts, base_texts: how many it was learnt from.
    """

    codes: I64
    scores: F32
    width: int
    vocab_size: int
    tokenizer: str
    marked_texts: int = 0
    base_texts: int = 0

    def __len__(self) -> int:
        return len(self.codes)

    def score(self, contexts: NDArray[np.integer], tokens: NDArray[np.integer]) -> F32:
        """Return the scores of pairs; broadcasts. 0 where a pair is not in the list."""
        codes = _codes(contexts, tokens, self.vocab_size, self.width)
        if not len(self.codes):
            return np.zeros(codes.shape, np.float32)
        at = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[at] == codes, self.scores[at], np.float32(0.0))

    def save(self, path: str | Path) -> None:
        """Write the list.

        Raises:
            DataError: if the file cannot be written.
        """
        from safetensors.numpy import save_file

        facts = {"width": self.width, "vocab_size": self.vocab_size, "tokenizer": self.tokenizer,
                 "marked_texts": self.marked_texts, "base_texts": self.base_texts}  # fmt: skip
        try:
            save_file(
                {"codes": self.codes, "scores": self.scores}, path, {"format": FORMAT, "facts": json.dumps(facts)}
            )
        except OSError as error:
            raise DataError(f"cannot write the stolen list {path}: {error}; choose another place") from None


def load_stolen(path: str | Path) -> StolenList:
    """Return a list that `StolenList.save` wrote.

    Raises:
        DataError: in one line, if it is missing, or is something else.
    """
    from safetensors import SafetensorError, safe_open

    what = f"the stolen list {path}"
    if not Path(path).is_file():
        raise DataError(f"{what} is not a file; give one that StolenList.save wrote")
    try:
        with safe_open(path, "np") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise DataError(f"{what} has format {header.get('format')!r}, expected {FORMAT!r}; steal it again")
            codes, scores = np.asarray(file.get_tensor("codes")), np.asarray(file.get_tensor("scores"))
        stolen = StolenList(codes, scores, **json.loads(header["facts"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{what} cannot be read: {error}; steal it again") from None
    _check(stolen, what)
    return stolen


def steal(
    marked_texts: Sequence[str], base_texts: Sequence[str], tokenizer: TextTokenizer, width: int = 1
) -> StolenList:
    """Learn a green list.

    Args:
        marked_texts: texts with one and the same mark, of one key.
        base_texts: texts without it, as like the marked ones as can be had: best of the same model.
        tokenizer: the one the mark was made for.
        width: its context width, 0 or 1.

    Raises:
        ValueError: if the width is neither.
        DataError: if either holds no pair of tokens, or a text holds a lone surrogate.
    """
    if width not in (0, 1):
        raise ValueError(f"width must be 0 or 1, got {width}")
    size = len(tokenizer.special)
    marked, base = _pairs(marked_texts, tokenizer, size, width), _pairs(base_texts, tokenizer, size, width)
    for name, found in (("marked", marked), ("base", base)):
        if not len(found):
            raise DataError(f"the {name} texts hold no two tokens; give texts to learn from")
    codes, n_marked, n_base = _counted(marked, base)
    contexts, tokens = np.divmod(codes, size)
    ratio = _ratio(contexts, tokens, n_marked, n_base, size)
    enough = np.maximum(n_marked, ratio.expected) >= MIN_COUNT
    scores = np.clip(np.log(ratio.value) / np.log(CLIP), -1.0, 1.0).astype(np.float32)
    return StolenList(
        codes[enough], scores[enough], width, size, tokenizer.fingerprint, len(marked_texts), len(base_texts)
    )


@dataclass(frozen=True)
class _Ratio:
    """Of each pair, (P,): the count expected without a mark, and the ratio of the count that was met to it."""

    expected: NDArray[np.float64]
    value: NDArray[np.float64]


def _ratio(contexts: I64, tokens: I64, n_marked: I64, n_base: I64, size: int) -> _Ratio:
    """Return the ratios of the equations above; all arrays (P,), one entry a pair."""
    unigram = np.bincount(tokens, n_base, size) / n_base.sum()
    base_total = np.bincount(contexts, n_base, size)[contexts]
    marked_total = np.bincount(contexts, n_marked, size)[contexts]
    expected = marked_total * (n_base + BACKOFF * unigram[tokens]) / (base_total + BACKOFF)
    return _Ratio(expected, (n_marked + PRIOR) / (expected + PRIOR))


def _counted(marked: I64, base: I64) -> tuple[I64, I64, I64]:
    """Return the pairs that occur, ascending, and how often each does in the marked and in the base texts: (P,) each."""
    codes, where = np.unique(np.concatenate([marked, base]), return_inverse=True)
    n_marked = np.bincount(where[: len(marked)], minlength=len(codes))
    return codes, n_marked, np.bincount(where[len(marked) :], minlength=len(codes))


def _pairs(texts: Sequence[str], tokenizer: TextTokenizer, size: int, width: int) -> I64:
    """Return the code of each two tokens that follow one another in a text."""
    tokens = tokenize(texts, tokenizer)
    inside = np.ones(len(tokens.ids), np.bool_)
    inside[tokens.offsets[:-1][np.diff(tokens.offsets) > 0]] = False  # the first of a text follows nothing
    after = np.flatnonzero(inside)
    return _codes(tokens.ids[after - 1], tokens.ids[after], size, width)


def _codes(contexts: NDArray[np.integer], tokens: NDArray[np.integer], size: int, width: int) -> I64:
    own = np.asarray(tokens).astype(np.int64)
    return np.asarray(contexts).astype(np.int64) * size + own if width else own + np.zeros_like(contexts, np.int64)


def _check(stolen: StolenList, what: str) -> None:
    codes, scores = stolen.codes, stolen.scores
    whole = codes.dtype == np.int64 and scores.dtype == np.float32 and codes.ndim == 1 and codes.shape == scores.shape
    facts = (stolen.width, stolen.vocab_size, stolen.marked_texts, stolen.base_texts)
    if not (whole and all(type(number) is int for number in facts) and stolen.width in (0, 1)):
        raise DataError(f"{what} is damaged: its arrays or its numbers are of the wrong kind; steal it again")
    if len(codes) and not (
        (np.diff(codes) > 0).all()
        and 0 <= codes[0]
        and codes[-1] < stolen.vocab_size**2
        and np.isfinite(scores).all()
        and np.abs(scores).max() <= 1
    ):
        raise DataError(f"{what} is damaged: pairs must ascend and scores lie from -1 to 1; steal it again")
