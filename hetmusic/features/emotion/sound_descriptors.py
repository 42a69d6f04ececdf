"""The descriptors of sound as an extractor: decoded, described and cached like any other features."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import EnvironmentProblem
from hetmusic.features.describing import Described, prepare
from hetmusic.features.emotion.descriptors import DESCRIPTORS, describe_sound
from hetmusic.features.extraction.computing import Failure
from hetmusic.features.extraction.run import default_workers
from hetmusic.features.extraction.watching import Watcher
from hetmusic.features.extractor import Extractor, Kind, extractors
from hetmusic.features.sound import read_sound
from hetmusic.features.sound.reading import check_listening


@extractors.register("emotion-descriptors")
class EmotionDescriptors(Extractor):
    """Tempo, mode, loudness, brightness, timbre and harmony, 63 numbers: what the regressor of emotion reads.

    :param max_seconds: only so much from the beginning of a file is heard.
    """

    kind: ClassVar[Kind] = "audio"
    name: ClassVar[str] = "emotion-descriptors"

    def __init__(self, max_seconds: float = 120.0) -> None:
        check_listening(0.0, max_seconds)
        self.max_seconds = max_seconds

    def load(self, device: str = "auto") -> None:
        """Check that librosa is there; it needs no device."""
        try:
            import librosa  # noqa: F401
        except ImportError:
            raise EnvironmentProblem(
                "emotion from sound needs librosa: pip install 'hetmusic[emotion]'"
            ) from None

    def prepare(self, item: Path) -> NDArray[np.float64]:
        """Decode and describe a file."""
        return describe_sound(read_sound(item, max_seconds=self.max_seconds))

    def extract(self, batch: Sequence[Any]) -> NDArray[np.floating[Any]]:
        """The descriptors, shape ``(len(batch), len(DESCRIPTORS))``."""
        return np.stack(batch)


def describe_files(
    files: Sequence[Path | str],
    max_seconds: float,
    *,
    workers: int | None = None,
    watcher: Watcher | None = None,
) -> Described:
    """The descriptors of sound files, in several threads.

    :param files: a text instead of a path says why there is none.
    :param workers: threads; by default one a core, at most eight.
    :param watcher: told of progress.
    """
    extractor = EmotionDescriptors(max_seconds)
    extractor.load()
    values = np.zeros((len(files), len(DESCRIPTORS)), np.float32)
    reasons: list[str | None] = []

    def one(file: Path | str) -> Any:
        return Failure(file) if isinstance(file, str) else prepare(extractor, file)

    watcher = watcher or Watcher()
    watcher.begin(extractor.name, len(files))
    with ThreadPoolExecutor(workers or default_workers()) as pool, contextlib.ExitStack() as stack:
        stack.callback(watcher.end)
        for row, found in enumerate(pool.map(one, files)):
            reasons.append(found.reason if isinstance(found, Failure) else None)
            if not isinstance(found, Failure):
                values[row] = found
            watcher.advance()
    return Described(values, np.array([reason is None for reason in reasons], np.bool_), tuple(reasons))
