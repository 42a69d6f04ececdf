"""Arguments of plug-ins in a search: each counts where a plug-in is chosen that takes it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from hetmusic._arguments import parameters_of
from hetmusic._resolve import Resolver
from hetmusic._toml import value_at
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.experiments.dimension import Dimension
from hetmusic.models.plugin_spec import at_key
from hetmusic.models.tower_config import RELATION_KEYS

#: settings that name a plug-in whose arguments are a table beside them
_WITH_ARGUMENTS = {"combine", "loss", "sampler"}


def plugin_of(key: str) -> tuple[str, str] | None:
    """The setting that names a plug-in whose argument another setting is, and the argument; None if it is none.

    ``relations.liked_by.rate`` -> ``relations.liked_by.encoder``, ``rate``; ``model.combine_arguments.hidden`` ->
    ``model.combine``, ``hidden``.
    """
    parts = key.split(".")
    if "relations" in parts[:-2]:
        at = parts.index("relations")
        argument = parts[at + 2]
        return None if argument in RELATION_KEYS else (".".join([*parts[: at + 2], "encoder"]), argument)
    for at, part in enumerate(parts[:-1]):
        if part.removesuffix("_arguments") in _WITH_ARGUMENTS and part.endswith("_arguments"):
            return ".".join([*parts[:at], part.removesuffix("_arguments")]), parts[at + 1]
    return None


def with_plugin_conditions(dimensions: Mapping[str, Dimension], source: str) -> dict[str, Dimension]:
    """Let every argument of a plug-in that is searched as well count for those choices alone that take it.

    :param source: the file, for messages.
    :raises ConfigError: for an argument that no choice takes, or a choice that cannot be found.
    """
    found = dict(dimensions)
    for key, dimension in dimensions.items():
        named = plugin_of(key)
        if named is None or named[0] not in dimensions or named[0] in (dimension.when or {}):
            continue
        plugin, argument = named
        taken = {
            choice: _arguments(choice, plugin, source)
            for choice in dimensions[plugin].choices or []
            if isinstance(choice, str)
        }
        takers = [choice for choice, names in taken.items() if names is None or argument in names]
        if not takers:
            known = dict.fromkeys(name for names in taken.values() for name in names or ())
            listed = "; ".join(
                f"{choice}: {', '.join(names or ()) or 'none'}" for choice, names in taken.items()
            )
            raise ConfigError(
                f"{source}: setting {key!r}: no choice of {plugin} takes an argument {argument!r}"
                f"{did_you_mean(argument, known)}; arguments are: {listed}"
            )
        found[key] = dimension.model_copy(update={"when": {**(dimension.when or {}), plugin: takers}})
    return found


def required_arguments(dimensions: Mapping[str, Dimension], settings: Mapping[str, Any]) -> dict[str, Any]:
    """First values of the arguments that a plug-in must be given, and that have no default to begin with.

    :param settings: the complete ones, nested, which name the plug-ins that are not searched.
    """
    found = {}
    for key, dimension in dimensions.items():
        named = plugin_of(key)
        if named is None or named[0] in dimensions or value_at(settings, key) is not None:
            continue
        spec = value_at(settings, named[0])
        parameter = None if spec is None else parameters_of(_resolver_of(named[0]).lookup(spec)).get(named[1])
        if parameter is not None and parameter.default is inspect.Parameter.empty:
            found[key] = dimension.extremes()[0]
    return found


def _arguments(choice: str, plugin: str, source: str) -> list[str] | None:
    """The arguments that a person may give a plug-in; None if it takes any."""
    resolver = _resolver_of(plugin)
    with at_key(f"{source}: setting {plugin!r}"):
        cls = resolver.lookup(choice)
    parameters = parameters_of(cls)
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return None
    return [name for name in parameters if name not in resolver.given]


def _resolver_of(plugin: str) -> Resolver[Any]:
    # torch takes seconds to import, and most search spaces name no plug-in
    from hetmusic.models.combine import combiners
    from hetmusic.relations import relation_encoders
    from hetmusic.training.losses import losses
    from hetmusic.training.sampling import samplers

    by_key: dict[str, Resolver[Any]] = {
        "encoder": relation_encoders,
        "combine": combiners,
        "loss": losses,
        "sampler": samplers,
    }
    return by_key[plugin.rpartition(".")[2]]
