"""Any Hugging Face sequence classifier, by folder or hub id, as a classifier of ours.

The score is the model's log-odds, log p(machine) - log p(human) from its logits in float32: raw, so that texts of which the model is sure keep their order where its
probability would be 1.0 for all of them. Long texts are read in overlapping windows; a token's score is the mean over the windows that hold it, the
text's the mean over its tokens. A window stands alone: what these models were trained on is whole texts, cut at their limit, so a window from the middle of one is
a little strange to them. Calibrate on texts of the same lengths.

Such models separate the generators and domains they were trained on, and often nothing else; only a calibration on human text of your own says what a score is worth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from assay.errors import ModelError

from .calibration import Setting
from .classifier import SOURCES, Arrays, ClassifierScores, register_classifier
from .normalise import VERSION as NORMALISER
from .normalise import normalise

if TYPE_CHECKING:  # torch and transformers come in when the model is loaded
    from .sequence_windows import WindowedModel

MAX_TOKENS = 20_000


@register_classifier("sequence")
@dataclass(frozen=True)
class SequenceClassifier:
    """A sequence classifier; loaded when first asked for a score or for `scorer`.

    Attributes:
        name: what it is called in records.
        model: folder or hub id.
        label: which label means machine text, by name or index; None where the names say it.
        context: longest window in tokens, special ones included; None is what the model reads, at most 8192.
        max_tokens: about how many tokens of a text are read: windows that begin behind them are not.
        device, dtype: where and how the model runs; not kept in folders.
        fitted: empty.
    """

    kind: ClassVar[str] = "sequence"
    summary: ClassVar[str] = "any Hugging Face sequence classifier, by its log-odds; trained by others"
    length_unit: ClassVar[str] = "tokens"

    name: str
    model: str
    label: str | None = None
    context: int | None = None
    max_tokens: int = MAX_TOKENS
    device: str = "auto"
    dtype: str = "auto"
    fitted: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def normaliser(self) -> str:
        """Version of the normaliser."""
        return NORMALISER

    @property
    def scorer(self) -> Mapping[str, Setting]:
        """Architecture, weights, arithmetic, windows and labels; loads the model."""
        return {"model": self.model, **self._windowed.record()}

    def on(self, device: str, dtype: str) -> "SequenceClassifier":
        """Return the same classifier for another device and dtype."""
        return replace(self, device=device, dtype=dtype)

    def score(self, texts: Sequence[str]) -> ClassifierScores:
        """Score texts after normalising them: NaN for a text without a token; lengths are the tokens read, special ones left out.

        Raises:
            ModelError: if the model cannot be loaded, or which of its labels means machine text is not plain.
        """
        return self._windowed.score([normalise(text).text for text in texts])

    def parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return plain values, and no arrays: the weights stay where they are."""
        values: dict[str, Any] = {
            "normaliser": NORMALISER,
            "label": self.label,
            "context": self.context,
            "max_tokens": self.max_tokens,
            SOURCES: {"model": self.model},
        }
        return values, {}

    @classmethod
    def from_parts(
        cls, name: str, fitted: dict[str, Any], values: dict[str, Any], arrays: Arrays
    ) -> "SequenceClassifier":
        """Make the classifier again; the model is loaded later.

        Raises:
            ValueError: if it was made with another normaliser than this version has.
        """
        if values["normaliser"] != NORMALISER:
            raise ValueError(f"it was made with normaliser {values['normaliser']!r}, this version has {NORMALISER!r}")
        options = {option: values[option] for option in ("label", "context", "max_tokens")}
        return cls(name, **values[SOURCES], **options, fitted=fitted)

    @cached_property
    def _windowed(self) -> "WindowedModel":
        from .sequence_model import load_sequence_model, sides
        from .sequence_windows import WindowedModel

        loaded = load_sequence_model(self.model, self.device, self.dtype)
        which = sides(loaded.labels, self.label, self.model)
        try:
            return WindowedModel(loaded, which, self.context, self.max_tokens)
        except ValueError as error:
            raise ModelError(f"{self.name!r} cannot be used: {error}") from None
