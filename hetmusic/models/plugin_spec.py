"""Plug-ins in a configuration: what may stand where one is chosen, and what may stand for its arguments."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from hetmusic._resolve import text_of
from hetmusic.errors import ConfigError

#: what an argument may be made of, since ``config.toml`` has to hold it
_PLAIN = (str, bool, int, float)


def _check_spec(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, (str, bytes, bool, int, float, list, tuple, set, Mapping)) or value is None:
        raise ValueError(
            "a plug-in is a registered name, an import path 'module:Class', a class or an instance"
        )
    return value


def check_plain(arguments: Mapping[str, Any], of: str = "") -> Mapping[str, Any]:
    """Refuse arguments that a configuration file cannot hold.

    :param of: whose they are, for messages, e.g. ``" of encoder Decay"``.
    :raises ValueError: naming the argument and the way out.
    """
    for name, value in arguments.items():
        _check_plain(name, value, of)
    return arguments


def _check_plain(name: str, value: Any, of: str) -> None:
    if isinstance(value, Mapping):
        for key, part in value.items():
            _check_plain(f"{name}.{key}", part, of)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _check_plain(name, part, of)
    elif value is not None and not isinstance(value, _PLAIN):
        hint = "; give its name, and look it up in __init__" if callable(value) else ""
        raise ValueError(
            f"{name}{of} is a {type(value).__name__}, which a configuration file cannot hold: arguments are numbers, texts, "
            f"booleans, lists and tables, so that a run can be reopened{hint}"
        )


def called(spec: Any) -> str:
    """What messages call a plug-in: a text as it is, else the name of the class."""
    return spec if isinstance(spec, str) else getattr(spec, "__name__", type(spec).__name__)


def check_ready_made(spec: Any, arguments: Mapping[str, Any], key: str = "encoder") -> None:
    """Refuse arguments beside a ready object, which they would not change.

    :param key: where the object stands.
    :raises ConfigError: saying where they belong.
    """
    if is_instance(spec) and arguments:
        name = type(spec).__name__
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise ConfigError(
            f"the {key} is a ready {name} object, which {given} beside it would not change: make it with {given}, or give "
            f"the class, {key}={name}, {given}"
        )


@contextlib.contextmanager
def at_key(where: str) -> Iterator[None]:
    """Begin the messages of errors with a key; they stay the same errors, so that what else they carry is kept."""
    try:
        yield
    except ConfigError as problem:
        problem.args = (f"{where}: {problem}",)
        raise


def is_instance(spec: Any) -> bool:
    """Whether a spec is a ready object."""
    return spec is not None and not isinstance(spec, str) and not inspect.isclass(spec)


#: a registered name, ``module:Class``, a class or an instance; written to files as text
PluginSpec = Annotated[Any, BeforeValidator(_check_spec), PlainSerializer(text_of, return_type=str)]

#: the arguments of a plug-in
PluginArguments = Annotated[dict[str, Any], AfterValidator(check_plain)]
