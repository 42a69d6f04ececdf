"""Wall time and peak memory of whole processes, what they start included."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_EVERY = 0.05


@dataclass(frozen=True)
class Measured:
    """One run of a process."""

    seconds: float
    #: seconds of all processors together
    cpu: float
    #: largest memory of the process, or sum over it and those it started, whichever is larger
    peak_mb: float
    #: what it printed
    output: str = ""


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run ``python`` with some arguments in a process of its own.

    :raises SystemExit: with what it printed, if it fails.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    assert process.stdout is not None
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss, peak[0]) / 1024, output)


def median(runs: Sequence[Measured]) -> Measured:
    """The median of each figure."""
    return Measured(
        *(statistics.median(getattr(run, name) for run in runs) for name in ("seconds", "cpu", "peak_mb"))
    )


def machine() -> str:
    """What the figures depend on besides the code."""
    free = next(
        line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable")
    )
    gigabytes = int(free.split()[1]) / 2**20
    return (
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {gigabytes:.0f} GiB of memory free, "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}"
    )


def _watch(pid: int, peak: list[int]) -> None:
    """Note the largest sum of resident kB over a process and its descendants until it has ended."""
    while (size := _resident(pid)) > 0:
        peak[0] = max(peak[0], size)
        time.sleep(_EVERY)


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = [
            child
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (OSError, IndexError):  # it has ended meanwhile
        return 0
    return pages * _PAGE // 1024 + sum(_resident(int(child)) for child in children)
