"""Two optimisers: Muon for the matrices inside the blocks, AdamW for the embedding and the norm gains.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) steps along the orthogonalised momentum; it is meant for hidden
matrices only. AdamW is Loshchilov and Hutter 2019 (arXiv:1711.05101). No weight decay: the runs stay below one epoch or little above.
"""

from collections.abc import Iterable

import torch
from torch import nn


def build_optimizers(model: nn.Module, muon_lr: float, adam_lr: float) -> list[torch.optim.Optimizer]:
    """Return [Muon, AdamW] over the parameters of `model`; every group remembers its ``peak_lr``."""
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_hidden = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        (hidden if is_hidden else rest).append(parameter)
    muon = torch.optim.Muon([{"params": hidden, "peak_lr": muon_lr}], lr=muon_lr, momentum=0.95, weight_decay=0.0)
    adam = torch.optim.AdamW(
        [{"params": rest, "peak_lr": adam_lr}], lr=adam_lr, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0
    )
    return [muon, adam]


def scale_learning_rates(optimizers: Iterable[torch.optim.Optimizer], factor: float) -> None:
    """Set every group's learning rate to `factor` times its peak."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
