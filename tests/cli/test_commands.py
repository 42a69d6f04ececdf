"""From raw data to a graph through the real command line, and what every command says about itself."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import polars as pl
import pytest

from hetmusic.cli._main import COMMANDS
from tests.cli.running import hetmusic, python


def test_help_lists_every_command():
    shown = hetmusic("--help").succeeded().out
    for name, line in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", shown, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        *([name] for name in COMMANDS),
        *(["features", name] for name in ("import", "extract", "list", "report", "show", "train-emotion")),
        ["dumps", "show"],
        ["spec", "check"],
        ["spec", "init"],
    ],
    ids=" ".join,
)
def test_help_of_every_command(command):
    shown = hetmusic(*command, "--help").succeeded().out
    assert shown.startswith(f"Usage: hetmusic {' '.join(command)} ")
    assert not re.search(r"[^,]\.\.\.", shown.split("\n", 1)[1]), "a description is cut"
    assert max(map(len, shown.splitlines())) <= 80


def test_version():
    from hetmusic import __version__

    assert hetmusic("--version").succeeded().out == f"hetmusic, version {__version__}\n"


IMPORTS = """
import sys
from hetmusic.cli import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
loaded = [name for name in ("torch", "dgl", "polars", "pandas", "scipy", "rich") if name in sys.modules]
print("LOADED", *loaded)
"""


def test_help_imports_nothing_heavy():
    """What takes time in a command line is what it imports."""
    done = python(IMPORTS, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_recommend_imports_neither_torch_nor_dgl(run):
    done = python(IMPORTS, "recommend", run, "--user", "u01")
    assert done.returncode == 0, done.stderr
    assert "user u01" in done.stdout
    assert not {"torch", "dgl"} & set(done.stdout.splitlines()[-1].split())


def test_synth_says_what_comes_next(tmp_path):
    sizes = ("--set", "users=10", "--set", "songs=30", "--set", "artists=5", "--set", "listens_per_user=9")
    shown = (
        hetmusic("synth", "--out", tmp_path / "w", "--seed", 3, *sizes, "--set", "signals.audio=0")
        .succeeded()
        .out
    )
    next_command = re.search(r"next: hetmusic (.*) GRAPH", shown)
    assert next_command is not None
    hetmusic(*next_command[1].split(), tmp_path / "g").succeeded()
    made = json.loads((tmp_path / "w" / "truth" / "world.json").read_text())
    assert (made["seed"], made["settings"]["users"], made["settings"]["signals"]["audio"]) == (3, 10, 0)


def test_build_reports_counts_and_what_was_dropped(world, tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(world, raw)
    with open(raw / "friends.csv", "a", encoding="utf-8") as stream:
        stream.write("u01,nobody\n")
    shown = (
        hetmusic("build", "--spec", raw / "spec.yaml", "--raw", raw, "--out", tmp_path / "g").succeeded().out
    )
    assert re.search(r"^user +40$", shown, re.MULTILINE)
    listens = pl.read_csv(raw / "listens.tsv", separator="\t").height
    assert re.search(rf"^user likes song +{listens:,}$", shown, re.MULTILINE)
    line = pl.read_csv(raw / "friends.csv").height + 1
    assert f"dropped 1 row of friends.csv: unknown user (first: line {line})" in shown
    used = [line.split() for line in shown.splitlines() if line.startswith("friends.csv ")]
    assert used == [["friends.csv", "edges", "user__friends__user", f"{line - 1:,}", f"{line - 2:,}"]]
    assert "friends.csv" in hetmusic("info", tmp_path / "g").succeeded().out


def test_info_tells_the_truth(graph, world):
    summary = hetmusic("info", graph, "--json", "--verify").json
    assert {name: node["count"] for name, node in summary["nodes"].items()}.items() >= {
        "user": 40,
        "song": 60,
        "artist": 12,
    }.items()
    listens = pl.read_csv(world / "listens.tsv", separator="\t")
    likes = summary["relations"]["user__likes__song"]
    assert likes["edges"] == listens.height
    counts = listens.group_by("user_id").len()["len"]
    assert likes["degrees"]["src"]["max"] == counts.max()
    assert likes["degrees"]["src"]["median"] == counts.median()
    assert summary["interaction"] == "user__likes__song"
    assert sum(summary["assignments"].values()) >= pl.read_csv(world / "tags.tsv", separator="\t").height


def test_info_fits_a_terminal_and_names_everything(graph):
    shown = hetmusic("info", graph).succeeded().out
    assert "planted-world: recommends songs, predicts user likes song" in shown
    assert re.search(r"^user friends user +\(symmetric\)", shown, re.MULTILINE)
    assert re.search(r"^album released_by artist +released ", shown, re.MULTILINE)
    tables = [line for line in shown.splitlines() if "warning" not in line]
    assert max(map(len, tables)) <= 80


def test_features_import(graph, tmp_path):
    own = tmp_path / "graph"
    shutil.copytree(graph, own)
    keys = [f"s{number:02d}" for number in (5, 1, 9)]
    np.save(tmp_path / "x.npy", np.arange(12, dtype=np.float32).reshape(3, 4))
    (tmp_path / "keys.tsv").write_text("song\tother\n" + "".join(f"{key}\t0\n" for key in keys))
    arguments = (
        "--node",
        "song",
        "--modality",
        "text",
        "--values",
        tmp_path / "x.npy",
        "--keys",
        tmp_path / "keys.tsv",
    )
    imported = hetmusic("features", "import", own, *arguments, "--key-column", "song").succeeded()
    assert imported.out == "imported 3 vectors of 4 dimensions, 5.0% of the nodes\n"
    stored = hetmusic("info", own, "--json").json["nodes"]["song"]["modalities"]["text"]
    assert (stored["dim"], stored["present"], stored["coverage"]) == (4, 3, 0.05)
    assert re.search(r"^text +song +4 +5.0%$", hetmusic("info", own).out, re.MULTILINE)
    again = hetmusic("features", "import", own, *arguments, "--key-column", "song")
    assert "text" in again.error
    assert "--overwrite" in again.error
    hetmusic("features", "import", own, *arguments, "--key-column", "song", "--overwrite").succeeded()
