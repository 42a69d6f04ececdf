"""Folders of many small files: kept rows, killed builds, files that crash or hang what reads them."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest

from hetmusic.errors import DataError, SchemaError, UserError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport, Notes
from hetmusic.graph.raw.located import sorted_files
from hetmusic.graph.raw.many import listing, pool
from hetmusic.graph.raw.many.cache import ChunkCache, cache_folder
from hetmusic.graph.raw.many.listing import Chunk, chunks
from hetmusic.graph.raw.many.parsing import BadFileError, Note
from hetmusic.graph.raw.readers import ManyFilesReader
from hetmusic.graph.raw.source import Source
from kg_schema.dump import DumpSpec

READER = "tests.graph.test_many_files:Numbers"


class Numbers(ManyFilesReader):
    """A file holds a number, or a word that says what happens to those who read it."""

    suffix = ".num"
    tables: ClassVar = {
        "songs": {"song": pl.String(), "number": pl.Int64()},
        "plays": {"song": pl.String(), "user": pl.String()},
    }
    columns: ClassVar = {"song": "name of the file", "number": "what it holds", "user": "who played it"}

    def parse(self, path: Path, note: Note) -> Mapping[str, Sequence[Sequence[Any]]]:
        text = path.read_text()
        log = os.environ.get("TEST_LOG_OF_READ_FILES")
        if log:
            with open(log, "a") as stream:
                stream.write(f"{path.name}\n")
        if text == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "hang":
            time.sleep(600)
        if text == "eat":
            return {"songs": [(path.stem, len(b"x" * (1 << 40)))]}
        if text == "print":
            print("not an answer")
            return {"songs": [(path.stem, 0)]}
        if text == "bug":
            raise ZeroDivisionError("in the reader")
        if not text.isdigit():
            raise BadFileError("no number")
        if text.startswith("0"):
            note("leading zero")
        return {"songs": [(path.stem, int(text))], "plays": [(path.stem, "u1"), (path.stem, "u2")]}


def spec(**options: Any) -> DumpSpec:
    return DumpSpec.model_validate(
        {
            "name": "numbers",
            "item": "song",
            "files": {
                "songs": {"path": "files", "reader": READER, "table": "songs", "options": options},
                "plays": {"path": "files", "reader": READER, "table": "plays", "options": options},
            },
            "nodes": {
                "song": [
                    {
                        "file": "songs",
                        "key": "song",
                        "attributes": {"number": {"column": "number", "dtype": "int"}},
                    }
                ],
                "user": [{"file": "plays", "key": "user"}],
            },
            "edges": [
                {"relation": "likes", "file": "plays", "src": "user", "dst": "song", "count_rows": True}
            ],
        }
    )


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "files" / name).write_text(text)


def build(
    folder: Path, raw: Mapping[str, Path] | None = None, **options: Any
) -> tuple[dict[str, int | None], BuildReport]:
    build_graph(spec(**options), raw or folder, folder / "graph", overwrite=True)
    graph = MusicGraph.open(folder / "graph")
    numbers = dict(graph.nodes("song").select("key", "number").iter_rows())
    return numbers, BuildReport.model_validate(graph.meta.build_report)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of about three files."""
    monkeypatch.setattr(listing, "_MEAN", 3)
    monkeypatch.setattr(listing, "_MOST", 5)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every file that is read, a line each time."""
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("TEST_LOG_OF_READ_FILES", str(path))
    return path


def reads(log: Path) -> list[str]:
    found = sorted(log.read_text().split())
    log.write_text("")
    return found


FILES = {f"{i % 4}/{i:03}.num": str(i + 1) for i in range(40)}


@pytest.mark.usefixtures("small")
def listed(folder: Path, salt: str) -> list[Chunk]:
    return list(chunks(folder, sorted_files(folder, ".num"), salt))


def test_rows_do_not_depend_on_workers_or_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {**FILES, "bad.num": "x", "zero.num": "07", "other.txt": "9"})
    results = []
    for workers, mean in ((1, 3), (3, 3), (2, 1000)):
        monkeypatch.setattr(listing, "_MEAN", mean)
        monkeypatch.setattr(listing, "_MOST", 4 * mean)
        numbers, report = build(tmp_path, workers=workers)
        results.append((numbers, report, MusicGraph.open(tmp_path / "graph").checksum))
    assert results[0] == results[1] == results[2]
    numbers, report, _ = results[0]
    assert numbers == {**{name[2:5]: int(text) for name, text in FILES.items()}, "zero": 7}
    bad, zero = report.find("no number"), report.find("leading zero")
    assert bad is not None
    assert zero is not None
    assert (bad.action, bad.rows, bad.examples, bad.first_lines) == ("dropped", 1, ["bad.num"], [1])
    assert (zero.action, zero.rows, zero.examples, zero.first_lines) == ("repaired", 1, ["zero.num"], [2])
    assert report.rows == {"files (songs)": 41, "files (plays)": 82}


@pytest.mark.usefixtures("small")
def test_a_long_build_says_how_far_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, FILES)
    with caplog.at_level(logging.INFO, "hetmusic"):
        build(tmp_path)
    assert caplog.messages[-1] == "files read: up to number 40"
    assert len(caplog.messages) > 5


@pytest.mark.usefixtures("small")
def test_a_build_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    write(tmp_path, {**FILES, "9/hang.num": "hang"})
    source = Source(tmp_path / "files", "files", spec().files["songs"], Notes("numbers"))
    others = set(_children())  # decoders that tests of sound have started stay as long as this process
    rows = Numbers(workers=3).read(source, ["song"])
    next(rows)
    readers = set(_children()) - others
    rows.close()  # type: ignore[attr-defined]
    assert readers
    assert not readers & set(_children())


def _children() -> list[str]:
    """Ids of the processes that this one has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.append(path.parent.name)
    return found


