"""Find marks in texts: tokenise once per model, test every mark, locate on request.

Needs no prompt, no model, no torch: only profile, key and tokenizer. One `MarkDetector` serves many batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from assay.errors import BadProfile
from assay.models import EMBEDDED, resolve
from assay.watermark.common import common_pairs
from assay.watermark.pairs import CommonSet
from assay.watermark.profile import LoadedMark, check_tokenizer, load_mark
from assay.watermark.tokenizer import TextTokenizer, load_tokenizer
from numpy.typing import NDArray

from .detection import Decision, Detection, Span, Threshold
from .evidence import BatchEvidence, Reason, gather
from .exact import binomial_log10_sf_batch, z_score
from .segments import SignificantSegments, lattice_steps, stretches
from .tokens import Tokens, tokenize

_USUAL_COMMON = 0.08


@dataclass(frozen=True)
class PreparedMark:
    """A mark with what its tests need.

    Attributes:
        loaded: profile and key.
        tokenizer: what reads texts for it.
        common: pairs that it leaves out.
        min_tokens: fewer scored pairs than this abstain.
    """

    loaded: LoadedMark
    tokenizer: TextTokenizer
    common: CommonSet
    min_tokens: int

    @property
    def detector(self) -> str:
        """What its detections are called."""
        return f"{self.loaded.profile.scheme}:{self.loaded.name}"


class MarkDetector:
    """Tests texts for marks.

    Args:
        marks: profiles with their keys.
        threshold: error rate and minimum of scored tokens; the profiles' own minimum where it has none.
        spans: whether to locate marked stretches too.
        model: folder or hub id whose tokenizer to use, in place of the one each profile names.

    Raises:
        TokenizerMismatch: if that tokenizer is not the one the profile was made for.
        BadProfile, ModelError: if there is no mark, a tokenizer or list cannot be loaded, a mark was recorded with another
            normaliser, or `spans` is asked of a mark that is too weak for it.
    """

    def __init__(
        self,
        marks: Sequence[LoadedMark],
        threshold: Threshold | None = None,
        *,
        spans: bool = False,
        model: str | None = None,
    ) -> None:
        if not marks:
            raise BadProfile("no mark given: name at least one profile (--mark mark.toml)")
        self.threshold = threshold or Threshold()
        self.spans = spans
        tokenizers: dict[str, TextTokenizer] = {}
        prepared: list[PreparedMark] = []
        for loaded in marks:
            check_normaliser(loaded)
            source = _source(loaded, model)
            if source not in tokenizers:
                tokenizers[source] = load_tokenizer(source)
            tokenizer = tokenizers[source]
            check_tokenizer(loaded, tokenizer, model or loaded.profile.model)
            if spans:
                _check_alternative(loaded)
            common = common_pairs(loaded, tokenizer)
            minimum = self.threshold.min_tokens or loaded.profile.min_tokens
            prepared.append(PreparedMark(loaded, tokenizer, common, minimum))
        self.prepared = tuple(prepared)

    def detect(self, texts: Sequence[str]) -> list[list[Detection]]:
        """Return, for each text, one detection per mark, in the order the marks were given."""
        read: dict[tuple[str, str], Tokens] = {}
        seen: list[tuple[PreparedMark, Tokens, BatchEvidence, list[str]]] = []
        for mark in self.prepared:
            normaliser = mark.loaded.profile.normaliser
            name = mark.tokenizer.source, normaliser  # not its fingerprint, which leaves control tokens out
            if name not in read:
                read[name] = tokenize(texts, mark.tokenizer, with_chars=self.spans, normalised=bool(normaliser))
            tokens = read[name]
            batch = gather(tokens, mark.loaded.mark, mark.common)
            lengths = np.diff(tokens.offsets).tolist()
            seen.append(
                (
                    mark,
                    tokens,
                    batch,
                    [abstention(mark, *n) for n in zip(batch.n_scored.tolist(), lengths, strict=True)],
                )
            )
        # How many marks are tested on each document; every one is looked at once, or twice with spans.
        tested = np.sum([[not why for why in abstained] for _, _, _, abstained in seen], axis=0)
        columns = [self._detections(*one, tested) for one in seen]
        return [list(row) for row in zip(*columns, strict=True)]

    def decide(self, detections: Sequence[Detection]) -> Decision:
        """Return the verdict on one text from its detections."""
        return self.threshold.decide(detections)

    def _detections(
        self,
        mark: PreparedMark,
        tokens: Tokens,
        batch: BatchEvidence,
        abstentions: list[str],
        tested: NDArray[np.int64],
    ) -> list[Detection]:
        gamma, profile = batch.law.gamma, mark.loaded.profile
        detector, fingerprint, warnings = mark.detector, profile.fingerprint, mark.loaded.mark.warnings
        log10_p = binomial_log10_sf_batch(batch.n_positive, batch.n_scored, gamma)
        found: list[Detection] = []
        for d in range(len(tokens)):
            n_scored, green = int(batch.n_scored[d]), int(batch.n_positive[d])
            part = slice(int(tokens.offsets[d]), int(tokens.offsets[d + 1]))
            abstained, skipped = abstentions[d], _skipped(batch.reason[part])
            spans, best = (), None
            if self.spans and not abstained:
                spans, best = self._locate(mark, tokens, batch, part, self.threshold.alpha / (2 * int(tested[d])))
            found.append(
                Detection(
                    detector=detector,
                    statistic=green,
                    log10_p=float(log10_p[d]),
                    z=z_score(green, n_scored, gamma),
                    n_scored=n_scored,
                    n_tokens=part.stop - part.start,
                    skipped=skipped,
                    spans=spans,
                    best_span_log10_p=best,
                    abstained=abstained,
                    warnings=warnings + _unusual(mark, skipped, part.stop - part.start) + _changed(tokens, d),
                    profile_fingerprint=fingerprint,
                    key_fingerprint=profile.key_fingerprint,
                )
            )
        return found

    def _locate(
        self, mark: PreparedMark, tokens: Tokens, batch: BatchEvidence, part: slice, alpha: float
    ) -> tuple[tuple[Span, ...], float]:
        """Return the significant stretches of one document, and the p-value of its best one."""
        if tokens.chars is None:
            raise ValueError("spans need tokens with their characters: tokenize(..., with_chars=True)")
        places, found = search(mark, batch, part, alpha)
        return spans_of(
            places - part.start, found, batch.values[places].astype(np.bool_), tokens.chars[part]
        ), found.best_log10_p


def search(
    mark: PreparedMark, batch: BatchEvidence, part: slice, alpha: float
) -> tuple[NDArray[np.int64], SignificantSegments]:
    """Return the places in the batch of one document's scored tokens, and its significant stretches counted in them."""
    places = part.start + np.flatnonzero(batch.reason[part] == Reason.SCORED)
    green = batch.values[places].astype(np.bool_)
    return places, stretches(green, batch.law.gamma, mark.loaded.mark.alternative.gamma, alpha)


