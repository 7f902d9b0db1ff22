"""The green-list mark: before each token, a keyed share gamma of the vocabulary gets delta nats more.

Kirchenbauer et al. 2023 (arXiv:2301.10226), algorithm 2 ("soft red list"), with these deviations:

* greenness is one keyed 64-bit word below a threshold, not membership in a shuffled list: every token is green with probability
  gamma independently, so the null is exactly binomial and the vocabulary's padding does not matter (the paper's lists have
  a fixed size);
* the context may be 0 to 8 tokens, as an ordered hash or as a minimum (the min-hash of Kirchenbauer et al. 2024,
  arXiv:2306.04634, robust to edits), and may include the candidate (self-salting), for every candidate and not the best 40;
* positions with less context than the width are neither marked nor scored, and repeats of a (context, token) pair count once.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from assay.errors import BadProfile
from numpy.typing import NDArray

from . import hashing, kernels
from .hashing import MAX_WIDTH, U64, ContextKind, HashKey
from .key import Key
from .law import Bernoulli
from .pairs import CommonSet
from .schemes import RaggedEvidence, register_scheme

# Where between gamma and the highest green rate to look. Mean intersection over union of the best segment with the
# truth, 2,000 documents a cell: 300 scored positions, gamma = .25, one block of 100 or 200 with green rate .4 .5 .6 .7,
# delta = 2 (highest rate .711), steps to 16:
#   share   .25   .30   .35   .40   .45   .50   .60   .75   1.0
#   IoU     .816  .830  .840  .840  .836  .829  .808  .78   .57
# Power at alpha = .01 falls with the share (.947 at .25, .934 at .40, .921 at .50, .77 at 1), through the weak blocks.
_ALTERNATIVE_SHARE = 0.4


@register_scheme("greenlist")
@dataclass(frozen=True)
class GreenList:
    """A green-list mark.

    Attributes:
        key: the secret.
        gamma: green share of the vocabulary, between 0 and 1.
        delta: bias of green candidates in nats, above 0; detection does not use it except to shape span search.
        context_width: previous tokens that choose the list, 0 to 8.
        context: `ordered` or `minhash`.
        self_salt: whether the candidate is part of its own context.
    """

    scheme: ClassVar[str] = "greenlist"
    summary: ClassVar[str] = "soft green list (Kirchenbauer et al. 2023): boosts a keyed share of the vocabulary"

    key: Key
    gamma: float = 0.25
    delta: float = 2.0
    context_width: int = 1
    context: ContextKind = "ordered"
    self_salt: bool = False
    parameters: dict[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_numbers(self.gamma, self.delta, self.context_width)
        if self.context not in ("ordered", "minhash"):
            raise BadProfile(f"context must be 'ordered' or 'minhash', got {self.context!r}")
        if not isinstance(self.self_salt, bool):  # pyright: ignore[reportUnnecessaryIsInstance] (comes from TOML)
            raise BadProfile(f"self_salt must be true or false, got {self.self_salt!r}")
        object.__setattr__(self, "gamma", float(self.gamma))
        object.__setattr__(self, "delta", float(self.delta))
        names = ("gamma", "delta", "context_width", "context", "self_salt")
        object.__setattr__(self, "parameters", {name: getattr(self, name) for name in names})

    @property
    def law(self) -> Bernoulli:
        """Bernoulli(gamma), exactly, over keys."""
        return Bernoulli(self.gamma)

    @property
    def alternative(self) -> Bernoulli:
        """Two fifths of the way from gamma to the green rate of a flat distribution, the most that delta can reach."""
        highest = self.gamma / (self.gamma + (1.0 - self.gamma) * math.exp(-self.delta))
        return Bernoulli(self.gamma + _ALTERNATIVE_SHARE * (highest - self.gamma))

    @cached_property
    def hash_key(self) -> HashKey:
        """The key schedule for this context shape. gamma and delta are no part of it."""
        return hashing.derive(self.key.secret, self.scheme, self.context_width, self.context, self.self_salt)

    @property
    def trusted(self) -> bool:
        """False without a context: one fixed list is shared by all texts, and by their false alarms."""
        return self.context_width > 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say when p-values need calibration on the user's own human text."""
        if self.context_width == 0:
            return ("context_width 0: one fixed list for all texts, whose p-value holds over keys and not for one key",)
        if self.context == "minhash" and self.context_width > 1:
            scatter = "2.3" if self.self_salt else "1.7"
            return (
                f"minhash: under one key, counts of false alarms at 1e-2 scatter {scatter} times as much as binomial",
            )
        return ()

    def value(self, context_hash: U64, token: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return 1.0 for green tokens after these context hashes, else 0.0; broadcasts."""
        return hashing.green(hashing.value(context_hash, token), self.gamma).astype(np.float64)

    def evidence(
        self, ids: NDArray[np.int32], offsets: NDArray[np.int64], special: NDArray[np.bool_], common: CommonSet
    ) -> RaggedEvidence:
        """Return green bits, reasons and counts of a ragged batch."""
        return RaggedEvidence(*kernels.evidence(ids, offsets, special, self.hash_key, self.gamma, common))


def _check_numbers(gamma: object, delta: object, width: object) -> None:
    if not isinstance(gamma, int | float) or isinstance(gamma, bool) or not 0.0 < gamma < 1.0:
        raise BadProfile(f"gamma must be between 0 and 1, got {gamma!r}")
    if not isinstance(delta, int | float) or isinstance(delta, bool) or not 0.0 < delta < 100.0:
        raise BadProfile(f"delta must be above 0 (nats; 2 is usual), got {delta!r}")
    if not isinstance(width, int) or isinstance(width, bool) or not 0 <= width <= MAX_WIDTH:
        raise BadProfile(f"context_width must be a whole number from 0 to {MAX_WIDTH}, got {width!r}")
