"""One resolver for every kind of plug-in: a name, import path, class or instance becomes the object.

``relation_encoders.make("mean", dim=64)``, ``relation_encoders.make("my_pkg.enc:Decay", dim=64, rate=0.2)``,
``relation_encoders.make(Decay, dim=64)`` and ``relation_encoders.make(instance)`` all give an encoder; packages may also
register names under an entry-point group.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from hetmusic._arguments import parameters_of, parse_arguments
from hetmusic._foreign import HOME, is_foreign
from hetmusic._hooks import check_given, check_hooks
from hetmusic._import_path import import_object
from hetmusic._spec_hints import dotted_hint, form_hint, way_out
from hetmusic._toml import parse_override
from hetmusic.errors import ConfigError, PluginError, UserError, did_you_mean

T = TypeVar("T")
A = TypeVar("A", bound=Callable[[type], "type | None"])

Spec = Any  # a registered name, "module:Class", a class or a ready instance

#: all that have been made, so that a class of another kind is known as such
_RESOLVERS: list[Resolver[Any]] = []


class Resolver(Generic[T]):
    """Turns what a user writes into a class or object of one kind.

    :param kind: what the objects are, for messages ("relation encoder").
    :param base: the class that every resolved class must derive from.
    :param group: entry-point group in which other packages register names.
    :param given: arguments that hetmusic gives every constructor, so that a person need not.
    :param hooks: methods of the base class of which a class must override one.
    """

    def __init__(
        self,
        kind: str,
        base: type[T],
        group: str,
        given: Collection[str] = (),
        hooks: Sequence[str] = (),
    ) -> None:
        self.kind = kind
        self.base = base
        self.group = group
        self.given = tuple(given)
        self.hooks = tuple(hooks)
        self._classes: dict[str, type[T]] = {}
        _RESOLVERS.append(self)
        self._adapters: list[Callable[[type], type | None]] = []
        self._adapted: dict[type, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator that makes a class known by ``name``."""

        def add(cls: type[T]) -> type[T]:
            if name in self._classes:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._classes[name] = cls
            return cls

        return add

    def adapter(self, adapt: A) -> A:
        """Decorator of a function that makes classes of another library fit: it gets one, and returns a subclass or None.

        What an adapter made of a class is kept, so that a class is always adapted to the same one.
        """
        self._adapters.append(adapt)
        return adapt

    @property
    def classes(self) -> Mapping[str, type[T]]:
        """The registered names, entry points of other packages not included."""
        return dict(self._classes)

    @property
    def entry_points(self) -> Mapping[str, EntryPoint]:
        """The names that installed packages announce."""
        return {point.name: point for point in entry_points(group=self.group)}

    @property
    def names(self) -> list[str]:
        """All names, registered or announced, in order."""
        return sorted({*self._classes, *self.entry_points})

    def lookup(self, spec: Spec) -> type[T]:
        """The class that a name, ``"module:Class"``, class or instance stands for.

        :raises ConfigError: if there is no such name, module or class, or it is not a subclass of the base class.
        :raises PluginError: if the module fails while it is imported, with the traceback.
        """
        found = self.found(spec)
        if inspect.isclass(found):
            found = self._adapt(found)
        if not (inspect.isclass(found) and issubclass(found, self.base)):
            raise ConfigError(self._unfit(spec, found))
        return found

    def found(self, spec: Spec) -> Any:
        """What stands at a name or path, before it is adapted; the class of an instance."""
        if isinstance(spec, self.base):
            return type(spec)
        return spec if inspect.isclass(spec) else self._by_text(spec)

    def make(self, spec: Spec, /, **arguments: Any) -> T:
        """Construct the object; an instance is returned as it is.

        :param spec: registered name, ``"module:Class"``, class or instance.
        :param arguments: passed to the constructor, checked and converted by its annotations.
        :raises ConfigError: as :meth:`lookup`, or for an argument that the constructor lacks or misses or that has a
            wrong value.
        :raises PluginError: if the constructor of another package's class fails, with the traceback.
        """
        cls = self.lookup(spec)
        self._check_class(cls)
        if isinstance(spec, self.base):
            self._refuse_arguments(cls, [name for name in arguments if name not in self.given])
            return spec
        checked = parse_arguments(f"{self.kind} {cls.__name__}", cls, arguments)
        try:
            made = cls(**checked)
        except UserError:
            raise
        except Exception as problem:
            if not is_foreign(cls):
                raise
            hint = "; call super().__init__(...) first" if "__init__() call" in str(problem) else ""
            raise PluginError.caused_by(
                problem, f"{self.kind} {cls.__name__} cannot be made", hint, skip=HOME
            ) from problem
        if hasattr(cls, "register_parameter") and "_parameters" not in vars(made):
            raise ConfigError(
                f"{self.kind} {cls.__name__}: its __init__ must call super().__init__(...) first"
            )
        return made

    def check(self, spec: Spec, arguments: Mapping[str, Any], set_by: Callable[[str], str] = repr) -> type[T]:
        """Check everything that can be checked without making the object; its class.

        :param arguments: those that a person gave.
        :param set_by: what a person writes to give an argument, for messages.
        :raises ConfigError: as :meth:`make`, also for an argument that hetmusic gives itself.
        """
        cls = self.lookup(spec)
        self._check_class(cls)
        what = f"{self.kind} {cls.__name__}"
        for name in self.given:
            if name in arguments:
                raise ConfigError(f"{what}: {name!r} is given by hetmusic and cannot be set")
        if isinstance(spec, self.base):
            self._refuse_arguments(cls, list(arguments))
        else:
            parse_arguments(what, cls, arguments, self.given, set_by)
        return cls

    def _check_class(self, cls: type[T]) -> None:
        what = f"{self.kind} {cls.__name__}"
        if self.hooks:
            check_hooks(what, cls, self.base, self.hooks)
        check_given(what, cls, self.given)

    def _refuse_arguments(self, cls: type[T], names: Sequence[str]) -> None:
        if names:
            raise ConfigError(
                f"{self.kind} {cls.__name__} is a ready object, so it takes no {', '.join(map(repr, names))}: make it with "
                f"{'this' if len(names) == 1 else 'these'}, or give the class {cls.__name__} instead"
            )

    def _adapt(self, found: type) -> type:
        if issubclass(found, self.base):
            return found
        if found not in self._adapted:
            fitting = next((made for adapt in self._adapters if (made := adapt(found)) is not None), None)
            if fitting is None:
                return found
            self._adapted[found] = fitting
        return self._adapted[found]

    def _unfit(self, spec: Spec, found: Any) -> str:
        if inspect.isclass(found):
            what = f"is a class, but not a subclass of {self.base.__name__}"
        else:
            what = f"is a {type(found).__name__}, not a class"
        shown = spec if isinstance(spec, str) else text_of(found) if inspect.isclass(found) else _short(found)
        other = next(
            (r.kind for r in _RESOLVERS if inspect.isclass(found) and issubclass(found, r.base)), None
        )
        if other is not None:
            return (
                f"{shown!r} is not a {self.kind} but a {other}; docs/plugins.md says where each kind is named"
            )
        adapted = not inspect.isclass(found) and issubclass(self._adapt(type(found)), self.base)
        return f"{shown!r} is not a {self.kind}: it {what}; {way_out(found, self.base, adapted, self.hooks)}"

    def _by_text(self, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        if text in self._classes:
            return self._classes[text]
        what = f"{self.kind} {text!r}"
        if (point := self.entry_points.get(text)) is not None:
            path = point.value.partition("[")[0].replace(" ", "")
            if ":" not in path:
                raise ConfigError(
                    f"{what}: its entry point says {path!r}, which is a module; it must be {path}:Class"
                )
            return import_object(path, what, self.base)
        if hint := form_hint(text):
            raise ConfigError(f"{what}: {hint}")
        if ":" in text:
            return import_object(text, what, self.base)
        known = self.names
        raise ConfigError(
            f"no {self.kind} is called {text!r}{did_you_mean(text, known) or dotted_hint(text)}; known: "
            f"{', '.join(known)}, or give an import path 'module:Class'"
        )


def text_of(spec: Spec) -> str:
    """What a configuration file says for a name, class or instance: texts as they are, else ``module:Class``."""
    if isinstance(spec, str):
        return spec
    cls = spec if inspect.isclass(spec) else type(spec)
    return f"{cls.__module__}:{cls.__qualname__}"


def argument_from_text(cls: type, key: str, text: str) -> Any:
    """What a person writes for an argument of a constructor: the text as it is, or what it says in TOML.

    :return: the one that the annotation takes, else the text, which is refused with a reason when the object is made.
    """
    parsed = None if text.lower() in ("none", "null") else parse_override(f"v={text}")["v"]
    others = [name for name in parameters_of(cls) if name != key]
    for candidate in (parsed, text):
        with contextlib.suppress(ConfigError):
            parse_arguments("", cls, {key: candidate}, others)
            return candidate
    return text


def _short(found: Any) -> Any:
    """What messages call an object: numbers and the like as they are, others by their class."""
    if isinstance(found, (str, bytes, bool, int, float, type(None))):
        return found
    return getattr(found, "__qualname__", None) or f"{type(found).__name__} object"
