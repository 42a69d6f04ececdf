"""``hetmusic dumps`` as a person or a script sees it."""

from __future__ import annotations

import pytest

from hetmusic.cli._render_dumps import size
from kg_schema.dump import builtin_names
from tests.cli.running import hetmusic
from tests.dumps.server import Page, serving
from tests.kg_schema.test_downloads import install


def test_the_list():
    shown = hetmusic("dumps").succeeded().out
    for name in builtin_names():
        assert f"\n{name}: " in f"\n{shown}"
    assert "artists.dat (17,632 rows, 1.9 MB)" in shown
    assert "licence:   non-commercial use only" in shown
    assert "download:  https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip" in shown
    assert "sid_mismatches.txt (optional)" in shown
    assert max(map(len, shown.splitlines())) <= 125


def test_the_list_for_programs():
    found = {dump["name"]: dump for dump in hetmusic("dumps", "--json").json}
    assert list(found) == builtin_names()
    hetrec = found["hetrec-lastfm"]
    assert hetrec["files"]["plays"]["rows"] == 92_834
    assert hetrec["files"]["artists"]["size"] == 1_925_879
    assert hetrec["downloads"][0]["gives"][0] == "artists.dat"
    assert {"title", "licence", "citation", "homepage", "item", "interaction"} <= hetrec.keys()


def test_a_broken_package_is_shown_and_hides_nothing(monkeypatch):
    install(monkeypatch, "theirs", 7)
    shown = hetmusic("dumps").succeeded().out
    assert "hetrec-lastfm: HetRec" in shown
    assert "theirs\n  error:     the dump 'theirs'" in shown
    assert hetmusic("dumps", "--json").json[-1]["error"].startswith("the dump 'theirs'")


@pytest.mark.parametrize("name", builtin_names())
def test_show(name):
    shown = hetmusic("dumps", "show", name).succeeded().out
    assert shown.startswith(f"{name}: ")
    assert any(f"\n{heading}:\n" in shown for heading in ("relations", "tags", "modalities"))
    assert hetmusic("dumps", "show", name, "--json").json["mapping"]["nodes"]


def test_show_of_ones_own(world):
    shown = hetmusic("dumps", "show", world / "spec.yaml").succeeded().out
    assert "user likes song: `user_id` to `song_id` of listens.tsv" in shown


def test_sizes_for_people():
    assert [size(number) for number in (None, 0, 999, 1000, 1_925_879, 640 * 10**6, 10**15)] == [
        "size unknown",
        "0 bytes",
        "999 bytes",
        "1.0 KB",
        "1.9 MB",
        "640.0 MB",
        "1000.0 TB",
    ]


SPEC = """
name: mine
item: song
downloads:
  - {{url: "{url}/plays.csv"}}
  - {{page: "https://data.example", name: songs.csv, note: ask for it{optional}}}
files:
  plays: {{path: plays.csv}}
nodes:
  user: [{{file: plays, key: who}}]
  song: [{{file: plays, key: what}}]
edges:
  - {{relation: likes, file: plays, src: who, dst: what}}
"""


def test_fetch_and_build(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    spec, raw = tmp_path / "mine.yaml", tmp_path / "raw"
    with serving() as server:
        server.pages["plays.csv"] = Page(b"who,what\na,x\n")
        spec.write_text(SPEC.format(url=server.address, optional=""))
        done = hetmusic("fetch", spec, "--to", raw)
        assert done.error == f"error: {raw} is not complete: 1 file is missing, as shown above"
        assert "plays.csv: fetched, 13 bytes\n  sha256 of plays.csv: " in done.out
        assert "songs.csv: missing; to be downloaded by hand from https://data.example" in done.out
        assert "  call the file songs.csv; ask for it" in done.out
        assert "downloading plays.csv" in done.err
    spec.write_text(SPEC.format(url=server.address, optional=", optional: true"))
    done = hetmusic("fetch", spec, "--to", raw, "--offline", "--quiet").succeeded()
    assert "plays.csv: already there" in done.out
    assert "songs.csv: missing; to be downloaded from https://data.example, and not needed" in done.out
    next_command = done.out.partition("next: hetmusic ")[2].replace("GRAPH", str(tmp_path / "graph")).split()
    hetmusic(*next_command).succeeded()


def test_fetch_offline_of_a_public_data_set(tmp_path):
    done = hetmusic("fetch", "hetrec-lastfm", "--to", tmp_path / "new", "--offline")
    way_on = "1 file is missing, as shown above; without --offline, what has an address is downloaded"
    assert done.error == f"error: {tmp_path / 'new'} does not exist: {way_on}"
    assert "to be downloaded from https://files.grouplens.org/" in done.out
    assert not (tmp_path / "new").exists()
    done = hetmusic("fetch", "hetrec-lastfm", "--to", tmp_path, "--offline")
    assert done.error == f"error: {tmp_path} is not complete: {way_on}"
    assert "to be downloaded from https://files.grouplens.org/" in done.out
    for name in ("artists", "tags", "user_artists", "user_friends", "user_taggedartists"):
        (tmp_path / f"{name}.dat").touch()
    assert (
        "already there" in hetmusic("fetch", "hetrec-lastfm", "--to", tmp_path, "--offline").succeeded().out
    )
