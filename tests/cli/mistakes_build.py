"""Mistakes in raw files, specifications and the options of ``build``."""

from __future__ import annotations

from tests.cli.place import BUILD, case

LISTENS = "user_id\tsong_id\tplays\ttime\n"


BUILDING = [
    case("raw folder missing", "build --spec {raw}/spec.yaml --raw {at}/nix --out {at}/out", "{at}/nix"),
    case(
        "raw folder is a file",
        "build --spec {raw}/spec.yaml --raw {raw}/users.csv --out {at}/out",
        "users.csv",
    ),
    case("file missing", BUILD, "raw/listens.tsv", prepare=lambda p: p.remove("raw/listens.tsv")),
    case(
        "file is a folder",
        BUILD,
        "raw/users.csv",
        prepare=lambda p: (p.remove("raw/users.csv"), (p.raw / "users.csv").mkdir()),
    ),
    case(
        "wrong delimiter",
        BUILD,
        "friends.csv",
        "line 1",
        "delimiter",
        prepare=lambda p: p.edit("raw/friends.csv", ",", ";", -1),
    ),
    case("truncated file", BUILD, "listens.tsv", "line", prepare=lambda p: p.cut("raw/listens.tsv")),
    case(
        "truncated in the first column",
        BUILD,
        "friends.csv",
        "line",
        prepare=lambda p: p.cut("raw/friends.csv", -6),
    ),
    case(
        "column missing",
        BUILD,
        "albums.csv",
        "'artist_id'",
        prepare=lambda p: p.edit("raw/albums.csv", "artist_id", "artist"),
    ),
    case(
        "field too many",
        BUILD,
        "users.csv",
        "line 2",
        prepare=lambda p: p.edit("raw/users.csv", "\n", "\na,b,c,d,e,f,g,h,i\n"),
    ),
    case(
        "column twice",
        BUILD,
        "users.csv",
        "user_id",
        prepare=lambda p: p.edit("raw/users.csv", ",name", ",user_id"),
    ),
    case(
        "weight not a number",
        BUILD,
        "listens.tsv",
        "'plays'",
        "'many'",
        prepare=lambda p: p.write("raw/listens.tsv", LISTENS + "u01\ts01\t3\t1\nu01\ts02\tmany\t1\n"),
    ),
    case(
        "infinite weight",
        BUILD,
        "listens.tsv",
        "plays",
        prepare=lambda p: p.write("raw/listens.tsv", LISTENS + "u01\ts01\tinf\t1\n"),
    ),
    case(
        "time not a number",
        BUILD,
        "listens.tsv",
        "'time'",
        "'noon'",
        prepare=lambda p: p.write("raw/listens.tsv", LISTENS + "u01\ts01\t3\tnoon\n"),
    ),
    case(
        "attribute not a number",
        BUILD,
        "albums.csv",
        "'year'",
        "'soon'",
        prepare=lambda p: p.write("raw/albums.csv", "album_id,title,artist_id,year\nb01,X,a01,soon\n"),
    ),
    case("empty file", BUILD, "users.csv", "empty", prepare=lambda p: p.write("raw/users.csv")),
    case("header only", BUILD, "listens.tsv", prepare=lambda p: p.write("raw/listens.tsv", LISTENS)),
    case(
        "wrong encoding",
        BUILD,
        "users.csv",
        "line 2",
        "utf-8",
        prepare=lambda p: p.write("raw/users.csv", b"user_id,name\nu01,Jos\xe9\n"),
    ),
    case(
        "UTF-16",
        BUILD,
        "users.csv",
        "utf-8",
        prepare=lambda p: p.write("raw/users.csv", "user_id,name\nu01,José\n".encode("utf-16")),
    ),
    case(
        "binary file", BUILD, "users.csv", prepare=lambda p: p.write("raw/users.csv", bytes(range(256)) * 9)
    ),
    case(
        "broken JSON line",
        BUILD,
        "lyrics.jsonl",
        "line 2",
        prepare=lambda p: p.write("raw/lyrics.jsonl", '{"song_id": "s01", "lyrics": "la"}\n{"song_id": \n'),
    ),
    case("specification missing", "build --spec {at}/nix.yaml --raw {raw} --out {at}/out", "{at}/nix.yaml"),
    case("specification is a folder", "build --spec {raw} --raw {raw} --out {at}/out", "{raw}"),
    case("specification empty", BUILD, "spec.yaml", prepare=lambda p: p.write("raw/spec.yaml")),
    case(
        "specification not YAML",
        BUILD,
        "spec.yaml:3",
        "not valid YAML",
        prepare=lambda p: p.write("raw/spec.yaml", "name: x\nfiles: [\n"),
    ),
    case(
        "specification not UTF-8",
        BUILD,
        "spec.yaml",
        prepare=lambda p: p.write("raw/spec.yaml", b"name: \xe9\n"),
    ),
    case(
        "specification a list", BUILD, "spec.yaml", prepare=lambda p: p.write("raw/spec.yaml", "- a\n- b\n")
    ),
    case(
        "specification unknown key",
        BUILD,
        "spec.yaml:6",
        "interacton",
        "did you mean 'interaction'",
        prepare=lambda p: p.edit("raw/spec.yaml", "interaction:", "interacton:"),
    ),
    case(
        "specification unknown relation",
        BUILD,
        "spec.yaml",
        "'frends'",
        "did you mean 'friends'",
        prepare=lambda p: p.edit("raw/spec.yaml", "relation: friends", "relation: frends"),
    ),
    case(
        "specification unknown item",
        BUILD,
        "spec.yaml",
        "'sogn'",
        "did you mean 'song'",
        prepare=lambda p: p.edit("raw/spec.yaml", "item: song", "item: sogn"),
    ),
    case(
        "specification unknown file",
        BUILD,
        "spec.yaml",
        "'taggs'",
        "did you mean 'tags'",
        prepare=lambda p: p.edit("raw/spec.yaml", "file: tags", "file: taggs"),
    ),
    case(
        "unknown dump",
        "build hetrec-lastfn --raw {raw} --out {at}/out",
        "'hetrec-lastfn'",
        "did you mean 'hetrec-lastfm'",
    ),
    case(
        "dumps that disagree",
        "build hetrec-lastfm --spec {raw}/spec.yaml --raw hetrec-lastfm={raw} --raw planted-world={raw} --out {at}/out",
        "hetrec-lastfm (likes artist)",
        "planted-world (likes song)",
        "--item",
    ),
    case(
        "one folder for two dumps",
        "build taste-profile --spec {raw}/spec.yaml --raw {raw} --out {at}/out",
        "taste-profile, planted-world",
        "NAME=DIR",
    ),
    case(
        "two folders without names",
        "build taste-profile --spec {raw}/spec.yaml --raw {raw} --raw {raw} --out {at}/out",
        "--raw {raw}",
        "NAME=DIR",
    ),
    case(
        "two folders for one dump",
        "build taste-profile --spec {raw}/spec.yaml --raw taste-profile={raw} --raw taste-profile={at} --out {at}/out",
        "two folders",
        "taste-profile",
    ),
    case(
        "one dump twice",
        "build taste-profile taste-profile --raw taste-profile={raw} --out {at}/out",
        "two dumps",
        "'taste-profile'",
    ),
    case(
        "nothing is left",
        "build --spec {raw}/spec.yaml --raw {raw} --user-core 10000 --out {at}/out",
        "none of the",
        "user_core 10000",
    ),
    case(
        "list missing",
        "build --spec {raw}/spec.yaml --raw {raw} --items {at}/nix.txt --out {at}/out",
        "{at}/nix.txt",
        "No such file",
    ),
    case(
        "list of something else",
        "build --spec {raw}/spec.yaml --raw {raw} --items {raw}/users.csv --out {at}/out",
        "users.csv",
        "none is a song",
    ),
    case(
        "share above 1",
        "build --spec {raw}/spec.yaml --raw {raw} --sample 1.5 --out {at}/out",
        "filters.sample",
        "1.5",
    ),
    case(
        "type to match misspelt",
        "build --spec {raw}/spec.yaml --raw {raw} --match-names sogn --out {at}/out",
        "'sogn'",
        "'song'",
    ),
    case("neither dump nor specification", "build --raw {raw} --out {at}/out", "--spec"),
    case("another dump", "build hetrec-lastfm --raw {raw} --out {at}/out", "{raw}", ".dat"),
    case("no --raw", "build --spec {raw}/spec.yaml --out {at}/out", "--raw"),
    case("graph exists", "build --spec {raw}/spec.yaml --raw {raw} --out {graph}", "{graph}", "--overwrite"),
    case(
        "graph below a file",
        "build --spec {raw}/spec.yaml --raw {raw} --out {raw}/users.csv/out",
        "{raw}/users.csv",
    ),
    case(
        "graph would replace a file",
        "build --spec {raw}/spec.yaml --raw {raw} --out {raw}/users.csv --overwrite",
        "{raw}/users.csv",
    ),
    case(
        "graph would replace the raw dump",
        "build --spec {raw}/spec.yaml --raw {raw} --out {raw} --overwrite",
        "{raw}",
    ),
    case("name too long", "build --spec {raw}/spec.yaml --raw {raw} --out {at}/" + "x" * 300, "xxx"),
]

