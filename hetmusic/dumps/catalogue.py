"""The data sets that hetmusic knows by name, as a list for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hetmusic.errors import SchemaError
from kg_schema.dump import DumpSpec, builtin_names, dump_names
from kg_schema.dump_files import FileSpec


@dataclass(frozen=True)
class KnownDump:
    """A data set that needs no specification of one's own."""

    name: str
    #: whether it comes with hetmusic, or else with another package
    builtin: bool
    #: None if the other package is broken
    spec: DumpSpec | None
    #: what is wrong with it
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything about it but the mapping, as plain values."""
        if self.spec is None:
            return {"name": self.name, "builtin": self.builtin, "error": self.error}
        return {"name": self.name, "builtin": self.builtin, **facts(self.spec)}


def known_dumps() -> Iterator[KnownDump]:
    """All data sets with a name; a broken one of another package does not hide the others."""
    builtin = builtin_names()
    for name in dump_names():
        try:
            yield KnownDump(name, name in builtin, DumpSpec.load(name))
        except SchemaError as error:
            yield KnownDump(name, name in builtin, None, str(error))


def facts(spec: DumpSpec) -> dict[str, Any]:
    """What a data set is, its files and where they come from, as plain values."""
    about = spec.model_dump(include={"title", "licence", "citation", "homepage", "item", "interaction"})
    files = {file: _file(entry) for file, entry in spec.files.items()}
    downloads = [
        {"file": load.file, "gives": load.gives, **load.model_dump(exclude={"name", "unpack"})}
        for load in spec.downloads
    ]
    return {**about, "size": download_size(spec), "files": files, "downloads": downloads}


def download_size(spec: DumpSpec) -> int | None:
    """Bytes to download, None unless all of them are known."""
    sizes = [load.size for load in spec.downloads if not load.optional]
    return sum(size for size in sizes if size is not None) if sizes and None not in sizes else None


def _file(entry: FileSpec) -> dict[str, Any]:
    shown = entry.model_dump(include={"about", "path", "reader", "rows", "size", "optional"})
    return {**shown, "format": None if entry.reader else entry.resolved_format}
