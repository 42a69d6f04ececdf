"""Runs the cells of a comparison that are missing, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hetmusic._io import replacing_file
from hetmusic.experiments.cells import CellFailure, CellResult
from hetmusic.experiments.worker import Request

#: runs a request; what went wrong, or None
Execute = Callable[[Request, Path], "CellFailure | None"]

#: characters of a crashed worker's last words that are shown
_LAST_WORDS = 160


def in_own_process(request: Request, log: Path) -> CellFailure | None:
    """Run a cell so that time and memory are its own, and a crash stops nothing else.

    :param log: gets the traceback of somebody's own code that failed, or what a process that crashed said on standard error.
    :return: None, or why there is no result.
    """
    # what a killed worker leaves among temporary files goes with the folder
    with tempfile.TemporaryFile() as stderr, tempfile.TemporaryDirectory(prefix="hetmusic-") as temporary:
        worker = subprocess.Popen(
            [sys.executable, "-m", "hetmusic.experiments.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "TMPDIR": temporary},
        )
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # it crashed while starting; its status says so
                worker.stdin.write(request.model_dump_json().encode() + b"\n")
                worker.stdin.flush()
            answer = worker.stdout.read()
            status = worker.wait()
        except BaseException:
            worker.kill()
            worker.wait()
            raise
        finally:
            with contextlib.suppress(BrokenPipeError):
                worker.stdin.close()
            worker.stdout.close()
        if status == 0 and answer:
            said = json.loads(answer)
            failure = None if said is None else CellFailure(**said)
            if failure is not None and failure.trace:
                _write(log, failure.trace)
            return failure
        stderr.seek(0)
        last = stderr.read().decode(errors="replace")
    _write(log, last)
    return CellFailure(_last_words(status, last))


def _write(log: Path, text: str) -> None:
    with replacing_file(log) as file:
        file.write_text(text, encoding="utf-8")


def _last_words(status: int, said: str) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-status).name}"
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip()[:_LAST_WORDS] if lines else f"ended with status {status}"


def run_missing(
    requests: Iterable[Request], logs: Path, execute: Execute = in_own_process
) -> Iterator[tuple[CellResult | CellFailure, bool]]:
    """Run those cells that have no folder yet, one after the other.

    :param logs: folder for tracebacks and the last words of crashed cells.
    :return: of every request in turn, its result or the reason why there is none, and whether it was run now.
    """
    failed: dict[Path, CellFailure] = {}
    for request in requests:
        found = CellResult.load(request.out)
        is_new = found is None and request.out not in failed
        if is_new:
            log = logs / f"{request.out.name}.log"
            log.unlink(missing_ok=True)
            failure = execute(request, log)
            found = CellResult.load(request.out)
            if found is None:
                failed[request.out] = failure or CellFailure("it left no result")
        yield failed[request.out] if found is None else found, is_new