@pytest.mark.usefixtures("small")
def test_only_what_changed_is_read_again(tmp_path: Path, log: Path) -> None:
    write(tmp_path, FILES)
    build(tmp_path)
    assert reads(log) == sorted(Path(name).name for name in FILES)
    build(tmp_path)
    assert reads(log) == []
    assert len(FILES["2/014.num"]) == len("99"), "the time of change alone tells"
    write(tmp_path, {"2/014.num": "99"})
    numbers, _ = build(tmp_path)
    again = reads(log)
    assert "014.num" in again
    assert len(again) <= 5
    assert numbers["014"] == 99
    cache = ChunkCache(tmp_path / "files", "Numbers").folder
    for name, age in ((".old.tmp", 90_000), (".new.tmp", 10)):
        (cache / name).touch()
        os.utime(cache / name, (time.time() - age,) * 2)
    write(tmp_path, {"0/000a.num": "5"})
    (tmp_path / "files" / "3" / "039.num").unlink()
    numbers, _ = build(tmp_path)
    assert len(reads(log)) <= 10
    assert ("000a" in numbers, "039" in numbers) == (True, False)
    assert sorted(path.name for path in cache.glob(".*")) == [".new.tmp"], (
        "a day later nobody writes it any more"
    )
    kept = {path.name.partition(".")[0] for path in cache.glob("*.parquet")}
    assert kept == {
        c.key
        for c in chunks(
            tmp_path / "files", sorted_files(tmp_path / "files", ".num"), f"{Numbers.__module__}:Numbers 1"
        )
    }


