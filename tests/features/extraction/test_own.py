"""Extractors of other packages get the same treatment as the built-in ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import ConfigError
from hetmusic.features import extractors
from hetmusic.features.extraction.asking import requests_of
from hetmusic.features.extraction.cache import identity
from hetmusic.features.extraction.presets import PRESETS
from hetmusic.features.extraction.run import default_cache
from hetmusic.graph import MusicGraph
from tests.cli.running import hetmusic
from tests.features.extraction.songs import song_graph, write_files
from tests.packages import Install

CODE = '''
"""An extractor of another package."""

import numpy as np
from hetmusic.features import Absent, Extractor


class Bytes(Extractor):
    """How often each of the first letters is in a file.

    :param letters: how many letters count.
    """

    kind = "image"

    def __init__(self, letters: int = 3) -> None:
        self.letters = letters

    def prepare(self, item):
        text = item.read_text()
        if not text.isalpha():
            raise Absent("not letters")
        return text

    def extract(self, batch):
        return np.array([[text.count(chr(97 + n)) for n in range(self.letters)] for text in batch])
'''


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    write_files(tmp_path / "raw", {"0": "abba", "1": "bob", "2": "1999", "3": "abba"})
    return song_graph(tmp_path / "graph", cover=["0", "1", "2", "3", None, "4"]).path


def test_an_entry_point_is_an_extractor_like_any_other(songs: Path, install: Install) -> None:
    name = install(CODE, points={"hetmusic.extractors": {"bytes": "Bytes"}})
    assert "How often each of the first letters is in a file." in hetmusic("features", "list").succeeded().out
    assert "how many letters count." in hetmusic("features", "show", "bytes").succeeded().out
    words = (
        "features",
        "extract",
        songs,
        "--raw",
        songs.parent / "raw",
        "--image",
        "bytes",
        "--set",
        "cover.letters=2",
    )
    first = hetmusic(*words).succeeded().out
    assert "1 absent: not letters" in first
    modality = MusicGraph.open(songs).modality("song", "cover")
    np.testing.assert_array_equal(modality.values, [[2, 2], [0, 2], [0, 0], [2, 2], [0, 0], [0, 0]])
    assert modality.present.tolist() == [True, True, False, True, False, False]
    assert modality.info["extractor"] == f"{name}:Bytes"
    assert hetmusic(*words).succeeded().out.splitlines()[2].endswith("as it was")


def test_an_import_path_will_do_and_changed_code_computes_anew(songs: Path, install: Install) -> None:
    name = install(CODE)
    words = ("features", "extract", songs, "--raw", songs.parent / "raw", "--image", f"{name}:Bytes")
    hetmusic(*words).succeeded()
    before = identity(extractors.make(f"{name}:Bytes"), None)
    path = songs.parent / "site" / f"{name}.py"
    path.write_text(CODE.replace("97 + n", "98 + n"))
    assert identity(extractors.make(f"{name}:Bytes"), None)["code"] != before["code"]
    assert len(list(default_cache(MusicGraph.open(songs)).glob("results/*"))) == 1
    hetmusic(*words).succeeded()
    assert len(list(default_cache(MusicGraph.open(songs)).glob("results/*"))) == 2


def test_what_fails_inside_is_a_reason_without_paths(songs: Path, install: Install) -> None:
    name = install(
        CODE.replace("text = item.read_text()", "raise OSError(5, 'Input/output error', str(item))")
    )
    out = (
        hetmusic("features", "extract", songs, "--raw", songs.parent / "raw", "--image", f"{name}:Bytes")
        .succeeded()
        .out
    )
    assert "cover: 4 absent: OSError: [Errno 5] Input/output error: 'the file'" in out
    assert "graph as it was: no node has it" in out


def test_every_preset_names_extractors_of_the_right_kind() -> None:
    for preset, by_kind in PRESETS.items():
        requests = requests_of({kind: [""] for kind in by_kind}, preset=preset)
        assert [request.extractor.kind for request in requests] == list(by_kind)
        assert [request.name for request in requests] == ["lyrics", "audio", "cover"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("true", 1), ("none", None)],
)
def test_values_are_of_the_arguments_types(text: str, value: object) -> None:
    (request,) = requests_of(
        {"text": ["sentence-transformers"]}, ["lyrics.model=7", f"lyrics.max_tokens={text}"]
    )
    assert request.extractor.model == "7", "a text, although it looks like a number"  # type: ignore[attr-defined]
    assert request.extractor.max_tokens == value  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="max_tokens = 'many'"):
        requests_of({"text": ["sentence-transformers"]}, ["lyrics.max_tokens=many"])
