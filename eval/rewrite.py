"""`rewrite`: passages rewritten by an instruction model, on this machine or behind an OpenAI-compatible address.

What anybody with a chat window does; RAID's and the reliability study's strongest paraphraser of the kind was GPT (Kirchenbauer et al. 2024, arXiv:2306.04634,
section 4). A text is taken in blocks of up to `sentences` sentences of one paragraph; the strength is the share of blocks. With `rounds` the rewrite is rewritten again
(recursive paraphrase: Sadasivan et al. 2023, arXiv:2303.11156). Prompts stand in a file (`rewrite_prompts.txt`). What a model answers is taken as it
comes: refusals, prefaces and empty answers are in the text, as they would be in an attacker's.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from .attack import TextAttack, register_attack
from .rewrite_prompts import PLACE, read_prompts
from .sentence_blocks import chosen_blocks, part_seed, sentence_blocks, with_blocks

if TYPE_CHECKING:
    from .chat_service import ChatService


@register_attack("rewrite")
@dataclass(frozen=True)
class Rewrite(TextAttack):
    """Rewrites blocks of sentences.

    Attributes:
        model: folder or hub id of an instruction model; with `address`, what the service calls it.
        address: of an OpenAI-compatible service, as http://localhost:8000/v1; empty for a model on this machine.
        key_env: environment variable with the service's key; never the key itself.
        prompts: file of prompts; empty for the shipped ones.
        rounds: how often a block is rewritten.
        sentences: longest block.
        temperature: 0 for greedy decoding.
        top_p: share of the probability drawn from.
        max_tokens: longest answer.
        timeout_s: longest wait for an answer of the service.
        retries: further tries at a busy service.
        parallel: requests under way at once.
        device: where a local model runs.
    """

    model: str
    address: str = ""
    key_env: str = ""
    prompts: str = ""
    rounds: int = 1
    sentences: int = 6
    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 512
    timeout_s: float = 120.0
    retries: int = 3
    parallel: int = 4
    device: str = "auto"

    summary: ClassVar[str] = "rewrites passages with an instruction model, local or behind an OpenAI-compatible address"
    source: ClassVar[str] = "Sadasivan et al. 2023, arXiv:2303.11156; Kirchenbauer et al. 2024, arXiv:2306.04634"
    strength_is: ClassVar[str] = "share of blocks of sentences rewritten"
    strengths: ClassVar[tuple[float, ...]] = (0.5, 1.0)
    needs_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, ok, expected in (
            ("rounds", 1 <= self.rounds <= 100, "from 1 to 100"),
            ("sentences", self.sentences >= 1, "at least 1"),
            (
                "temperature",
                self.temperature == 0 or 1e-3 <= self.temperature <= 100,
                "0 (greedy), or from 0.001 to 100",
            ),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("max_tokens", self.max_tokens >= 1, "at least 1"),
            ("timeout_s", self.timeout_s > 0, "above 0"),
            ("retries", 0 <= self.retries <= 20, "from 0 to 20"),
            ("parallel", 1 <= self.parallel <= 256, "from 1 to 256"),
        ):
            if not ok:
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")
        if self.key_env and not self.key_env.isidentifier():
            raise ValueError("key_env must be the name of an environment variable, not the key itself")

    def check(self) -> None:
        """Refuse prompts that cannot be used, a model that is not there, a key that is not set; nothing is sent.

        Raises:
            AssayError: in one line.
        """
        read_prompts(self.prompts)
        if self.address:
            self._service().check()
        else:
            from .attack_model import check_causal

            check_causal(self.model)

    def sends(self) -> str:
        """Return where texts go, and the environment variable that goes with them; empty for a model on this machine."""
        from .chat_service import place_of

        place = place_of(self.address)  # what is no address, `check` refuses
        return (
            place + (f" with the environment variable {self.key_env}" if self.key_env else "") if "//" in place else ""
        )

    def apply(self, texts: Sequence[str], strength: float, seeds: Sequence[int]) -> list[str]:
        """Return the texts with a share of their blocks rewritten; an answer is taken as it comes."""
        prompts = read_prompts(self.prompts)
        blocks = [sentence_blocks(text, self.sentences) for text in texts]
        chosen = [chosen_blocks(len(b), strength, seed) for b, seed in zip(blocks, seeds, strict=True)]
        at = [(i, place) for i, places in enumerate(chosen) for place in places]
        passages = [texts[i][slice(*blocks[i][place])] for i, place in at]
        for turn in range(self.rounds):
            own = [part_seed(seeds[i], turn, place) for i, place in at]
            # an answer that is empty stays empty: there is nothing to rewrite in it
            asked = [k for k, passage in enumerate(passages) if passage]
            said = self._answers(
                [prompts[own[k] % len(prompts)].replace(PLACE, _readable(passages[k])) for k in asked],
                [own[k] for k in asked],
                [f"text {at[k][0] + 1}, block {at[k][1] + 1}" for k in asked],
            )
            for k, answer in zip(asked, said, strict=True):
                passages[k] = answer
        new: list[dict[int, str]] = [{} for _ in texts]
        for (i, place), passage in zip(at, passages, strict=True):
            new[i][place] = passage
        return [with_blocks(text, b, n) for text, b, n in zip(texts, blocks, new, strict=True)]

    def signature(self) -> dict[str, Any]:
        """Return options and prompts, and of a local model its hash; of a service what it is called and where it is."""
        from .attack_model import model_record
        from .chat_service import place_of

        record = {**super().signature(), "prompts": list(read_prompts(self.prompts))}
        for name in ("device", "key_env", "timeout_s", "retries", "parallel"):
            del record[name]
        if self.address:
            return record | {"address": place_of(self.address)}
        return record | {"model": model_record(self.model)}

    def _answers(self, prompts: list[str], seeds: list[int], places: list[str]) -> list[str]:
        if not prompts:
            return []
        if self.address:
            return self._service().answer(prompts, seeds, places)
        from .chat_local import answer_locally

        return answer_locally(self.model, self.device, prompts, seeds, self.temperature, self.top_p, self.max_tokens)

    def _service(self) -> "ChatService":
        from .chat_service import ChatService

        fields = asdict(self)
        names = (
            "address",
            "model",
            "key_env",
            "temperature",
            "top_p",
            "max_tokens",
            "timeout_s",
            "retries",
            "parallel",
        )
        return ChatService(**{name: fields[name] for name in names})


def _readable(passage: str) -> str:
    return passage.encode("utf-8", "ignore").decode("utf-8")  # a lone surrogate is no character: no request can hold it
