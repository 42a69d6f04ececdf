"""Damaged runs, and mistakes in the options of the commands that read them; other commands."""

from __future__ import annotations

from tests.cli.place import case

USING_RUNS = [
    case("evaluate nothing", "evaluate {at}/nix", "{at}/nix"),
    case("evaluate a graph", "evaluate {graph}", "{graph}", "run.json"),
    case("k 0", "evaluate {run} --k 0", "--k", "'0'"),
    case("k negative", "evaluate {run} --k 5,-1", "'5,-1'"),
    case("k no numbers", "evaluate {run} --k 5,ten", "'5,ten'"),
    case("k empty", "evaluate {run} --k ,", "','"),
    case("k a fraction", "evaluate {run} --k 2.5", "'2.5'"),
    case("mask hides the part", "evaluate {run} --part train --mask train", "mask 'train'"),
    case("unknown part", "evaluate {run} --part tset", "--part"),
    case("unknown mask", "evaluate {run} --mask all", "--mask"),
    case("saved below a file", "evaluate {run} --save {raw}/users.csv/x", "{raw}/users.csv"),
    case("saved into a file", "evaluate {run} --save {raw}/users.csv", "{raw}/users.csv"),
    case(
        "newer run",
        "evaluate {run}",
        "run.json",
        "newer",
        prepare=lambda p: p.set_json("run/run.json", format_version=99),
    ),
    case("run.json cut", "evaluate {run}", "run.json", prepare=lambda p: p.cut("run/run.json", 30)),
    case(
        "run.json with an unknown field",
        "evaluate {run}",
        "run.json",
        "statuss",
        "did you mean 'status'",
        prepare=lambda p: p.set_json("run/run.json", statuss="finished"),
    ),
    case(
        "unfinished run",
        "evaluate {run}",
        "hetmusic fit --resume {run}",
        prepare=lambda p: p.set_json("run/run.json", status="interrupted"),
    ),
    case("split gone", "evaluate {run}", "split", prepare=lambda p: p.remove("run/split")),
    case(
        "vectors cut",
        "recommend {run} --user u01",
        "item.npy",
        prepare=lambda p: p.cut("run/embeddings/item.npy"),
    ),
    case(
        "vectors gone",
        "recommend {run} --user u01",
        "user.npy",
        prepare=lambda p: p.remove("run/embeddings/user.npy"),
    ),
    case(
        "ids damaged",
        "recommend {run} --user u01",
        "ids/item.parquet",
        prepare=lambda p: p.cut("run/ids/item.parquet"),
    ),
    case(
        "ids of zeros",
        "recommend {run} --user u01",
        "ids/user.parquet",
        prepare=lambda p: p.write("run/ids/user.parquet", bytes(999)),
    ),
    case("unknown user", "recommend {run} --user u99", "'u99'", "40 users"),
    case("one of several unknown", "recommend {run} --user u01 --user U02", "'U02'", "1 of 2"),
    case("no user", "recommend {run}", "--user"),
    case("recommend k 0", "recommend {run} --user u01 -k 0", "'-k'", "0"),
    case("recommend k no number", "recommend {run} --user u01 -k ten", "'ten'"),
    case("no users file", "recommend {run} --users {at}/nix.txt", "{at}/nix.txt"),
    case(
        "users file empty",
        "recommend {run} --users {at}/u.txt",
        "u.txt",
        prepare=lambda p: p.write("u.txt", "\n \n"),
    ),
    case(
        "users file not UTF-8",
        "recommend {run} --users {at}/u.txt",
        "u.txt",
        "line 2",
        prepare=lambda p: p.write("u.txt", b"u01\n\xff\n"),
    ),
    case("users file is a folder", "recommend {run} --users {raw}", "{raw}"),
    case("no such run", "recommend {at}/nix --user u01", "{at}/nix"),
]

OTHERS = [
    case("synth: unknown setting", "synth --out {at}/out --set user=3", "'user'", "did you mean 'users'"),
    case("synth: wrong value", "synth --out {at}/out --set users=many", "'users'"),
    case(
        "synth: does not fit together", "synth --out {at}/out --set songs=10 --set artists=20", "artists (20)"
    ),
    case(
        "synth: unknown signal",
        "synth --out {at}/out --set signals.audoi=1",
        "'audoi'",
        "did you mean 'audio'",
    ),
    case("synth: folder exists", "synth --out {raw}", "{raw}", "--overwrite"),
    case("synth: below a file", "synth --out {raw}/users.csv/out", "{raw}/users.csv"),
    case(
        "synth: would replace something else",
        "synth --out {raw} --overwrite",
        "{raw}",
        "not replaced",
        prepare=lambda p: p.write("raw/mine.txt"),
    ),
    case("demo: would replace something else", "demo --out {raw} --overwrite", "{raw}", "not replaced"),
    case("demo: folder exists", "demo --out {raw}", "{raw}", "--overwrite"),
    case("demo: below a file", "demo --out {raw}/users.csv/out", "{raw}/users.csv"),
    case("unknown command", "evalute {run}", "'evalute'", "did you mean 'evaluate'"),
    case("unknown sub-command", "features improt", "improt"),
    case("unknown option", "info {graph} --jsom", "--jsom", "--json"),
]
