"""A build that is killed leaves no graph, keeps the one that was there, and succeeds when it is run again."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from hetmusic._io import locked, replacing_folder
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from tests.graph.joining.dumps import listens, song, write

#: builds a graph, but stops for good once its tables are written and before it is put into place
STOPPING = """
import sys, time
import hetmusic.graph.writer as writer
finish = writer.GraphWriter.finish

def stop(self, **values):
    print("ready", flush=True)
    time.sleep(60)

writer.GraphWriter.finish = stop
from hetmusic.graph.build import build_graph
from tests.graph.joining.dumps import listens
build_graph(listens(), sys.argv[1], sys.argv[2], overwrite=True)
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    rows = [[f"u{number % 100}", song(number % 37), 1 + number % 3] for number in range(5_000)]
    write(tmp_path / "raw", "plays", ["user", "song", "plays"], *rows)
    return tmp_path / "raw"


def kill_while_writing(raw: Path, out: Path) -> None:
    command = [sys.executable, "-c", STOPPING, str(raw), str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait()


def temporary(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def test_killed_and_run_again(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "graphs" / "graph"
    kill_while_writing(raw, out)
    assert not out.exists()
    (left,) = temporary(out.parent)
    assert (left / "nodes" / "user.parquet").is_file(), "it was killed in the middle of its work"
    build_graph(listens(), raw, out)
    graph = MusicGraph.open(out, verify=True)
    assert (graph.num_nodes("user"), graph.num_nodes("song")) == (100, 37)
    assert temporary(out.parent) == [], "what the killed process has left is gone"


def test_the_old_graph_stays(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "graph"
    build_graph(listens(), raw, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    kill_while_writing(raw, out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.1, 0.3, 0.6, 1.0])
def test_killed_at_any_time(raw: Path, tmp_path: Path, delay: float) -> None:
    out = tmp_path / "graph"
    code = STOPPING.replace("writer.GraphWriter.finish = stop", "")
    process = subprocess.Popen([sys.executable, "-c", code, str(raw), str(out)])
    time.sleep(delay)
    process.kill()
    process.wait()
    if out.exists():
        MusicGraph.open(out, verify=True)
    build_graph(listens(), raw, out, overwrite=True)
    MusicGraph.open(out, verify=True)
    assert temporary(tmp_path) == []


def test_a_build_that_is_alive_is_left_alone(tmp_path: Path) -> None:
    """Two processes may write to one place; the temporary folder of the one is not abandoned because the other begins."""
    with replacing_folder(tmp_path / "out") as first:
        (first / "file").write_text("first")
        with replacing_folder(tmp_path / "out") as second:
            (second / "file").write_text("second")
            assert (first / "file").read_text() == "first"
        assert (tmp_path / "out" / "file").read_text() == "second"
        (tmp_path / "out" / "file").unlink()
        (tmp_path / "out").rmdir()
    assert (tmp_path / "out" / "file").read_text() == "first"


def test_only_folders_of_this_place_are_removed(tmp_path: Path) -> None:
    kept = [
        tmp_path / ".other.abc.tmp",
        tmp_path / ".out.x",
        tmp_path / "out.abc.tmp",
        tmp_path / ".out.held.tmp",
    ]
    for folder in [*kept, tmp_path / ".out.abc.tmp"]:
        folder.mkdir()
    (tmp_path / ".out.file.tmp").write_text("a file")
    (tmp_path / ".out.link.tmp").symlink_to(tmp_path / ".out.x")
    with locked(tmp_path / ".out.held.tmp"), replacing_folder(tmp_path / "out"):
        pass
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*(folder.name for folder in kept), "out", ".out.file.tmp", ".out.link.tmp"}


def test_a_process_killed_before_it_had_its_folder_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".out.abc.new").mkdir()
    (tmp_path / ".out.held.new").mkdir()
    with locked(tmp_path / ".out.held.new"), replacing_folder(tmp_path / "out"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".out.held.new"}


def test_a_folder_that_another_process_took_for_abandoned_is_made_again(tmp_path: Path, monkeypatch) -> None:
    make, made = tempfile.mkdtemp, []

    def mkdtemp(*given, **named):
        made.append(make(*given, **named))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    with replacing_folder(tmp_path / "out") as folder:
        (folder / "file").write_text("content")
    assert len(made) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
