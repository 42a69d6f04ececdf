"""The graph of protocol P2: HetRec Last.fm with the text, audio and voice vectors that lfm2k-mm has for 1,425 artists.

    python benchmarks/build_lfm2k.py --hetrec DUMP --lfm2k DUMP --out graphs/lfm2k
    hetmusic fit graphs/lfm2k --split DUMP/lfm2k_og_ids.inter --out runs/p2

By default the graph has those artists alone; with ``--all-artists`` it has all 17,632, those without vectors marked absent.
It is what ``hetmusic build hetrec-lastfm lfm2k-mm`` gives, but for the songs, which the protocol does not have.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hetmusic import MusicGraph
from kg_schema.dump import DumpSpec


def build(hetrec: Path, lfm2k: Path, out: Path, all_artists: bool = False) -> MusicGraph:
    """Build the graph of the two raw folders."""
    files = DumpSpec.load("lfm2k-mm").files.items()
    content = {file: lfm2k / entry.path[0] for file, entry in files if file != "songs"}
    raw: dict[str, Any] = {"hetrec-lastfm": hetrec, "lfm2k-mm": content}
    filters = {"items": None} if all_artists else {}
    return MusicGraph.build(["hetrec-lastfm", "lfm2k-mm"], raw=raw, out=out, filters=filters)


def main() -> None:
    """Build the graph that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hetrec", type=Path, required=True, help="folder with user_artists.dat")
    parser.add_argument("--lfm2k", type=Path, required=True, help="folder with lfm2k_og_ids.inter")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--all-artists", action="store_true")
    given = parser.parse_args()
    print(build(given.hetrec, given.lfm2k, given.out, given.all_artists))


if __name__ == "__main__":
    main()
