"""Memory that a step frees and the next one needs again."""

from __future__ import annotations

import ctypes
import platform

# parameters of mallopt(3)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

#: freed memory that a process may keep, and the largest array that is taken from it (glibc allows no more)
_KEPT, _LARGEST = 1 << 30, 32 << 20


def keep_freed_memory() -> bool:
    """Ask the C library not to give freed arrays back to the system between two steps of training.

    Every step makes the same large arrays again. Memory that comes from the system must be touched page by page first,
    which costs as much as two or three passes over it.

    :return: whether the C library could be asked; only glibc can.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST) and mallopt(_M_TRIM_THRESHOLD, _KEPT))
