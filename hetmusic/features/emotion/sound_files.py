"""The sound files of songs: by the path that a table has, or by the song's key."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from pathlib import Path

from hetmusic.errors import FeatureError
from hetmusic.features.describing import NONE_GIVEN
from hetmusic.features.extraction.paths import RawFolder
from hetmusic.features.extractor import Absent

#: endings of sound files, in lower case
_ENDINGS = {".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".wma"}


class SoundFiles:
    """The files of one folder and of those in it.

    :raises FeatureError: if there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FeatureError(f"sound folder {folder} does not exist")
        self.folder = folder
        self._inside = RawFolder(folder)

    def by_path(self, relative: str | None) -> Path | str:
        """The file at a path below the folder, or why there is none: no path is given, or it leads out of the folder."""
        if relative is None or not relative.strip():
            return NONE_GIVEN
        try:
            return self._inside.find(relative)[0]
        except Absent as absence:
            return str(absence)

    def by_key(self, key: str) -> Path | str:
        """The file that is called like a key, whatever its ending, or why there is none."""
        found = self._by_stem.get(key, [])
        if len(found) > 1:
            return "several files of that name"
        return found[0] if found else "no file of that name"

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(self.folder.rglob("*")):
            if path.suffix.lower() in _ENDINGS and path.is_file():
                found[path.stem].append(path)
        return dict(found)
