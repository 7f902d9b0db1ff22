"""A key-value cache with room reserved, so that a step writes one place and copies nothing.

transformers' dynamic cache joins old and new keys at every step, which at a batch of 64 costs as much as the step itself. Layers that are
not plain ones (sliding windows, states of linear attention) are left as transformers makes them.
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class ReservedLayer(DynamicLayer):
    """A plain layer with `room` places; `keys` and `values` are views of those in use."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room
        self._length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Reserve the room; shapes (B, heads, T, D)."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self._all_keys = key_states.new_empty(*key_states.shape[:2], self._room, key_states.shape[3])
        self._all_values = value_states.new_empty(*value_states.shape[:2], self._room, value_states.shape[3])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new places and return all in use."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        stop = self._length + key_states.shape[2]
        self._all_keys[:, :, self._length : stop] = key_states
        self._all_values[:, :, self._length : stop] = value_states
        self._length = stop
        self.keys, self.values = self._all_keys[:, :, :stop], self._all_values[:, :, :stop]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Make row i what row `indices[i]` was; only rows that change are copied."""
        moved = (indices != torch.arange(len(indices), device=indices.device)).nonzero()[:, 0]
        if self.is_initialized and len(moved):
            for states in (self._all_keys, self._all_values):
                used = states[:, :, : self._length]
                used[moved] = used[indices[moved]]


def reserved_cache(config: Any, room: int) -> DynamicCache:
    """Return an empty cache for a model of this config and at most `room` tokens."""
    cache = DynamicCache(config=config)
    cache.layers = [ReservedLayer(room) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
