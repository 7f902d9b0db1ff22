"""`replay`: what real paraphrases did to other texts, done to these, without any paraphraser.

From recorded pairs of a text and its paraphrase (DetectRL's DIPPER, polish and back-translation rows, or any file of pairs) the survival is read word by word:
runs that were kept, words deleted, words inserted, blocks moved (`alignment.py`). A text gets the survival of a pair of similar length, drawn by its seed:
its own words stay, go and move as those of the recorded text did, and where new words came in, new ones come in, written by a causal model after what precedes
(`fill="model"`) or taken from the recorded paraphrase (`fill="recorded"`). So a mark meets runs of the length and number that a real paraphraser leaves;
held-out pairs show the same n-gram survival (`tests/eval/test_replay.py`).

What it is not: the words that stay are chosen by place and not by meaning, and the new ones do not say what the old ones said. Where pairs were found by
similarity (`recorded_pairs.py`) the survival is that of the milder paraphrases. The other published substitute is a paraphraser itself:
Krishna et al. 2023 (arXiv:2303.13408), Kirchenbauer et al. 2024 (arXiv:2306.04634).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from assay.errors import DataError

from .alignment import WORD, Piece
from .attack import TextAttack, register_attack
from .recorded_pairs import PairFields, read_pairs, read_survivals

_FILLS = ("model", "recorded")


@register_attack("replay")
@dataclass(frozen=True)
class Replay(TextAttack):
    """Replays recorded paraphrases.

    Attributes:
        pairs: files of paraphrases, or of whole pairs (JSON Lines, gzip or not, or Parquet).
        originals: files of their originals, where these are rows elsewhere.
        kind: attack of the rows that are paraphrases; the detection schema.
        original_field, paraphrase_field: where one record holds both texts, the names of the two fields.
        fill: `model` or `recorded`.
        model: what writes new words: `embedded`, a folder or a hub id of a causal model.
        temperature, top_p: of its draws.
        device: where it runs.
    """

    pairs: tuple[str, ...]
    originals: tuple[str, ...] = ()
    kind: str = "paraphrase_dipper"
    original_field: str = ""
    paraphrase_field: str = ""
    fill: str = "model"
    model: str = "embedded"
    temperature: float = 1.0
    top_p: float = 0.95
    device: str = "auto"

    summary: ClassVar[str] = "keeps, drops, moves and replaces words as recorded paraphrases of other texts did"
    source: ClassVar[str] = "own; survival measured on recorded pairs"
    strength_is: ClassVar[str] = "share of a recorded paraphrase's changes that is made"
    strengths: ClassVar[tuple[float, ...]] = (0.5, 1.0)
    needs_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.pairs or not all(self.pairs):
            raise ValueError("pairs names no file; expected a file of recorded pairs")
        if self.fill not in _FILLS:
            raise ValueError(f"fill must be model or recorded, got {self.fill!r}")
        if bool(self.original_field) != bool(self.paraphrase_field):
            raise ValueError("original_field and paraphrase_field go together; give both or neither")
        if not 1e-3 <= self.temperature <= 100 or not 0 < self.top_p <= 1:
            raise ValueError("temperature must be from 0.001 to 100 and top_p above 0 and at most 1")

    def check(self) -> None:
        """Refuse files without pairs, and a model that is not there.

        Raises:
            DataError: in one line.
            ModelError: in one line.
        """
        read_pairs(self.pairs, self.originals, self._how)
        if self.fill == "model":
            from .attack_model import check_causal

            check_causal(self.model)

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts as a paraphraser of that strength would leave them; a text without words stays."""
        from .replay_program import replayed

        records = read_survivals(self.pairs, self.originals, self._how)
        if not records:
            raise DataError(f"{', '.join(self.pairs)}: no pair has an original with a word; expected texts")
        programs = [
            replayed(records, len(WORD.findall(text)), strength, seed) for text, seed in zip(texts, seeds, strict=True)
        ]
        if self.fill == "recorded":
            return [rendered(text, program) for text, program in zip(texts, programs, strict=True)]
        from .causal_text import causal_text
        from .redraw import Sampling
        from .replay_fill import filled

        reader = causal_text(self.model, self.device)
        return filled(reader, texts, programs, seeds, Sampling(self.temperature, self.top_p))

    def signature(self) -> dict[str, Any]:
        """Return options, how many pairs there are, hashes of the files, and the model."""
        from .attack_model import file_record, model_record

        found = read_pairs(self.pairs, self.originals, self._how)
        record = {
            **super().signature(),
            "pairs": [file_record(file) for file in self.pairs],
            "originals": [file_record(file) for file in self.originals],
            "pairs_used": len(found.pairs),
            "pairs_left_out": found.unpaired + found.unreadable,
        }
        return record | ({"model": model_record(self.model)} if self.fill == "model" else {"model": None})

    @property
    def _how(self) -> PairFields:
        return PairFields(self.kind, self.original_field, self.paraphrase_field)


def rendered(text: str, program: Sequence[Piece], new: Sequence[str] | None = None) -> str:
    """Return the text that a program makes: own words with the white space before them, new ones between blanks.

    Args:
        text: as it was.
        program: what stands in it, in order.
        new: for each piece of new words the text to use; their own words if None.
    """
    spans = [match.span() for match in WORD.finditer(text)]
    if not spans:
        return text
    fillers = iter(new) if new is not None else (" ".join(piece.words) for piece in program if piece.words)
    parts: list[str] = []
    for piece in program:
        if piece.words:
            part = next(fillers)
        else:
            before = spans[piece.start - 1][1] if piece.start else 0
            part = text[before : spans[piece.stop - 1][1]]
        if parts and part and not part[0].isspace():
            part = f" {part}"
        if part:
            parts.append(part if parts or not piece.start or piece.words else part.lstrip())
    return "".join(parts) + (text[spans[-1][1] :] if parts else "")
