"""A process that decodes one file after another. Run by :mod:`hetmusic.features.sound.process`.

Every line of the standard input is a task as JSON, ``{"path": ..., "offset": ..., "max_seconds": ...}``. The answer is
:mod:`~hetmusic.features.sound.messages`: any number of ``BLOCK``, then one of the others. The first
message, ``END``, is to no task: it says that the process is ready.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import IO

from hetmusic.features.sound.messages import ABSENT, BLOCK, BUG, END, FOR_NOW, say

# bytes of address space: no sound needs more to be decoded in blocks, and a file that asks for more is not one
_MEMORY = 1 << 32


def main() -> None:
    """Answer tasks until the standard input ends."""
    _limit()
    # whatever the libraries print is no answer: messages go to a descriptor of their own
    with os.fdopen(os.dup(1), "wb") as answers, open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        # what is wrong with the libraries themselves is not the files' fault, and shown
        import hetmusic.features.sound.blocks  # noqa: F401

        os.dup2(nowhere.fileno(), 2)
        with contextlib.suppress(BrokenPipeError):
            say(answers, END)
            for line in sys.stdin:
                _answer(answers, **json.loads(line))


def _limit() -> None:
    """Bound the memory, leave no core file, and leave it to the parent to end when the user interrupts it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(answers: IO[bytes], path: str, offset: float, max_seconds: float) -> None:
    from hetmusic.features.extractor import Absent, AbsentForNow
    from hetmusic.features.sound.blocks import decoded

    try:
        for block in decoded(Path(path), offset, max_seconds):
            say(answers, BLOCK, block.tobytes())
    except BrokenPipeError:
        raise
    except Absent as absence:
        say(answers, FOR_NOW if isinstance(absence, AbsentForNow) else ABSENT, str(absence).encode())
    except MemoryError:
        say(answers, FOR_NOW, b"too little memory to decode")
    except Exception:  # a mistake of ours, which the parent raises
        say(answers, BUG, traceback.format_exc().encode())
    else:
        say(answers, END)


if __name__ == "__main__":
    main()
