"""A decoding process that crashes, hangs, stops half-way or answers, as the name of the file says."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import numpy as np

from hetmusic.features.sound.messages import BLOCK, BUG, END, say


def main() -> None:
    out = sys.stdout.buffer
    say(out, END)
    for line in sys.stdin:
        path = json.loads(line)["path"]
        say(out, BLOCK)
        say(out, BLOCK, np.array([0.25, -0.5], np.float32).tobytes())
        if "crash" in path:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "half" in path:
            out.write(b"B\xff\0\0\0half of a message")
            out.flush()
            os._exit(0)
        if "hang" in path:
            time.sleep(60)
        say(out, *((BUG, b"Traceback: ours") if "bug" in path else (END,)))


if __name__ == "__main__":
    main()
