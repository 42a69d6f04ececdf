"""``hetmusic plot``."""

from __future__ import annotations

import json

from tests.cli.running import hetmusic


def test_pictures_and_numbers(run, tmp_path):
    for suffix, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")):
        out = tmp_path / f"new/metrics.{suffix}"
        shown = hetmusic("plot", "metrics", run, "--out", out, "--theme", "dark").succeeded().out
        assert out.read_bytes().startswith(start)
        assert shown.startswith(f"{out}: metrics\n  Full ranking of 60 songs for ")
    out = tmp_path / "metrics.json"
    hetmusic("plot", "metrics", run, "--out", out, "-k", 7).succeeded()
    found = json.loads(out.read_text())
    assert (found["figure"], found["data"]["ks"]) == ("metrics", [5, 7, 10, 20, 50])


def test_overwrite(run, tmp_path):
    out = tmp_path / "x.svg"
    out.write_text("old")
    hetmusic("plot", "training", run, "--out", out, "--overwrite").succeeded()
    assert "<svg" in out.read_text()
