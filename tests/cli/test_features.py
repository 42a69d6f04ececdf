"""``hetmusic features``: extract, report, list, show."""

from __future__ import annotations

import csv
import io
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hetmusic.cli._features_progress import Bars, Lines, _duration, watcher
from hetmusic.cli._render_features import _short, reasons
from hetmusic.features import Coverage, extractors
from hetmusic.features.extraction.watching import Watcher
from hetmusic.graph import MusicGraph
from tests.cli.running import Result, hetmusic, snapshot
from tests.cli.test_full_disk import largest_file


@pytest.fixture
def songs(graph: Path, tmp_path: Path) -> Path:
    """A copy of the graph."""
    return Path(shutil.copytree(graph, tmp_path / "graph"))


def extract(songs: Path, *arguments: object) -> Result:
    return hetmusic("features", "extract", songs, *arguments)


def test_three_modalities_in_one_command(songs: Path, world: Path) -> None:
    words = "--text --audio sound=log-mel-statistics --from sound=audio --image --float16"
    settings = "--set sound.bands=20 --set sound.max_seconds=2"
    done = extract(songs, "--raw", world, *words.split(), *settings.split()).succeeded()
    graph = MusicGraph.open(songs)
    assert graph.modalities("song") == ["cover", "lyrics", "sound"]
    sound = graph.modality("song", "sound")
    assert sound.dim == extractors.make("log-mel-statistics", bands=20).dim
    assert sound.values.dtype == np.float16
    assert sound.info["settings"]["bands"] == 20
    assert sound.info["settings"]["max_seconds"] == 2.0
    assert [
        line.split()[-1] for line in done.out.splitlines() if "statistics" in line or "tfidf" in line
    ] == ["added"] * 3
    assert "none given" in done.out
    assert "features report" not in done.out, "nothing failed"
    before = snapshot(songs)
    again = extract(songs, "--raw", world, "--text", "--image", "--float16").succeeded()
    assert again.out.count("as it was") == 2
    assert snapshot(songs) == before
    assert songs.with_name("graph.cache").is_dir()


def test_failures_are_reported(songs: Path, world: Path, tmp_path: Path) -> None:
    raw = shutil.copytree(world, tmp_path / "raw")
    paths = MusicGraph.open(songs).nodes("song")["audio"].drop_nulls().to_list()
    (raw / paths[0]).unlink()
    (raw / paths[1]).write_text("=HYPERLINK()")
    done = extract(songs, "--raw", raw, "--audio", "--image").succeeded()
    assert f"hetmusic features report {songs}" in done.out
    report = hetmusic("features", "report", songs, "--csv", tmp_path / "failures.csv").succeeded()
    assert "audio: 1 absent: no such file" in report.out
    assert paths[0] in report.out
    rows = list(csv.DictReader((tmp_path / "failures.csv").read_text().splitlines()))
    assert {(row["modality"], row["path"], row["reason"]) for row in rows} == {
        ("audio", paths[0], "no such file"),
        ("audio", paths[1], "not a readable sound file"),
    }
    assert rows[0]["node"] == "song"
    assert MusicGraph.open(songs).find("song", [rows[0]["key"]])[0] >= 0
    only = hetmusic("features", "report", songs, "--modality", "cover").succeeded()
    assert "audio" not in only.out
    assert "already exists" in hetmusic("features", "report", songs, "--csv", tmp_path / "failures.csv").error
    hetmusic("features", "report", songs, "--csv", tmp_path / "failures.csv", "--overwrite").succeeded()


