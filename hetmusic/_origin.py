"""Where a class comes from: import path, package, version, file."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import TypedDict

from hetmusic._foreign import is_foreign
from hetmusic._resolve import text_of


class Origin(TypedDict):
    """Where a class comes from."""

    #: ``module:Class``
    path: str
    #: the installed package; None for a module that belongs to none
    distribution: str | None
    #: the package's version, or the module's ``__version__``
    version: str | None
    #: the module's file
    file: str | None


def origin_of(cls: type) -> Origin | None:
    """Where a class comes from; None if it is hetmusic's own."""
    if not is_foreign(cls):
        return None
    top = cls.__module__.partition(".")[0]
    names = packages_distributions().get(top, [])
    name = names[0] if names else None
    module = sys.modules.get(cls.__module__)
    return Origin(
        path=text_of(cls),
        distribution=name,
        version=_version(name) or getattr(sys.modules.get(top), "__version__", None),
        file=getattr(module, "__file__", None),
    )


def _version(distribution: str | None) -> str | None:
    if distribution is None:
        return None
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
