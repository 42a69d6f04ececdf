"""Worker processes that survive files which crash or hang the libraries that read them."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from hetmusic.errors import DataError

# seconds until a worker counts as hanging: what a chunk may take whatever its size, and per file on a slow disk
_PATIENCE, _PER_FILE = 30.0, 1.0
_MODULE = "hetmusic.graph.raw.many.worker"
#: why a file is dropped that ends the process that reads it, or never lets it finish
DEADLY = "file that crashes its reader or hangs it"


class WorkerPool:
    """Some processes that answer one task each at a time; threads may share it."""

    def __init__(self, arguments: Sequence[str], workers: int) -> None:
        """Prepare the processes, which start with their first task.

        :param arguments: of :func:`hetmusic.graph.raw.many.worker.main`.
        """
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._all = [_Worker(arguments) for _ in range(workers)]
        for worker in self._all:
            self._idle.put(worker)

    def keep(self, key: str, files: Sequence[str]) -> None:
        """Have the rows of some files written to the cache under ``key``.

        :raises DataError: if they cannot be written.
        """
        worker = self._idle.get()
        try:
            if not worker.do(files, {}, key):
                deadly = dict.fromkeys(_deadly(worker, files), DEADLY)
                if not worker.do(files, deadly, key):
                    raise DataError(
                        f"the process that reads {files[0]!r} and {len(files) - 1:,} more files ends each time"
                    )
        finally:
            self._idle.put(worker)

    def interrupt(self) -> None:
        """End the processes, whatever they do, for good."""
        for worker in self._all:
            worker.interrupt()

    def close(self) -> None:
        """End the processes and free what they held; to be called when no thread waits for one."""
        for worker in self._all:
            worker.stop()


def _deadly(worker: _Worker, files: Sequence[str]) -> list[str]:
    """The files that end the process or make it hang, found by halving."""
    if worker.do(files, {}, None):
        return []
    if len(files) == 1:
        return list(files)
    middle = len(files) // 2
    return [*_deadly(worker, files[:middle]), *_deadly(worker, files[middle:])]


class _Worker:
    """One process, started again when it has ended."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", _MODULE, *arguments]
        self._process: subprocess.Popen[str] | None = None
        self._interrupted = False

    def do(self, files: Sequence[str], skip: Mapping[str, str], key: str | None) -> bool:
        """Whether the process has done a task and not died or hung.

        :raises DataError: if it could not write its result.
        """
        if self._interrupted:
            raise DataError("reading was interrupted")
        process = self._running()
        task = json.dumps({"files": list(files), "skip": dict(skip), "key": key})
        timer = threading.Timer(_PATIENCE + _PER_FILE * len(files), process.kill)
        timer.start()
        try:
            answer = self._ask(process, task)
        finally:
            timer.cancel()
        if answer is None:
            self.stop()
        elif "error" in answer:
            raise DataError(str(answer["error"]))
        elif "bug" in answer:
            raise RuntimeError(f"the reader has failed in its process:\n{answer['bug']}")
        return answer is not None

    def _running(self) -> subprocess.Popen[str]:
        """The process, started if there is none; how long its modules take to load is not its files' fault."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
            )
            assert self._process.stdout is not None
            if not self._process.stdout.readline() and not self._interrupted:
                raise RuntimeError("the process that reads files has not started; its messages are above")
        return self._process

    def interrupt(self) -> None:
        """End the process at once and let no other begin."""
        self._interrupted = True
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """End the process and free its pipes."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):  # what could not be sent to a process that is gone
                    assert pipe is not None
                    pipe.close()
            self._process = None

    @staticmethod
    def _ask(process: subprocess.Popen[str], task: str) -> dict[str, Any] | None:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(task + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        return dict(json.loads(line)) if line.endswith("\n") else None


def _environment() -> dict[str, str]:
    """One thread a process, the modules of this process, and no locks on files that are only read."""
    one = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
    )
    path = os.pathsep.join(entry or os.curdir for entry in sys.path)
    return {**os.environ, **one, "PYTHONPATH": path, "HDF5_USE_FILE_LOCKING": "FALSE"}
