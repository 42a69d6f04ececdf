"""Time, memory and size of the report of a run, first with t-SNE and then with what the first has kept.

    hetmusic fit graphs/lastfm --out runs/first
    OMP_NUM_THREADS=1 python benchmarks/report.py runs/first

The run is copied, so that nothing is kept in it. Each report is a process of its own, libraries and graph read anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from measuring import machine, measure

from hetmusic.recommend import Run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    run = Run.open(parser.parse_args().run)
    print(machine())
    print(f"{run.info.num_users:,} users, {run.info.num_items:,} {run.info.item_type}s")
    print("| report | wall, s | processors, s | peak, MB | size, MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(run.path, Path(folder) / "run", ignore=shutil.ignore_patterns("report"))
        info = json.loads((copy / "run.json").read_text())
        info["graph"] |= {"path": str(run.graph.path.resolve()), "relative": None}
        (copy / "run.json").write_text(json.dumps(info))
        for name in ("first", "again"):
            out = Path(folder) / f"{name}.html"
            found = measure(["-m", "hetmusic", "report", str(copy), "--out", str(out), "--quiet"])
            size = out.stat().st_size / 1e6
            print(f"| {name} | {found.seconds:.0f} | {found.cpu:.0f} | {found.peak_mb:.0f} | {size:.1f} |")


if __name__ == "__main__":
    main()