DUMPS = [
    case("no such dump", "dumps show taste-profil", "'taste-profil'", "did you mean 'taste-profile'"),
    case("no name", "dumps show", "NAME"),
    case(
        "spec check",
        "spec check {raw}/spec.yaml --raw {raw}",
        "{raw}/spec.yaml has 2 problems",
        prepare=lambda p: (
            p.edit("raw/spec.yaml", "relation: friends", "relation: frends"),
            p.edit("raw/friends.csv", "friend_id", "freind_id"),
        ),
    ),
    case("spec check without a folder", "spec check {raw}/spec.yaml --raw {at}/nix", "{at}/nix"),
    case("spec check of nothing", "spec check {at}/nix.yaml", "{at}/nix.yaml"),
    case("no such command", "dumps shwo", "shwo"),
    case(
        "a broken specification",
        "dumps show {raw}/spec.yaml",
        "spec.yaml",
        prepare=lambda p: p.write("raw/spec.yaml"),
    ),
    case("fetch without a folder", "fetch taste-profile", "--to"),
    case("fetch nothing known", "fetch taste-profil --to {at}/new", "did you mean 'taste-profile'"),
    case("fetch without addresses", "fetch {raw}/spec.yaml --to {at}/new", "does not say where"),
    case(
        "fetch into a file", "fetch taste-profile --to {raw}/users.csv --offline", "users.csv is not a folder"
    ),
]
