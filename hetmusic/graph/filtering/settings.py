"""The filters of a build: those of its options, and where they say nothing those of the specifications."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hetmusic._io import sha256
from hetmusic.errors import ConfigError
from hetmusic.graph.format import RawFile
from kg_schema.dump import DumpSpec
from kg_schema.filters import Filters


class FilterSettings(NamedTuple):
    """The filters to apply."""

    filters: Filters
    #: name of a filter -> name of the dump whose specification sets it
    owners: dict[str, str]

    def list_files(self) -> list[RawFile]:
        """The files of keep-lists, for the provenance."""
        paths = [Path(keep.path) for keep in self.filters.lists.values() if keep.path is not None]
        return [RawFile(name=path.name, bytes=path.stat().st_size, sha256=sha256(path)) for path in paths]


def filter_settings(specs: Sequence[DumpSpec], given: Filters) -> FilterSettings:
    """Join the filters of the specifications with those that were given, which count.

    :raises ConfigError: if two specifications set one filter differently.
    """
    values: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for spec in specs:
        for name in spec.filters.model_fields_set - given.model_fields_set:
            value = getattr(spec.filters, name)
            if name in owners and values[name] != value:
                raise ConfigError(
                    f"{owners[name]} sets the filter {name!r} to {values[name]} and {spec.name} to {value}; "
                    "choose by giving it to the build"
                )
            if name not in owners:
                values[name], owners[name] = value, spec.name
    return FilterSettings(given.model_copy(update=values), owners)
