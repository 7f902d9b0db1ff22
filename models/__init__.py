"""The embedded language model: where it lies, and the recipe that made it.

Importing this package loads nothing heavy: torch and transformers come in only with the training and evaluation modules
(``assay.models.train``, ``assay.models.evaluate``), never from here.
"""

from pathlib import Path

EMBEDDED = "embedded"
"""The name that stands for the model shipped with the toolkit wherever a model name is asked for."""


def embedded_path() -> Path:
    """Return the folder that holds the embedded model's weights, configuration and tokenizer."""
    return Path(__file__).parent / "embedded"


def resolve(model: str) -> str:
    """Return what ``from_pretrained`` should be given for `model`: the folder for ``"embedded"``, else `model` itself."""
    return str(embedded_path()) if model == EMBEDDED else model
