"""Recommending from a finished run needs neither torch nor DGL."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import sys
from hetmusic.recommend import Run
run = Run.open(sys.argv[1])
assert run.recommend("u0") and run.evaluate().values and run.check_leakage().clean
heavy = {"torch", "dgl", "tensorflow", "pandas", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""


def test_neither_torch_nor_dgl_is_imported(run_folder: Path) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, str(run_folder)], check=True)


def test_importing_is_quick() -> None:
    subprocess.run([sys.executable, "-c", "import hetmusic.recommend"], check=True)  # warm the caches
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import hetmusic.recommend"], check=True)
    assert time.perf_counter() - start < 0.5  # measured: 0.03 s
