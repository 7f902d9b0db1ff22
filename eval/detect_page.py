"""What `detect` found, as one HTML file: no script, nothing loaded from outside, readable on a phone, in light and in dark.

For each document: the verdict in a sentence, every detection, and the text once for each mark (green, red, not scored) and once as a heat map
of the log-rank of its tokens under the embedded language model (GLTR's idea; `heat.py`). Stretches that a mark's test located are
underlined in the view of that mark, those of any other detection in the heat map.

The views are pictures of the evidence: nothing is tested here, and the text is shown as it was given, not normalised. At most 4,000 tokens and
20,000 characters of a text are read; on a page of many documents fewer, so that it stays below some 5 MB. What was left out is said.
The template escapes whatever it is given. A key is used to tell green from red, and is never on the page.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import assay
from assay.detect.detection import Decision, Detection
from assay.detect.lm import LMScorer
from assay.detect.lm_scores import LMScores
from assay.errors import DataError
from assay.models import EMBEDDED, resolve
from assay.watermark.model import load_model
from assay.watermark.profile import LoadedMark

from .figure import PALETTE
from .heat import DARK, LIGHT, scale, text_color
from .page import fill
from .trace import trace
from .views import heat_view, mark_view, place
from .wording import p_text

MAX_TOKENS = 4000
"""Tokens of one text that are shown, at most."""

MAX_CHARACTERS = 20_000
"""Characters of one text that are kept, at most."""

_PAGE_BYTES = 4_700_000  # of all views of all texts together
_HEAT_BYTES, _MARK_BYTES = 70, 55  # of a token in a view
_FEWEST_TOKENS = 200
_MAX_SPANS = 20
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Row:
    """A detection as the table shows it."""

    detector: str
    p: str
    rests_on: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """A document as the page was given it.

    Attributes:
        name: its id.
        text: its beginning, without lone surrogates, which no tokenizer reads.
        length: characters of all of it.
        decision, detections: what was said of it.
    """

    name: str
    text: str
    length: int
    decision: Decision
    detections: tuple[Detection, ...]


class DetectPage:
    """Gathers documents with what was said of them, and writes the page.

    Args:
        marks: profiles with their keys; one view of each text for each of them.
        device: where the embedded model runs: `auto`, `cpu`, `cuda` ...
        model: folder or hub id whose tokenizer to read marks with, in place of the one each profile names; as in `MarkDetector`.

    Raises:
        ModelError: if the device cannot be used.
    """

    def __init__(self, marks: Sequence[LoadedMark], *, device: str = "auto", model: str | None = None) -> None:
        self._marks = [_located(mark, model) for mark in marks]
        self._model = load_model(EMBEDDED, resolve(EMBEDDED), None, device, "float32")
        self._documents: list[Document] = []

    def add(self, document_id: str, text: str, decision: Decision, detections: Sequence[Detection]) -> None:
        """Put a document on the page; no more of its text is kept than is shown."""
        begin = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text[:MAX_CHARACTERS])
        self._documents.append(Document(document_id, begin, len(text), decision, tuple(detections)))

    def write(self, path: Path) -> None:
        """Write the page, over what is there.

        Raises:
            DataError: if the file cannot be written.
            TokenizerMismatch, ModelError, BadProfile: if a profile's tokenizer or list cannot be had.
        """
        page = self.render()
        try:
            path.write_text(page, encoding="utf-8")
        except OSError as error:
            message = f"cannot write to {path}: {error.strerror}; name a file in a folder that exists and is yours"
            raise DataError(message) from error

    def render(self) -> str:
        """Return the page as HTML."""
        a_token = _HEAT_BYTES + _MARK_BYTES * len(self._marks)
        budget = _PAGE_BYTES // (a_token * max(1, len(self._documents)))
        max_tokens = min(MAX_TOKENS, max(_FEWEST_TOKENS, budget))
        scorer = LMScorer(self._model, max_tokens=max_tokens)
        scores = list(scorer.score(document.text for document in self._documents))
        texts = [_shown(document, own) for document, own in zip(self._documents, scores, strict=True)]
        traces = [trace(texts, mark) for mark in self._marks]
        shown = []
        for d, document in enumerate(self._documents):
            views = [mark_view(traces[m][d], mark, document.detections) for m, mark in enumerate(self._marks)]
            views.append(heat_view(texts[d], scores[d], scorer.vocab_size, document.detections, self._fingerprints))
            rows = [_row(detection) for detection in document.detections]
            shown.append((document, sentence(document.decision, document.detections), rows, views, len(texts[d])))
        return fill(
            "detect_page.html.j2",
            documents=shown,
            verdicts=_verdicts(document.decision for document in self._documents),
            marks=[(mark.name, mark.mark.law.gamma) for mark in self._marks],
            scale=scale(scorer.vocab_size),
            parameters=f"{self._model.model.num_parameters() / 1e6:.0f} million",
            palette=PALETTE,
            light=[(color, text_color(color)) for color in LIGHT],
            dark=[(color, text_color(color)) for color in DARK],
            version=assay.__version__,
        )

    @property
    def _fingerprints(self) -> frozenset[str]:
        return frozenset(mark.profile.fingerprint for mark in self._marks)


def sentence(decision: Decision, detections: Sequence[Detection]) -> str:
    """Return what was tested and what came of it, in words; the reasons of an abstention are not in it."""
    names = ", ".join(detection.detector for detection in detections if not detection.abstained)
    if decision.log10_p is None:
        return "No verdict: nothing could be tested. That is neither a yes nor a no."
    p = f"p = {p_text(decision.log10_p)}".replace(" ", "\N{NO-BREAK SPACE}")
    if decision.tried > 1:
        tested = f"Tested: {names}. Corrected for the number of tests (times {decision.tried}), {p}."
    else:
        tested = f"Tested: {names}; {p}."
    match decision.verdict:
        case "detected":
            return f"Detected. {tested}"
        case "not_detected":
            return f"Not detected. {tested} That is no evidence that a person wrote it."
        case "abstain":
            return f"No verdict. {tested} That is neither a yes nor a no."


def _located(loaded: LoadedMark, model: str | None) -> LoadedMark:
    """Return the mark with a profile that names the tokenizer to use; a folder named in a profile may be relative to the profile."""
    named = model or loaded.profile.model
    beside = loaded.path.parent / named
    if model is None and named != EMBEDDED and not Path(named).exists() and beside.is_dir():
        named = str(beside)
    return replace(loaded, profile=replace(loaded.profile, model=named))


def _shown(document: Document, scores: LMScores) -> str:
    """Return the text up to the last scored token."""
    return document.text[: int(scores.chars[-1, 1])] if scores.cut and len(scores) else document.text


def _verdicts(decisions: Iterable[Decision]) -> list[tuple[str, int]]:
    counts = Counter(decision.verdict for decision in decisions)
    names = {"detected": "detected", "not_detected": "not detected", "abstain": "without a verdict"}
    return [(words, counts[verdict]) for verdict, words in names.items() if counts[verdict]]


def _row(detection: Detection) -> Row:
    said = (f"says nothing: {detection.abstained}",) if detection.abstained else ()
    stretches = tuple(place(span) for span in detection.spans[:_MAX_SPANS])
    more = len(detection.spans) - len(stretches)
    rest = (f"and {more:,} further stretches",) if more else ()
    return Row(
        detector=detection.detector,
        p=p_text(None if detection.abstained or not math.isfinite(detection.log10_p) else detection.log10_p),
        rests_on=f"{detection.n_scored:,} of {detection.n_tokens:,}"
        if detection.n_tokens
        else f"{detection.n_scored:,}",
        notes=said + stretches + rest + detection.warnings,
    )
