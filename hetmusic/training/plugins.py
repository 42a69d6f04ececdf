"""The plug-ins that a configuration names: checked before anything runs, recorded with a run, required to reopen it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hetmusic._arguments import parameters_of
from hetmusic._origin import origin_of
from hetmusic._resolve import Resolver, text_of
from hetmusic.errors import ConfigError, PluginError, RunError, did_you_mean
from hetmusic.graph import MusicGraph
from hetmusic.models.combine import combiners
from hetmusic.models.heads import heads
from hetmusic.models.plugin_spec import at_key, called, check_plain, is_instance
from hetmusic.models.relation_choice import check_relation
from hetmusic.models.tower_config import RELATION_KEYS, RelationConfig, TowerConfig
from hetmusic.relations import relation_encoders
from hetmusic.run_layout import PluginRecord, RunInfo
from hetmusic.training.config import FitConfig
from hetmusic.training.losses import losses
from hetmusic.training.sampling import samplers

logger = logging.getLogger(__name__)

_RESOLVERS: dict[str, Resolver[Any]] = {
    resolver.kind: resolver for resolver in (relation_encoders, combiners, heads, losses, samplers)
}


@dataclass(frozen=True)
class Use:
    """A place of a configuration that names a plug-in."""

    #: the key, e.g. ``relations.liked_by``
    where: str
    resolver: Resolver[Any]
    spec: Any
    arguments: Mapping[str, Any]
    #: the relation whose encoder it is
    relation: str | None = None

    def argument_key(self, name: str) -> str:
        """The key under which an argument is set, e.g. ``relations.liked_by.rate``."""
        between = "." if self.resolver is relation_encoders else "_arguments."
        return f"{self.where}{between}{name}"

    def check(self, relations: Collection[str] | None = None) -> type:
        """The class, its arguments checked.

        :param relations: those of the graph; None if there is no graph to ask.
        :raises ConfigError: beginning with the key.
        """
        with at_key(self.where):
            if self.relation is not None and relations is not None:
                check_relation(self.relation, relations)
            if self.resolver is relation_encoders:
                self._check_keys()
            try:
                cls = self.resolver.check(self.spec, self.arguments, self.argument_key)
            except ConfigError:
                if (
                    self.relation is not None
                    and isinstance(self.spec, str)
                    and self.spec in self.resolver.classes
                ):
                    check_relation(
                        self.relation, relations or ()
                    )  # rather that than the preset's encoder is wrong
                raise
            self._check_plain()
            return cls

    def _check_plain(self) -> None:
        """Refuse arguments that were put into the configuration unchecked and that a file cannot hold."""
        try:
            check_plain(self.arguments, f" of {self.resolver.kind} {called(self.spec)}")
        except ValueError as problem:
            raise ConfigError(str(problem)) from None

    def _check_keys(self) -> None:
        """Tell the keys of a relation's table from the arguments of its encoder."""
        cls = self.resolver.lookup(self.spec)
        parameters = parameters_of(cls)
        if hidden := [name for name in parameters if name in RELATION_KEYS]:
            raise ConfigError(
                f"relation encoder {cls.__name__} has an argument {hidden[0]!r}, which is a key of the relation's own table "
                "and so can never be set: call it otherwise"
            )
        for name in self.arguments:
            if name not in parameters and (hint := did_you_mean(name, RELATION_KEYS)):
                raise ConfigError(f"unknown key {name!r}{hint}")


def uses_of(config: FitConfig) -> Iterator[Use]:
    """Every place of a configuration that names a plug-in.

    :raises ConfigError: for what was put into the configuration unchecked and is no table.
    """
    _require_tables("relations", config.relations, RelationConfig)
    _require_tables("towers", config.towers, TowerConfig)
    for name, relation in config.relations.items():
        if relation.use:
            yield Use(f"relations.{name}", relation_encoders, relation.encoder, relation.arguments, name)
    for tower, own in config.towers.items():
        for name, over in own.relations.items():
            where = f"towers.{tower}.relations.{name}"
            with at_key(where):
                relation = over.over(config.relations.get(name))
            if relation.use:
                yield Use(where, relation_encoders, relation.encoder, relation.arguments, name)
        if own.combine is not None:
            yield Use(f"towers.{tower}.combine", combiners, own.combine, own.combine_arguments)
    model, training = config.model, config.training
    yield Use("model.combine", combiners, model.combine, model.combine_arguments)
    yield Use("model.head", heads, model.head, {})
    yield Use("training.loss", losses, training.loss, training.loss_arguments)
    yield Use("training.sampler", samplers, training.sampler, training.sampler_arguments)


