"""A place where things can go wrong, and the words in which a mistake is written down."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

Prepare = Callable[["Place"], object]

BUILD = "build --spec {raw}/spec.yaml --raw {raw} --out {at}/out"
IMPORT = "features import {graph} --node song --modality text --values {at}/x.npy --keys {at}/keys.txt"
FIT = "fit {graph} --out {at}/out --epochs 1 --quiet"


@dataclass(frozen=True)
class Place:
    """A folder with a raw dump, a graph and a run that a test may damage."""

    at: Path

    @property
    def raw(self) -> Path:
        return self.at / "raw"

    @property
    def graph(self) -> Path:
        return self.at / "graph"

    @property
    def run(self) -> Path:
        return self.at / "run"

    @property
    def names(self) -> dict[str, Path]:
        """What a command line may refer to in braces."""
        return {"at": self.at, "raw": self.raw, "graph": self.graph, "run": self.run}

    def words(self, command: str) -> list[str]:
        """The arguments of a command line."""
        return [word.format(**self.names) for word in command.split()]

    def edit(self, file: str, old: str, new: str, count: int = 1) -> None:
        """Replace text that must be there."""
        text = (self.at / file).read_text(encoding="utf-8")
        assert old in text
        (self.at / file).write_text(text.replace(old, new, count), encoding="utf-8")

    def append(self, file: str, text: str) -> None:
        """Add text to a file."""
        with (self.at / file).open("a", encoding="utf-8") as stream:
            stream.write(text)

    def cut(self, file: str, size: int = -4) -> None:
        """Shorten a file to its first bytes, or by its last."""
        (self.at / file).write_bytes((self.at / file).read_bytes()[:size])

    def write(self, file: str, content: bytes | str = b"") -> None:
        data = content.encode() if isinstance(content, str) else content
        (self.at / file).write_bytes(data)

    def remove(self, name: str) -> None:
        path = self.at / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def set_json(self, file: str, **values: object) -> None:
        self.write(file, json.dumps({**json.loads((self.at / file).read_text()), **values}))

    def vectors(self, values: object = np.ones((2, 3), np.float32), keys: str = "s01\ns02\n") -> None:
        """What ``features import`` reads."""
        np.save(self.at / "x.npy", values)  # type: ignore[arg-type]
        self.write("keys.txt", keys)


def nothing(place: Place) -> None:
    """The mistake is in the command itself."""


def case(name: str, command: str, *expected: str, prepare: Prepare = nothing):
    """:param expected: what the error line says, among it the name of the file, field, row or option."""
    return pytest.param(command, prepare, expected, id=name)
