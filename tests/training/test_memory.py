from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# a gigabyte in all is made and freed, ten times 100 MB; page faults say whether it came from the system each time
CODE = """
import resource, sys
import torch
from hetmusic.training.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(3):
    [torch.ones(5_000_000 // 4) for _ in range(4)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    parts = [torch.ones(5_000_000 // 4) for _ in range(4)]
    del parts
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", CODE, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_freed_arrays_are_used_again():
    assert faults("keep") * 5 < faults("give back")
