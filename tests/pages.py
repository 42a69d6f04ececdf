"""Pages that take a reader through a job, run step by step as the reader would."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.cli.running import hetmusic

DOCS = Path(__file__).resolve().parent.parent / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, section: str = "") -> list[tuple[str, str]]:
    """(language, code) of every code block of a page, or of one section of it."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if section:
        text = text.partition(f"## {section}")[2].partition("\n## ")[0]
    return FENCE.findall(text)


def commands(code: str) -> Iterator[list[str]]:
    """The words of every line of a shell block."""
    for line in code.replace("\\\n", " ").splitlines():
        yield shlex.split(line)


def run_shell(code: str) -> list[tuple[list[str], str]]:
    """Run the lines of a block in the working directory: those of ``hetmusic``, and ``rm`` and ``ls``.

    :return: for each line of ``hetmusic`` its words and what it printed.
    """
    said = []
    for words in commands(code):
        match words:
            case ["hetmusic", *arguments]:
                said.append((words, hetmusic(*arguments).succeeded().out))
            case ["rm", "-r", *paths]:
                for path in map(Path, paths):
                    path.unlink() if path.is_file() else shutil.rmtree(path)
            case ["ls", path]:
                assert Path(path).is_dir()
            case _:
                raise AssertionError(f"the page has a line that cannot be run here: {words}")
    return said


def run_python(code: str, folder: Path) -> None:
    """Run a block as a script."""
    script = folder / "script_of_the_page.py"
    script.write_text(code, encoding="utf-8")
    runpy.run_path(str(script), run_name="__main__")
