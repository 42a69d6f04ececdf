"""How long builds of full-size dumps take, and how much memory: whole processes, made-up files of the real shape.

    python benchmarks/build.py taste-profile --scratch SCRATCH --millions 1 3 10 24 48.373586
    python benchmarks/build.py lastfm-1k     --scratch SCRATCH --millions 19.150868
    python benchmarks/build.py msd           --scratch SCRATCH --millions 0.1
    python benchmarks/build.py open          --scratch SCRATCH --millions 50
    python benchmarks/build.py hostile       --scratch SCRATCH
    python benchmarks/build.py hetrec-lastfm --raw DUMP --runs 5

SCRATCH gets the files, up to 65 bytes a row of the Taste Profile and 130 of Last.fm 1K; they are deleted again. Where there
is a plain pandas script that does the same join (``build_pandas.py``), it runs in turn with the build, and the last column
has the ratio of its figures to those of hetmusic.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from build_hostile import hostile
from measuring import Measured, machine, measure, median

_MADE = ("taste-profile", "lastfm-1k", "msd")
#: dumps for which there is a script in ``build_pandas.py``
_SCRIPTED = ("taste-profile", "hetrec-lastfm")
_HERE = Path(__file__).resolve().parent
_BUILD = """
import sys
from hetmusic.graph.build import build_graph
build_graph(sys.argv[1], sys.argv[2], sys.argv[3])
"""
_OPEN = """
import sys, time
from hetmusic import MusicGraph
imported = time.perf_counter()
graph = MusicGraph.open(sys.argv[1])
edges = graph.relations()
for node_type in graph.node_types:
    graph.nodes(node_type)
if sys.argv[2] == "heterograph":
    graph.heterograph()
print(time.perf_counter() - imported)
"""


def build(dump: str, raw: Path) -> Measured:
    """One build in a process of its own."""
    with tempfile.TemporaryDirectory(dir=raw) as folder:
        return measure(["-c", _BUILD, dump, str(raw), str(Path(folder) / "graph")])


def script(dump: str, raw: Path) -> Measured:
    """The pandas script in a process of its own."""
    with tempfile.TemporaryDirectory(dir=raw) as folder:
        return measure([str(_HERE / "build_pandas.py"), dump, str(raw), folder])


def compare(dump: str, raw: Path, runs: int, rows: int | None = None) -> None:
    """Print a line of the table: medians of runs that alternate with those of pandas."""
    mine, theirs = [], []
    for _ in range(runs):
        mine.append(build(dump, raw))
        if dump in _SCRIPTED:
            theirs.append(script(dump, raw))
    found = median(mine)
    speed = f"{rows / found.seconds:,.0f}" if rows else "-"
    cells = [f"{rows:,}" if rows else dump, *_cells(found), speed]
    if theirs:
        other = median(theirs)
        ratios = (other.seconds / found.seconds, other.cpu / found.cpu, other.peak_mb / found.peak_mb)
        cells += [*_cells(other), " / ".join(f"{ratio:.1f}" for ratio in ratios)]
    print(f"| {' | '.join(cells)} |", flush=True)


def _cells(found: Measured) -> list[str]:
    return [f"{found.seconds:.1f}", f"{found.cpu:.1f}", f"{found.peak_mb:,.0f}"]


@contextmanager
def inputs(dump: str, rows: int, scratch: Path) -> Iterator[Path]:
    """A folder with the files of a dump, deleted in the end."""
    with tempfile.TemporaryDirectory(dir=scratch, prefix=f"{dump}-") as folder:
        # by another process, since what this one has in memory is counted for those it starts
        measure([str(_HERE / "build_inputs.py"), dump, "--rows", str(rows), "--out", folder])
        yield Path(folder)


def full_size(dump: str, sizes: Iterable[int], scratch: Path, runs: int) -> None:
    """Print the table of one dump, a line per size."""
    columns = ["rows", "seconds", "CPU s", "peak MB", "rows/s"]
    if dump in _SCRIPTED:
        columns += ["pandas: seconds", "CPU s", "peak MB", "pandas / hetmusic: seconds / CPU / memory"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for rows in sizes:
        with inputs(dump, rows, scratch) as raw:
            compare(dump, raw, runs, rows)


def opening(edges: int, scratch: Path, runs: int) -> None:
    """Print how long it takes to open a graph, and to read all that is in it."""
    size = 12 * edges / 2**20
    with inputs("graph", edges, scratch) as graph:
        empty = median([measure(["-c", "from hetmusic import MusicGraph"]) for _ in range(runs)])
        columns = [
            "",
            "seconds",
            "seconds after imports",
            "peak MB",
            "memory beyond imports / bytes of the edges",
        ]
        print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
        for what in ("relations", "heterograph"):
            found = [measure(["-c", _OPEN, str(graph), what]) for _ in range(runs)]
            after = sorted(float(run.output.split()[-1]) for run in found)[len(found) // 2]
            whole = median(found)
            times = (whole.peak_mb - empty.peak_mb) / size
            print(
                f"| {what} | {whole.seconds:.1f} | {after:.1f} | {whole.peak_mb:,.0f} | {times:.2f} |",
                flush=True,
            )
        print(f"\n{edges:,} edges with weights: {size:,.0f} MB; imports alone: {empty.peak_mb:,.0f} MB")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=[*_MADE, "hetrec-lastfm", "open", "hostile"])
    parser.add_argument("--scratch", type=Path, help="folder for the files that are made")
    parser.add_argument("--raw", type=Path, help="folder of the HetRec dump")
    parser.add_argument("--millions", type=float, nargs="+", default=[1.0], help="rows, in millions")
    parser.add_argument("--runs", type=int, default=1, help="of which the medians are printed")
    arguments = parser.parse_args()
    sizes = [round(1_000_000 * millions) for millions in arguments.millions]
    print(f"{machine()}\n", flush=True)
    if arguments.what == "hetrec-lastfm":
        if arguments.raw is None:
            parser.error("--raw is needed: the folder of the HetRec dump")
        compare("hetrec-lastfm", arguments.raw, arguments.runs)
        return
    if arguments.scratch is None:
        parser.error("--scratch is needed: a folder for the files that are made")
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    if arguments.what == "hostile":
        hostile(arguments.scratch)
    elif arguments.what == "open":
        opening(sizes[0], arguments.scratch, arguments.runs)
    else:
        full_size(arguments.what, sizes, arguments.scratch, arguments.runs)


if __name__ == "__main__":
    main()
