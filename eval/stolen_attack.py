"""What scrubbing and forging share: a stolen list, from a file or learnt on the spot, and a model that redraws the tokens it points at."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from assay.errors import DataError, ModelError, TokenizerMismatch
from numpy.typing import NDArray

from .attack import TextAttack

if TYPE_CHECKING:
    from .causal_text import CausalText, TokenText
    from .stealing import StolenList
    from .steered import Steering

_FILES = ("stolen", "marked", "base")


@dataclass(frozen=True)
class StolenAttack(TextAttack):
    """An attack with a stolen list: tokens are chosen by their scores and drawn anew, steered by the scores.

    Attributes:
        stolen: file that `StolenList.save` wrote; empty to learn from `marked` and `base`.
        marked: file of marked texts (JSON Lines, Parquet, text) to learn from.
        base: file of texts without a mark to compare them with.
        model: causal model that redraws: `embedded`, a folder or a hub id; must have the mark's tokenizer.
        bias: nats, at least 0, that a score of 1 moves a logit.
        temperature: of the draws.
        top_p: nucleus of the draws.
        device: where the model runs: `cpu`, `cuda`, `auto`. Texts can differ between devices by rounding.
    """

    stolen: str = ""
    marked: str = ""
    base: str = ""
    model: str = "embedded"
    bias: float = 4.0
    temperature: float = 1.0
    top_p: float = 0.95
    device: str = "cpu"

    name: ClassVar[str]
    needs_model: ClassVar[bool] = True
    source: ClassVar[str] = "Jovanovic, Staab & Vechev 2024, arXiv:2402.19361"
    sign: ClassVar[int]
    """1 to seek pairs that look green, -1 to avoid them."""

    def __post_init__(self) -> None:
        if bool(self.stolen) == bool(self.marked or self.base) or bool(self.marked) != bool(self.base):
            raise ValueError("needs stolen=FILE, or marked=FILE and base=FILE to learn from; give either")
        for name, ok, expected in (
            ("bias", self.bias >= 0, "at least 0"),
            ("temperature", 1e-3 <= self.temperature <= 100, "from 0.001 to 100"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
        ):
            if not ok:
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)}")

    def check(self) -> None:
        """Refuse, before any work, files and models that are not there.

        Raises:
            DataError, ModelError: in one line.
        """
        from .causal_text import check_causal
        from .stealing import load_stolen

        for option in _FILES:
            path = getattr(self, option)
            if path and not Path(path).is_file():
                raise DataError(f"option {option!r} of attack {type(self).name!r}: {path!r} is not a file")
        if self.stolen:
            load_stolen(self.stolen)
        check_causal(self.model)

    def signature(self) -> dict[str, Any]:
        """Return the options, with what files and model hold in place of where they lie."""
        record = super().signature()
        for option in _FILES:
            if path := getattr(self, option):
                record[option] = Path(path).name
                record[f"{option}_sha256"] = _sha256(Path(path))
        return {**record, "model": Path(self.model).name, "model_sha256": _model_sha256(self.model)}

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with so large a share of their tokens drawn anew.

        Raises:
            DataError, ModelError, TokenizerMismatch: in one line, if files or model cannot be used.
        """
        from .steered import redraw
        from .word_starts import draws

        reader, steering, allowed = self._tools
        read = [reader.read(text) for text in texts]
        chosen: list[NDArray[np.bool_]] = []
        for tokens, seed in zip(read, seeds, strict=True):
            tie = draws([seed], len(tokens.ids))[0]
            chosen.append(self._choose(tokens.ids, allowed, strength, tie))
        renewed = redraw(reader, [tokens.ids for tokens in read], chosen, seeds, steering, allowed)
        return [_write(tokens, new, reader) for tokens, new in zip(read, renewed, strict=True)]

    def _choose(
        self, ids: NDArray[np.int64], allowed: NDArray[np.bool_], strength: float, tie: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return which tokens change, (T,) bool: of those that may, the ones that stand most against `sign`; ties by lot."""
        scores = np.zeros(len(ids))
        scores[1:] = self._stolen.score(ids[:-1], ids[1:])
        may = allowed[ids]
        may[: self._first(len(ids))] = False
        order = np.lexsort((tie, self.sign * scores, ~may))
        chosen = np.zeros(len(ids), np.bool_)
        chosen[order[: int(strength * may.sum() + 1e-9)]] = True
        return chosen

    def _first(self, length: int) -> int:
        """Return how many tokens at the beginning of a text of `length` are never changed."""
        return 0

    @cached_property
    def _stolen(self) -> "StolenList":
        from assay.models import resolve
        from assay.watermark.inspection import find_model, model_tokenizer

        from .stealing import load_stolen, steal

        if self.stolen:
            return load_stolen(self.stolen)
        tokenizer = model_tokenizer(find_model(resolve(self.model)))
        return steal(_texts(self.marked), _texts(self.base), tokenizer)

    @cached_property
    def _tools(self) -> "tuple[CausalText, Steering, NDArray[np.bool_]]":
        """The model, how it is steered, and which ids it may draw; loaded at the first text."""
        from .causal_text import causal_text
        from .steered import Steering, drawable

        reader = causal_text(self.model, self.device)
        own, theirs = reader.model.text_tokenizer.fingerprint, self._stolen.tokenizer
        if own != theirs:
            raise TokenizerMismatch(
                f"attack {type(self).name!r}: the stolen list is of tokenizer {theirs}, the model {self.model!r} has {own}; "
                "name a model with the tokenizer that the texts were marked with"
            )
        steering = Steering(self._stolen, self.sign * self.bias, self.temperature, self.top_p)
        return reader, steering, drawable(reader)


def _write(tokens: "TokenText", renewed: NDArray[np.int64], reader: "CausalText") -> str:
    """Return the text with its new tokens; what stands between them is as it was, byte for byte."""
    parts: list[str] = []
    kept = 0
    for place in np.flatnonzero(tokens.ids != renewed).tolist():
        parts += [tokens.slice(kept, place), reader.pieces[int(renewed[place])]]
        kept = place + 1
    rest = tokens.text[int(tokens.ends[kept - 1]) :] if kept else tokens.text
    return "".join([*parts, rest])


def _texts(path: str) -> list[str]:
    from assay.corpus.documents import Document, read_documents

    texts: list[str] = []
    for document in read_documents(path):
        if not isinstance(document, Document):
            raise DataError(document.message, place=document.place)
        texts.append(document.text)
    return texts


def _sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def _model_sha256(model: str) -> str:
    from assay.models import resolve
    from assay.watermark.inspection import find_model
    from assay.watermark.weights import weight_files

    place = find_model(resolve(model))
    files = [place.folder / "config.json", *weight_files(place.folder, place.name, whole=not place.on_hub)]
    if len(files) == 1:
        raise ModelError(f"the weights of {model!r} are not on this machine; download the model first")
    return hashlib.sha256("".join(_sha256(file) for file in files).encode("ascii")).hexdigest()
