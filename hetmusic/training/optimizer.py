"""Adam that touches the rows of an embedding table that a step has touched, and no others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from hetmusic.models.inputs import IdInput


class RowAdam(torch.optim.Adam):
    """Adam (Kingma and Ba 2015), lazy for tables whose gradients are sparse.

    Parameters with dense gradients are updated as by :class:`torch.optim.Adam`. Of a table with a sparse gradient

    * weights and moments change in the rows of the gradient alone, so a step costs the same whatever the size of the table;
    * the bias correction counts all steps, so rows that every step touches get exactly what the dense update gives them;
    * a row that a step does not touch keeps its moments, which the dense update lets decay while they move the weights on;
    * weight decay (L2, added to the gradient) reaches the rows of the gradient alone: regularisation per use.

    Saved states are those of :class:`torch.optim.Adam`. On a CPU both are torch's fused update.

    :param parameters: what to update.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float = 1e-3, weight_decay: float = 0.0) -> None:
        listed = list(parameters)
        on_cpu = all(p.device.type == "cpu" for p in listed)
        super().__init__(listed, lr=lr, weight_decay=weight_decay, fused=on_cpu or None)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update all parameters; sparse gradients are used up (None afterwards)."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    gradient = distinct_rows(parameter.grad)
                    self._update_rows(parameter, gradient._indices()[0], gradient._values(), group)
                    parameter.grad = None
        return super().step(closure)

    def _update_rows(self, table: Tensor, rows: Tensor, values: Tensor, group: dict[str, Any]) -> None:
        """Update distinct rows of a table by their gradients, ``(len(rows), dim)``."""
        state = self.state[table]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(table), torch.zeros_like(table)
        whole = table, state["exp_avg"], state["exp_avg_sq"]
        if 3 * len(rows) > 2 * len(table):
            # one pass over all rows and the others put back is less than taking most of them out and back
            others = _all_but(rows, len(table))
            kept = [part.index_select(0, others) for part in whole]
            self._update(whole, torch.zeros_like(table).index_copy_(0, rows, values), state["step"], group)
            for part, value in zip(whole, kept, strict=True):
                part.index_copy_(0, others, value)
            return
        # takes a fraction of the time of an index
        taken = whole[0].index_select(0, rows), whole[1].index_select(0, rows), whole[2].index_select(0, rows)
        self._update(taken, values, state["step"], group)
        for part, value in zip(whole, taken, strict=True):
            part.index_copy_(0, rows, value)

    @staticmethod
    def _update(
        parts: tuple[Tensor, Tensor, Tensor], gradient: Tensor, step: Tensor, group: dict[str, Any]
    ) -> None:
        """Adam's update of weights, mean and mean square of the gradients, and of the count of steps."""
        weights, first, second = parts
        beta1, beta2 = group["betas"]
        adam(
            [weights], [gradient], [first], [second], [], [step],
            fused=weights.device.type == "cpu", amsgrad=False, maximize=False, beta1=beta1, beta2=beta2,
            lr=group["lr"], weight_decay=group["weight_decay"], eps=group["eps"],
        )  # fmt: skip


def _all_but(rows: Tensor, count: int) -> Tensor:
    """The numbers below ``count`` that are not among some rows, ascending."""
    others = torch.ones(count, dtype=torch.bool, device=rows.device)
    others[rows] = False
    return others.nonzero()[:, 0]


def distinct_rows(gradient: Tensor) -> Tensor:
    """A sparse gradient each of whose rows occurs once, in any order."""
    rows = gradient._indices()[0]
    # a step's nodes are distinct as a rule: seen by writing numbers and reading them back, without sorting
    numbers = torch.arange(len(rows), device=rows.device)
    place = torch.empty(len(gradient), dtype=torch.int64, device=rows.device).index_copy_(0, rows, numbers)
    return gradient if torch.equal(place.index_select(0, rows), numbers) else gradient.coalesce()


def use_sparse_gradients(model: nn.Module, sparse: bool) -> None:
    """Let the embedding tables of a model have sparse gradients, or dense ones, where some of their rows are read."""
    for part in model.modules():
        if isinstance(part, IdInput):
            part.sparse = sparse


def touched_rows(model: nn.Module) -> dict[str, Tensor]:
    """The rows of sparse gradients, each once, by parameter name; the gradients have them in that order."""
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = distinct_rows(parameter.grad)
            found[name] = parameter.grad._indices()[0]
    return found
