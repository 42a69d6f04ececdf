from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# what is left of 100 MB of arrays once they are freed, in MB
CODE = """
import sys
from pathlib import Path
import torch
from hetmusic.training.memory import keep_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

if sys.argv[1] == "keep":
    assert keep_freed_memory()
before = resident()
parts = [torch.ones(25_000_000 // 4) for _ in range(4)]
del parts
print(resident() - before)
"""


def left(mode: str) -> float:
    done = subprocess.run([sys.executable, "-c", CODE, mode], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_freed_arrays_stay_with_the_process():
    assert left("keep") > 80
    assert left("give back") < 20
