"""Finding a YAMNet, loading it, and making sure that it is one."""

from __future__ import annotations

import csv
import os
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.model_source import network_patience, one_line
from hetmusic.features.yamnet.runtime import tensorflow_hub

#: samples of a window (0.96 s, and what its last spectrum reaches beyond) and of the hop to the next (0.48 s)
WINDOW, HOP = 15_600, 7_680
#: values of an embedding
EMBEDDING = 1_024

_SAVED_MODEL = "saved_model.pb"
#: seconds without an answer after which a download is given up
_PATIENCE = 30.0


def windows_of(samples: int) -> int:
    """How many windows a waveform has, the last of which need not be whole."""
    return 1 + max(0, -(-(samples - WINDOW) // HOP))


def is_folder(model: str) -> bool:
    """Whether a model is named by a folder and not by a handle of tensorflow-hub."""
    return "://" not in model


def checked_folder(model: str) -> Path:
    """The folder of a SavedModel.

    :raises FeatureError: if it is none.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise FeatureError(
            f"model folder {model} does not exist (a handle of tensorflow-hub begins with https://)"
        )
    if not (folder / _SAVED_MODEL).is_file():
        raise FeatureError(f"model folder {model} is no SavedModel: it has no {_SAVED_MODEL}")
    return folder


def resolved(handle: str) -> Path:
    """The folder to which tensorflow-hub has downloaded or now downloads a model.

    :raises FeatureError: if it is not there and cannot be downloaded.
    """
    hub = tensorflow_hub()
    try:
        with network_patience(_PATIENCE):
            return checked_folder(hub.resolve(handle))
    except FeatureError:
        raise
    except Exception as error:  # of the network, of the archive, of the file system
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        cache = os.environ.get("TFHUB_CACHE_DIR") or "a temporary folder; set TFHUB_CACHE_DIR"
        raise FeatureError(
            f"model {handle} is not in the cache of tensorflow-hub ({cache}) and cannot be downloaded: "
            f"{one_line(error)}; a local SavedModel folder will do as well"
        ) from error


class Yamnet:
    """A loaded model."""

    def __init__(self, folder: Path, tensorflow: Any, shown: str) -> None:
        """Load it.

        :param shown: what the user calls it.
        :raises FeatureError: if it cannot be loaded, or takes or gives something else than YAMNet.
        """
        self._tensorflow, hub = tensorflow, tensorflow_hub()
        try:
            self._model = hub.load(str(folder))
        except Exception as error:  # of many kinds, depending on what is missing
            raise FeatureError(f"model {shown} cannot be loaded: {one_line(error)}") from error
        #: number of classes
        self.classes = self._try(shown)

    def __call__(self, waveform: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The scores and embeddings of each window, shapes ``(windows, classes)`` and ``(windows, EMBEDDING)``.

        :param waveform: mono at 16 kHz in [-1, 1], shape ``(samples,)``. A last window that is not whole is filled up
            with silence by the model.
        """
        scores, embeddings, _ = self._model(self._tensorflow.constant(waveform, dtype="float32"))
        return scores.numpy(), embeddings.numpy()

    def class_names(self) -> list[str]:
        """What the scores are of, by the table that comes with the model."""
        path = self._model.class_map_path().numpy().decode()
        with open(path, encoding="utf-8", newline="") as stream:
            return [row["display_name"] for row in csv.DictReader(stream)]

    def _try(self, shown: str) -> int:
        """Compute two windows, and count the classes."""
        expected = f"scores (2, classes), embeddings (2, {EMBEDDING:,}) and a log-mel spectrogram"
        try:
            scores, embeddings = self(np.zeros(WINDOW + HOP, dtype=np.float32))
        except self._tensorflow.errors.ResourceExhaustedError:
            raise
        except Exception as error:
            raise FeatureError(
                f"model {shown} has another signature than YAMNet, which takes a 1-D float32 waveform and gives {expected}: "
                f"{one_line(error)}"
            ) from error
        if scores.ndim != 2 or len(scores) != 2 or embeddings.shape != (2, EMBEDDING):
            raise FeatureError(
                f"model {shown} has another signature than YAMNet: of a waveform of two windows it makes {scores.shape} and "
                f"{embeddings.shape}, not {expected}"
            )
        return int(scores.shape[1])
