"""The logits of chosen places of a batch, a few rows at a time, without the (B, L, V) array where the model allows it.

Most models are a body and a linear head. Where the head over the body's output gives the logits of the whole model (checked once, for
some models scale, clamp or shift them afterwards), the head runs over chunks of rows: the logits of a chunk are still in the cache when they are
reduced, and places nobody asks for cost no head at all. Elsewhere the model's own logits are cut into chunks.

Batches are padded on the right and have no attention mask: under causal attention no place sees what follows it, padding included, and a mask costs a seventh of the time
(attention then leaves its causal kernel). That the model is causal is checked too.
"""

from collections.abc import Iterator
from typing import Any

import torch
from assay.errors import ModelError

_ELEMENTS = {"cpu": 2**21, "cuda": 2**26}
_FEWEST_ROWS, _MOST_ROWS = 64, 4096
_PROBE = (2, 48)


class LogitRows:
    """Logits of a causal model by rows.

    Attributes:
        vocab_size: width of a row.
        by_head: whether the head runs chunk by chunk.
        rows: how many rows a chunk has, so that the cache or the device takes it well.
    """

    def __init__(self, model: Any, name: str = "the model") -> None:
        """Check on a fixed stretch of ids how `model`, called `name`, can be used.

        Raises:
            ModelError: if its logits at a token depend on what follows the token.
        """
        self._model = model
        vocabulary = int(model.get_input_embeddings().num_embeddings)
        ids = (torch.arange(_PROBE[0] * _PROBE[1], device=model.device) * 7919 % vocabulary).reshape(_PROBE)
        with torch.inference_mode():
            logits = model(input_ids=ids, use_cache=False).logits
            self._body, self._head = _parts(model, ids, logits) or (None, None)
            begun = model(input_ids=ids[:, : _PROBE[1] // 2], use_cache=False).logits
        if not _close(begun, logits[:, : begun.shape[1]], 1e-3 if logits.dtype == torch.float32 else 5e-2):
            raise ModelError(f"{name!r} is not causal: what it expects at a token changes with the text that follows")
        self.vocab_size = int(logits.shape[-1])
        self.by_head = self._head is not None
        self.rows = max(_FEWEST_ROWS, min(_MOST_ROWS, _ELEMENTS.get(model.device.type, 2**24) // self.vocab_size))

    def chunks(self, ids: torch.Tensor, places: torch.Tensor, rows: int) -> Iterator[torch.Tensor]:
        """Yield the logits at `places` (indices into B * L) of `ids` (B, L), padded on the right, `rows` at a time in order."""
        ids, places = ids.to(self._model.device), places.to(self._model.device)
        if self._body is not None and self._head is not None:
            hidden = self._body(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)
            for part in places.split(rows):
                yield self._head(hidden.index_select(0, part))
        else:
            logits = self._model(input_ids=ids, use_cache=False).logits.flatten(0, 1)
            for part in places.split(rows):
                yield logits.index_select(0, part)


def _parts(model: Any, ids: torch.Tensor, logits: torch.Tensor) -> tuple[Any, Any] | None:
    """Return body and head if the head over the body's output is `logits`, which the whole model made of `ids`."""
    body, head = getattr(model, "base_model", model), model.get_output_embeddings()
    if body is model or not isinstance(head, torch.nn.Linear):
        return None
    hidden = getattr(body(input_ids=ids, use_cache=False), "last_hidden_state", None)
    if hidden is None or hidden.shape[-1] != head.in_features:
        return None
    # the same operations on the same shapes are equal but for the order of sums; a cap or a scale is far outside
    return (body, head) if _close(head(hidden), logits, 1e-5 if logits.dtype == torch.float32 else 4e-3) else None


def _close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    if found.shape != expected.shape:
        return False
    found, expected = (
        torch.nan_to_num(x.float(), nan=0.0, posinf=0.0, neginf=0.0) for x in (found, expected)
    )  # masked ids
    return bool(((found - expected).abs() <= tolerance * expected.abs().max()).all())
