"""Calls the command line as a person would, but without a new process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hetmusic.cli import main


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str

    def succeeded(self) -> Result:
        """Fail the test unless the command ended well."""
        assert self.status == 0, self.err + self.out
        return self

    @property
    def json(self) -> Any:
        """Standard output, which is nothing but JSON."""
        self.succeeded()
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line that says what is wrong."""
        text = self.out + self.err
        assert self.status not in (0, None), text
        assert "Traceback" not in text, text
        lines = [line for line in text.splitlines() if line.lower().startswith("error:")]
        assert len(lines) == 1, text
        return lines[0]


def hetmusic(*arguments: object) -> Result:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    status: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code or 0
    return Result(status, out.getvalue(), err.getvalue())


def python(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def snapshot(folder: Path) -> dict[str, int]:
    """Every path below a folder, with its size; equal snapshots mean that nothing was written."""
    return {
        str(path.relative_to(folder)): path.stat().st_size if path.is_file() else -1
        for path in sorted(folder.rglob("*"))
    }
