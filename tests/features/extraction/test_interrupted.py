"""Programs that end in the middle: killed, or by Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hetmusic.features.extraction import keeping
from hetmusic.features.extraction.run import default_cache
from hetmusic.graph import MusicGraph
from tests.features.extraction.songs import Letters, extract, song_graph, write_files

SONGS = 60
# prepares quickly and computes slowly, in shards of five
CODE = """
import sys, time
from pathlib import Path
from hetmusic.features.extraction import keeping
from hetmusic.graph import MusicGraph
from tests.features.extraction.songs import Letters, extract
keeping.ROWS = 5

class Slow(Letters):
    name = "letters"
    def extract(self, batch):
        time.sleep(0.05 * len(batch))
        return super().extract(batch)

Slow.__module__ = Letters.__module__  # the cache tells code of other files apart
extract(MusicGraph.open(sys.argv[1]), Slow(), Path(sys.argv[2]), batch_size=1)
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_files(tmp_path / "raw", {f"{n}.txt": "a" * (n + 1) for n in range(SONGS)})
    return tmp_path / "raw"


@pytest.fixture
def graph(tmp_path: Path, raw: Path) -> MusicGraph:
    return song_graph(tmp_path / "graph", cover=[f"{n}.txt" for n in range(SONGS)])


def stopped(graph: MusicGraph, raw: Path, how: signal.Signals, shards: int) -> int:
    """End a program once it has written some shards; how many there are then."""
    process = subprocess.Popen([sys.executable, "-c", CODE, graph.path, raw], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(list(default_cache(graph).glob("results/*/*/*.npz"))) < shards:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.12)  # two more songs, and no whole shard
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    return len(list(default_cache(graph).glob("results/*/*/*.npz")))


def check(graph: MusicGraph) -> None:
    modality = MusicGraph.open(graph.path, verify=True).modality("song", "cover")
    np.testing.assert_array_equal(modality.values[:, 0], np.arange(1, SONGS + 1))
    assert modality.present.all()


def test_a_killed_program_loses_at_most_a_shard(graph: MusicGraph, raw: Path) -> None:
    done = stopped(graph, raw, signal.SIGKILL, 3)
    assert MusicGraph.open(graph.path).modalities("song") == []
    assert done >= 3
    made = extract(graph, Letters(), raw)
    assert made.computed == SONGS - 5 * done
    check(graph)


def test_what_is_done_on_ctrl_c_is_kept_to_the_last_item(graph: MusicGraph, raw: Path) -> None:
    stopped(graph, raw, signal.SIGINT, 2)
    assert MusicGraph.open(graph.path).modalities("song") == []
    assert not list(default_cache(graph).rglob("*.tmp"))
    extractor = Letters()
    extract(graph, extractor, raw)
    assert len(extractor.prepared) < SONGS - 10
    check(graph)


def test_an_error_in_the_middle_keeps_what_is_done(
    graph: MusicGraph, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "ROWS", 1000)

    class Stops(Letters):
        name = "letters"

        def extract(self, batch: list[str]) -> np.ndarray:
            if len(self.batches) == 20:
                raise KeyboardInterrupt
            return super().extract(batch)

    Stops.__module__ = Letters.__module__  # the cache tells code of other files apart
    with pytest.raises(KeyboardInterrupt):
        extract(graph, Stops(), raw, batch_size=1)
    assert extract(graph, Letters(), raw).computed == SONGS - 20
