"""A worker process: reads chunks of files until there is no more to read. Run by :mod:`hetmusic.graph.raw.many.pool`.

Every line of the standard input is a task as JSON, ``{"files": [...], "skip": {file: reason}, "key": ...}``; the answer is
a line too: ``{}``, ``{"error": ...}`` or ``{"bug": traceback}``. Without a key the files are only tried and nothing is
kept. The first answer, ``{}``, is to no task: it says that the process is ready.
"""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from pathlib import Path
from typing import TextIO

from hetmusic.errors import UserError
from hetmusic.graph.raw.many.cache import ChunkCache
from hetmusic.graph.raw.many.parsing import parse_chunk
from hetmusic.graph.raw.readers.base import readers
from hetmusic.graph.raw.readers.many_files import ManyFilesReader

# bytes of address space: no file of a track needs more, and a file that asks for more is not one
_MEMORY = 1 << 32


def main(parser_path: str, root: str, kind: str) -> None:
    """Answer tasks.

    :param parser_path: ``module:Class`` of the parser.
    :param root: the folder of the files.
    :param kind: name of the cache.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    parser = readers.make(parser_path)
    assert isinstance(parser, ManyFilesReader)
    cache = ChunkCache(Path(root), kind)
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever libraries print is no answer
    _say(answers, {})
    for line in sys.stdin:
        task = json.loads(line)
        answer = {}
        try:
            tables = parse_chunk(parser, Path(root), task["files"], task["skip"])
            if task["key"] is not None:
                cache.store(task["key"], tables)
        except UserError as error:
            answer = {"error": str(error)}
        except Exception:  # of the parser's author, who wants to see where
            answer = {"bug": traceback.format_exc()}
        _say(answers, answer)


def _say(answers: TextIO, answer: dict[str, str]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
