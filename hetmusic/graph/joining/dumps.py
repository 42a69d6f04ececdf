"""The dumps of a build, in the order in which they were named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hetmusic.errors import ConfigError, DataError, did_you_mean
from hetmusic.graph.build_report import Notes
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.kept import Room
from kg_schema import dump_check
from kg_schema.dump import DumpSpec
from kg_schema.ontology import Ontology

#: the folder of a dump's raw files, or file id -> path
Raw = str | Path | Mapping[str, str | Path]


@dataclass(frozen=True)
class Dump:
    """One of the dumps of a build."""

    spec: DumpSpec
    files: RawFiles
    #: says of a warning which dump it is about, if there are several
    notes: Notes

    @property
    def name(self) -> str:
        """The name that the specification gives."""
        return self.spec.name


def load_specs(
    dumps: DumpSpec | str | Path | Sequence[DumpSpec | str | Path], ontology: Ontology
) -> list[DumpSpec]:
    """The specifications of a build, checked.

    :raises SchemaError: for a mistake in one of them.
    :raises ConfigError: if there is none, or two have one name.
    """
    listed = [dumps] if isinstance(dumps, (DumpSpec, str, Path)) else list(dumps)
    if not listed:
        raise ConfigError("no dump is named, so there is nothing to build")
    specs = [dump if isinstance(dump, DumpSpec) else DumpSpec.load(dump) for dump in listed]
    for spec in specs:
        dump_check.check(spec, ontology)
        same = [other.source or "given in Python" for other in specs if other.name == spec.name]
        if len(same) > 1:
            raise ConfigError(
                f"two dumps are called {spec.name!r}: {same[0]} and {same[1]}; change one `name`"
            )
    return specs


def open_dumps(
    specs: Sequence[DumpSpec], raw: Raw | Mapping[str, Raw], notes: Notes, room: Room
) -> list[Dump]:
    """Find the raw files of every dump.

    :param raw: for one dump its folder or the path of each file, for several these by the name of the dump.
    :param room: what the rows of all dumps may take while they are kept.
    :raises ConfigError: if ``raw`` lacks a dump, or names one that is not built.
    :raises DataError: for missing files.
    """
    if len(specs) == 1 and not (isinstance(raw, Mapping) and list(raw) == [specs[0].name]):
        return [Dump(specs[0], RawFiles(specs[0], _paths(raw), notes, room=room), notes)]
    folders = _by_name(specs, raw)
    if len(specs) == 1:
        return open_dumps(specs, folders[specs[0].name], notes, room)
    found = []
    for spec in specs:
        own = notes.of_dump(spec.name)
        try:
            files = RawFiles(spec, _paths(folders[spec.name]), own, f"{spec.name}/", room)
        except DataError as error:
            raise DataError(f"dump {spec.name}: {error}") from None
        found.append(Dump(spec, files, own))
    return found


def _by_name(specs: Sequence[DumpSpec], raw: Raw | Mapping[str, Raw]) -> Mapping[str, Raw]:
    names = [spec.name for spec in specs]
    if not isinstance(raw, Mapping):
        raise ConfigError(
            f"several dumps are joined ({', '.join(names)}), so each needs its raw folder: NAME=DIR"
        )
    for name in raw:
        if name not in names:
            raise ConfigError(
                f"a raw folder is given for {name!r}, which is not built{did_you_mean(name, names)}"
            )
    if missing := [name for name in names if name not in raw]:
        raise ConfigError(f"no raw folder is given for {', '.join(missing)}: NAME=DIR")
    return raw


def _paths(raw: Raw | Mapping[str, Raw]) -> Path | dict[str, Path]:
    if not isinstance(raw, Mapping):
        return Path(raw)
    if inner := [name for name, path in raw.items() if isinstance(path, Mapping)]:
        raise ConfigError(f"a path is expected for {inner[0]!r}, not a mapping")
    return {file: Path(path) for file, path in raw.items() if not isinstance(path, Mapping)}
