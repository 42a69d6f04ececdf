"""The graph of protocol P2: HetRec Last.fm with the text, audio and voice vectors that lfm2k-mm has for 1,425 artists.

    python benchmarks/build_lfm2k.py --hetrec DUMP --lfm2k DUMP --out graphs/lfm2k
    hetmusic fit graphs/lfm2k --split DUMP/lfm2k_og_ids.inter --out runs/p2

By default the graph has those artists alone; with ``--all-artists`` it has all 17,632, those without vectors marked absent.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from hetmusic import MusicGraph

#: modality -> file with one vector an artist, in the order of the re-indexed item numbers
VECTORS = {"text": "all-MiniLM-L6-v2.npy", "audio": "vggish.npy", "voice": "whisper.npy"}
#: files of the dump that name artists, and in which column
ARTIST_COLUMNS = {"artists.dat": 0, "user_artists.dat": 1, "user_taggedartists.dat": 1}
OTHER_FILES = ("tags.dat", "user_friends.dat", "user_taggedartists-timestamps.dat")


def artist_keys(lfm2k: Path) -> list[str]:
    """HetRec's artist id for every row of the vectors.

    The re-indexed and the original split agree line by line, which is the only safe join: many numbers mean one
    artist in the one file and another in the other.
    """
    columns = []
    for name in ("lfm2k.inter", "lfm2k_og_ids.inter"):
        lines = (lfm2k / name).read_text(encoding="utf-8").splitlines()[1:]
        columns.append([line.split("\t")[1] for line in lines])
    keys = {int(row): key for row, key in zip(*columns, strict=True)}
    return [keys[row] for row in range(len(keys))]


def cut_down(hetrec: Path, artists: Collection[str], out: Path) -> None:
    """Write the dump with some artists only; lines are copied as they are."""
    for name, column in ARTIST_COLUMNS.items():
        header, *rows = (hetrec / name).read_bytes().splitlines(keepends=True)
        kept = [row for row in rows if row.split(b"\t")[column].decode() in artists]
        (out / name).write_bytes(b"".join([header, *kept]))
    for name in OTHER_FILES:
        if (hetrec / name).exists():
            shutil.copyfile(hetrec / name, out / name)


def main() -> None:
    """Build the graph and add the vectors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hetrec", type=Path, required=True, help="folder with user_artists.dat")
    parser.add_argument("--lfm2k", type=Path, required=True, help="folder with lfm2k_og_ids.inter")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--all-artists", action="store_true")
    given = parser.parse_args()
    keys = artist_keys(given.lfm2k)
    with tempfile.TemporaryDirectory() as folder:
        raw = given.hetrec
        if not given.all_artists:
            raw = Path(folder)
            cut_down(given.hetrec, set(keys), raw)
        graph = MusicGraph.build("hetrec-lastfm", raw=raw, out=given.out)
    for name, file in VECTORS.items():
        graph.add_modality(
            "artist", name, np.load(given.lfm2k / file).astype(np.float32), keys=keys, info={"file": file}
        )
    print(graph)


if __name__ == "__main__":
    main()
