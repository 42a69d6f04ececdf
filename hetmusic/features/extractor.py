"""What an extractor of features is, and how one is found by name."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hetmusic._resolve import Resolver
from hetmusic.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

#: what an extractor describes
Kind = Literal["text", "audio", "image"]


class Absent(Exception):
    """Raised for an item that cannot be described; the message is the reason that the report counts ("silent")."""


class AbsentForNow(Absent):
    """Raised where the reason is not in the item, so that another run should try again ("hangs the decoder")."""


class Extractor(ABC):
    """Turns texts, sound files or pictures into vectors of one length.

    A subclass writes :meth:`extract` and :attr:`kind`, and what else it needs. Everything around it is done for it
    (:mod:`hetmusic.features.extraction`): which items changed, threads, batches, memory, masks, files. An extractor
    writes no files of its own.

    The constructor's arguments are the settings that a user gives: keywords in Python, ``--set audio.pooling=mean`` on the
    command line. They are typed (``str``, ``int``, ``float``, ``bool``, ``X | None``, ``Literal``, ``Path``), have
    defaults, and are described in the docstring of the class, whose first line is what ``features list`` shows.
    The constructor is cheap: weights are loaded in :meth:`load`.
    """

    #: what :meth:`prepare` is given: a ``str`` of text, the ``Path`` of a sound or image file
    kind: ClassVar[Kind]
    #: name under which it is registered; a class that gives none is called ``module:Class``
    name: ClassVar[str]
    #: part of what results are cached under: raise it when a change of code changes the vectors
    version: ClassVar[str] = "1"
    #: whether :meth:`fit` learns from the catalogue, so that vectors depend on all items
    learns: ClassVar[bool] = False

    _arguments: dict[str, Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # an inherited name would put the results of two classes into one place
        if "name" not in cls.__dict__:
            cls.name = f"{cls.__module__}:{cls.__qualname__}"

    def __new__(cls, *positional: Any, **keyword: Any) -> Self:
        """Remember the arguments for :meth:`settings`."""
        kind_of(cls)
        self = super().__new__(cls)
        self._arguments = _bound(cls, positional, keyword)
        return self

    def settings(self) -> dict[str, Any]:
        """Everything that the vectors depend on beside the item, as JSON: model, checksum of weights, windows, pooling.

        Results are cached under it, and it is stored beside the vectors. It is asked for before :meth:`load`. Unless
        overridden, these are the constructor's arguments.
        """
        return {
            key: str(value) if isinstance(value, Path) else value for key, value in self._arguments.items()
        }

    def load(self, device: str = "auto") -> None:  # noqa: B027  most have nothing to load
        """Load weights; called once before the first :meth:`extract`, and not at all where nothing is left to compute.

        :param device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``.
        :raises FeatureError: in one line, for a model of an unknown name, a folder that lacks a file, no network.
        """

    def fit(self, items: Iterable[Any]) -> None:  # noqa: B027  most learn nothing
        """Learn from the catalogue; only for extractors that say so by :attr:`learns`.

        :param items: what :meth:`prepare` would be given of each item that is there, in the order of the nodes; can be
            gone through once.
        """

    def prepare(self, item: Any) -> Any:
        """Decode, resize, cut into windows: what can be done for one item while the model computes another.

        Runs in several threads at a time, so it must not change the extractor.

        :param item: a ``str`` of text, or the ``Path`` of a sound or image file; see :attr:`kind`.
        :raises Absent: if there is nothing to describe, or the item cannot be read.
        """
        return item

    @abstractmethod
    def extract(self, batch: Sequence[Any]) -> NDArray[np.floating[Any]]:
        """The vectors of a batch of prepared items; runs in one thread.

        May raise what the libraries raise: out of memory halves the batch, any other error is looked for item by item. A
        row that holds NaN or infinity is an absence.

        :return: shape ``(len(batch), dim)``, with the same ``dim`` for every batch.
        :raises Absent: for a batch of one that has nothing to describe.
        """

    def size(self, prepared: Any) -> int:
        """What a prepared item costs, in units of the batch size: windows, tokens."""
        return 1


def _bound(cls: type, positional: Sequence[Any], keyword: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor by name, defaults included."""
    if cls.__init__ is object.__init__:  # type: ignore[misc]
        return {}
    bound = inspect.signature(cls.__init__).bind(None, *positional, **keyword)  # type: ignore[misc]
    bound.apply_defaults()
    return dict(list(bound.arguments.items())[1:])


def kind_of(cls: type[Extractor]) -> Kind:
    """What a class describes.

    :raises ConfigError: if it does not say so.
    """
    kind: Any = getattr(cls, "kind", None)
    if kind not in get_args(Kind):
        said = "has no kind" if kind is None else f"has the kind {kind!r}"
        raise ConfigError(f"extractor {cls.name} {said}: it must be one of {', '.join(get_args(Kind))}")
    found: Kind = kind
    return found


#: names, import paths, classes, instances and entry points (group ``hetmusic.extractors``) -> extractor
extractors: Resolver[Extractor] = Resolver("feature extractor", Extractor, "hetmusic.extractors")  # type: ignore[type-abstract]
