"""Mixes of devices are caught without a second device: tensors on meta have no values, but a place."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

#: operations whose very purpose it is
_COPIES = {"aten::_to_copy", "aten::copy_", "aten::_pin_memory"}


class OneDevice(TorchDispatchMode):
    """Within it, an operation on tensors of more than one device raises.

    torch itself lets some pass on meta (indexing by a CPU index, operations in place), others wherever there is a GPU, which
    then waits for a copy. A scalar on the CPU may meet anything, as on a GPU.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, Tensor)]
        devices = {t.device.type for t in given if t.dim() or t.device.type != "cpu"}
        if len(devices) > 1 and func._schema.name not in _COPIES:
            raise RuntimeError(f"{func} of tensors on more than one device: {', '.join(sorted(devices))}")
        return func(*args, **(kwargs or {}))


META = torch.device("meta")


def fake_cuda(tensor: Tensor, mode: FakeTensorMode) -> Tensor:
    """A tensor of the same shape that claims to be on a GPU; needs a torch that was built for CUDA, but no GPU."""
    with mode:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")


def move_to_fake_cuda(module: nn.Module, mode: FakeTensorMode) -> None:
    """What ``module.to("cuda")`` does, with parameters and buffers that only claim to be on a GPU.

    Tensors that are neither stay on the CPU, as they would.
    """
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = nn.Parameter(fake_cuda(parameter, mode), requires_grad=False)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = fake_cuda(buffer, mode)
