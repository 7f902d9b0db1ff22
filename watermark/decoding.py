"""What a generation run is asked for: prompts, and how texts are drawn from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class PromptLike(Protocol):
    """What a prompt must have: `id`, `text`, other `fields`, and chat `messages` (empty if none)."""

    @property
    def id(self) -> str:
        """Unique name."""
        ...

    @property
    def text(self) -> str:
        """The prompt; empty to continue from the model's start token."""
        ...

    @property
    def fields(self) -> dict[str, Any]:
        """Other input fields, kept in the output."""
        ...

    @property
    def messages(self) -> Sequence[dict[str, Any]]:
        """A conversation for the chat template, in place of `text`."""
        ...


@dataclass(frozen=True)
class Decoding:
    """How texts are drawn. The defaults draw from the model as it is.

    Attributes:
        max_new_tokens: longest text, in tokens.
        min_new_tokens: the model may not end a text before this many.
        temperature: 0 for greedy decoding.
        top_k: keep this many candidates; 0 keeps all.
        top_p: keep the smallest set of candidates with this much probability; 1 keeps all.
        batch_size: texts generated together.
        seed: with a prompt's id and the sample number, decides its text.
        samples: texts for each prompt.
        chat: wrap prompts in the tokenizer's chat template if it has one.
    """

    max_new_tokens: int = 200
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    batch_size: int = 8
    seed: int = 0
    samples: int = 1
    chat: bool = True
    min_new_tokens: int = 0

    def __post_init__(self) -> None:
        for name, ok, expected in (
            ("max_new_tokens", self.max_new_tokens >= 1, "at least 1"),
            ("min_new_tokens", 0 <= self.min_new_tokens <= self.max_new_tokens, "0 to max_new_tokens"),
            (
                "temperature",
                self.temperature == 0 or 1e-3 <= self.temperature <= 100,
                "0 (greedy), or from 0.001 to 100",
            ),
            ("top_k", self.top_k >= 0, "0 (all) or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("samples", self.samples >= 1, "at least 1"),
        ):
            if not ok:
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)}")
