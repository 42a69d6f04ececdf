"""How one setting varies in a search: between bounds or among choices, always or where others have some value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hetmusic._toml import flat
from hetmusic.models.config import StrictModel


class Dimension(StrictModel):
    """The values that one setting may have."""

    type: Literal["int", "float", "categorical"]
    """``int`` or ``float`` between two bounds, or ``categorical``: one of several values."""

    low: float | None = None
    """Lower bound, included."""

    high: float | None = None
    """Upper bound, included."""

    log: bool = False
    """Whether to search on a logarithmic scale."""

    step: float | None = Field(None, gt=0)
    """Distance between two neighbouring values."""

    choices: list[Any] | None = None
    """The values of a categorical setting."""

    when: dict[str, list[Any]] | None = None
    """Other settings and the values under which this one counts; with others it is left as it is."""

    @field_validator("when", mode="before")
    @classmethod
    def _when_is_a_table(cls, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, Mapping) or not value:
            raise ValueError(
                'it is a table of another setting and the value, or values, under which this one counts: { encoder = "gat" }'
            )
        return {key: v if isinstance(v, list) else [v] for key, v in flat(value).items()}

    @model_validator(mode="after")
    def _fits_together(self) -> Dimension:
        if self.type == "categorical":
            if not self.choices or self.low is not None or self.high is not None or self.log or self.step:
                raise ValueError("a categorical setting has choices, perhaps when, and nothing else")
            return self
        if self.choices is not None or self.low is None or self.high is None:
            raise ValueError(f"a setting of type {self.type} has low and high, and no choices")
        if self.low > self.high:
            raise ValueError(f"low is {self.low:g}, above high, {self.high:g}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("a logarithmic scale needs a positive low, and takes no step")
        if self.type == "int" and any(x is not None and x % 1 for x in (self.low, self.high, self.step)):
            raise ValueError("low, high and step of an int are whole numbers")
        if self.step is not None and not _is_whole((self.high - self.low) / self.step):
            raise ValueError(f"steps of {self.step:g} do not lead from {self.low:g} to {self.high:g}")
        return self

    def counts(self, chosen: Mapping[str, Any]) -> bool:
        """Whether the setting counts beside others.

        :param chosen: values by key; what is missing does not count itself.
        """
        return all(
            key in chosen and any(same(chosen[key], value) for value in values)
            for key, values in (self.when or {}).items()
        )

    def extremes(self) -> list[Any]:
        """Values that a model must accept if it is to accept all: the bounds, or every choice."""
        return list(self.choices or []) or [self.decode(self.low), self.decode(self.high)]

    def decode(self, value: Any) -> Any:
        """A value of optuna's as the setting's: choices are numbered there, so that they may be lists, too."""
        if self.choices is not None:
            return self.choices[int(value)]
        return int(value) if self.type == "int" else float(value)

    def encode(self, value: Any) -> float | None:
        """A value of the setting's as optuna's; None if it is not among those that are searched."""
        if self.choices is not None:
            found = [n for n, choice in enumerate(self.choices) if same(choice, value)]
            return found[0] if found else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        low, high = self.extremes()
        is_step = self.step is None or _is_whole((value - low) / self.step)
        return value if low <= value <= high and is_step else None

    def suggest(self, trial: Any, key: str) -> Any:
        """Draw a value, in optuna's words.

        :param trial: optuna's, which is told.
        """
        drawn = self.distribution()
        if self.type == "categorical":
            return trial.suggest_categorical(key, drawn.choices)
        suggest = trial.suggest_int if self.type == "int" else trial.suggest_float
        return suggest(key, drawn.low, drawn.high, step=drawn.step, log=drawn.log)

    def distribution(self) -> Any:
        """The same in optuna's words."""
        from optuna import distributions

        if self.choices is not None:
            return distributions.CategoricalDistribution(list(range(len(self.choices))))
        assert self.low is not None
        assert self.high is not None
        if self.type == "int":
            step = 1 if self.step is None else int(self.step)
            return distributions.IntDistribution(int(self.low), int(self.high), log=self.log, step=step)
        return distributions.FloatDistribution(self.low, self.high, log=self.log, step=self.step)


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9


def same(one: Any, other: Any) -> bool:
    """Whether two values of settings are the same, for which types count: 1 is neither 1.0 nor true."""
    return bool(one == other) and type(one) is type(other)
