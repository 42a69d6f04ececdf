"""The loggers that a person names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hetmusic._resolve import argument_from_text
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.training.events import TrainingObserver
from hetmusic.training.loggers.base import loggers
from hetmusic.training.loggers.guard import Guarded


def make_loggers(names: Sequence[str], settings: Iterable[str] = ()) -> list[TrainingObserver]:
    """The loggers that a person names, each guarded.

    :param names: registered names, entry points or import paths.
    :param settings: ``NAME.KEY=VALUE``, arguments of them.
    :raises ConfigError: for an unknown name or argument, a wrong value, or a setting of no logger.
    """
    arguments: dict[str, dict[str, Any]] = {name: {} for name in names}
    for text in settings:
        name, key, value = _setting(text, names)
        arguments[name][key] = argument_from_text(loggers.lookup(name), key, value)
    return [Guarded(name, loggers.make(name, **given)) for name, given in arguments.items()]


def _setting(text: str, names: Sequence[str]) -> tuple[str, str, str]:
    where, equals, value = text.partition("=")
    name, dot, key = where.strip().rpartition(".")
    if not (equals and dot and key):
        raise ConfigError(f"--logger-set {text!r} is not of the form NAME.KEY=VALUE")
    if name not in names:
        asked = f"asked for: {', '.join(names)}" if names else "no --logger is given"
        raise ConfigError(f"--logger-set {text!r} is for no logger{did_you_mean(name, names)}; {asked}")
    return name, key, value.strip()