def _require_tables(section: str, tables: Mapping[str, Any], kind: type) -> None:
    for name, table in tables.items():
        if not isinstance(table, kind):
            what = f"the class {table.__name__}" if inspect.isclass(table) else f"a {type(table).__name__}"
            example = "encoder=..." if kind is RelationConfig else "relations={...}"
            raise ConfigError(
                f"{section}.{name} is {what}: write config.{section}[{name!r}] = {kind.__name__}({example}), which is in "
                "hetmusic.models"
            )


def check_plugins(config: FitConfig, graph: MusicGraph | None = None) -> None:
    """Refuse plug-ins that cannot be found, and arguments that they do not take, before anything runs.

    :param graph: whose relations are known beside those of the music ontology.
    :raises ConfigError: naming key, plug-in and argument.
    """
    relations = None if graph is None else _names_of_relations(graph)
    for use in uses_of(config):
        use.check(relations)


def _names_of_relations(graph: MusicGraph) -> set[str]:
    """The relations of a graph, in both directions."""
    known = graph.meta.relations
    return {*known, *(info.inverse for info in known.values() if info.inverse is not None)}


def argument_defaults(config: FitConfig) -> dict[str, Any]:
    """What the arguments of plug-ins are that a configuration leaves to their constructors, by dotted key."""
    found: dict[str, Any] = {}
    for use in uses_of(config):
        if is_instance(use.spec):
            continue  # what it was made with is part of the configuration
        with at_key(use.where):
            cls = use.resolver.lookup(use.spec)
        for name, parameter in parameters_of(cls).items():
            default = parameter.default
            if name not in use.arguments and isinstance(default, (str, bool, int, float, list)):
                found[use.argument_key(name)] = default
    return found


def record_plugins(config: FitConfig) -> dict[str, PluginRecord]:
    """Where the plug-ins of other packages come from, by what ``config.toml`` calls them."""
    found: dict[str, PluginRecord] = {}
    for use in uses_of(config):
        origin = origin_of(use.resolver.found(use.spec))
        if origin is not None:
            text = text_of(use.spec)
            keys = [*found[text].used_by, use.where] if text in found else [use.where]
            found[text] = PluginRecord(kind=use.resolver.kind, used_by=keys, **origin)
    return found


def require_plugins(folder: Path, info: RunInfo) -> None:
    """See that the plug-ins of a run are here again, before its model is built.

    :raises RunError: naming what is missing and how to get it.
    :raises PluginError: if a plug-in's module fails while it is imported.
    """
    for text, record in info.plugins.items():
        resolver = _RESOLVERS[record.kind]
        try:
            found = _find(resolver, text, record)
        except PluginError as problem:  # the same error, which has the traceback
            problem.args = (f"{folder} needs the plug-ins of {', '.join(record.used_by)}: {problem}",)
            raise
        except ConfigError as problem:
            raise RunError(_what_to_do(folder, text, record, problem)) from None
        now = origin_of(found)
        if now is not None and now["version"] != record.version:
            logger.warning(
                "%s %s was fitted with %s %s; installed is %s",
                record.kind, text, record.distribution or text, record.version, now["version"],
            )  # fmt: skip


def _find(resolver: Resolver[Any], text: str, record: PluginRecord) -> Any:
    try:
        return resolver.found(text)
    except PluginError:
        raise
    except ConfigError:
        resolver.found(record.path)  # a module that registers the name itself
        return resolver.found(text)


def _what_to_do(folder: Path, text: str, record: PluginRecord, problem: ConfigError) -> str:
    where = ", ".join(record.used_by)
    said = f"{folder} needs the {record.kind} {text!r} ({where})"
    if text != record.path:
        said += f", which is {record.path}"
    if record.distribution is not None:
        package = f"{record.distribution}=={record.version}"
        return f"{said}, of the package {package}: install it, for example with `pip install {package}` ({problem})"
    module = record.path.partition(":")[0]
    if module == "__main__":
        return (
            f"{said}, which was defined in a script or notebook ({record.file or 'unknown file'}): put it into a module "
            "that can be imported, and fit again"
        )
    if "<locals>" in record.path:
        return f"{said}, which was defined inside a function, where it cannot be found again: put it into a module"
    return f"{said}, of the module {module} in {record.file}: put its folder on PYTHONPATH ({problem})"
