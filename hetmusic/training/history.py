"""The history of a run: a line of JSON an epoch."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from hetmusic._io import replacing_file


class History:
    """A file to which every epoch adds its record.

    :param path: of the file, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, record: dict[str, Any]) -> None:
        """Add an epoch."""
        with open(self._path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    def cut(self, epoch: int) -> None:
        """Drop the lines of this epoch and later ones, which will be run again (they were written just before the process
        was killed)."""
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        kept = [line for line in lines if _epoch_of(line) < epoch]
        with replacing_file(self._path) as temporary:
            temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def _epoch_of(line: str) -> float:
    try:
        return float(json.loads(line)["epoch"])
    except (ValueError, KeyError):
        return math.inf  # half a line
