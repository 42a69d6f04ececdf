"""What a tuning study may choose from: a table a setting, in TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from hetmusic._toml import read_toml, tomllib
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.experiments.models import check_model
from hetmusic.models.config import StrictModel

#: packages that hold ``spaces/<model>.toml``
_PACKAGES = ("hetmusic.experiments", "hetmusic.rivals")

_ABSENT = object()


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

    @model_validator(mode="after")
    def _fits_together(self) -> Dimension:
        if self.type == "categorical":
            if not self.choices or self.low is not None or self.high is not None or self.log or self.step:
                raise ValueError("a categorical setting has choices and nothing else")
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
            same = [
                n for n, choice in enumerate(self.choices) if choice == value and type(choice) is type(value)
            ]
            return same[0] if same else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        low, high = self.extremes()
        is_step = self.step is None or _is_whole((value - low) / self.step)
        return value if low <= value <= high and is_step else None

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


@dataclass(frozen=True)
class Space:
    """The settings that are searched, by dotted key."""

    dimensions: dict[str, Dimension]
    #: the file, for messages
    source: str

    def without(self, settings: Mapping[str, Any]) -> Space:
        """Less the settings that are fixed.

        :param settings: nested.
        """

        def is_fixed(key: str) -> bool:
            value: Any = settings
            for part in key.split("."):
                value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
            return value is not _ABSENT

        kept = {key: value for key, value in self.dimensions.items() if not is_fixed(key)}
        return Space(kept, self.source)

    def check(self, model: str, settings: Mapping[str, Any]) -> None:
        """Refuse a setting that the model does not have, or values that it does not take.

        :param settings: the settings that stay as they are, nested.
        :raises ConfigError: naming file and key.
        """
        for key, dimension in self.dimensions.items():
            for value in dimension.extremes():
                try:
                    check_model(model, {**settings, key: value})
                except ConfigError as problem:
                    raise ConfigError(f"{self.source}: setting {key!r}: {problem}") from None

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable form, by key."""
        return {key: value.model_dump(exclude_defaults=True) for key, value in self.dimensions.items()}


def load_space(model: str, file: Path | str | None = None) -> Space:
    """Read a search space.

    :param file: None takes the one that comes with the model.
    :raises ConfigError: if there is none, or naming the file and the key that is unknown or wrong.
    """
    if file is not None:
        return parse_space(read_toml(Path(file)), str(file))
    text = built_in(model)
    if text is None:
        raise ConfigError(f"no search space comes with model {model!r}: give one with --space FILE")
    return parse_space(tomllib.loads(text), f"search space of {model}")


def built_in(model: str) -> str | None:
    """The search space that comes with a model, as TOML; None if there is none."""
    name = f"{model.partition(':')[0]}.toml"
    files = [resources.files(package) / "spaces" / name for package in _PACKAGES]
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), None)


def parse_space(values: Mapping[str, Any], source: str) -> Space:
    """Check a search space that was read from TOML."""
    dimensions = dict(sorted(_dimensions(values, (), source).items()))
    if not dimensions:
        raise ConfigError(f"{source}: there is no setting in it")
    return Space(dimensions, source)


def _dimensions(values: Mapping[str, Any], path: tuple[str, ...], source: str) -> dict[str, Dimension]:
    """Tables that say how a setting varies; all others are sections of settings."""
    found: dict[str, Dimension] = {}
    for name, value in values.items():
        key = ".".join((*path, name))
        if not isinstance(value, Mapping):
            raise ConfigError(f"{source}: {key} is not a table such as [{key}] with type, low and high")
        is_section = value and all(isinstance(inner, Mapping) for inner in value.values())
        if is_section:
            found |= _dimensions(value, (*path, name), source)
        else:
            found[key] = _dimension(value, key, source)
    return found


def _dimension(value: Mapping[str, Any], key: str, source: str) -> Dimension:
    try:
        return Dimension.model_validate(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            known = list(Dimension.model_fields)
            hint = did_you_mean(field, known) or f"; known: {', '.join(known)}"
            raise ConfigError(f"{source}: {key} has an unknown key {field!r}{hint}") from None
        where = f"{key}.{field}" if field else key
        raise ConfigError(f"{source}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
