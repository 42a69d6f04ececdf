"""Recommending from a finished run needs neither torch nor DGL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from hetmusic.recommend import Explanation, Run
import hetmusic.recommend.explain.output
run = Run.open(sys.argv[1])
assert run.recommend("u0") and run.similar("a0") and run.evaluate().values and run.check_leakage().clean
heavy = {"torch", "dgl", "tensorflow", "pandas", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""


def test_neither_torch_nor_dgl_is_imported(run_folder: Path) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, str(run_folder)], check=True)
