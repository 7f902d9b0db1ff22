"""What the demo found: the one record that the narration, the page, the picture and the JSON are made from."""

from dataclasses import dataclass
from typing import Any, Literal

from assay.detect.detection import Decision, Detection, Span
from assay.watermark.profile import Profile

from .overlap import character_iou
from .splice import Splice
from .trace import Trace

Kind = Literal["marked", "unmarked", "human", "spliced"]


@dataclass(frozen=True)
class Look:
    """What one key saw in one text."""

    detection: Detection
    decision: Decision

    @property
    def detected(self) -> bool:
        """Whether the text was called detected."""
        return self.decision.verdict == "detected"

    @property
    def whole_log10_p(self) -> float | None:
        """The p-value of the whole text; None where the test abstains."""
        return None if self.detection.abstained else self.detection.log10_p

    @property
    def stretch_log10_p(self) -> float | None:
        """The p-value of the best stretch, corrected for all stretches; None where the test abstains."""
        return self.detection.best_span_log10_p

    def to_record(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        return {**self.decision.to_record(), "detection": self.detection.to_record()}


@dataclass(frozen=True)
class Row:
    """One text under the key it may be marked with, and under another."""

    name: str
    kind: Kind
    right: Look
    wrong: Look


@dataclass(frozen=True)
class Curve:
    """The running p of one text under one key."""

    name: str
    trace: Trace


@dataclass(frozen=True)
class Pasted:
    """The copy-paste edit.

    Attributes:
        splice: the text and the range that was pasted.
        number: which marked text a half was taken from; 1 is the first.
        host: name of the human text it was pasted into.
    """

    splice: Splice
    number: int
    host: str

    @property
    def source(self) -> str:
        """Name of the marked text."""
        return f"marked {self.number}"


@dataclass(frozen=True)
class Findings:
    """Everything the demo found.

    Attributes:
        seed: what the texts were drawn with.
        alpha: chance that an unmarked text is called detected.
        profile: the mark's public face.
        rows: every text, the spliced one last.
        pasted: the spliced text and the truth about it.
        trace: the evidence of the spliced text under the mark's key.
        curves: running p-values for the chart, the spliced text's among them.
        human_titles: where the human passages come from.
    """

    seed: int
    alpha: float
    profile: Profile
    rows: tuple[Row, ...]
    pasted: Pasted
    trace: Trace
    curves: tuple[Curve, ...]
    human_titles: tuple[str, ...]

    def of(self, *kinds: Kind) -> list[Row]:
        """Return the rows of some kinds, in order."""
        return [row for row in self.rows if row.kind in kinds]

    @property
    def spliced(self) -> Row:
        """The row of the spliced text."""
        return self.of("spliced")[0]

    @property
    def spans(self) -> tuple[Span, ...]:
        """The stretches located in the spliced text."""
        return tuple(span for span in self.spliced.right.detection.spans if isinstance(span, Span))

    @property
    def truth(self) -> tuple[int, int]:
        """The characters that were pasted."""
        return self.pasted.splice.start, self.pasted.splice.stop

    @property
    def iou(self) -> float:
        """How well the located stretches cover the pasted part, in characters."""
        return character_iou([(span.start, span.stop) for span in self.spans], [self.truth])

    @property
    def false_alarms(self) -> list[Row]:
        """Texts called detected that do not carry the mark of the key they were tested with."""
        unmarked = [row for row in self.of("unmarked", "human") if row.right.detected]
        return unmarked + [row for row in self.rows if row.wrong.detected and row not in unmarked]

    @property
    def misses(self) -> list[Row]:
        """Texts that carry the mark and are not called detected."""
        return [row for row in self.of("marked", "spliced") if not row.right.detected]

    def summary(self) -> dict[str, Any]:
        """Return the outcome in a few numbers, JSON-ready."""
        counts = {
            kind: {
                "texts": len(self.of(kind)),
                "detected": sum(row.right.detected for row in self.of(kind)),
                "detected_with_another_key": sum(row.wrong.detected for row in self.of(kind)),
            }
            for kind in ("marked", "unmarked", "human")
        }
        right = self.spliced.right.to_record()
        spliced = {
            "verdict": right["verdict"],
            "log10_p": right["log10_p"],
            "pasted": list(self.truth),
            "found": [[span.start, span.stop] for span in self.spans],
            "iou": round(self.iou, 4),
        }
        return {"seed": self.seed, "alpha": self.alpha, "mark": self.profile.fingerprint, **counts, "spliced": spliced}

    def to_record(self) -> dict[str, Any]:
        """Return every number that is shown or drawn, JSON-ready."""
        texts = [
            {"name": row.name, "kind": row.kind, "right_key": row.right.to_record(), "other_key": row.wrong.to_record()}
            for row in self.rows
        ]
        curves = [
            {"name": curve.name, "log10_p": [round(float(p), 6) for p in curve.trace.log10_p]} for curve in self.curves
        ]
        tokens = [[piece.start, piece.stop, piece.label] for piece in self.trace.pieces()]
        return {**self.summary(), "texts": texts, "running": curves, "spliced_tokens": tokens}
