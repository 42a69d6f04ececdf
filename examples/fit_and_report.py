"""From a raw dump to a page that shows what was learned.

python examples/fit_and_report.py                                        # a made-up world
python examples/fit_and_report.py hetrec-lastfm hetrec2011-lastfm-2k     # HetRec Last.fm, a few minutes

Needs matplotlib and jinja2: pip install ".[report]"
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hetmusic import MusicGraph, fit, load_config
from hetmusic.report import ReportSettings, open_source
from hetmusic.report.page.writing import write_report
from hetmusic.synth import WorldSettings, make_world, write_dump


def main() -> None:
    """Build, fit, write the report."""
    folder = Path(tempfile.mkdtemp(prefix="hetmusic-"))
    if len(sys.argv) == 3:
        graph = MusicGraph.build(sys.argv[1], raw=sys.argv[2], out=folder / "graph")
        run = fit(graph, load_config(), folder / "run")
    else:
        raw = write_dump(make_world(WorldSettings(users=200, songs=300, artists=40)), folder / "raw")
        graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")
        run = fit(graph, load_config(overrides=["training.epochs=20"]), folder / "run")
    print(f"NDCG@10 {run.evaluate(ks=[10])['ndcg@10']:.4f} on the test part")

    source = open_source(run.path, ReportSettings())
    write_report(source, folder / "report.html", on_step=print)
    print(f"open {folder / 'report.html'} in a browser")


if __name__ == "__main__":
    main()
