"""A decoding process, seen from outside: started again when a file has crashed it, killed when one hangs it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.extractor import Absent, AbsentForNow
from hetmusic.features.sound.messages import ABSENT, BLOCK, BUG, FOR_NOW, hear

#: seconds without a block after which a decoder counts as hanging; a block takes milliseconds
PATIENCE = 60.0

_MODULE = "hetmusic.features.sound.worker"


class DecodingProcess:
    """One process that decodes one file at a time; it starts with the first."""

    def __init__(self, patience: float = PATIENCE, module: str = _MODULE) -> None:
        """Prepare it.

        :param patience: seconds to wait for a block.
        :param module: what it runs.
        """
        self._patience, self._module = patience, module
        self._process: subprocess.Popen[bytes] | None = None

    def decode(self, path: str, offset: float, max_seconds: float) -> Iterator[NDArray[np.float32]]:
        """The blocks of a file, as :func:`hetmusic.features.sound.blocks.decoded` makes them, empty ones left out.

        :raises Absent: if there is nothing to hear, or the file crashes or hangs the process.
        """
        process = self._running()
        task = json.dumps({"path": path, "offset": offset, "max_seconds": max_seconds})
        done = False
        try:
            with _Watch(process, self._patience) as watch:
                with contextlib.suppress(BrokenPipeError):
                    _send(process, task.encode() + b"\n")
                for kind, content in _messages(process, watch):
                    done = kind != BLOCK
                    if kind == BLOCK and content:
                        yield np.frombuffer(content, dtype=np.float32)
                    elif kind == ABSENT:
                        raise Absent(content.decode())
                    elif kind == FOR_NOW:
                        raise AbsentForNow(content.decode())
                    elif kind == BUG:
                        raise RuntimeError(f"decoding {path!r} has failed:\n{content.decode()}")
                if not done:
                    raise AbsentForNow("hangs the decoder" if watch.expired else "crashes the decoder")
        finally:
            if not done:  # whoever wanted the blocks has had enough, or the process has ended
                self.stop()

    @property
    def number(self) -> int | None:
        """Its process id, or None while it does not run."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """End the process and free its pipes."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # what could not be sent to a process that is gone
                    assert pipe is not None
                    pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        """The process, started if there is none or it has ended while it had nothing to do."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_environment(),
            )
            assert self._process.stdout is not None
            if hear(self._process.stdout) is None:
                self.stop()
                raise RuntimeError("the process that decodes sound has not started; its messages are above")
        return self._process


def _send(process: subprocess.Popen[bytes], task: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(task)
    process.stdin.flush()


def _messages(process: subprocess.Popen[bytes], watch: _Watch) -> Iterator[tuple[bytes, bytes]]:
    """The kind and content of each message up to the last of a task, or until the process has ended."""
    assert process.stdout is not None
    while True:
        with watch.waiting():
            message = hear(process.stdout)
        if message is None:
            return
        yield message
        if message[0] != BLOCK:
            return


class _Watch:
    """Kills a process that lets somebody wait for too long; one timer a file, not one a block."""

    def __init__(self, process: subprocess.Popen[bytes], patience: float) -> None:
        self._process, self._patience = process, patience
        self._deadline = math.inf
        self._lock, self._over = threading.Lock(), False
        self.expired = False

    def __enter__(self) -> _Watch:
        self._start(self._patience)
        return self

    def __exit__(self, *_: Any) -> None:
        with self._lock:  # whoever looks now is done before, or finds that it is over
            self._over = True
            self._timer.cancel()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """While somebody waits for the process."""
        self._deadline = time.monotonic() + self._patience
        try:
            yield
        finally:
            self._deadline = math.inf

    def _start(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        with self._lock:
            left = self._deadline - time.monotonic()
            if self._over:
                return
            if left <= 0:
                self.expired = True
                self._process.kill()
            else:
                self._start(min(left, self._patience))


def _environment() -> dict[str, str]:
    """One thread, and the modules of this process."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    path = os.pathsep.join(entry or os.curdir for entry in sys.path)
    return {**os.environ, **one, "PYTHONPATH": path}
