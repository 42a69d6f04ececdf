"""Sound by YAMNet's embeddings, pooled over a song."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.extraction.computing import is_out_of_memory
from hetmusic.features.extractor import Extractor, extractors
from hetmusic.features.light_framing import Framing
from hetmusic.features.model_source import folder_checksum
from hetmusic.features.moments import Moments
from hetmusic.features.sound import LONGEST_SECONDS, SAMPLE_RATE, sound_blocks
from hetmusic.features.sound.reading import check_listening
from hetmusic.features.yamnet.model import (
    EMBEDDING,
    HOP,
    WINDOW,
    Yamnet,
    checked_folder,
    is_folder,
    resolved,
    windows_of,
)
from hetmusic.features.yamnet.runtime import tensorflow_for

_log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]

#: seconds of sound that are decoded ahead; what is longer is decoded while it is computed
_AHEAD = 600
#: windows that the model is given at once, half a minute of sound: more take more memory, and no less time
_AT_ONCE = 64


@dataclass(frozen=True)
class Sound:
    """A sound that was decoded, or one that is too long to be held."""

    path: Path
    #: shape ``(samples,)``
    samples: FloatArray | None

    @property
    def windows(self) -> int:
        """Number of YAMNet's windows that are in memory at a time."""
        return windows_of(_AHEAD * SAMPLE_RATE if self.samples is None else len(self.samples))


