"""The base of the configuration's sections."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from hetmusic._made_with import MadeWith
from hetmusic.errors import ConfigError, did_you_mean


class OneLineModel(BaseModel):
    """A section whose mistakes, made in Python, are one line each: where one is made, and where a field is set.

    Inside of other sections they stay pydantic's, which know where they are.

    :raises ConfigError: for a field that there is not, or a wrong value.
    """

    def __init__(self, /, *unnamed: Any, **values: Any) -> None:
        if unnamed:
            first = next(iter(type(self).model_fields))
            raise ConfigError(f"{type(self).__name__} takes its settings by name, such as {first}=...")
        try:
            super().__init__(**values)
        except ValidationError as problem:
            raise ConfigError(f"{type(self).__name__}: {in_one_line(problem, type(self))}") from None

    # what tells pydantic that sections inside of others need no call of it
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except ValidationError as problem:
            raise ConfigError(f"{type(self).__name__}: {in_one_line(problem, type(self))}") from None


def in_one_line(problem: ValidationError, model: type[BaseModel]) -> str:
    """The first of pydantic's complaints: key, value and reason, or the key that was probably meant.

    :param model: what was validated.
    """
    first = problem.errors()[0]
    where = [str(part) for part in first["loc"]]
    key = ".".join(where)
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, where[:-1])
        hint = did_you_mean(where[-1], known) or f"; known: {', '.join(known)}"
        return f"unknown key {key!r}{hint}"
    message = first["msg"].removeprefix("Value error, ")
    # a rule over several keys says itself which; a single value is shown
    if isinstance(first["input"], (dict, BaseModel)):
        return f"{key}: {message}" if key else message
    return f"{key} = {first['input']!r}: {message}"


def _fields_at(model: Any, where: list[str]) -> list[str]:
    for part in where:
        fields = getattr(model, "model_fields", None)
        # the keys of a dict[str, Section] are anybody's
        model = fields[part].annotation if fields is not None else get_args(model)[1]
    return list(model.model_fields)


class StrictModel(OneLineModel):
    """A configuration section: unknown keys are errors, and the text under a field is its description."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, validate_assignment=True)

    @model_serializer(mode="wrap")
    def _with_arguments_of_instances(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A ready plug-in is written as its class, and beside it the arguments that it was made with."""
        written: dict[str, Any] = handler(self)
        for name in type(self).model_fields:
            plugin = getattr(self, name)
            if isinstance(plugin, MadeWith) and f"{name}_arguments" in type(self).model_fields:
                written[f"{name}_arguments"] = plugin.init_arguments
        return written
