"""Data sets that have a name: those that come with hetmusic, and those of other installed packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from kg_schema.errors import SchemaError, did_you_mean

DUMPS = Path(__file__).with_name("dumps")
#: entry points of this group are named like the dump, and load the path of its YAML file
GROUP = "hetmusic.dumps"


def builtin_names() -> list[str]:
    """Names of the dumps that come with hetmusic."""
    return sorted(path.stem for path in DUMPS.glob("*.yaml"))


def dump_names() -> list[str]:
    """Names of all dumps that need no file: built-in ones first, then those of other packages."""
    builtin = builtin_names()
    return [*builtin, *sorted({point.name for point in entry_points(group=GROUP)} - set(builtin))]


def find_dump(name_or_path: str | Path) -> Path:
    """The YAML file of a dump that is given by its name or by that file.

    :raises SchemaError: if it is neither, or an installed package names a file that is not there.
    """
    text = str(name_or_path)
    if text in builtin_names():
        return DUMPS / f"{text}.yaml"
    for point in entry_points(group=GROUP):
        if point.name == text:
            return _path_of(point)
    path = Path(name_or_path)
    if path.is_file():
        return path
    hint = did_you_mean(text, dump_names()) or f"; built-in names: {', '.join(builtin_names())}"
    raise SchemaError(f"{text!r} is neither a built-in dump nor a specification file{hint}")


def _path_of(point: EntryPoint) -> Path:
    package = point.dist.name if point.dist is not None else point.module
    try:
        found = point.load()
    except Exception as error:
        raise SchemaError(
            f"the dump {point.name!r} of package {package!r} cannot be loaded ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(found, (str, Path)) or not Path(found).is_file():
        raise SchemaError(
            f"the dump {point.name!r} of package {package!r} is not the path of a YAML file: {found!r}"
        )
    return Path(found)