def spans_of(
    places: NDArray[np.int64], found: SignificantSegments, green: NDArray[np.bool_], chars: NDArray[np.int64]
) -> tuple[Span, ...]:
    """Return the stretches of one document as spans.

    Args:
        places: (S,) which of the document's tokens are scored.
        found: stretches counted in scored tokens.
        green: (S,) which scored tokens are green.
        chars: (T, 2) where each token of the document starts and stops.
    """
    spans: list[Span] = []
    for start, stop, log10_p in zip(found.start.tolist(), found.stop.tolist(), found.log10_p.tolist(), strict=True):
        first, last = int(places[start]), int(places[stop - 1])
        spans.append(
            Span(
                start=int(chars[first, 0]),
                stop=int(chars[last, 1]),
                start_token=first,
                stop_token=last + 1,
                green=int(green[start:stop].sum()),
                n_scored=stop - start,
                log10_p=log10_p,
            )
        )
    return tuple(spans)


def detect_text(
    text: str, *profiles: str | Path, alpha: float = 1e-3, spans: bool = False
) -> tuple[Decision, list[Detection]]:
    """Test one text for the marks of one or more profiles.

    Returns:
        The decision, corrected for the number of tests, and one detection per profile.
    """
    detector = MarkDetector([load_mark(path) for path in profiles], Threshold(alpha), spans=spans)
    detections = detector.detect([text])[0]
    return detector.decide(detections), detections


