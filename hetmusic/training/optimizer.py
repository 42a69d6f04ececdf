"""Adam that touches the rows of an embedding table that a step has touched, and no others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hetmusic.models.inputs import IdInput


class RowAdam(torch.optim.Adam):
    """Adam (Kingma and Ba 2015), lazy for tables whose gradients are sparse.

    Parameters with dense gradients are updated as by :class:`torch.optim.Adam`. Of a table with a sparse gradient

    * weights and moments change in the rows of the gradient alone, so a step costs the same whatever the size of the table;
    * the bias correction counts all steps, so rows that every step touches get exactly what the dense update gives them;
    * a row that a step does not touch keeps its moments, which the dense update lets decay while they move the weights on;
    * weight decay (L2, added to the gradient) reaches the rows of the gradient alone: regularisation per use.

    Saved states are those of :class:`torch.optim.Adam`.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update all parameters; sparse gradients are used up (None afterwards)."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    gradient = parameter.grad.coalesce()
                    self._update_rows(parameter, gradient.indices()[0], gradient.values(), group)
                    parameter.grad = None
        return super().step(closure)

    def _update_rows(self, table: Tensor, rows: Tensor, values: Tensor, group: dict[str, Any]) -> None:
        """Update distinct rows of a table by their gradients, ``(len(rows), dim)``."""
        state = self.state[table]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(table), torch.zeros_like(table)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        weights = table[rows]
        if group["weight_decay"]:
            values = values + group["weight_decay"] * weights
        first = state["exp_avg"][rows].lerp_(values, 1 - beta1)
        second = state["exp_avg_sq"][rows].mul_(beta2).addcmul_(values, values, value=1 - beta2)
        state["exp_avg"].index_copy_(0, rows, first)
        state["exp_avg_sq"].index_copy_(0, rows, second)
        count = float(state["step"])
        spread = second.sqrt_().div_((1 - beta2**count) ** 0.5).add_(group["eps"])
        weights.addcdiv_(first, spread, value=-group["lr"] / (1 - beta1**count))
        table.index_copy_(0, rows, weights)


def use_sparse_gradients(model: nn.Module, sparse: bool) -> None:
    """Let the embedding tables of a model have sparse gradients, or dense ones, where some of their rows are read."""
    for part in model.modules():
        if isinstance(part, IdInput):
            part.sparse = sparse


def touched_rows(model: nn.Module) -> dict[str, Tensor]:
    """The rows of sparse gradients, ascending, by parameter name; the gradients are coalesced."""
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            found[name] = parameter.grad.indices()[0]
    return found
