"""`guided`: a paraphrase that a detector steers: of several versions of each block the one that looks least like a machine's is kept.

Adversarial paraphrasing (Cheng et al. 2025, arXiv:2506.07001) asks a detector at every token which of the paraphraser's candidates makes the text so far look most human. Deviation:
the choice is made once a block of sentences, between whole versions from another attack (`base`), so that any attack and any detector can be combined, and
the detector reads the text so far with the version in place. It says how far a detector withstands someone who has it; a mark's profile needs
its key, so with one it says what an owner's detector as an oracle would give away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from assay.errors import DataError

from .attack import Attack, TextAttack, make_attack, register_attack
from .sentence_blocks import part_seed, sentence_blocks, with_blocks

if TYPE_CHECKING:
    from .steering_detector import SteeringDetector


@register_attack("guided")
@dataclass(frozen=True)
class Guided(TextAttack):
    """Keeps the version that a detector likes least.

    Attributes:
        detector: a classifier (`fast`, `METRIC:MODEL`, `hf:MODEL`, a folder) or the profile of a mark (.toml, its key beside it).
        base: name of the attack that makes the versions.
        base_options: its options, each as key=value.
        candidates: versions of a block.
        sentences: longest block.
        device: where the detector's models run, if it has any.
    """

    detector: str
    base: str = "resample"
    base_options: tuple[str, ...] = ()
    candidates: int = 4
    sentences: int = 3
    device: str = "auto"

    summary: ClassVar[str] = "of several versions of each block keeps the one that a detector finds least machine-like"
    source: ClassVar[str] = "Cheng et al. 2025, arXiv:2506.07001"
    strength_is: ClassVar[str] = "strength of the attack that makes the versions"
    strengths: ClassVar[tuple[float, ...]] = (0.3, 0.5)
    needs_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.detector:
            raise ValueError("detector names none; expected a classifier or a mark's profile")
        if not 1 <= self.candidates <= 256 or self.sentences < 1:
            raise ValueError(
                f"candidates must be from 1 to 256 and sentences at least 1, got {self.candidates} and {self.sentences}"
            )
        if self.base == "guided":
            raise ValueError("base must be another attack than guided itself")
        if self._attack.stage != "text":
            raise ValueError(f"base must change texts; {self.base!r} acts while a text is generated")

    def check(self) -> None:
        """Refuse a detector that is not there, and what the base attack refuses.

        Raises:
            AssayError: in one line.
        """
        check_base = getattr(self._attack, "check", None)
        if check_base is not None:
            check_base()
        self._judge.check()

    def sends(self) -> str:
        """Return where the base attack sends texts."""
        base_sends = getattr(self._attack, "sends", None)
        return base_sends() if base_sends is not None else ""

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts, block after block chosen; the first version where the detector says nothing of any."""
        blocks = [sentence_blocks(text, self.sentences) for text in texts]
        new: list[dict[int, str]] = [{} for _ in texts]
        for place in range(max(map(len, blocks), default=0)):
            at = [i for i in range(len(texts)) if place < len(blocks[i])]
            versions = self._versions(
                [texts[i][slice(*blocks[i][place])] for i in at], [seeds[i] for i in at], place, strength
            )
            so_far = [
                with_blocks(texts[i][: blocks[i][place][1]], blocks[i][: place + 1], new[i] | {place: version})
                for i, own in zip(at, versions, strict=True)
                for version in own
            ]
            scores = self._judge.score(so_far).reshape(len(at), self.candidates)
            best = np.where(np.isnan(scores), np.inf, scores).argmin(1)
            for i, own, chosen in zip(at, versions, best.tolist(), strict=True):
                new[i][place] = own[chosen]
        return [with_blocks(text, b, n) for text, b, n in zip(texts, blocks, new, strict=True)]

    def signature(self) -> dict[str, Any]:
        """Return options, the base attack's signature and the detector's."""
        record = {**super().signature(), "base": self._attack.signature(), "detector": self._judge.signature()}
        del record["base_options"]
        return record

    def _versions(self, passages: list[str], seeds: list[int], place: int, strength: float) -> list[list[str]]:
        every = [passage for passage in passages for _ in range(self.candidates)]
        own = [part_seed(seed, place, version) for seed in seeds for version in range(self.candidates)]
        made = self._attack.apply(every, strength, own)
        return [made[i : i + self.candidates] for i in range(0, len(made), self.candidates)]

    @cached_property
    def _attack(self) -> Attack:
        pairs = [option.partition("=") for option in self.base_options]
        if wrong := [name for name, equals, _ in pairs if not equals]:
            raise DataError(f"option base_options of attack 'guided' must be key=value, got {wrong[0]!r}")
        return make_attack(self.base, {name: value for name, _, value in pairs}, 'base_options = ["{}=VALUE"]')

    @cached_property
    def _judge(self) -> "SteeringDetector":
        from .steering_detector import SteeringDetector

        return SteeringDetector(self.detector, self.device)
