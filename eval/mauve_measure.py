"""MAUVE (Pillutla et al. 2021, arXiv:2102.01454): how near the distribution of machine texts is to that of human ones, 0 to 1; by its authors' package.

Optional: `pip install mauve-text`, and a model whose hidden states it clusters (GPT-2 large is the paper's; it is fetched if it is not there). Its value depends on the number of
texts and on that model; below a few thousand texts it is rough, so it comes without an interval, and sets of other sizes do not compare.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from assay.errors import DataError

MODEL = "gpt2-large"
_MOST_TOKENS = 256


def check_mauve() -> None:
    """Refuse where the package is not installed; nothing is imported.

    Raises:
        DataError: in one line.
    """
    if find_spec("mauve") is None:
        raise DataError("MAUVE needs the package mauve-text; install it (pip install mauve-text), or leave mauve out")


def mauve_score(human: Sequence[str], machine: Sequence[str], *, model: str = MODEL, seed: int = 0) -> float:
    """Return MAUVE of machine against human texts.

    Args:
        human: texts, at least two; as many of both as there are of the fewer are used.
        machine: texts.
        model: whose hidden states of the last token are clustered, over the first 256 tokens.
        seed: of the clustering.

    Raises:
        DataError: if the package is not installed.
    """
    check_mauve()
    package: Any = import_module("mauve")
    n = min(len(human), len(machine))
    found: Any = package.compute_mauve(
        p_text=list(human[:n]),
        q_text=list(machine[:n]),
        featurize_model_name=model,
        max_text_length=_MOST_TOKENS,
        seed=seed,
        verbose=False,
    )
    return float(found.mauve)
