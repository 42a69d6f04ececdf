"""Real recordings: all are read, and those that belong together are more alike than others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.sound_pairs import (
    EXCERPTS,
    Recording,
    cosines,
    excerpts_found,
    kinds_of_pairs,
    recordings,
    share_above,
    vectors,
)
from hetmusic.features.sound import SAMPLE_RATE, read_sound


@pytest.fixture(scope="module")
def found(shared_data: Path) -> list[Recording]:
    return recordings(shared_data)


def test_every_recording_is_read_to_its_end(found: list[Recording]) -> None:
    assert len(found) == 14
    for recording in found:
        info = soundfile.info(recording.path)
        assert len(read_sound(recording.path)) / SAMPLE_RATE == pytest.approx(info.duration, abs=0.2)


def test_one_artists_recordings_are_more_alike_than_those_of_another_genre(found: list[Recording]) -> None:
    kinds = kinds_of_pairs(found, cosines(vectors(found)))
    assert [len(values) for values in kinds.values()] == [7, 36, 48]
    assert share_above(kinds["one artist"], kinds["another genre"]) > 0.6
    assert share_above(kinds["one artist"], kinds["one source, two artists"]) > 0.55


def test_excerpts_of_a_recording_find_each_other(found: list[Recording]) -> None:
    first, second = (vectors(found, offset=start, max_seconds=20.0) for start in EXCERPTS)
    assert excerpts_found(first, second) >= 0.6
    assert excerpts_found(first, np.random.default_rng(0).permutation(second)) < 0.3
