"""What catches mixes of devices catches them."""

from __future__ import annotations

import pytest
import torch

from hetmusic.testing.devices import META, OneDevice


def test_mixes_that_torch_lets_pass_on_meta_are_caught() -> None:
    here, there = torch.ones(3, 2), torch.ones(3, 2, device=META)
    mixes = (
        lambda: there[torch.tensor([0, 2])],
        lambda: there.masked_fill_(torch.ones(3, 2, dtype=torch.bool), 0.0),
        lambda: there.add_(here),
        lambda: there @ here.T,
        lambda: torch.cat([there, here]),
        lambda: there.index_put_((torch.tensor([0]), torch.tensor([1])), there.new_tensor(1.0)),
    )
    for mix in mixes:
        with pytest.raises(RuntimeError, match="more than one device: cpu, meta"), OneDevice():
            mix()


def test_what_is_right_passes() -> None:
    there = torch.ones(3, 2, device=META, requires_grad=True)
    with OneDevice():
        (torch.ones(3, 2).to(META) * there * torch.tensor(2.0)).sum().backward()
    assert there.grad is not None


def test_the_backward_pass_is_watched() -> None:
    class Careless(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: object, *grads: torch.Tensor) -> torch.Tensor:
            return grads[0][torch.arange(3)]

    there = torch.ones(3, device=META, requires_grad=True)
    with pytest.raises(RuntimeError, match="more than one device"), OneDevice():
        Careless.apply(there).sum().backward()