def check_normaliser(loaded: LoadedMark) -> None:
    """Refuse a profile that was recorded with a normaliser that this version does not have.

    Raises:
        BadProfile: naming both versions.
    """
    if not loaded.profile.normaliser:
        return
    from .normalise import VERSION

    if loaded.profile.normaliser != VERSION:
        raise BadProfile(
            f"profile {loaded.path}: detection.normaliser is {loaded.profile.normaliser!r}, this version of Assay has "
            f"{VERSION!r}, which reads texts otherwise; detect with the version that made the profile, or make a new mark"
        )


def _source(loaded: LoadedMark, model: str | None) -> str:
    """Return what to load the tokenizer from; a folder named in a profile may be relative to the profile."""
    named = model or loaded.profile.model
    beside = loaded.path.parent / named
    if model is None and named != EMBEDDED and not Path(named).exists() and beside.is_dir():
        return str(beside)
    return resolve(named)


def _check_alternative(loaded: LoadedMark) -> None:
    """Refuse to locate a mark so weak that marked and unmarked stretches cannot be told apart."""
    mark = loaded.mark
    try:
        lattice_steps(mark.law.gamma, mark.alternative.gamma)
    except ValueError:
        raise BadProfile(
            f"profile {loaded.path}: this mark is too weak to locate stretches of it "
            f"({', '.join(f'{name} {value}' for name, value in mark.parameters.items())}); test without spans"
        ) from None


def abstention(mark: PreparedMark, n_scored: int, n_tokens: int) -> str:
    """Return why the mark cannot be tested on this document, or an empty string."""
    if n_scored < mark.min_tokens:
        what = "no token" if not n_tokens else f"{n_scored} distinct (context, token) pairs of {n_tokens} tokens"
        return f"too short or too repetitive: {what}, needs {mark.min_tokens}"
    if not mark.loaded.mark.trusted:
        return f"needs calibration on human text: {'; '.join(mark.loaded.mark.warnings)}"
    return ""


def _unusual(mark: PreparedMark, skipped: dict[str, int], n_tokens: int) -> tuple[str, ...]:
    """Warn where the list of common English sequences finds next to nothing to leave out: human prose has 15 to 35 %."""
    if not mark.loaded.profile.skip_common.startswith("en-") or n_tokens < 100:
        return ()
    share = skipped.get("common", 0) / n_tokens
    if mark.loaded.mark.hash_key.width > 1 or share >= _USUAL_COMMON:
        return ()
    return (
        f"only {share:.0%} of the tokens are in common English sequences: not English prose, and less surely calibrated",
    )


def _changed(tokens: Tokens, document: int) -> tuple[str, ...]:
    """Say how much of a document was changed before it was read, if the mark has texts normalised and anything was."""
    if tokens.normalised is None:
        return ()
    read = tokens.normalised[document]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in vars(read.changes).items() if count)
    if not kinds:
        return ()
    total, of_text = read.changes.total, read.tampering.n_characters
    suspicious = f"; {read.tampering.count:,} speak of tampering" if read.tampering.count else ""
    return (f"normalised before the test: {total:,} of {of_text:,} characters changed ({kinds}){suspicious}",)


def _skipped(reason: np.ndarray) -> dict[str, int]:
    counts = np.bincount(reason, minlength=len(Reason))
    return {r.name.lower(): int(counts[r]) for r in Reason if r is not Reason.SCORED and counts[r]}
