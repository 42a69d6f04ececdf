"""Broken sound files: whatever they hold, they are heard or absent with a reason. Run as a module for a longer round."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from hetmusic.features import Absent
from hetmusic.features.sound import read_sound
from tests.features.sound_files import FORMATS, broken, write_sound


def outcomes(folder: Path, count: int, seed: int) -> Counter[str]:
    """How often each reason is given; fails where there is neither sound nor reason."""
    rng = np.random.default_rng(0)
    good = {}
    for kind in FORMATS:
        rate = 48_000 if kind == "opus" else 44_100
        path = write_sound(folder / f"good.{kind}", rng.uniform(-0.5, 0.5, (rate // 2, 2)), rate)
        good[kind] = path.read_bytes()
    found: Counter[str] = Counter()
    for name, content in broken(good, count, seed):
        path = folder / name
        path.write_bytes(content)
        try:
            sound = read_sound(path)
        except Absent as absence:
            found[str(absence)] += 1
        else:
            assert sound.ndim == 1
            assert np.abs(sound).max() <= 1.0, "no NaN either"
            found["heard"] += 1
        path.unlink()
    return found


def test_broken_files_are_heard_or_absent(tmp_path: Path) -> None:
    found = outcomes(tmp_path, count=4 * 12 * len(FORMATS), seed=0)
    assert found.total() == 432
    assert found["heard"] > 40
    assert found["not a readable sound file"] > 40
    assert found["hangs the decoder"] == 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for outcome, times in outcomes(Path(folder), int(sys.argv[1]), int(sys.argv[2])).most_common():
            print(f"{times:6d}  {outcome}")
