"""One resolver for every kind of plug-in: a name, import path, class or instance becomes the object.

``relation_encoders.make("mean", dim=64)``, ``relation_encoders.make("my_pkg.enc:Decay", dim=64, rate=0.2)``,
``relation_encoders.make(Decay, dim=64)`` and ``relation_encoders.make(instance)`` all give an encoder; packages may also
register names under an entry-point group.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from hetmusic.errors import ConfigError, did_you_mean

T = TypeVar("T")

Spec = Any  # a registered name, "module:Class", a class or a ready instance


class Resolver(Generic[T]):
    """Turns what a user writes into a class or object of one kind.

    :param kind: what the objects are, for messages ("relation encoder").
    :param base: the class that every resolved class must derive from.
    :param group: entry-point group in which other packages register names.
    """

    def __init__(self, kind: str, base: type[T], group: str) -> None:
        self.kind = kind
        self.base = base
        self.group = group
        self._classes: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator that makes a class known by ``name``."""

        def add(cls: type[T]) -> type[T]:
            if name in self._classes:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._classes[name] = cls
            return cls

        return add

    @property
    def classes(self) -> Mapping[str, type[T]]:
        """The registered names, entry points of other packages not included."""
        return dict(self._classes)

    def lookup(self, spec: Spec) -> type[T]:
        """The class that a name, ``"module:Class"``, class or instance stands for.

        :raises ConfigError: if there is no such name, module or class, or it is not a subclass of the base class.
        """
        if isinstance(spec, self.base):
            return type(spec)
        found = spec if inspect.isclass(spec) else self._by_text(str(spec))
        if not (inspect.isclass(found) and issubclass(found, self.base)):
            raise ConfigError(f"{spec!r} is not a {self.kind}: it must be a subclass of {self.base.__name__}")
        return found

    def make(self, spec: Spec, /, **arguments: Any) -> T:
        """Construct the object; an instance is returned as it is.

        :param spec: registered name, ``"module:Class"``, class or instance.
        :param arguments: passed to the constructor, after checking that it has parameters of these names.
        :raises ConfigError: as :meth:`lookup`, or for an argument that the constructor lacks or misses.
        """
        if isinstance(spec, self.base):
            return spec
        cls = self.lookup(spec)
        self.check_arguments(cls, arguments)
        return cls(**arguments)

    def check_arguments(self, cls: type[T], arguments: Mapping[str, Any]) -> None:
        """Check that the constructor accepts exactly these arguments.

        :raises ConfigError: naming the class and the argument.
        """
        parameters = inspect.signature(cls).parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return
        for name in arguments:
            if name not in parameters:
                hint = did_you_mean(name, parameters) or f"; it takes {', '.join(parameters)}"
                raise ConfigError(f"{self.kind} {cls.__name__} has no argument {name!r}{hint}")
        missing = [n for n, p in parameters.items() if p.default is p.empty and n not in arguments]
        if missing:
            raise ConfigError(
                f"{self.kind} {cls.__name__} needs the argument {', '.join(map(repr, missing))}"
            )

    def _by_text(self, text: str) -> Any:
        if text in self._classes:
            return self._classes[text]
        for point in entry_points(group=self.group):
            if point.name == text:
                return point.load()
        if ":" in text:
            return self._import(text)
        known = [*self._classes, *(point.name for point in entry_points(group=self.group))]
        raise ConfigError(
            f"no {self.kind} is called {text!r}{did_you_mean(text, known)}; known: {', '.join(sorted(known))}, "
            "or give an import path 'module:Class'"
        )

    def _import(self, text: str) -> Any:
        module_name, _, attribute = text.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                raise  # the user's module exists and fails inside: their traceback says where
            raise ConfigError(f"{self.kind} {text!r}: no module named {error.name!r} is installed") from None
        if not hasattr(module, attribute):
            raise ConfigError(
                f"{self.kind} {text!r}: {module_name} has no {attribute!r}{did_you_mean(attribute, dir(module))}"
            )
        return getattr(module, attribute)
