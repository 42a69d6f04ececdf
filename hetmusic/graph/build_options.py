"""What may be asked of a build beside the dumps: how they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from hetmusic.errors import ConfigError
from kg_schema.dump import DumpSpec, MatchNames
from kg_schema.filters import Filters
from kg_schema.models import SpecModel
from kg_schema.ontology import Ontology
from kg_schema.yaml_file import dotted, problems_of


class BuildOptions(SpecModel):
    """Options of ``hetmusic build``; the graph stores those that were given."""

    #: name of the graph, by default those of the dumps
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    #: node type that is recommended, by default that of the dumps
    item: str | None = None
    #: node type -> attributes by which nodes are joined, beside their keys; a list holds ``TYPE`` or ``TYPE:ATTR+ATTR``
    match_names: MatchNames = Field(default_factory=dict)
    #: node types whose nodes may stay apart although nothing leads from the keys of one dump to those of another
    keep_apart: list[str] = Field(default_factory=list)

    #: share of the rows of a file that may be dropped; by default what the specification says of the file, or 0.05
    max_dropped: float | None = Field(default=None, ge=0, le=1)
    #: whether every dropped row is an error
    strict: bool = False
    #: which part of the graph to keep
    filters: Filters = Field(default_factory=Filters)

    @classmethod
    def of(cls, values: dict[str, Any]) -> BuildOptions:
        """Options from keyword arguments.

        :raises ConfigError: for an unknown option or value, or an unknown node type.
        """
        try:
            options = cls.model_validate(values)
        except ValidationError as error:
            location, message = problems_of(error)[0]
            raise ConfigError(f"build option {dotted(location)}: {message}") from None
        for name, keep in options.filters.lists.items():
            if keep.path is None:
                raise ConfigError(
                    f"build option filters.{name}: a file of a dump belongs into a specification; give the path of a list"
                )
        for node_type in [
            *options.match_names,
            *options.keep_apart,
            *([options.item] if options.item else []),
        ]:
            Ontology.load().node_type(node_type)
        return options

    def with_those_of(self, specs: Sequence[DumpSpec]) -> BuildOptions:
        """With what the specifications of the dumps ask for where the options say nothing; the first one counts.

        :raises ConfigError: if names are to be matched, but there is just one dump.
        """
        if self.match_names and len(specs) == 1:
            node_type = next(iter(self.match_names))
            raise ConfigError(
                f"match_names: {specs[0].name} is the only dump, so there is nothing that its {node_type} nodes could be "
                "matched with; name another dump as well, or leave this out"
            )
        match_names = dict(self.match_names)
        for spec in specs:
            for node_type, attributes in spec.match_names.items():
                match_names.setdefault(node_type, attributes)
        return self.model_copy(update={"match_names": match_names})

    def given(self) -> dict[str, Any]:
        """Those that differ from what is taken without asking, JSON-serialisable and without folders."""
        found = self.model_dump(mode="json", exclude_defaults=True)
        for keep in found.get("filters", {}).values():
            if isinstance(keep, dict) and "path" in keep:
                keep["path"] = Path(keep["path"]).name
        return found
