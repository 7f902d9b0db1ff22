"""The law of one scored value when the text carries no mark: what a scheme states and `assay.detect` tests against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Values are 1 with probability gamma, else 0: green lists."""

    gamma: float

    def __post_init__(self) -> None:
        if not 0.0 < self.gamma < 1.0:
            raise ValueError(f"gamma must be between 0 and 1, got {self.gamma}")


Law = Bernoulli
"""Every null law a scheme may state. A new one comes with its exact tail in `assay.detect.exact`."""
