"""What a person probably meant by a text or an object that names no plug-in."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from hetmusic._hooks import signature_of
from hetmusic.errors import did_you_mean

#: names that a message lists
_MOST = 10


def form_hint(text: str) -> str:
    """What to write for a text that has not the form ``module:Class``; empty if it has."""
    path, colon, attribute = text.rpartition(":") if ":" in text else (text, "", "")
    if "/" in path or "\\" in path or path.endswith(".py"):
        return _module_hint(PurePath(path.replace("\\", "/")), attribute)
    if colon and not (path.strip() and attribute.strip()):
        return f"it is not of the form 'module:Class': the {'class' if path.strip() else 'module'} is missing"
    return ""


def _module_hint(path: PurePath, attribute: str) -> str:
    """What to write instead of the path of a file."""
    parts = [part for part in path.with_suffix("").parts if part != "."]
    outside = path.is_absolute() or ".." in parts
    written = f"{parts[-1] if outside else '.'.join(parts)}:{attribute or 'Class'}"
    where = f", with {path.parent} on PYTHONPATH" if outside else ""
    return f"a class is named by its module and not by a file: write {written!r}{where}"


def dotted_hint(text: str) -> str:
    """What to write for a dotted text without colon."""
    if text.endswith("Conv"):
        return f" (a convolution of DGL is dgl.nn.pytorch:{text.rpartition('.')[2]})"
    if "." not in text and not _is_module(text):
        return ""
    if _is_module(text):
        return f" ({text} is a module: write {text}:Class)"
    module, _, name = text.rpartition(".")
    return f" (for a class, write {module}:{name})"


def missing_module_hint(name: str) -> str:
    """What module may have been meant by one that cannot be found."""
    above, dot, last = name.rpartition(".")
    folder = Path.cwd().joinpath(*above.split("."))
    modules = {file.stem for file in folder.glob("*.py")}
    packages = {file.parent.name for file in folder.glob("*/__init__.py")}
    found = difflib.get_close_matches(last, sorted(modules | packages), n=1)
    return f" (did you mean {above + dot + found[0]!r}?)" if found else ""


def attribute_hint(module: Any, name: str, base: type) -> str:
    """What a module has instead of an attribute that it has not: a class that would do, rather than something else."""
    fitting = [
        other
        for other, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    for other in fitting:
        if other.lower() == name.strip().lower():
            return f" (did you mean {other!r}?)"
    if hint := did_you_mean(name, fitting) or did_you_mean(name, dir(module)):
        return hint
    return f"; it has {', '.join(fitting[:_MOST])}" if fitting else ""


def _is_module(text: str) -> bool:
    try:
        return importlib.util.find_spec(text) is not None
    except Exception:  # whatever the packages above it do when they are imported
        return False


def way_out(found: Any, base: type, adapted: bool, hooks: Sequence[str]) -> str:
    """What to give instead of an object that is no plug-in.

    :param found: the object.
    :param adapted: whether its class, given as a class, would do.
    :param hooks: methods of the base class of which a class must have one.
    """
    cls = found if inspect.isclass(found) else type(found)
    if adapted:
        path = f"{cls.__module__}:{cls.__qualname__}"
        return f"give its class, {path!r}, with its arguments beside it, and not an object of it"
    methods = f" with {' or '.join(signature_of(base, name) for name in hooks)}" if hooks else ""
    name = found.__name__ if inspect.isclass(found) else "Mine"
    return f"it must be a subclass of {base.__name__} ({base.__module__}): write class {name}({base.__name__}){methods}"
