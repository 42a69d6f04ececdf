"""What the constructor of a plug-in takes: read off its signature, checked against its annotations."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import (
    ConfigDict,
    PydanticSchemaGenerationError,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)

from hetmusic._docstrings import Said, said_of_arguments
from hetmusic.errors import ConfigError, did_you_mean

#: errors of types that pydantic cannot check, which are then not checked
_UNCHECKABLE = (PydanticSchemaGenerationError, PydanticUserError, NameError, TypeError)


@dataclass(frozen=True)
class Argument:
    """An argument of a constructor, as people are shown it."""

    name: str
    #: the annotation as it stands in the source, else what the docstring calls it; may be empty
    type: str
    #: the default as source text; None if the argument must be given
    default: str | None
    #: what the docstring says about it
    text: str

    def __str__(self) -> str:
        kind = f": {self.type}" if self.type else ""
        default = "" if self.default is None else f" = {self.default}" if kind else f"={self.default}"
        return f"{self.name}{kind}{default}"


def parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    """The parameters of a class's constructor by name, without ``self``."""
    # the signature of the class itself would be that of __new__, where there is one
    found = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    return {p.name: p for p in found}


def document(cls: type, given: Collection[str] = ()) -> list[Argument]:
    """The arguments that a person may give.

    :param given: names of those that hetmusic gives itself.
    """
    said, hints = said_of_arguments(cls), _hints(cls)
    nothing = Said("")
    return [
        Argument(
            name,
            said.get(name, nothing).type
            if p.annotation is p.empty
            else _shown_type(p.annotation, hints.get(name)),
            None if p.default is p.empty else repr(p.default),
            said.get(name, nothing).text,
        )
        for name, p in parameters_of(cls).items()
        if name not in given and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
    ]


def parse_arguments(
    what: str,
    cls: type,
    arguments: Mapping[str, Any],
    given: Collection[str] = (),
    set_by: Callable[[str], str] = repr,
) -> dict[str, Any]:
    """Check that a constructor accepts exactly these arguments, and convert them to the annotated types.

    ``"0.2"`` becomes 0.2 where a float is asked for; what has no annotation is passed on as it is.

    :param what: how messages begin, e.g. ``"relation encoder Decay"``.
    :param given: names that will be given besides.
    :param set_by: what a person writes to give an argument, for messages.
    :raises ConfigError: for an argument that there is not, is missing, or has a wrong value.
    """
    parameters = parameters_of(cls)
    named = {n: p for n, p in parameters.items() if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}}
    if all(p.kind is not p.VAR_KEYWORD for p in parameters.values()):
        for name in arguments:
            if name not in named:
                free = [known for known in named if known not in given]
                hint = did_you_mean(name, free) or f"; it takes {', '.join(free) or 'none'}"
                raise ConfigError(f"{what} has no argument {name!r}{hint}")
    missing = [n for n, p in named.items() if p.default is p.empty and n not in arguments and n not in given]
    if missing:
        wanted, ways = (", ".join(map(shown, missing)) for shown in (repr, set_by))
        raise ConfigError(f"{what} needs the argument {wanted}: give {ways}, or a default in its __init__")
    hints = _hints(cls)
    return {
        name: _parse(what, name, hints[name], value) if name in hints and name in named else value
        for name, value in arguments.items()
    }


def _parse(what: str, name: str, hint: Any, value: Any) -> Any:
    adapter = _adapter(hint)
    if adapter is None:
        return value
    try:
        return adapter.validate_python(value)
    except ValidationError as problem:
        first = problem.errors()[0]["msg"]
        said = first.removeprefix("Value error, ").replace("Input should be", "it should be")
        raise ConfigError(f"{what}: {name} = {value!r}: {said}{_suggestion(hint, value)}") from None


def _adapter(hint: Any) -> TypeAdapter[Any] | None:
    try:
        return _cached_adapter(hint)
    except _UNCHECKABLE:
        return None


@lru_cache(maxsize=256)
def _cached_adapter(hint: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # types with a configuration of their own take no other
        return TypeAdapter(hint)


def _hints(cls: type) -> dict[str, Any]:
    """The types of the annotations; those that cannot be resolved are left out."""
    constructor = cls.__init__  # type: ignore[misc]
    try:
        return typing.get_type_hints(constructor, include_extras=True)
    except (NameError, TypeError, AttributeError):  # imported for type checkers only
        known: dict[str, Any] = {}
        for name, parameter in parameters_of(cls).items():
            try:
                known |= typing.get_type_hints(_Only(constructor, name, parameter), include_extras=True)
            except (NameError, TypeError, AttributeError):
                continue
        return known


class _Only:
    """One annotation of a function, for ``get_type_hints``."""

    def __init__(self, function: Any, name: str, parameter: inspect.Parameter) -> None:
        self.__annotations__ = {} if parameter.annotation is parameter.empty else {name: parameter.annotation}
        self.__globals__ = function.__globals__


def _suggestion(hint: Any, value: Any) -> str:
    words = [word for word in _words(hint) if isinstance(word, str)]
    return did_you_mean(value, words) if isinstance(value, str) and words else ""


def _words(hint: Any) -> Iterable[Any]:
    """The values of the literals in a type."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return [word for part in get_args(hint) for word in _words(part)]


def _shown_type(annotation: Any, hint: Any) -> str:
    """The annotation as it stands in the source, but that the words of a literal are told."""
    if get_origin(hint) is Literal:
        return " | ".join(map(repr, get_args(hint)))
    if isinstance(annotation, str):
        return annotation
    return (
        annotation.__name__ if inspect.isclass(annotation) and not get_args(annotation) else str(annotation)
    )
