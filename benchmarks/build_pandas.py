"""Plain pandas scripts that read the same files and map the same ids as a build: what people would write themselves.

    python benchmarks/build_pandas.py taste-profile RAW OUT

They do less than the build: they check no row, count nothing they drop, and compare and checksum nothing they wrote.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pandas as pd


def taste_profile(raw: Path, out: Path) -> None:
    """Users and songs numbered in the order of their keys; plays summed by pair, sorted and written."""
    plays = pd.read_csv(
        raw / "train_triplets.txt",
        sep="\t",
        header=None,
        names=["user", "song", "plays"],
        dtype={"plays": "int32"},
    )
    plays["src"], users = pd.factorize(plays.pop("user"), sort=True)
    plays["dst"], songs = pd.factorize(plays.pop("song"), sort=True)
    edges = plays.groupby(["src", "dst"], as_index=False).plays.sum()
    edges = edges.astype({"src": "int32", "dst": "int32", "plays": "float32"})
    for name, table in (
        ("user", pd.DataFrame({"key": users})),
        ("song", pd.DataFrame({"key": songs})),
        ("likes", edges),
    ):
        table.to_parquet(out / f"{name}.parquet", compression="zstd")


def hetrec(raw: Path, out: Path) -> None:
    """Ids of all tables mapped, and tags counted by artist; nothing is written."""

    def read(name: str, encoding: str = "utf-8") -> pd.DataFrame:
        return pd.read_csv(raw / name, sep="\t", encoding=encoding, quoting=3)

    artists, tags = read("artists.dat"), read("tags.dat", "latin-1")
    plays, friends, tagged = (
        read("user_artists.dat"),
        read("user_friends.dat"),
        read("user_taggedartists.dat"),
    )
    named = [plays.userID, friends.userID, friends.friendID, tagged.userID]
    users, items, tag_ids = pd.Index(pd.concat(named).unique()), pd.Index(artists.id), pd.Index(tags.tagID)
    plays["u"], plays["i"] = users.get_indexer(plays.userID), items.get_indexer(plays.artistID)
    friends["u"], friends["v"] = users.get_indexer(friends.userID), users.get_indexer(friends.friendID)
    tagged["u"], tagged["i"] = users.get_indexer(tagged.userID), items.get_indexer(tagged.artistID)
    tagged["t"] = tag_ids.get_indexer(tagged.tagID)
    tagged[tagged.i >= 0].groupby(["i", "t"]).u.nunique()


#: name of the dump -> script
SCRIPTS: dict[str, Callable[[Path, Path], None]] = {"taste-profile": taste_profile, "hetrec-lastfm": hetrec}


def main() -> None:
    """Run one script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dump", choices=SCRIPTS)
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path, help="an existing folder")
    arguments = parser.parse_args()
    SCRIPTS[arguments.dump](arguments.raw, arguments.out)


if __name__ == "__main__":
    main()
