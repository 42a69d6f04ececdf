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
        if relative.startswith(("/", "\\")) or Path(relative).is_absolute():
            raise Absent(OUTSIDE)
        try:
            path = self._inside(relative)
            found = os.stat(path)  # noqa: PTH116  a Path would double the time of a second run
        except FileNotFoundError:
            raise Absent("no such file") from None
        except NotADirectoryError:
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
        return Path(path), FileState(found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def _inside(self, relative: str) -> str:
        parts = [part for part in relative.split("/") if part not in ("", ".")]
        path = self._root
        for part in parts:
            path = f"{path}{os.sep}{part}"
            if part == ".." or (path not in self._plain and self._is_link(path)):
                return self._resolved(relative)
        return path

    def _is_link(self, path: str) -> bool:
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            self._plain.add(path)
        return stat.S_ISLNK(mode)

    def _resolved(self, relative: str) -> str:
        path = (self.folder / relative).resolve()
        if not path.is_relative_to(self.folder):
            raise Absent(OUTSIDE)
        return str(path)
