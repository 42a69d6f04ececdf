"""Mistakes with ``validate`` and ``export``."""

from __future__ import annotations

from tests.cli.place import case

VALIDATING = [
    case("no such graph", "validate {at}/nix", "{at}/nix"),
    case("another folder", "validate {raw}", "{raw}", "graph.json"),
    case("not one graph", "validate {graph} {run}", "unexpected extra argument"),
    case(
        "damaged table",
        "validate {graph}",
        "{graph}",
        "2 kinds of errors",
        prepare=lambda p: p.cut("graph/nodes/user.parquet"),
    ),
    case(
        "missing file",
        "validate {graph} --json",
        "1 kind of errors",
        prepare=lambda p: p.remove("graph/assignments/tags.parquet"),
    ),
]

EXPORT = "export {graph} --out {at}/out"

EXPORTING = [
    case("no format", EXPORT, "--to"),
    case("unknown format", EXPORT + " --to gephi", "'gephi'"),
    case("no graph", "export {at}/nix --to csv --out {at}/out", "{at}/nix"),
    case("out exists", "export {graph} --to csv --out {raw}", "{raw}", "--overwrite"),
    case("out is something else", "export {graph} --to csv --overwrite --out {raw}", "{raw}", "export.json"),
    case("out is a folder", "export {graph} --to networkx --overwrite --out {raw}", "{raw}", ".graphml"),
    case("out is the graph", "export {graph} --to dgl --overwrite --out {graph}", "{graph}", "export.json"),
    case("suffix", EXPORT + ".gexf --to networkx", "out.gexf", ".graphml", ".json"),
    case(
        "damaged", EXPORT + " --to dgl", "song.parquet", prepare=lambda p: p.cut("graph/nodes/song.parquet")
    ),
    case(
        "damaged edges",
        EXPORT + " --to csv",
        "user__likes__song.parquet",
        prepare=lambda p: p.cut("graph/edges/user__likes__song.parquet", 200),
    ),
]
