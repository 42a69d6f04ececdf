"""``hetmusic spec`` as a person sees it."""

from __future__ import annotations

import shlex

from tests.cli.running import hetmusic, snapshot


def test_check(world, place):
    before = snapshot(world)
    shown = hetmusic("spec", "check", world / "spec.yaml", "--raw", world).succeeded().out
    assert "user likes song: 100 % of `user_id` are user nodes, 100 % of `song_id` are song nodes" in shown
    assert shown.endswith("spec.yaml: nothing is wrong\n")
    assert snapshot(world) == before
    place.edit("raw/spec.yaml", "interaction:", "interacton:")
    place.edit("raw/friends.csv", "friend_id", "freind_id")
    done = hetmusic("spec", "check", place.raw / "spec.yaml", "--raw", place.raw)
    assert done.status == 1
    assert "errors:\n" in done.out
    assert f"  {place.raw}/spec.yaml:6: interacton: unknown key (did you mean 'interaction'?)\n" in done.out
    assert "friends.csv has no column 'friend_id' (did you mean 'freind_id'?)" in done.out
    assert done.err == f"error: {place.raw}/spec.yaml has 2 problems, listed above\n"


def test_check_without_files(world):
    assert hetmusic("spec", "check", world / "spec.yaml").succeeded().out.endswith("nothing is wrong\n")
    assert "nothing is wrong" in hetmusic("spec", "check", "taste-profile").succeeded().out


def test_init_check_build(tmp_path):
    raw = tmp_path / "my music"
    raw.mkdir()
    (raw / "plays.csv").write_text("user,track,count\nu1,s1,3\nu2,s1,1\n")
    (raw / "notes.csv").write_text("colour\nred\n")
    shown = hetmusic("spec", "init", raw, "--out", tmp_path / "mine.yaml").succeeded().out
    assert "mine.yaml: nodes user, song; relations likes\n" in shown
    assert "  not used: notes.csv: no column says what it is about (colour)\n" in shown
    assert "guess" not in shown
    check, build = (line.partition("hetmusic ")[2] for line in shown.splitlines()[-2:])
    hetmusic(*shlex.split(check)).succeeded()
    hetmusic(*shlex.split(build.replace("GRAPH", str(tmp_path / "graph")))).succeeded()
    printed = hetmusic("spec", "init", raw, "--name", "mine").succeeded().out
    assert printed.replace("name: mine", "name: my-music") == (tmp_path / "mine.yaml").read_text()
    again = hetmusic("spec", "init", raw, "--out", tmp_path / "mine.yaml")
    assert "--overwrite" in again.error
    hetmusic("spec", "init", raw, "--out", tmp_path / "mine.yaml", "--overwrite").succeeded()
