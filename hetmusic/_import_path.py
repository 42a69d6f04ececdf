"""The object at ``module:attribute``; whatever is wrong with it becomes an error that says what was meant."""

from __future__ import annotations

import importlib
from typing import Any

from hetmusic._foreign import HOME
from hetmusic._spec_hints import attribute_hint, missing_module_hint
from hetmusic.errors import ConfigError, PluginError


def import_object(path: str, what: str, base: type) -> Any:
    """Import a module and find an attribute of it.

    :param path: ``module:attribute``, the attribute perhaps with dots.
    :param what: how messages begin, e.g. ``"relation encoder 'my_pkg.enc:Decay'"``.
    :param base: the class that is looked for, for suggestions.
    :raises ConfigError: if there is no such module or attribute.
    :raises PluginError: if the module fails while it is imported, with the traceback.
    """
    module_name, _, attribute = path.partition(":")
    if module_name.partition(".")[0] == "dgl":
        from hetmusic import _dgl  # noqa: F401 (makes a plain import of DGL work)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigError(
                f"{what}: no module named {error.name!r} is installed or on PYTHONPATH{missing_module_hint(error.name)}"
            ) from None
        raise _failed(error, what, f"; install {error.name}, which the module needs") from error
    except SystemExit as stop:
        raise _failed(
            stop, what, "; what is to run as a script belongs under if __name__ == '__main__'"
        ) from stop
    except Exception as error:
        raise _failed(error, what) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            hint = attribute_hint(found, part, base)
            raise ConfigError(f"{what}: {module_name} has no {attribute!r}{hint}")
        found = getattr(found, part)
    return found


def _failed(error: BaseException, what: str, hint: str = "") -> PluginError:
    return PluginError.caused_by(error, f"{what} cannot be imported", hint, skip=HOME)
