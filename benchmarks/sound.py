"""How many seconds of sound one core decodes and describes in a second, beside librosa on the same files.

    OMP_NUM_THREADS=1 python benchmarks/sound.py FILE... [--rounds 5]

Every round takes all files through each way in turn. Figures are seconds of sound per second of processor time of all
threads and processes (``guarded``, which decodes in a process of its own, included), medians over rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measuring import machine

from hetmusic.features.light_audio import AudioStatistics
from hetmusic.features.light_framing import Framing
from hetmusic.features.light_spectrum import FFT, FRAME, HOP, mel_filters, power_sums
from hetmusic.features.sound import SAMPLE_RATE, read_sound, reading, sound_blocks


def decode(path: Path) -> None:
    """Decode in this process."""
    read_sound(path, guarded=False)


def log_mel(path: Path, guarded: bool = False) -> np.ndarray:
    """Decode, and 40 log-mel bands every 10 ms."""
    framing, found = Framing(FRAME, HOP), []
    for block in sound_blocks(path, guarded=guarded):
        if len(whole := framing.push(block)):
            found.append(np.log(power_sums(whole, mel_filters(40)) + np.float32(1e-6)))
    return np.concatenate(found)


def guarded_log_mel(path: Path) -> None:
    """The same with decoding in another process."""
    log_mel(path, guarded=True)


def light(path: Path) -> None:
    """All that the light extractor does, as it does it."""
    AudioStatistics(max_seconds=86_400.0).prepare(path)


def librosa_log_mel(path: Path) -> None:
    """The same bands by librosa."""
    import librosa

    sound, _ = librosa.load(path, sr=SAMPLE_RATE, mono=True)
    mel = librosa.feature.melspectrogram(
        y=sound, sr=SAMPLE_RATE, n_fft=FFT, hop_length=HOP, win_length=FRAME, n_mels=40, center=False
    )
    np.log(mel + 1e-6)


WAYS: dict[str, Callable[[Path], object]] = {
    "decode": decode,
    "decode + log-mel": log_mel,
    "decode + log-mel, guarded": guarded_log_mel,
    "light extractor, guarded": light,
    "librosa load + melspectrogram": librosa_log_mel,
}


def cpu_seconds(way: Callable[[Path], object], path: Path) -> float:
    """Processor time of one call, decoding processes included."""
    start = time.process_time() + children()
    way(path)
    return time.process_time() + children() - start


def children() -> float:
    """Processor time of the decoding processes that wait for work."""
    ticks = 0
    for process in reading.idle_processes():
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a table of the formats that the command line names files of."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    lengths: dict[str, float] = defaultdict(float)
    for path in given.files:
        lengths[path.suffix] += len(read_sound(path)) / SAMPLE_RATE
        librosa_log_mel(path)  # it compiles on first use
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(given.rounds):
        for name, way in WAYS.items():
            spent: dict[str, float] = defaultdict(float)
            for path in given.files:
                spent[path.suffix] += cpu_seconds(way, path)
            for kind, seconds in spent.items():
                rates[name, kind].append(lengths[kind] / seconds)
    print(machine())
    print("| | " + " | ".join(f"{kind}, {length:.0f} s" for kind, length in lengths.items()) + " |")
    print("|---|" + "---:|" * len(lengths))
    for name in WAYS:
        print(
            f"| {name} | "
            + " | ".join(f"{statistics.median(rates[name, kind]):,.0f}" for kind in lengths)
            + " |"
        )


if __name__ == "__main__":
    main()
