"""Damaged graphs, and vectors that do not fit one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.cli.place import FIT, IMPORT, case


def overwrite_inside(path: Path) -> None:
    """Change bytes without changing the size."""
    data = bytearray(path.read_bytes())
    data[8:16] = bytes(8)
    path.write_bytes(data)


READING_GRAPHS = [
    case("no such graph", "info {at}/nix", "{at}/nix"),
    case("graph is a file", "info {raw}/users.csv", "users.csv"),
    case("graph is another folder", "info {raw}", "{raw}", "graph.json"),
    case("graph is a run", "fit {run} --out {at}/out", "{run}", "graph.json"),
    case(
        "newer format",
        "info {graph}",
        "graph.json",
        "newer",
        prepare=lambda p: p.set_json("graph/graph.json", format_version=99),
    ),
    case(
        "newer format, fit",
        FIT,
        "graph.json",
        "newer",
        prepare=lambda p: p.set_json("graph/graph.json", format_version=99),
    ),
    case("graph.json cut", "info {graph}", "graph.json", prepare=lambda p: p.cut("graph/graph.json", 100)),
    case(
        "graph.json a list", "info {graph}", "graph.json", prepare=lambda p: p.write("graph/graph.json", "[]")
    ),
    case(
        "graph.json lacks a field",
        "info {graph}",
        "graph.json",
        prepare=lambda p: p.write("graph/graph.json", '{"format_version": 1}'),
    ),
    case(
        "corrupted nodes",
        "info {graph}",
        "nodes/user.parquet",
        prepare=lambda p: p.cut("graph/nodes/user.parquet"),
    ),
    case(
        "corrupted edges",
        "info {graph}",
        "user__likes__song.parquet",
        prepare=lambda p: p.cut("graph/edges/user__likes__song.parquet", 200),
    ),
    case(
        "corrupted edges, fit",
        FIT,
        "user__likes__song.parquet",
        prepare=lambda p: p.cut("graph/edges/user__likes__song.parquet", 200),
    ),
    case(
        "parquet overwritten inside",
        "info {graph} --verify",
        "user__likes__song.parquet",
        "SHA-256",
        prepare=lambda p: overwrite_inside(p.graph / "edges/user__likes__song.parquet"),
    ),
    case(
        "parquet of zeros",
        "info {graph}",
        "song.parquet",
        prepare=lambda p: p.write("graph/nodes/song.parquet", bytes(5000)),
    ),
    case(
        "parquet missing",
        "info {graph}",
        "tags.parquet",
        prepare=lambda p: p.remove("graph/assignments/tags.parquet"),
    ),
    case(
        "corrupted assignments, fit",
        FIT,
        "tags.parquet",
        prepare=lambda p: p.cut("graph/assignments/tags.parquet"),
    ),
]

IMPORTING = [
    case("no values", IMPORT, "x.npy", prepare=lambda p: p.write("keys.txt", "s01\n")),
    case("no keys", IMPORT, "keys.txt", prepare=lambda p: (p.vectors(), p.remove("keys.txt"))),
    case("NaN", IMPORT, "x.npy", "row 1", "s02", prepare=lambda p: p.vectors(np.float32([[1], [np.nan]]))),
    case("infinity", IMPORT, "x.npy", "row 0", prepare=lambda p: p.vectors(np.float32([[np.inf], [1]]))),
    case(
        "rows",
        IMPORT,
        "x.npy has 3 rows",
        "keys.txt has 2 keys",
        prepare=lambda p: p.vectors(np.ones((3, 3), np.float32)),
    ),
    case("one-dimensional", IMPORT, "x.npy", "(2,)", prepare=lambda p: p.vectors(np.ones(2, np.float32))),
    case("whole numbers", IMPORT, "x.npy", "int64", prepare=lambda p: p.vectors(np.ones((2, 2), np.int64))),
    case(
        "objects",
        IMPORT,
        "x.npy",
        prepare=lambda p: (
            p.vectors(),
            p.write(
                "x.npy",
                b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }"
                + b" " * 57
                + b"\n",
            ),
        ),
    ),
    case("not npy", IMPORT, "x.npy", prepare=lambda p: (p.vectors(), p.write("x.npy", "1,2\n3,4\n"))),
    case("npy cut", IMPORT, "x.npy", prepare=lambda p: (p.vectors(), p.cut("x.npy"))),
    case(
        "unknown key",
        IMPORT,
        "keys.txt",
        "1 of 2 keys",
        "'s99'",
        "--unknown skip",
        prepare=lambda p: p.vectors(keys="s01\ns99\n"),
    ),
    case("key twice", IMPORT, "keys.txt", "line 2", "'s01'", prepare=lambda p: p.vectors(keys="s01\ns01\n")),
    case(
        "keys not UTF-8",
        IMPORT,
        "keys.txt",
        "UTF-8",
        prepare=lambda p: (p.vectors(), p.write("keys.txt", b"s\xe9\ns02\n")),
    ),
    case(
        "no such column",
        IMPORT + " --key-column sonk",
        "keys.txt",
        "'sonk'",
        "did you mean 'song'",
        prepare=lambda p: p.vectors(keys="song\ts\ns01\t1\ns02\t1\n"),
    ),
    case(
        "unknown node type",
        IMPORT.replace("node song", "node sogn"),
        "'sogn'",
        "did you mean 'song'",
        prepare=lambda p: p.vectors(),
    ),
    case(
        "modality is a path",
        IMPORT.replace("modality text", "modality ../text"),
        "'../text'",
        prepare=lambda p: p.vectors(),
    ),
    case("graph missing", IMPORT.replace("{graph}", "{at}/nix"), "{at}/nix", prepare=lambda p: p.vectors()),
]

RATED = "features train-emotion --annotations {at}/rated.csv --out {at}/out"


def rated(text: str):
    return lambda place: place.write("rated.csv", text)


TRAINING_EMOTION = [
    case("no annotations", RATED, "{at}/rated.csv", "does not exist"),
    case(
        "a rating is no number", RATED, "rated.csv", "row 3", "'high'",
        prepare=rated("key,valence,arousal\na,1,9\nb,2,high\n"),
    ),
    case("no arousal", RATED, "rated.csv", "arousal", "--columns", prepare=rated("key,valence\na,1\n")),
    case("no scale", RATED, "rated.csv", "3 to 4", "--scale", prepare=rated("key,valence,arousal\na,3,4\n")),
    case(
        "beyond the scale", RATED + " --scale 1,9", "rated.csv", "row 2", "12",
        prepare=rated("key,valence,arousal\na,12,4\n"),
    ),
    case(
        "no sounds", RATED, "rated.csv", "0 of 2 rated songs", "2 no file of that name",
        prepare=rated("key,valence,arousal\na,1,9\nb,9,1\n"),
    ),
    case("no folder of sounds", RATED + " --sounds {at}/nix", "{at}/nix", prepare=rated("key,valence,arousal\na,1,9\n")),
    case("unreadable columns", RATED + " --columns key", "'key'", "key=COLUMN", prepare=rated("x\n")),
    case("model exists", RATED.replace("at}/out", "at}/m"), "{at}/m", "--overwrite", prepare=lambda p: p.write("m", "x")),
]  # fmt: skip