def test_a_new_version_of_the_parser_reads_again(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    keys = {version: [c.key for c in listed(tmp_path / "files", version)] for version in ("a 1", "a 2")}
    assert not set(keys["a 1"]) & set(keys["a 2"])


@pytest.mark.usefixtures("small")
def test_a_killed_build_goes_on_where_it_was(tmp_path: Path, log: Path) -> None:
    write(tmp_path, FILES)
    write(tmp_path, {"9/hang.num": "hang"})
    code = f"""
import tests.graph.test_many_files as t
from hetmusic.graph.raw.many import listing
listing._MEAN, listing._MOST = 3, 5
from pathlib import Path
t.build(Path({str(tmp_path)!r}), workers=1)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    folder = ChunkCache(tmp_path / "files", "Numbers").folder
    last = time.monotonic() + 60
    while len(list(folder.glob("*.notes.parquet"))) < 8 and time.monotonic() < last:
        time.sleep(0.05)
    process.kill()
    process.wait()
    done = reads(log)
    assert len(done) >= 8
    assert not (tmp_path / "graph").exists()
    write(tmp_path, {"9/hang.num": "7"})
    numbers, _ = build(tmp_path)
    assert len(numbers) == 41
    assert len(reads(log)) < 25


@pytest.mark.usefixtures("small")
def test_files_that_end_their_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PATIENCE", 4.0)
    monkeypatch.setattr(pool, "_PER_FILE", 0.0)
    write(tmp_path, {**FILES, "1/crash.num": "crash", "2/hang.num": "hang", "3/print.num": "print"})
    numbers, report = build(tmp_path, workers=2)
    assert len(numbers) == 41
    found = report.find(pool.DEADLY)
    assert found is not None
    assert (found.action, found.rows, found.examples) == ("dropped", 2, ["1/crash.num", "2/hang.num"])


def test_a_mistake_of_the_reader_is_shown(tmp_path: Path) -> None:
    write(tmp_path, {"a.num": "1", "b.num": "bug"})
    with pytest.raises(
        RuntimeError, match=r"(?s)failed in its process:\nTraceback .*ZeroDivisionError: in the reader"
    ):
        build(tmp_path)


def test_a_file_that_wants_all_memory(tmp_path: Path) -> None:
    write(tmp_path, {"a.num": "1", "b.num": "eat"})
    numbers, report = build(tmp_path)
    assert numbers == {"a": 1}
    found = report.find("file that needs too much memory")
    assert found is not None
    assert found.examples == ["b.num"]


def test_things_that_are_no_files(tmp_path: Path) -> None:
    write(tmp_path, {"a.num": "1", "B.NUM": "2"})
    (tmp_path / "files" / "dangling.num").symlink_to(tmp_path / "nowhere")
    (tmp_path / "files" / "itself.num").symlink_to(tmp_path / "files" / "itself.num")
    (tmp_path / "files" / "folder.num").mkdir()
    os.mkfifo(tmp_path / "files" / "pipe.num")
    (tmp_path / "files" / "loop").symlink_to(tmp_path / "files")
    write(tmp_path.joinpath("elsewhere"), {"linked.num": "3"})
    (tmp_path / "files" / "link.num").symlink_to(tmp_path / "elsewhere" / "files" / "linked.num")
    numbers, _ = build(tmp_path)
    assert numbers == {"a": 1, "B": 2, "link": 3}


def test_links_that_lead_out_are_dropped(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw, {"a.num": "1", "b.num": "no number", "d.num": "4"})
    write(tmp_path, {"secret.num": "5"})
    for name in ("0.num", "c.num"):
        (raw / "files" / name).symlink_to(tmp_path / "files" / "secret.num")
    numbers, report = build(raw)
    assert numbers == {"a": 1, "d": 4}
    found = report.find("link that leaves the folder")
    assert found is not None
    assert (found.action, found.rows, found.examples) == ("dropped", 2, ["0.num", "c.num"])
    assert found.first_lines == [1, 3], "where the next file stands"
    given, _ = build(raw, dict.fromkeys(["songs", "plays"], raw / "files"))
    assert given == {"0": 5, "a": 1, "c": 5, "d": 4}, "who names the folder itself means what is in it"


def test_names_that_are_no_text(tmp_path: Path) -> None:
    write(tmp_path, {"a.num": "1"})
    odd = os.fsencode(tmp_path / "files") + b"/\xff.num"
    with open(odd, "w") as stream:
        stream.write("x")
    numbers, report = build(tmp_path)
    assert numbers == {"a": 1}
    found = report.find("no number")
    assert found is not None
    assert found.rows == 1


@pytest.mark.usefixtures("small")
def test_a_damaged_cache_is_made_again(tmp_path: Path, log: Path) -> None:
    write(tmp_path, FILES)
    before, _ = build(tmp_path)
    reads(log)
    paths = sorted(ChunkCache(tmp_path / "files", "Numbers").folder.glob("*.songs.parquet"))
    paths[0].write_bytes(b"PAR1 and nothing else")
    paths[1].unlink()
    after, _ = build(tmp_path)
    assert after == before
    assert 0 < len(reads(log)) <= 10


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, FILES)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HETMUSIC_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot write .*file/Numbers"):
        build(tmp_path)
    assert not (tmp_path / "graph").exists()


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == Path(os.environ["HETMUSIC_CACHE"])
    monkeypatch.delenv("HETMUSIC_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "hetmusic"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "hetmusic"


def test_mistakes_of_specifications(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    with pytest.raises(SchemaError, match="workers: -1 is not a whole number from 0 to 256"):
        build(tmp_path, workers=-1)
    wrong = spec().model_dump(exclude_unset=True)
    wrong["files"]["plays"]["table"] = "listens"
    with pytest.raises(DataError, match="no table 'listens'; its reader has 'songs', 'plays'"):
        build_graph(DumpSpec.model_validate(wrong), tmp_path, tmp_path / "graph")
    wrong["files"]["plays"]["table"] = "songs"
    with pytest.raises(DataError, match="files: no column 'user'"):
        build_graph(DumpSpec.model_validate(wrong), tmp_path, tmp_path / "graph")


def test_chunks_end_where_names_say(tmp_path: Path) -> None:
    write(tmp_path, {f"{i % 7}/{i}.num": "1" for i in range(3000)})
    found = listed(tmp_path / "files", "x")
    assert sum(len(chunk.files) for chunk in found) == 3000
    assert [chunk.start for chunk in found] == [
        sum(len(c.files) for c in found[:i]) for i in range(len(found))
    ]
    assert len(found) > 2
    write(tmp_path, {"3/new.num": "1"})
    again = listed(tmp_path / "files", "x")
    assert len({chunk.key for chunk in again} - {chunk.key for chunk in found}) <= 2
