"""Building the HetRec Last.fm graph, as whole processes, against a plain pandas script that reads and maps the same files.

    python benchmarks/build_hetrec.py --raw DUMP --runs 5

The pandas script does less: it neither checks rows nor sorts, splits tags, counts what it drops or writes anything.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_MEASURED = """
import sys, time
start = time.perf_counter()
{work}
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(time.perf_counter() - start, int(peak.split()[1]) / 1024)
"""

_HETMUSIC = """
from hetmusic.graph.build import build_graph
build_graph("hetrec-lastfm", sys.argv[1], sys.argv[2])
"""

_PANDAS = """
import pandas as pd
from pathlib import Path
raw = Path(sys.argv[1])
def read(name, encoding="utf-8"):
    return pd.read_csv(raw / name, sep="\\t", encoding=encoding, quoting=3)
artists, tags = read("artists.dat"), read("tags.dat", "latin-1")
plays, friends, tagged = read("user_artists.dat"), read("user_friends.dat"), read("user_taggedartists.dat")
users = pd.Index(pd.concat([plays.userID, friends.userID, friends.friendID, tagged.userID]).unique())
items, tag_ids = pd.Index(artists.id), pd.Index(tags.tagID)
plays["u"], plays["i"] = users.get_indexer(plays.userID), items.get_indexer(plays.artistID)
friends["u"], friends["v"] = users.get_indexer(friends.userID), users.get_indexer(friends.friendID)
tagged["u"], tagged["i"] = users.get_indexer(tagged.userID), items.get_indexer(tagged.artistID)
tagged["t"] = tag_ids.get_indexer(tagged.tagID)
tagged = tagged[tagged.i >= 0]
weights = tagged.groupby(["i", "t"]).u.nunique()
"""


def measure(work: str, raw: str) -> tuple[float, float]:
    """Seconds and peak MB of one process, its imports included."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _MEASURED.format(work=work), raw, str(Path(folder) / "graph")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak


def main() -> None:
    """Print medians and the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raw", required=True, help="folder of the HetRec Last.fm dump")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {"hetmusic": [], "pandas": []}
    for run in range(arguments.runs + 1):
        for name, work in (("hetmusic", _HETMUSIC), ("pandas", _PANDAS)):
            result = measure(work, arguments.raw)
            if run:  # the first round only warms the file cache
                found[name].append(result)
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in found.items()
    }
    print("| | seconds | peak MB |\n|---|---|---|")
    for name, (seconds, peak) in medians.items():
        print(f"| {name} | {seconds:.2f} | {peak:.0f} |")
    ratios = [mine / theirs for mine, theirs in zip(medians["hetmusic"], medians["pandas"], strict=True)]
    print(f"| hetmusic / pandas | {ratios[0]:.2f} | {ratios[1]:.2f} |")


if __name__ == "__main__":
    main()
