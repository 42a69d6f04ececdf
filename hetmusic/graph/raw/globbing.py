"""Files below a folder, all or those that a pattern fits, found without following links round in circles."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from hetmusic.errors import DataError
from kg_schema.dump_files import is_pattern


def files_below(folder: Path) -> list[str]:
    """The files below a folder, relative to it, in sorted order.

    Names that begin with ``.`` or ``_`` are no data.

    :raises DataError: if there is a link to a folder among them.
    """
    return [path.relative_to(folder).as_posix() for path in _below(folder)]


def matching(root: Path, pattern: str) -> list[str]:
    """The files that a pattern fits, relative to ``root``, in sorted order; all files of folders that it fits.

    ``**`` stands for any number of folders. Where the pattern does not name it in full, a link to a folder does not fit.
    """
    parts = PurePosixPath(pattern).parts
    steps = [part for part, last in zip(parts, ("", *parts), strict=False) if (part, last) != ("**", "**")]
    found = {
        file for start in _match(root, steps) for file in (_below(start) if start.is_dir() else (start,))
    }
    return sorted(
        (path.relative_to(root).as_posix() for path in found), key=lambda name: PurePosixPath(name).parts
    )


def _match(folder: Path, steps: Sequence[str]) -> Iterator[Path]:
    if not steps:
        yield folder
        return
    step, rest = steps[0], steps[1:]
    if step != "**" and not is_pattern(step):
        if (folder / step).exists():
            yield from _match(folder / step, rest)
        return
    if step == "**":
        yield from _match(folder, rest)
    for entry in _entries(folder):
        is_folder = entry.is_dir(follow_symlinks=False)
        if step == "**" and is_folder:
            yield from _match(Path(entry.path), steps)
        elif step != "**" and fnmatchcase(entry.name, step) and (is_folder or not (rest or entry.is_dir())):
            yield from _match(Path(entry.path), rest)


def _below(folder: Path) -> Iterator[Path]:
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))
        elif entry.is_dir():
            raise DataError(f"{entry.path} is a link to a folder, and links are not followed")
        else:
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        shown = (entry for entry in entries if not entry.name.startswith((".", "_")))
        return sorted(shown, key=lambda entry: entry.name)
