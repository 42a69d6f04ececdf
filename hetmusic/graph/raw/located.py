"""Where the raw files of a dump are: in one folder, or each at a path of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hetmusic.errors import DataError, did_you_mean
from hetmusic.graph.raw.globbing import matching
from kg_schema.dump import DumpSpec
from kg_schema.dump_files import COMPRESSED, FileSpec, is_pattern


@dataclass(frozen=True)
class Located:
    """The path of a file, whether it exists or not."""

    path: Path
    #: what to call the file: never with the folder it lies in
    name: str
    #: what else would have been taken, for the message that the file is missing
    alternatives: str = ""
    #: name -> path of the files that a pattern fits, in the order in which they are read; empty if it is one file
    parts: Mapping[str, Path] = field(default_factory=dict)

    def prefixed(self, prefix: str) -> Located:
        """The same with names that begin with a prefix, which tells the files of several dumps apart."""
        parts = {prefix + name: path for name, path in self.parts.items()}
        return replace(self, name=prefix + self.name, parts=parts)


def locate(spec: DumpSpec, raw: Path | Mapping[str, Path]) -> dict[str, Located]:
    """File id -> path; with a mapping, only of files that it names.

    :raises DataError: if the folder does not exist, or the mapping names unknown files or lacks a needed one.
    """
    if not isinstance(raw, Mapping):
        if not raw.is_dir():
            raise DataError(f"the raw folder {raw} {'is not a folder' if raw.exists() else 'does not exist'}")
        return {file: first_there(raw, entry) for file, entry in spec.files.items()}
    for file in raw:
        if file not in spec.files:
            known = did_you_mean(file, spec.files) or f"; it has {', '.join(spec.files)}"
            raise DataError(f"dump {spec.name!r} has no file {file!r}{known}")
    for file, entry in spec.files.items():
        if file not in raw and not entry.optional:
            raise DataError(f"no path given for file {file!r} of dump {spec.name!r}")
    return {file: _given(Path(raw[file])) for file in spec.files if file in raw}


def sorted_files(folder: Path, suffix: str = "") -> Iterator[Path]:
    """All files below a folder whose names end so, folder by folder in the order of the names.

    Links to other folders are not followed; what is neither a file nor a link to one is passed over.
    """
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.lower().endswith(suffix) and _is_file(entry):
            yield Path(entry.path)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from sorted_files(Path(entry.path), suffix)


def check_inside(root: Path | None, path: Path, name: str) -> None:
    """Refuse links that lead out of the raw folder, as somebody else's folder may hold.

    :param root: the raw folder; None if people gave the path themselves.
    :raises DataError: naming the link.
    """
    if leads_out(root, path):
        raise DataError(
            f"{name} is a link, or lies behind one, that leads out of the raw folder {root}; copy the file, or give the "
            "folder in which it really is"
        )


def leads_out(root: Path | None, path: Path) -> bool:
    """Whether a path is, or lies behind, a link that leads out of the raw folder.

    :param root: the raw folder; None if people gave the path themselves.
    """
    return root is not None and not path.resolve().is_relative_to(root.resolve())


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _given(path: Path) -> Located:
    """The file, folder or pattern that a path of its own stands for."""
    if path.exists() or not is_pattern(str(path)):
        return Located(path, path.name)
    fixed = next(number for number, part in enumerate(path.parts) if is_pattern(part))
    name = "/".join(path.parts[fixed:])
    return Located(path, name, parts=_fitting(Path(*path.parts[:fixed]), name))


def _fitting(root: Path, path: str) -> dict[str, Path]:
    return {name: root / name for name in matching(root, path)} if is_pattern(path) else {}


def first_there(raw: Path, entry: FileSpec) -> Located:
    """The first of a file's paths that exists, plain before compressed, or else the first."""
    for path in entry.path:
        for suffix in ("", *COMPRESSED):
            if (raw / f"{path}{suffix}").exists():
                return Located(raw / f"{path}{suffix}", f"{path}{suffix}")
            if found := _fitting(raw, f"{path}{suffix}"):
                return Located(raw / f"{path}{suffix}", f"{path}{suffix}", parts=found)
    others = ", ".join(entry.path[1:])
    return Located(raw / entry.path[0], entry.path[0], f"; nor is there {others}" if others else "")
