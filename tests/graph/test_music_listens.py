"""Tables of listens beside a folder of music: matched to files by path or by artist and title."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from tests.graph.music_collection import MBID, build, make_collection, pairs
from tests.graph.music_files import write_music


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_collection(tmp_path_factory.mktemp("music") / "raw")


def test_joined_with_listens_from_elsewhere(collection: Path, tmp_path: Path) -> None:
    """Artists and recordings are those of Last.fm where their MusicBrainz ids are."""
    listens = tmp_path / "lastfm"
    listens.mkdir()
    row = ["user_1", "2009-05-04T23:08:57Z", f"{MBID}2", "ANNA", f"{MBID}1", "Fur Elise"]
    unknown = ["user_1", "2009-05-04T23:08:57Z", "", "Nobody", "", "Nothing"]
    rows = "".join("\t".join(fields) + "\n" for fields in (row, row, unknown))
    (listens / "userid-timestamp-artid-artname-traid-traname.tsv").write_text(rows)
    (listens / "userid-profile.tsv").write_text("#id\tgender\tage\tcountry\tregistered\nuser_1\t\t\t\t\n")
    raw = {"music-folder": collection, "lastfm-1k": listens}
    graph = MusicGraph.build(["music-folder", "lastfm-1k"], raw=raw, out=tmp_path / "graph")
    user, song, artist = (
        f"lastfm-1k/{key}" for key in ("user:user_1", "song:name:Nobody|Nothing", "artist:name:Nobody")
    )
    assert pairs(graph, "likes") == {(user, "Anna/First/01.mp3"), (user, song)}
    assert pairs(graph, "sung_by") >= {("Anna/First/01.mp3", "Anna"), (song, artist)}
    assert f"{MBID}2" not in graph.keys("artist")


LISTENS = "user,path,artist,title,plays,time\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["me,Anna/First/01.mp3,,,3,"], {("me", "Anna/First/01.mp3"): (3, None)}),
        (["me,Anna\\First\\01.mp3,x,y,,"], {("me", "Anna/First/01.mp3"): (1, None)}),
        (["me,./Mix/../Mix/a.m4a,,,1,"], {("me", "Mix/a.m4a"): (1, None)}),
        (["me,,ANNA,second,2,", "me,,Anna,Second,3,"], {("me", "Anna/First/02.flac"): (5, None)}),
        (["me,,anna,fur elise,,1970-01-02"], {("me", "Anna/First/01.mp3"): (1, 86_400)}),
        (["me,ABSOLUTE/Mix/b.wav,,,4,1970-01-01T00:00:09Z"], {("me", "Mix/b.wav"): (4, 9)}),
    ],
)
def test_listens(collection: Path, tmp_path: Path, rows: list[str], expected: Any) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(collection, raw)
    lines = "".join(f"{row}\n" for row in rows).replace("ABSOLUTE", str(raw.absolute()))
    (raw / "listens.csv").write_text(LISTENS + lines, encoding="utf-8")
    graph, _ = build(raw)
    edges, users, keys = graph.edges("likes"), graph.keys("user"), graph.keys("song")
    assert edges.weight is not None
    assert edges.time is not None
    none = -(2**63)
    rows_of = zip(
        edges.src.tolist(), edges.dst.tolist(), edges.weight.tolist(), edges.time.tolist(), strict=True
    )
    found = {(users[s], keys[d]): (w, None if t in (None, none) else t) for s, d, w, t in rows_of}
    assert found == expected
    assert graph.meta.interaction == "likes"


def test_listens_that_fit_no_file(collection: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(collection, raw)
    rows = ["me\tMix/a.m4a", "me\tMix/gone.mp3", "\tMix/a.m4a", "you\t"]
    (raw / "listens.tsv").write_text("user\tpath\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    graph, report = build(raw)
    assert pairs(graph, "likes") == {("me", "Mix/a.m4a")}
    lost = {(f.part, f.reason): (f.rows, f.examples) for f in report.findings if f.file == "listens.tsv"}
    assert lost == {
        ("file", "no song for this ref"): (1, ["Mix/gone.mp3"]),
        ("edges user__likes__song", "blank user"): (1, []),
        ("edges user__likes__song", "blank song"): (2, []),
    }


def test_files_with_one_name(tmp_path: Path) -> None:
    """A listen by name goes to the first of them by path."""
    raw = tmp_path / "raw"
    for name in ("b", "a", "c"):
        write_music(raw / f"{name}.mp3", title="Same", artist="Anna")
    (raw / "listens.csv").write_text("user,artist,title\nme,Anna,Same\nme,anna,SAME\nme,Anna,Same\n")
    graph, _ = build(raw)
    assert pairs(graph, "likes") == {("me", "a.mp3")}
    weight = graph.edges("likes").weight
    assert weight is not None
    assert weight.tolist() == [3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,plays\nx,1\n", "needs `user`, and `path` or .*; of these it has path, plays"),
        ("user,artist\nme,x\n", "needs `user`, and `path` or .*; of these it has user, artist"),
        ("who,what\nme,x\n", "of these it has none"),
        (
            "user,path,plays\nme,Mix/a.m4a,often\n",
            "listens.csv, row 2, field 'plays': 'often' is not a number",
        ),
        ("user,path\nme,a,b\n", "line 2: 3 fields instead of 2"),
        ("", "listens.csv is empty"),
    ],
)
def test_wrong_listens(collection: Path, tmp_path: Path, content: str, message: str) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(collection, raw)
    (raw / "listens.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        build(raw)
    assert not (tmp_path / "raw-graph").exists()