def test_a_modality_that_nobody_has_is_reported_as_well(songs: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    done = extract(songs, "--raw", tmp_path / "raw", "--audio", "--cache", tmp_path / "kept").succeeded()
    assert "graph as it was: no node has it" in done.out
    report = hetmusic("features", "report", songs, "--cache", tmp_path / "kept").succeeded()
    assert "no such file" in report.out
    assert "it has none" in hetmusic("features", "report", songs, "--modality", "audio").error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--text tfidf-svm", "did you mean 'tfidf-svd'"),
        ("--text nowhere.at:All", "no module named 'nowhere' is installed"),
        ("--text hetmusic.graph:MusicGraph", "is not a feature extractor"),
        ("--text --set lyrics.dmi=3", "has no argument 'dmi' (did you mean 'dim'?)"),
        ("--text --set lyrics.dim=many", "dim = 'many': it should be a valid integer"),
        ("--text --set lyrics.dim=0", "at least 1 dimension"),
        ("--text --set lyrics.dim", "is not of the form MODALITY.KEY=VALUE"),
        ("--text --set lyric.dim=3", "did you mean 'lyrics'"),
        ("--text --from lyrcs", "did you mean 'lyrics'"),
        ("--text --from words=lyrics", "--from names modality 'words', which is not asked for"),
        ("--text --text --from lyrics", "say of which modality"),
        ("--text --text", "modality 'lyrics' is asked for twice"),
        ("--text a/b=tfidf-svd --from lyrics", "a name may hold letters"),
        ("--text =tfidf-svd", "names no modality before the '='"),
        ("--text colour-statistics", "describes image, not text: ask for it by --image"),
        ("--text --node sung", "no node type 'sung'"),
        ("--text --node user", "user nodes have no attribute 'lyrics'"),
        ("--audio", "give --raw"),
        ("--audio --raw {at}/nix", "raw folder {at}/nix does not exist"),
        ("--text --cache {songs}", "is not used as a cache"),
        ("--text --cache /proc/nix", "cannot write /proc/nix"),
        ("--text --batch-size 0", "--batch-size"),
        ("", "say what to extract"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_change_nothing(
    songs: Path, tmp_path: Path, arguments: str, message: str
) -> None:
    before = snapshot(tmp_path)
    words = arguments.format(at=tmp_path, songs=songs).split()
    assert message.format(at=tmp_path) in extract(songs, *words).error
    assert snapshot(tmp_path) == before


def test_another_extractor_needs_to_be_told_to_replace(songs: Path) -> None:
    extract(songs, "--text").succeeded()
    assert "pass --overwrite" in extract(songs, "--text", "--set", "lyrics.dim=8").error
    extract(songs, "--text", "--set", "lyrics.dim=8", "--overwrite").succeeded()
    assert MusicGraph.open(songs).modality("song", "lyrics").dim == 8


def test_extractors_are_listed_and_shown() -> None:
    listed = hetmusic("features", "list").succeeded().out
    for name in ("tfidf-svd", "log-mel-statistics", "colour-statistics"):
        assert name in listed
        shown = hetmusic("features", "show", name).succeeded().out
        assert ":param" not in shown
        assert "``" not in shown
    assert "only so much is heard" in hetmusic("features", "show", "log-mel-statistics").out
    assert "learns from all items" in hetmusic("features", "show", "tfidf-svd").out
    own = hetmusic("features", "show", "tests.features.extraction.songs:Letters").succeeded().out
    assert "Length, number of vowels" in own
    assert "did you mean" in hetmusic("features", "show", "tfidf").error


def test_an_own_extractor_by_import_path(songs: Path) -> None:
    path = "letters=tests.features.extraction.songs:TextLetters"
    extract(songs, "--text", path, "--set", "letters.factor=2").succeeded()
    modality = MusicGraph.open(songs).modality("song", "letters")
    texts = MusicGraph.open(songs).nodes("song")["lyrics"].to_list()
    row = int(np.flatnonzero(modality.present)[0])
    assert modality.values[row, 0] == 2 * len(texts[row])


def test_lines_say_how_fast_and_how_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 5.0, 11.0, 12.0])
    monkeypatch.setattr("hetmusic.cli._features_progress.time.monotonic", lambda: next(clock))
    lines = Lines()
    lines.begin("audio: yamnet", 1000)
    for _ in range(3):
        lines.advance(11)
    assert capsys.readouterr().err == "audio: yamnet: 22 of 1,000, 2.0 a second, 8 min 09 s left\n"
    assert [_duration(seconds) for seconds in (7.4, 60, 7260)] == ["7 s", "1 min 00 s", "2 h 01 min"]


def test_what_data_says_is_shown_short_and_harmless() -> None:
    assert _short("a\x1b[31mb\n") == "a\\x1b[31mb\\x0a"
    assert _short("Sigur Rós/夜") == "Sigur Rós/夜"
    assert _short("a" * 40 + "b" * 60) == "a" * 34 + "..." + "b" * 34
    many = Coverage(0, 2_100, {f"reason {number}": 2_000 // (number + 1) for number in range(30)})
    lines = reasons("cover", many)
    assert len(lines) == 21
    assert lines[0] == "cover: 2,000 absent: reason 0"
    assert lines[-1] == f"cover: {sum(2_000 // n for n in range(21, 31)):,} absent for 10 other reasons"


def test_devices_are_checked_although_nothing_computes_there(songs: Path) -> None:
    done = extract(songs, "--text", "--device", "tpu")
    assert done.error == "error: unknown device 'tpu'; use auto, cpu, cuda or cuda:N"


@pytest.mark.parametrize("limit", [0, 500, 3000, 20_000])
def test_a_full_disk_leaves_the_graph_as_it_was(songs: Path, tmp_path: Path, limit: int) -> None:
    """The cache keeps what fitted, whole, and the same command goes on when there is space again."""
    before = snapshot(songs)
    with largest_file(limit):
        failed = extract(songs, "--text", "--cache", tmp_path / "kept")
    if failed.status:
        assert f"cannot write {tmp_path}" in failed.error
        assert snapshot(songs) == before
        assert not [path for path in snapshot(tmp_path) if ".tmp" in path]
    extract(songs, "--text", "--cache", tmp_path / "kept").succeeded()
    assert MusicGraph.open(songs, verify=True).modality("song", "lyrics").coverage > 0.5
    assert failed.status or limit > 3000, "the limit was never met"


def test_a_terminal_gets_a_bar_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr("hetmusic.cli._features_progress.Console", lambda **_: console)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    bars = watcher(quiet=False)
    assert isinstance(bars, Bars)
    for what in ("cover: looking at the catalogue", "cover: resnet50"):
        bars.begin(what, 300)
        for _ in range(3):
            bars.advance(50)
            time.sleep(0.15)
        bars.end()
    text = shown.getvalue()
    assert "cover: resnet50" in text
    assert re.search(r"(50|100|150)/300 +[\d,.]+/s +\d:\d\d:\d\d", text), text
    assert type(watcher(quiet=True)) is Watcher
