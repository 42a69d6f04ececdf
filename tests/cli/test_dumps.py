"""``hetmusic dumps`` as a person or a script sees it."""

from __future__ import annotations

import pytest

from hetmusic.cli._render_dumps import size
from kg_schema.dump import builtin_names
from tests.cli.running import hetmusic
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
    assert "\nrelations:\n" in shown
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
