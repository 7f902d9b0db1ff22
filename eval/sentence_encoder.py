"""Embed texts with any encoder of Hugging Face, to say how alike two texts are.

The mean of the last hidden states over a text's tokens (Reimers & Gurevych 2019, arXiv:1908.10084, who found it the best pooling), compared by cosine. Encoders trained for it
(sentence-transformers, E5, BGE and the like) are what it is for; a causal model works but says less. Instructions and prefixes that some of them ask for
("query: ") are not put before the texts, and a projection behind the pooling is not applied. A text longer than the model reads is cut to its beginning.

Safetensors only, no code of the model's own. Importing this module loads neither torch nor transformers; building an encoder does.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from assay.errors import ModelError
from assay.models import resolve
from assay.watermark.config import foreign_code, read_json
from assay.watermark.hub import hub_folder, local_folder, quiet_hub
from assay.watermark.weights import weight_files
from numpy.typing import NDArray

_LONGEST = 512
_BATCH = 16


class SentenceEncoder:
    """Texts to vectors.

    Attributes:
        model: hub id, folder or `embedded`, as given.
        folder: where its files lie.
        device: where it runs; `auto` takes CUDA if there is one.

    Raises:
        ModelError: in one line, if there is no such model, it has no safetensors, or it asks for code of its own. Weights are loaded when first used.
    """

    def __init__(self, model: str, device: str = "auto") -> None:
        self.model = model
        self.device = device
        self.folder = _checked_folder(model)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 a text, (D, dimensions); zeros where a text gives no tokens."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # texts of like length together: less padding
        rows: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(texts)
        for first in range(0, len(order), _BATCH):
            which = order[first : first + _BATCH]
            for i, row in zip(which, self._batch([texts[i] for i in which]), strict=True):
                rows[i] = row
        return np.stack(rows) if rows else np.zeros((0, 0), np.float32)

    def similarity(self, a: Sequence[str], b: Sequence[str]) -> NDArray[np.float64]:
        """Return the cosine of each pair of texts; (D,) from -1 to 1.

        Raises:
            ValueError: if the two are not equally many.
        """
        if len(a) != len(b):
            raise ValueError(f"expected pairs of texts, got {len(a)} and {len(b)}")
        if not len(a):
            return np.zeros(0, np.float64)
        vectors = self.embed([*a, *b]).astype(np.float64)
        return np.clip((vectors[: len(a)] * vectors[len(a) :]).sum(1), -1.0, 1.0)

    def signature(self) -> dict[str, Any]:
        """Return what the similarities depend on."""
        import hashlib

        digest = hashlib.sha256()
        for path in weight_files(self.folder, self.model):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return {
            "encoder": Path(self.model).name,
            "weights": digest.hexdigest()[:16],
            "pooling": "mean",
            "tokens": self._longest,
        }

    def _batch(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        # A lone surrogate is nothing a tokenizer can read.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        read: Any = self._tokenizer(clean, padding=True, truncation=True, max_length=self._longest, return_tensors="pt")
        mask: Any = read["attention_mask"].to(self._place)
        if not mask.shape[1]:
            return np.zeros((len(texts), int(self._loaded.config.hidden_size)), np.float32)
        with torch.inference_mode():
            states: Any = self._loaded(
                input_ids=read["input_ids"].to(self._place), attention_mask=mask
            ).last_hidden_state.float()
            weights = mask.unsqueeze(-1).float()
            pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1.0)
            pooled = torch.nn.functional.normalize(pooled, dim=1)
        return np.asarray(pooled.cpu().numpy(), np.float32)

    @cached_property
    def _place(self) -> Any:
        import torch

        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            place = torch.device(self.device)
            torch.empty(0, device=place)
        except (RuntimeError, AssertionError) as error:
            why = str(error).splitlines()[0]
            raise ModelError(f"device {self.device!r} cannot be used: {why}; take cpu") from None
        return place

    @cached_property
    def _loaded(self) -> Any:
        from transformers import AutoModel

        return self._from_pretrained(AutoModel, use_safetensors=True, dtype="float32").to(self._place).eval()

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        tokenizer: Any = self._from_pretrained(AutoTokenizer, padding_side="right", truncation_side="right")
        if tokenizer.pad_token is None:  # the mask decides what counts, so any token will do
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        return tokenizer

    @cached_property
    def _longest(self) -> int:
        """Tokens it reads of a text, special ones included; RoBERTa and its kin count positions from behind the padding's."""
        config = read_json(self.folder / "config.json")
        told = config.get("max_position_embeddings")
        own: Any = self._tokenizer.model_max_length
        offset = 2 if "roberta" in str(config.get("model_type")) else 0
        limits = [told - offset if isinstance(told, int) else _LONGEST, own if isinstance(own, int) else _LONGEST]
        return max(min(*limits, _LONGEST), 1)

    def _from_pretrained(self, kind: Any, **options: Any) -> Any:
        from huggingface_hub.errors import StrictDataclassError
        from safetensors import SafetensorError
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        failures = (
            OSError,
            ValueError,
            LookupError,
            ImportError,
            RuntimeError,
            TypeError,
            AttributeError,
            SafetensorError,
            StrictDataclassError,
        )
        try:
            with quiet_hub():
                return kind.from_pretrained(self._source, trust_remote_code=False, **options)
        except failures as error:
            said = " ".join(str(error).split())[:300]
            raise ModelError(f"cannot load encoder {self.model!r}: {said}") from None

    @property
    def _source(self) -> str:
        source = resolve(self.model)
        return source if local_folder(source) is None else str(self.folder)


def _checked_folder(model: str) -> Path:
    """Return where a model's files lie, after refusing one that cannot be loaded safely."""
    source = resolve(model)
    folder = local_folder(source)
    if folder is None:
        found = hub_folder(source)
    else:
        found = folder
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"{model} is not a model folder: it has no config.json; name a folder written by save_pretrained"
            )
        weight_files(folder, model)
    if read_json(found / "config.json").get("auto_map"):
        raise ModelError(foreign_code(model, "config.json"))
    return found
