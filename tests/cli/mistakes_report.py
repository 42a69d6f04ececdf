"""Reports of what is none, to where none can go, and of damaged runs."""

from __future__ import annotations

from tests.cli.place import case

REPORT = "report {run} --out {at}/r.html --quiet"
REPORTING = [
    case("report of nothing", "report {at}/nix --out {at}/r.html", "{at}/nix: no such folder"),
    case("report of a file", "report {raw}/users.csv --out {at}/r.html", "{raw}/users.csv is not a folder"),
    case("report of a graph", "report {graph} --out {at}/r.html", "{graph}", "it is a graph"),
    case("report of raw data", "report {raw} --out {at}/r.html", "no run.json and no comparison.json"),
    case("report without a place", "report {run}", "--out"),
    case(
        "report that exists",
        REPORT,
        "{at}/r.html already exists; choose another --out or pass --overwrite",
        prepare=lambda p: p.write("r.html", "mine"),
    ),
    case("report in place of a folder", "report {run} --out {at}/run --overwrite", "{at}/run"),
    case("report of another format", "report {run} --out {at}/r.pdf", "{at}/r.pdf has the suffix .pdf"),
    case("report without a suffix", "report {run} --out {at}/r", "{at}/r has no suffix", ".html"),
    case("report below a file", "report {run} --out {raw}/users.csv/r.html --quiet", "{raw}/users.csv"),
    case(
        "report of an unfinished run",
        REPORT,
        "{run} is not finished (it is interrupted); go on with: hetmusic fit --resume {run}",
        prepare=lambda p: p.set_json("run/run.json", status="interrupted"),
    ),
    case(
        "report of a running run", REPORT, "it is running", prepare=lambda p: p.set_json("run/run.json", status="running")
    ),
    case("report of vectors cut", REPORT, "item.npy", prepare=lambda p: p.cut("run/embeddings/item.npy")),
    case("report without names", REPORT, "ids/user.parquet", prepare=lambda p: p.remove("run/ids/user.parquet")),
    case("report of a history cut", REPORT, "history.jsonl, line 3", prepare=lambda p: p.cut("run/history.jsonl")),
    case("report without the split", REPORT, "split", prepare=lambda p: p.remove("run/split")),
    case(
        "report of settings that are none", REPORT, "config.toml", prepare=lambda p: p.append("run/config.toml", "\n[[")
    ),
    case("report of too many clusters", REPORT + " --clusters 300", "300 clusters", "60 songs"),
    case("report of no cluster", REPORT + " --clusters 0", "--clusters"),
    case("report of lists of length 0", REPORT + " -k 0", "-k"),
    case(
        "report of a comparison cut",
        "report {at}/c --out {at}/r.html",
        "{at}/c",
        prepare=lambda p: (p.at.joinpath("c").mkdir(), p.write("c/comparison.json", "{"), p.write("c/results.json", "{")),
    ),
]  # fmt: skip
