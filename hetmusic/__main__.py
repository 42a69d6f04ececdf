"""``python -m hetmusic``."""

from __future__ import annotations

import os
import sys

from hetmusic._torchrun import num_processes
from hetmusic.cli import main


def main_of_several() -> None:
    """Run, and end without the interpreter's clean-up, in which threads of torch's gloo now and then abort the process."""
    status = 0
    try:
        main()
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    if num_processes() > 1:
        main_of_several()
    else:
        main()
