"""Files below a raw folder, and what the file system says of them without opening them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from hetmusic.features.extractor import Absent

#: reason given for a path that leads out of the raw folder
OUTSIDE = "outside the raw folder"
_UNREADABLE = "unreadable path"


@dataclass(frozen=True)
class FileState:
    """What changes whenever a file's content does."""

    size: int
    #: times of the last change of content and of content or properties, nanoseconds since 1970
    mtime: int
    ctime: int


class RawFolder:
    """Finds files by paths relative to a folder, and refuses those outside of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._root = str(self.folder)
        # folders below that are no links, so that each is looked at once
        self._plain: set[str] = {self._root}

    def find(self, relative: str) -> tuple[Path, FileState]:
        """The file that a relative path names, and its state.

        :raises Absent: if the path is absolute or leads out of the folder, by ``..`` or by a symbolic link, if there is no
            such file, or if it is empty or no regular file (a pipe could block).
        """
        path, state = self.look(relative)
        return Path(path), state

    def look(self, relative: str) -> tuple[str, FileState]:
        """The same with the path as a text, which takes a third of the time: a second run does little else."""
        if os.path.isabs(relative) or relative.startswith(("/", "\\")):  # noqa: PTH117
            raise Absent(OUTSIDE)
        try:
            path, found = self._inside(relative)
        except (FileNotFoundError, NotADirectoryError):
            raise Absent("no such file") from None
        except (
            OSError,
            ValueError,
            RuntimeError,
        ):  # name too long, no permission, a NUL in the name, a loop of links
            raise Absent(_UNREADABLE) from None
        if not stat.S_ISREG(found.st_mode):
            raise Absent("no such file")
        if found.st_size == 0:
            raise Absent("empty file")
        return path, FileState(found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def _inside(self, relative: str) -> tuple[str, os.stat_result]:
        path, found = self._root, None
        for part in relative.split("/"):
            if part in ("", "."):
                continue
            path = f"{path}{os.sep}{part}"
            if part == "..":
                return self._resolved(relative)
            if path in self._plain:
                continue
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                return self._resolved(relative)
            if stat.S_ISDIR(found.st_mode):
                self._plain.add(path)
        # without anything of its own the last part is a folder that was seen before
        return path, found or os.lstat(path)

    def _resolved(self, relative: str) -> tuple[str, os.stat_result]:
        path = (self.folder / relative).resolve()
        if not path.is_relative_to(self.folder):
            raise Absent(OUTSIDE)
        return str(path), path.stat()
