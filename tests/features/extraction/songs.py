"""Graphs of songs with texts and files, and an extractor that counts what it is asked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hetmusic.features import Absent, Extractor
from hetmusic.features.extraction.request import Request
from hetmusic.features.extraction.run import Outcome, extract_features
from hetmusic.graph import GraphWriter, MusicGraph

DIM = 3


def song_graph(folder: Path, **attributes: Sequence[Any]) -> MusicGraph:
    """A graph of songs ``s0``, ``s1``... with attributes and without listeners."""
    count = len(next(iter(attributes.values())))
    columns = {
        "key": [f"s{i}" for i in range(count)],
        "name": [f"Song {i}" for i in range(count)],
        **attributes,
    }
    strings = {
        name: pl.String for name, values in columns.items() if not any(isinstance(v, int) for v in values)
    }
    with GraphWriter(folder, overwrite=True) as writer:
        writer.nodes("song", pl.DataFrame(columns, schema_overrides=strings))
        writer.finish(name="songs", item="song", interaction=None)
    return MusicGraph.open(folder)


def write_files(raw: Path, contents: dict[str, str]) -> None:
    for name, content in contents.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_text(content)


class Letters(Extractor):
    """Length, number of vowels, and one: of texts in files."""

    kind = "image"
    name = "letters"

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self.prepared: list[Any] = []
        self.batches: list[int] = []
        self.loaded = 0
        self.lock = threading.Lock()

    def load(self, device: str = "auto") -> None:
        self.loaded += 1

    def prepare(self, item: Any) -> str:
        text = item if isinstance(item, str) else item.read_text()
        with self.lock:
            self.prepared.append(item)
        if "silent" in text:
            raise Absent("silent")
        if "broken" in text:
            raise RuntimeError("cannot be decoded\nat all")
        return text

    def extract(self, batch: Sequence[str]) -> np.ndarray:
        self.batches.append(len(batch))
        return self.factor * np.array([self.vector(text) for text in batch])

    @staticmethod
    def vector(text: str) -> list[float]:
        return [len(text), sum(letter in "aeiou" for letter in text), 1.0]


class TextLetters(Letters):
    """The same of texts in the graph."""

    kind = "text"
    name = "text-letters"


def extract(graph: MusicGraph, extractor: Extractor, raw: Path | None = None, **options: Any) -> Outcome:
    modality = options.pop("modality", "")
    (made,) = extract_features(graph, [Request(extractor, modality)], raw=raw, **options)
    return made
