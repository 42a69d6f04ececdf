"""A running average of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a model's parameters, used for validation and for the kept weights.

    average <- d · average + (1 - d) · weights after every step, d = min(decay, (1 + t) / (10 + t)) at step t = 0, 1, ..., so
    that the random weights of the start are soon forgotten; with decay 0 the average is the weights.

    Of a table that a step touches in some rows alone, the others' averages are brought up to date when they are next
    needed: while weights w stay the same, the average's distance from them shrinks by the product of the d, so nothing is
    lost by waiting.

    :param model: whose parameters.
    :param decay: in [0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.decay = decay
        #: number of updates so far
        self.steps = 0
        self._values: dict[str, Tensor] = {}
        #: per parameter with late rows, the number of updates that each row has seen, int32 ``(num_rows,)``
        self._seen: dict[str, Tensor] = {}
        self._sums = torch.zeros(0, dtype=torch.float64)
        #: averages of the rows of the step that is being made, up to date, by parameter name
        self._rows: dict[str, Tensor] = {}
        if decay:
            self._values = {name: p.detach().clone() for name, p in model.named_parameters()}

    @property
    def values(self) -> dict[str, Tensor]:
        """The averages by parameter name, all up to date."""
        self.catch_up()
        return self._values

    @torch.no_grad()
    def before_step(self, touched: Mapping[str, Tensor]) -> None:
        """Compute the averages up to now of rows whose weights are about to change; :meth:`update` goes on from them.

        :param touched: the rows, each once, of the parameters that do not change elsewhere.
        """
        if not self._values or not (touched or self._seen):
            return
        for name, parameter in self.model.named_parameters():
            if name in touched and name not in self._seen:
                self._seen[name] = torch.full(
                    parameter.shape[:1], self.steps, dtype=torch.int32, device=parameter.device
                )
            if name in touched:
                self._rows[name] = self._up_to_date(name, parameter, touched[name])
            elif name in self._seen:
                self._bring_up_all(name, parameter)

    @torch.no_grad()
    def update(self, touched: Mapping[str, Tensor] | None = None) -> None:
        """Take in the current weights.

        :param touched: as given to :meth:`before_step`.
        """
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        if not self._values:
            return
        for name, parameter in self.model.named_parameters():
            rows = None if touched is None else touched.get(name)
            average = self._values[name]
            if rows is None:
                average.lerp_(parameter, 1 - decay)
            else:
                before = self._rows.pop(name) if name in self._rows else average.index_select(0, rows)
                average.index_copy_(0, rows, before.lerp_(parameter.index_select(0, rows), 1 - decay))
            if name in self._seen:
                self._seen[name][slice(None) if rows is None else rows] = self.steps

    @torch.no_grad()
    def catch_up(self) -> None:
        """Bring all averages up to date."""
        if self._seen:
            parameters = dict(self.model.named_parameters())
            for name in self._seen:
                self._bring_up_all(name, parameters[name])

    def _bring_up_all(self, name: str, parameter: Tensor) -> None:
        rows = (self._seen[name] < self.steps).nonzero()[:, 0]
        self._values[name].index_copy_(0, rows, self._up_to_date(name, parameter, rows))
        self._seen[name][rows] = self.steps

    def _up_to_date(self, name: str, parameter: Tensor, rows: Tensor) -> Tensor:
        """The averages of some rows after all steps so far, in which those not seen did not change their weights."""
        sums = self._sums_of_logs().to(rows.device)
        factor = (sums[self.steps] - sums[self._seen[name].index_select(0, rows).long()]).exp()
        weights, average = (part.index_select(0, rows) for part in (parameter, self._values[name]))
        # in place where nobody else reads: every pass over rows counts
        factor = factor.to(weights.dtype).reshape(-1, *[1] * (weights.dim() - 1))
        return average.sub_(weights).mul_(factor).add_(weights)

    def _sums_of_logs(self) -> Tensor:
        """Sums of log d over the steps before t, for t = 0 .. :attr:`steps` at least, float64."""
        if len(self._sums) <= self.steps:
            steps = torch.arange(2 * self.steps + 64, dtype=torch.float64)
            logs = ((1 + steps) / (10 + steps)).clamp(max=self.decay).log()
            self._sums = torch.cat([logs.new_zeros(1), logs.cumsum(0)])
        return self._sums

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights within the block."""
        values = self.values
        parameters = dict(self.model.named_parameters())
        kept = {name: parameters[name].detach().clone() for name in values}
        with torch.no_grad():
            for name, value in values.items():
                parameters[name].copy_(value)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in kept.items():
                    parameters[name].copy_(value)