@extractors.register("yamnet")
class YamnetAudio(Extractor):
    """Sound by YAMNet: embeddings of 0.96 s every 0.48 s, their mean and standard deviation over the song.

    A vector has 1,024 means, with ``pooling="mean+sd"`` then 1,024 (population) standard deviations, with ``top_scores``
    then a score for each of the model's classes in its own order (AudioSet's 521): the mean over all windows of the
    classes whose means are highest, and 0 for the others. A song of any length takes bounded memory, and its vector is
    the same as if it were computed at once.

    :param model: a handle of tensorflow-hub, which keeps what it downloads in ``TFHUB_CACHE_DIR``; or a SavedModel's folder.
    :param pooling: what is kept of the embeddings.
    :param top_scores: how many classes have a score; 0 leaves all scores out.
    :param max_seconds: only so much of a file is heard; by default all of it, up to a day.
    :param offset: seconds at the beginning that are left out.
    :param threads: of TensorFlow; by default ``OMP_NUM_THREADS``, or half of the processors.
    """

    kind = "audio"
    name = "yamnet"

    def __init__(
        self,
        model: str = "https://tfhub.dev/google/yamnet/1",
        *,
        pooling: Literal["mean", "mean+sd"] = "mean+sd",
        top_scores: int = 0,
        max_seconds: float = LONGEST_SECONDS,
        offset: float = 0.0,
        threads: int | None = None,
    ) -> None:
        check_listening(offset, max_seconds)
        if pooling not in {"mean", "mean+sd"}:
            raise FeatureError(f"pooling is mean or mean+sd, not {pooling!r}")
        if top_scores < 0:
            raise FeatureError(f"top_scores is a number of classes, not {top_scores}")
        if threads is not None and threads < 1:
            raise FeatureError(f"threads is 1 or more, not {threads}")
        self.model, self.pooling, self.top_scores = model, pooling, top_scores
        self.max_seconds, self.offset, self.threads = max_seconds, offset, threads
        self._checksum: str | None = None
        self._yamnet: Yamnet | None = None
        self._at_once = _AT_ONCE

    def settings(self) -> dict[str, Any]:
        """The model, a folder by its name and checksum; what is heard; what is kept of it."""
        settings = {
            "model": self.model,
            "pooling": self.pooling,
            "top_scores": self.top_scores,
            "max_seconds": self.max_seconds,
            "offset": self.offset,
        }
        if is_folder(self.model):
            folder = checked_folder(self.model).resolve()
            files = (path for path in folder.rglob("*") if path.is_file())
            self._checksum = self._checksum or folder_checksum(folder, files)
            settings |= {"model": folder.name, "sha256": self._checksum}
        return settings

    def load(self, device: str = "auto") -> None:
        """Load the model. TensorFlow uses a GPU only if ``device`` names one."""
        folder = checked_folder(self.model) if is_folder(self.model) else None
        tensorflow = tensorflow_for(device, self.threads)
        self._yamnet = Yamnet(folder or resolved(self.model), tensorflow, self.model)
        if self.top_scores > self._yamnet.classes:
            raise FeatureError(
                f"top_scores is {self.top_scores}, and the model has {self._yamnet.classes} classes"
            )

    def class_names(self) -> list[str]:
        """What the scores are of; the model has to be loaded."""
        return self._loaded().class_names()

    def prepare(self, item: Path) -> Sound:
        """Decode a file, unless it is longer than ten minutes."""
        parts, length = [], 0
        for block in self._listen(item):
            length += len(block)
            if length > _AHEAD * SAMPLE_RATE:
                return Sound(item, None)
            parts.append(block)
        return Sound(item, np.concatenate(parts))

    def size(self, prepared: Sound) -> int:
        """Number of windows."""
        return prepared.windows

    def extract(self, batch: Sequence[Sound]) -> NDArray[np.floating[Any]]:
        """The vectors of decoded sounds."""
        return np.stack([self._vector(sound) for sound in batch])

    def _vector(self, sound: Sound) -> NDArray[np.float64]:
        yamnet = self._loaded()
        embeddings, scores = Moments(EMBEDDING), Moments(yamnet.classes)
        blocks = self._listen(sound.path) if sound.samples is None else iter([sound.samples])
        for waveform in whole_windows(blocks, self._at_once):
            for part in self._computed(yamnet, waveform):
                scores.add(part[0])
                embeddings.add(part[1])
        kept = [embeddings.mean]
        if self.pooling == "mean+sd":
            kept.append(embeddings.sd)
        if self.top_scores:
            kept.append(highest(scores.mean, self.top_scores))
        return np.concatenate(kept)

    def _computed(self, yamnet: Yamnet, waveform: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """The model's scores and embeddings, of fewer windows at a time where memory ends."""
        try:
            yield yamnet(waveform)
            return
        except Exception as error:
            windows = windows_of(len(waveform))
            if not is_out_of_memory(error) or windows == 1:
                raise
            if windows <= self._at_once:  # and not cut before memory ended
                self._at_once = windows // 2
                _log.warning(
                    "out of memory: the model is given %d windows at a time from now on", self._at_once
                )
        for part in whole_windows(iter([waveform]), self._at_once):
            yield from self._computed(yamnet, part)

    def _listen(self, path: Path) -> Iterator[FloatArray]:
        return sound_blocks(path, offset=self.offset, max_seconds=self.max_seconds)

    def _loaded(self) -> Yamnet:
        if self._yamnet is None:
            raise FeatureError("yamnet: load has to come before extract")
        return self._yamnet


def whole_windows(blocks: Iterator[FloatArray], at_once: int) -> Iterator[FloatArray]:
    """Waveforms of so many whole windows each, the last one's being filled up by the model, as it would those of the sound.

    Two waveforms share the samples that windows of both hear, so that the windows are those of the whole sound.
    """
    framing, first = Framing(WINDOW, HOP), True
    for block in _gathered(blocks, at_once * HOP):
        sound = framing.push(block)
        for start in range(0, len(sound) - WINDOW + 1, at_once * HOP):
            first = False
            yield sound[start : start + (at_once - 1) * HOP + WINDOW]
    rest = framing.rest()
    # of a window that begins before the sound's end, the samples that the one before it has not heard
    if first or len(rest) > WINDOW - HOP:
        yield rest


def _gathered(blocks: Iterator[FloatArray], samples: int) -> Iterator[FloatArray]:
    """Blocks of at least so many samples, but for the last."""
    parts, length = [], 0
    for block in blocks:
        parts.append(block)
        length += len(block)
        if length >= samples:
            yield np.concatenate(parts)
            parts, length = [], 0
    if parts:
        yield np.concatenate(parts)


def highest(values: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """The so many highest values where they stand, and 0 for the others; of equal ones the first are kept."""
    kept = np.zeros_like(values)
    best = np.argsort(-values, kind="stable")[:number]
    kept[best] = values[best]
    return kept
