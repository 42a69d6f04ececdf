"""Which registered plug-ins have tests made with the kit."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import tests.relations
from hetmusic._resolve import Resolver


def covered(kit: type, resolver: Resolver[Any]) -> set[str]:
    """Registered names of the classes that some subclass of ``kit`` in ``tests/relations`` is about."""
    for module in pkgutil.iter_modules(tests.relations.__path__, "tests.relations."):
        importlib.import_module(module.name)
    tested = {resolver.lookup(cls.encoder) for cls in kit.__subclasses__() if hasattr(cls, "encoder")}
    return {name for name, cls in resolver.classes.items() if cls in tested}
