"""``hetmusic synth --world``: the commands it names do what it says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests.cli.running import hetmusic

SIZES = ("--set", "users=40", "--set", "songs=48", "--set", "artists=12")
QUICK = ("--epochs", "1", "--set", "model.dim=8", "--set", "relations.sings.use=false")


def test_the_named_commands_lead_from_the_world_to_a_run(tmp_path: Path) -> None:
    shown = (
        hetmusic("synth", "--out", tmp_path / "w", "--world", "only-artist", "--seed", 2, *SIZES)
        .succeeded()
        .out
    )
    build, fit = (
        re.search(pattern, shown) for pattern in (r"next: hetmusic (.*) GRAPH", r"then: hetmusic (.*)")
    )
    assert build is not None
    assert fit is not None
    hetmusic(*shlex.split(build[1]), tmp_path / "g").succeeded()
    named = {"GRAPH": str(tmp_path / "g"), "RUN": str(tmp_path / "r")}
    hetmusic(*(named.get(word, word) for word in shlex.split(fit[1])), *QUICK).succeeded()
    config = (tmp_path / "r" / "config.toml").read_text()
    assert 'candidates = "trained"' in config
    levels = json.loads((tmp_path / "w" / "truth" / "levels.json").read_text())
    assert levels["world"] == "only-artist"
    assert levels["chance"]["recall@5"] < levels["oracle"]["recall@5"]


def test_where_emotions_are_heard_the_commands_that_hear_them_are_named(tmp_path: Path) -> None:
    world = (
        "synth",
        "--out",
        tmp_path / "w",
        "--world",
        "only-heard-emotion",
        "--set",
        "audio_seconds=0.3",
        *SIZES,
    )
    commands = re.findall(r"(?:next|then): hetmusic (.*)", hetmusic(*world).succeeded().out)
    named = {"GRAPH": str(tmp_path / "g"), "RUN": str(tmp_path / "r"), "MODEL": str(tmp_path / "m")}
    assert [command.split()[0] for command in commands] == ["build", "features", "features", "fit"]
    for command in commands:
        more = QUICK if command.startswith("fit") else ()
        hetmusic(*(named.get(word, word) for word in shlex.split(command)), *more).succeeded()
    assert (tmp_path / "r" / "emotion" / "item.npy").is_file()


def test_an_unknown_world_is_named_with_the_nearest_and_nothing_is_written(tmp_path: Path) -> None:
    found = hetmusic("synth", "--out", tmp_path / "w", "--world", "only-friend")
    assert found.status == 1
    assert "did you mean 'only-friends'" in found.error
    assert not (tmp_path / "w").exists()


def test_the_signals_of_a_named_world_stay_its_own(tmp_path: Path) -> None:
    found = hetmusic("synth", "--out", tmp_path / "w", "--world", "only-audio", "--set", "signals.lyrics=1")
    assert found.status == 1
    assert "'signals' is what only-audio is made of" in found.error
    assert not (tmp_path / "w").exists()
