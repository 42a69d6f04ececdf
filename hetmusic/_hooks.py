"""What the class of a plug-in must have: a hook of its own, methods that can be called, room for what hetmusic gives."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence
from typing import Any

from hetmusic.errors import ConfigError, did_you_mean


def check_hooks(what: str, cls: type, base: type, hooks: Sequence[str]) -> None:
    """Refuse a class that overrides none of the hooks, or a method of the base class with other parameters.

    :param what: how messages begin, e.g. ``"relation encoder Decay"``.
    :param hooks: methods of the base class of which a class must have one.
    :raises ConfigError: showing how the methods begin.
    """
    if all(getattr(cls, name) is getattr(base, name) for name in hooks):
        wanted = " or ".join(signature_of(base, name) for name in hooks)
        raise ConfigError(f"{what} does nothing yet: write {wanted}{_misspelt(cls, hooks)}")
    for name, method in vars(base).items():
        own_method = inspect.getattr_static(cls, name)
        if name.startswith("_") or not inspect.isfunction(method) or own_method is method:
            continue
        if inspect.isfunction(own_method) and not _takes(own_method, method):
            raise ConfigError(
                f"{what}: it is called as {signature_of(base, name)}, and not as {_shown(name, own_method)}"
            )


def check_given(what: str, cls: type, given: Collection[str]) -> None:
    """Refuse a class whose constructor does not take what hetmusic gives.

    :param given: the names of those arguments.
    :raises ConfigError: showing how the constructor begins.
    """
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    named = {p.name for p in parameters if p.kind not in {p.VAR_POSITIONAL, p.POSITIONAL_ONLY}}
    missing = [name for name in given if name not in named]
    if missing:
        raise ConfigError(
            f"{what}: its constructor must take {', '.join(missing)}, which hetmusic gives it: "
            f"def __init__(self, {', '.join(given)}, ...), and hand it on with super().__init__({', '.join(given)})"
        )


def _misspelt(cls: type, hooks: Sequence[str]) -> str:
    """Which method of a class was probably meant for a hook."""
    methods = [name for name in vars(cls) if not name.startswith("__")]
    for name in methods:
        if hint := did_you_mean(name, hooks):
            return f"; it has {name}{hint}"
    return ""


def signature_of(cls: type, name: str) -> str:
    """A method as one writes it, without annotations."""
    return _shown(name, getattr(cls, name))


def _shown(name: str, method: Any) -> str:
    parameters = inspect.signature(method).parameters.values()
    plain = (p.replace(annotation=p.empty) for p in parameters)
    return f"{name}({', '.join(map(str, plain))})"


def _takes(method: Any, like: Any) -> bool:
    """Whether a method takes as many arguments as another one; some are given more, by name."""
    count = len(inspect.signature(like).parameters)
    try:
        inspect.signature(method).bind_partial(*range(count))
    except TypeError:
        return False
    return True
