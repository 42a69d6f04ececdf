"""Steps of training that do without some of what is known of an item, as an item that never had it would."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_dropped(present: Tensor, p: float) -> Tensor:
    """Draw which modalities of which items are hidden.

    Every present modality is hidden with probability ``p``, independently; an item that would lose all of them keeps a
    random one. Drawn from torch's CPU generator, so that all devices see the same draw.

    :param present: which items have which modality, bool ``(num_modalities, num_items)``.
    :param p: probability in [0, 1).
    :return: hidden modalities, of the same shape, none of which is absent anyway.
    """
    uniform = torch.rand(present.shape).to(present.device)
    dropped = present & (uniform < p)
    bare = ~(present & ~dropped).any(dim=0)
    # given that all are hidden the numbers are exchangeable, so the largest falls on any of them alike
    kept = uniform.masked_fill(~present, -1.0).argmax(dim=0)
    rescued = torch.nn.functional.one_hot(kept, len(present)).T.bool() & bare
    return dropped & ~rescued
